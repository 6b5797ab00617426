-- Triggers that refuse what cannot be, whoever tries: the daemon by mistake, or a person in the sqlite3
-- shell. (The daemon's own connection works without them: its updates say which state they leave.)

CREATE TRIGGER trials_begin BEFORE INSERT ON trials -- queued, or cancelled with its sweep, at its place
WHEN NEW.attempt <> 0 OR NEW.spent <> 0 OR NEW.state NOT IN ('queued', 'cancelled')
    OR NOT EXISTS (SELECT 1 FROM sweeps s WHERE s.id = NEW.sweep
        AND NEW.id = s.first_trial + NEW.cell * s.replicates + NEW.replicate
        AND NEW.replicate BETWEEN 0 AND s.replicates - 1 AND NEW.cell BETWEEN 0 AND s.cells - 1)
BEGIN SELECT RAISE(ABORT, 'a trial begins queued, at the place in its sweep that its id says'); END;

CREATE TRIGGER trials_move BEFORE UPDATE OF state ON trials -- the picture in daemon/queue.h
WHEN NEW.state <> OLD.state AND OLD.state || ' ' || NEW.state NOT IN ('queued running',
    'queued cancelled', 'running succeeded', 'running failed', 'running cancelled', 'running queued',
    'failed queued', 'cancelled queued')
BEGIN SELECT RAISE(ABORT, 'a trial cannot go from that state to this one'); END;

CREATE TRIGGER trials_attempt BEFORE UPDATE OF attempt ON trials
WHEN NEW.attempt <> OLD.attempt
    AND (NEW.attempt <> OLD.attempt + 1 OR OLD.state <> 'queued' OR NEW.state <> 'running')
BEGIN SELECT RAISE(ABORT, 'attempts are numbered one by one, as a queued trial is claimed'); END;

CREATE TRIGGER trials_place BEFORE UPDATE OF id, sweep, cell, replicate ON trials
BEGIN SELECT RAISE(ABORT, 'a trial keeps its place'); END;

CREATE TRIGGER trials_end BEFORE DELETE ON trials
WHEN EXISTS (SELECT 1 FROM sweeps WHERE id = OLD.sweep AND moving IS NOT 'deleted')
BEGIN SELECT RAISE(ABORT, 'trials go with their sweep: ninety delete SWEEP'); END;

CREATE TRIGGER cells_fixed BEFORE UPDATE ON cells
BEGIN SELECT RAISE(ABORT, 'a configuration never changes'); END;

CREATE TRIGGER attempts_begin BEFORE INSERT ON attempts
WHEN NEW.state <> 'running' OR NOT EXISTS (SELECT 1 FROM trials
    WHERE id = NEW.trial AND state = 'running' AND attempt = NEW.attempt)
BEGIN SELECT RAISE(ABORT, 'an attempt begins as the latest of a running trial'); END;

CREATE TRIGGER attempts_end BEFORE UPDATE OF state, started_at, ended_at, error, steps,
    steps_to_target, seconds_to_target, final_accuracy, final_loss, ms_per_step, weights_sha256,
    data_sha256, kernel, trainer ON attempts
WHEN OLD.state <> 'running'
BEGIN SELECT RAISE(ABORT, 'an attempt ends once, and its result is never overwritten'); END;

CREATE TRIGGER attempts_place BEFORE UPDATE OF trial, attempt, worker ON attempts
BEGIN SELECT RAISE(ABORT, 'an attempt keeps its trial, number and worker'); END;

CREATE TRIGGER attempts_kept BEFORE DELETE ON attempts
WHEN EXISTS (SELECT 1 FROM trials t JOIN sweeps s ON s.id = t.sweep
    WHERE t.id = OLD.trial AND s.moving IS NOT 'deleted')
BEGIN SELECT RAISE(ABORT, 'attempts go with their sweep: ninety delete SWEEP'); END;

CREATE TRIGGER measurements_begin BEFORE INSERT ON measurements
WHEN NOT EXISTS (SELECT 1 FROM attempts
    WHERE trial = NEW.trial AND attempt = NEW.attempt AND state = 'running')
BEGIN SELECT RAISE(ABORT, 'only an attempt that runs is measured'); END;

CREATE TRIGGER measurements_fixed BEFORE UPDATE ON measurements
BEGIN SELECT RAISE(ABORT, 'a measurement never changes'); END;

CREATE TRIGGER layer_stats_begin BEFORE INSERT ON layer_stats
WHEN NOT EXISTS (SELECT 1 FROM attempts
    WHERE trial = NEW.trial AND attempt = NEW.attempt AND state = 'running')
BEGIN SELECT RAISE(ABORT, 'only an attempt that runs is measured'); END;

CREATE TRIGGER layer_stats_fixed BEFORE UPDATE ON layer_stats
BEGIN SELECT RAISE(ABORT, 'a measurement never changes'); END;

CREATE TRIGGER sweeps_fixed BEFORE UPDATE OF id, replicates, seed, cells, trials, first_trial ON sweeps
BEGIN SELECT RAISE(ABORT, 'a sweep keeps its size, its seeds and the ids of its trials'); END;

CREATE TRIGGER sweeps_end BEFORE DELETE ON sweeps
WHEN OLD.moving IS NOT 'deleted' OR OLD.expanded > 0
BEGIN SELECT RAISE(ABORT, 'a sweep is deleted after its trials: ninety delete SWEEP'); END;
