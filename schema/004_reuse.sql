-- A trial whose result is there already may take it over instead of being trained. Nothing here is
-- written for sweeps that do not ask for it. (Comments of the kind that end by themselves: see 003.)

ALTER TABLE sweeps ADD COLUMN reuse INTEGER NOT NULL DEFAULT 0 CHECK (reuse IN (0, 1))
    /* 1 = its trials may take over earlier results */;
ALTER TABLE sweeps ADD COLUMN unmatched INTEGER NOT NULL DEFAULT 0 CHECK (unmatched >= 0)
    /* earlier cells with ids below this have still to be compared with its own; it waits for that */;
ALTER TABLE sweeps ADD COLUMN reused INTEGER NOT NULL DEFAULT 0 CHECK (reused >= 0)
    /* of the succeeded ones, how many took over a result */;
ALTER TABLE attempts ADD COLUMN reused_from INTEGER
    CHECK (reused_from IS NULL OR (reused_from < trial AND state = 'succeeded'))
    /* the trial that was trained for this result, and may have been deleted since; NULL = this one */;

CREATE TABLE cell_twins ( -- Which earlier cells are the same configuration as one of a sweep with reuse.
    cell INTEGER NOT NULL,
    twin INTEGER NOT NULL, -- may have been deleted since; ids are never used again
    PRIMARY KEY (cell, twin),
    CHECK (twin < cell)
) STRICT, WITHOUT ROWID;

DROP TRIGGER attempts_end;
CREATE TRIGGER attempts_end BEFORE UPDATE OF state, started_at, ended_at, error, steps,
    steps_to_target, seconds_to_target, final_accuracy, final_loss, ms_per_step, weights_sha256,
    data_sha256, kernel, trainer, reused_from ON attempts
WHEN OLD.state <> 'running'
BEGIN SELECT RAISE(ABORT, 'an attempt ends once, and its result is never overwritten'); END;

DROP TRIGGER sweeps_fixed;
CREATE TRIGGER sweeps_fixed BEFORE UPDATE OF id, replicates, seed, cells, trials, first_trial, reuse
ON sweeps
BEGIN SELECT RAISE(ABORT, 'a sweep keeps its size, its seeds and the ids of its trials'); END;
