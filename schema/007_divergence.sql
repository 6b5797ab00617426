-- A network that diverges will never reach its target, unless it had before: that is a result, not a
-- failure of the machine. Trials that failed so in the past are told apart here, by their reason, and
-- the step at which one had crossed the target before is its first measurement there.
-- (Comments of the kind that end by themselves: see 003.)

ALTER TABLE trials ADD COLUMN crossed INTEGER
    CHECK (crossed IS NULL OR ((crossed = 0 OR crossed = 1) AND state = 'failed'))
    /* of one whose network diverged: had it reached the target before? (Then its attempt has steps_to_target and seconds_to_target.) NULL = it did not diverge */;
ALTER TABLE sweeps ADD COLUMN diverged INTEGER NOT NULL DEFAULT 0
    /* of the failed ones, how many diverged and had not reached the target */;
ALTER TABLE sweeps ADD COLUMN crossed INTEGER NOT NULL DEFAULT 0
    /* of the failed ones, how many diverged after they had reached it */;

UPDATE trials SET crossed = 0 WHERE state = 'failed' AND EXISTS (SELECT 1 FROM attempts a
    WHERE a.trial = trials.id AND a.attempt = trials.attempt AND a.state = 'failed'
        AND substr(a.error, 1, 17) = 'diverged at step ' AND substr(a.error, 18, 1) BETWEEN '0' AND '9');
UPDATE trials SET crossed = 1 WHERE crossed = 0 AND EXISTS (SELECT 1 FROM measurements m
    JOIN cells c ON c.id = trials.id - trials.replicate
    WHERE m.trial = trials.id AND m.attempt = trials.attempt AND m.test_accuracy >= c.target_accuracy);
UPDATE attempts SET (steps_to_target, seconds_to_target) = (SELECT m.step, m.cpu_ms / 1000
        FROM trials t JOIN cells c ON c.id = t.id - t.replicate
        JOIN measurements m ON m.trial = t.id AND m.attempt = t.attempt
        WHERE t.id = attempts.trial AND m.test_accuracy >= c.target_accuracy ORDER BY m.step LIMIT 1)
    WHERE (trial, attempt) IN (SELECT id, attempt FROM trials WHERE crossed = 1);
UPDATE sweeps SET (diverged, crossed) = (SELECT count(*) FILTER (WHERE t.crossed = 0),
        count(*) FILTER (WHERE t.crossed = 1) FROM trials t
        WHERE t.id >= first_trial AND t.id < first_trial + trials
            AND (moving IS NOT 'queued' OR t.id - first_trial < moved))
    WHERE failed > 0;

CREATE TRIGGER trials_crossed BEFORE UPDATE OF crossed ON trials
WHEN NEW.crossed IS NOT OLD.crossed AND NEW.state = OLD.state
BEGIN SELECT RAISE(ABORT, 'what became of a trial is written once, as it moves'); END;

CREATE TRIGGER sweeps_diverged BEFORE UPDATE OF diverged, crossed ON sweeps
WHEN NEW.moving IS NOT 'deleted' AND (NEW.diverged, NEW.crossed) IS NOT (SELECT
        count(*) FILTER (WHERE t.crossed = 0), count(*) FILTER (WHERE t.crossed = 1) FROM trials t
        WHERE t.id >= NEW.first_trial AND t.id < NEW.first_trial + NEW.trials
            AND (NEW.moving IS NOT 'queued' OR t.id - NEW.first_trial < NEW.moved))
BEGIN SELECT RAISE(ABORT, 'the counts of a sweep are those of its trials'); END;
