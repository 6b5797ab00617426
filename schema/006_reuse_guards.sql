-- The shell's guards, for sweeps that take over earlier results.

DROP TRIGGER sweeps_state;
CREATE TRIGGER sweeps_state BEFORE UPDATE ON sweeps
WHEN (NEW.state = 'finished' AND NEW.queued + NEW.running > 0)
    OR (NEW.state IN ('active', 'paused') AND NEW.queued + NEW.running = 0)
    OR (NEW.state = 'cancelled' AND NEW.queued > 0)
    OR (NEW.moving = 'deleted' AND NEW.queued + NEW.running > 0)
    OR (OLD.moving = 'deleted' AND NEW.moving IS NOT 'deleted')
    OR (NEW.moving IS NOT 'deleted' AND (NEW.finished_at IS NOT NULL)
        <> (NEW.queued + NEW.running = 0 AND NEW.moving IS NULL AND NEW.expanded = NEW.trials
            AND NEW.unmatched = 0))
BEGIN SELECT RAISE(ABORT, 'the state of a sweep follows from its trials: ninety cancel, pause, resume or retry SWEEP'); END;

CREATE TRIGGER sweeps_reuse BEFORE UPDATE OF unmatched, reused ON sweeps
WHEN NEW.unmatched > OLD.unmatched OR (NEW.moving IS NOT 'deleted' AND NEW.reused <> OLD.reused
    AND NEW.reused <> (SELECT count(reused_from) FROM attempts
        WHERE trial >= NEW.first_trial AND trial < NEW.first_trial + NEW.trials))
BEGIN SELECT RAISE(ABORT, 'the counts of a sweep are those of its trials'); END;

CREATE TRIGGER attempts_reuse BEFORE UPDATE OF reused_from ON attempts
WHEN NEW.reused_from IS NOT NULL AND NOT EXISTS (SELECT 1 FROM trials t JOIN sweeps s ON s.id = t.sweep
    WHERE t.id = NEW.trial AND s.reuse = 1)
BEGIN SELECT RAISE(ABORT, 'results are taken over by sweeps that ask for it: ninety submit --reuse'); END;

CREATE TRIGGER twins_begin BEFORE INSERT ON cell_twins
WHEN EXISTS (SELECT 1 FROM cell_twins WHERE cell = NEW.cell AND twin = NEW.twin)
    OR NOT EXISTS (SELECT 1 FROM cells WHERE id = NEW.twin)
    OR NOT EXISTS (SELECT 1 FROM cells c JOIN sweeps s ON s.id = c.sweep
        WHERE c.id = NEW.cell AND s.reuse = 1 AND s.unmatched > 0)
BEGIN SELECT RAISE(ABORT, 'which cells are the same is found once, by the daemon'); END;

CREATE TRIGGER twins_fixed BEFORE UPDATE ON cell_twins
BEGIN SELECT RAISE(ABORT, 'which cells are the same is found once, by the daemon'); END;

CREATE TRIGGER twins_kept BEFORE DELETE ON cell_twins
WHEN EXISTS (SELECT 1 FROM cells c JOIN sweeps s ON s.id = c.sweep
    WHERE c.id = OLD.cell AND s.moving IS NOT 'deleted')
BEGIN SELECT RAISE(ABORT, 'which cells are the same goes with the sweep: ninety delete SWEEP'); END;
