-- A lease belongs to its worker, and may have a term. (Comments of the kind that end by themselves: see 003.)

ALTER TABLE workers ADD COLUMN secret_sha256 TEXT
    /* of the secret that the worker shows with all it says; NULL = it speaks the protocol's version 1 */;
ALTER TABLE sweeps ADD COLUMN max_seconds INTEGER NOT NULL DEFAULT 0 CHECK (max_seconds >= 0)
    /* an attempt that runs longer is ended as failed; 0 = no limit */;

CREATE TRIGGER workers_secret BEFORE UPDATE OF secret_sha256 ON workers
WHEN NEW.secret_sha256 IS NOT OLD.secret_sha256
BEGIN SELECT RAISE(ABORT, 'a worker keeps its secret'); END;

DROP TRIGGER sweeps_terms;
CREATE TRIGGER sweeps_terms BEFORE UPDATE OF search, max_attempts, max_seconds, body_sha256, created_at
ON sweeps
BEGIN SELECT RAISE(ABORT, 'a sweep keeps the terms it was submitted with'); END;
