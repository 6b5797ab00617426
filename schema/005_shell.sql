-- More that the sqlite3 shell is told it cannot do: counts and results changed by hand, trials moved past
-- the daemon, rows replaced (REPLACE deletes without asking the triggers for DELETE) or taken away.
-- The daemon's own connection works without triggers: none of this costs it anything.

-- ---- trials: past the daemon nothing moves ----

CREATE TRIGGER trials_once BEFORE INSERT ON trials
WHEN EXISTS (SELECT 1 FROM trials WHERE id = NEW.id)
    OR (NEW.state = 'cancelled'
        AND NOT EXISTS (SELECT 1 FROM sweeps WHERE id = NEW.sweep AND state = 'cancelled'))
BEGIN SELECT RAISE(ABORT, 'a trial is never replaced'); END;

CREATE TRIGGER trials_claim BEFORE UPDATE OF state ON trials
WHEN NEW.state = 'running' AND OLD.state = 'queued' AND (NEW.attempt <> OLD.attempt + 1
    OR NOT EXISTS (SELECT 1 FROM sweeps WHERE id = OLD.sweep AND state = 'active'))
BEGIN SELECT RAISE(ABORT, 'trials are claimed by workers, of active sweeps'); END;

CREATE TRIGGER trials_leave BEFORE UPDATE OF state ON trials -- its attempt has ended just before, and so
WHEN OLD.state = 'running' AND NEW.state <> 'running' AND NOT EXISTS (SELECT 1 FROM attempts
    WHERE trial = OLD.id AND attempt = OLD.attempt AND state <> 'running'
        AND (state = 'succeeded') = (NEW.state = 'succeeded')
        AND (state <> 'succeeded' OR NEW.reached = (steps_to_target IS NOT NULL)))
BEGIN SELECT RAISE(ABORT, 'a running trial ends with its attempt; to stop it: ninety cancel SWEEP'); END;

CREATE TRIGGER trials_cancel BEFORE UPDATE OF state ON trials
WHEN NEW.state = 'cancelled' AND OLD.state <> 'cancelled'
    AND NOT EXISTS (SELECT 1 FROM sweeps WHERE id = OLD.sweep AND state = 'cancelled')
BEGIN SELECT RAISE(ABORT, 'trials are cancelled with their sweep: ninety cancel SWEEP'); END;

CREATE TRIGGER trials_retry BEFORE UPDATE OF state ON trials
WHEN NEW.state = 'queued' AND OLD.state IN ('failed', 'cancelled')
    AND NOT EXISTS (SELECT 1 FROM sweeps WHERE id = OLD.sweep AND moving = 'queued')
BEGIN SELECT RAISE(ABORT, 'trials are tried again with their sweep: ninety retry SWEEP'); END;

CREATE TRIGGER trials_outcome BEFORE UPDATE OF spent, reached, finished_at ON trials
WHEN (NEW.state = OLD.state AND (NEW.spent, NEW.reached, NEW.finished_at)
        IS NOT (OLD.spent, OLD.reached, OLD.finished_at))
    OR (NEW.spent <> OLD.spent AND NEW.spent <> OLD.spent + (OLD.state = 'running')
        AND (NEW.spent <> 0 OR NEW.state <> 'queued'))
BEGIN SELECT RAISE(ABORT, 'what became of a trial is written once, as it moves'); END;

-- ---- sweeps: their counts are those of their trials ----

CREATE TRIGGER sweeps_begin BEFORE INSERT ON sweeps
WHEN NEW.trials <> NEW.cells * NEW.replicates OR NEW.queued <> NEW.trials OR NEW.state <> 'active'
    OR NEW.expanded <> 0 OR EXISTS (SELECT 1 FROM sweeps WHERE id = NEW.id
        OR first_trial = NEW.first_trial OR idempotency_key = NEW.idempotency_key)
    OR NEW.first_trial + NEW.trials > (SELECT value FROM numbers WHERE name = 'next_trial')
    OR NEW.first_trial < ifnull((SELECT max(first_trial + trials) FROM sweeps), 1)
BEGIN SELECT RAISE(ABORT, 'a sweep is submitted: ninety submit'); END;

CREATE TRIGGER sweeps_terms BEFORE UPDATE OF search, max_attempts, body_sha256, created_at ON sweeps
BEGIN SELECT RAISE(ABORT, 'a sweep keeps the terms it was submitted with'); END;

CREATE TRIGGER sweeps_state BEFORE UPDATE ON sweeps
WHEN (NEW.state = 'finished' AND NEW.queued + NEW.running > 0)
    OR (NEW.state IN ('active', 'paused') AND NEW.queued + NEW.running = 0)
    OR (NEW.state = 'cancelled' AND NEW.queued > 0)
    OR (NEW.moving = 'deleted' AND NEW.queued + NEW.running > 0)
    OR (OLD.moving = 'deleted' AND NEW.moving IS NOT 'deleted')
    OR (NEW.moving IS NOT 'deleted' AND (NEW.finished_at IS NOT NULL)
        <> (NEW.queued + NEW.running = 0 AND NEW.moving IS NULL AND NEW.expanded = NEW.trials))
BEGIN SELECT RAISE(ABORT, 'the state of a sweep follows from its trials: ninety cancel, pause, resume or retry SWEEP'); END;

CREATE TRIGGER sweeps_counts BEFORE UPDATE OF queued, running, succeeded, failed, cancelled, reached,
    state, expanded, moving, moved ON sweeps
WHEN NEW.moving IS NOT 'deleted'
    AND (NEW.expanded, NEW.queued, NEW.running, NEW.succeeded, NEW.failed, NEW.cancelled, NEW.reached)
    IS NOT (SELECT count(*),
        count(*) FILTER (WHERE s = 'queued') + iif(NEW.state = 'cancelled', 0, NEW.trials - NEW.expanded),
        count(*) FILTER (WHERE s = 'running'), count(*) FILTER (WHERE s = 'succeeded'),
        count(*) FILTER (WHERE s = 'failed'),
        count(*) FILTER (WHERE s = 'cancelled')
            + iif(NEW.state = 'cancelled', NEW.trials - NEW.expanded, 0),
        count(*) FILTER (WHERE reached = 1)
        FROM (SELECT reached, CASE -- the state it counts in: a move under way counts as done
                WHEN NEW.moving = 'cancelled' AND id - NEW.first_trial >= NEW.moved
                    AND state = 'queued' THEN 'cancelled'
                WHEN NEW.moving = 'queued' AND id - NEW.first_trial >= NEW.moved
                    AND state IN ('failed', 'cancelled') THEN 'queued'
                ELSE state END AS s
            FROM trials WHERE id >= NEW.first_trial AND id < NEW.first_trial + NEW.trials))
BEGIN SELECT RAISE(ABORT, 'the counts of a sweep are those of its trials'); END;

CREATE TRIGGER specs_once BEFORE INSERT ON sweep_specs
WHEN EXISTS (SELECT 1 FROM sweep_specs WHERE sweep = NEW.sweep)
    OR NOT EXISTS (SELECT 1 FROM sweeps WHERE id = NEW.sweep)
BEGIN SELECT RAISE(ABORT, 'a sweep keeps the terms it was submitted with'); END;

CREATE TRIGGER specs_fixed BEFORE UPDATE ON sweep_specs
BEGIN SELECT RAISE(ABORT, 'a sweep keeps the terms it was submitted with'); END;

CREATE TRIGGER specs_kept BEFORE DELETE ON sweep_specs
WHEN EXISTS (SELECT 1 FROM sweeps WHERE id = OLD.sweep AND moving IS NOT 'deleted')
BEGIN SELECT RAISE(ABORT, 'what was submitted goes with its sweep: ninety delete SWEEP'); END;

CREATE TRIGGER cells_begin BEFORE INSERT ON cells
WHEN EXISTS (SELECT 1 FROM cells WHERE id = NEW.id) OR NOT EXISTS (SELECT 1 FROM sweeps s
    WHERE s.id = NEW.sweep AND NEW.cell BETWEEN 0 AND s.cells - 1
        AND NEW.id = s.first_trial + NEW.cell * s.replicates)
BEGIN SELECT RAISE(ABORT, 'a configuration comes with its sweep, and is never replaced'); END;

CREATE TRIGGER cells_kept BEFORE DELETE ON cells
WHEN EXISTS (SELECT 1 FROM sweeps WHERE id = OLD.sweep AND moving IS NOT 'deleted')
BEGIN SELECT RAISE(ABORT, 'configurations go with their sweep: ninety delete SWEEP'); END;

-- ---- attempts and what was measured ----

CREATE TRIGGER attempts_once BEFORE INSERT ON attempts
WHEN EXISTS (SELECT 1 FROM attempts WHERE trial = NEW.trial AND attempt = NEW.attempt)
BEGIN SELECT RAISE(ABORT, 'an attempt is never replaced'); END;

CREATE TRIGGER attempts_late BEFORE UPDATE OF late ON attempts
WHEN OLD.late IS NOT NULL OR OLD.state = 'running'
BEGIN SELECT RAISE(ABORT, 'what came too late is kept as it came'); END;

CREATE TRIGGER measurements_once BEFORE INSERT ON measurements -- a report said twice changes nothing
WHEN EXISTS (SELECT 1 FROM measurements
    WHERE trial = NEW.trial AND attempt = NEW.attempt AND step = NEW.step)
BEGIN SELECT RAISE(IGNORE); END;

CREATE TRIGGER measurements_kept BEFORE DELETE ON measurements
WHEN EXISTS (SELECT 1 FROM trials t JOIN sweeps s ON s.id = t.sweep
    WHERE t.id = OLD.trial AND s.moving IS NOT 'deleted')
BEGIN SELECT RAISE(ABORT, 'measurements go with their sweep: ninety delete SWEEP'); END;

CREATE TRIGGER layer_stats_once BEFORE INSERT ON layer_stats
WHEN EXISTS (SELECT 1 FROM layer_stats WHERE trial = NEW.trial AND attempt = NEW.attempt
    AND step = NEW.step AND layer = NEW.layer)
BEGIN SELECT RAISE(IGNORE); END;

CREATE TRIGGER layer_stats_kept BEFORE DELETE ON layer_stats
WHEN EXISTS (SELECT 1 FROM trials t JOIN sweeps s ON s.id = t.sweep
    WHERE t.id = OLD.trial AND s.moving IS NOT 'deleted')
BEGIN SELECT RAISE(ABORT, 'measurements go with their sweep: ninety delete SWEEP'); END;

-- ---- the rest ----

CREATE TRIGGER numbers_grow BEFORE UPDATE ON numbers
WHEN NEW.name <> OLD.name OR NEW.value < OLD.value
BEGIN SELECT RAISE(ABORT, 'numbers are given out once'); END;

CREATE TRIGGER numbers_once BEFORE INSERT ON numbers
WHEN EXISTS (SELECT 1 FROM numbers WHERE name = NEW.name)
BEGIN SELECT RAISE(ABORT, 'numbers are given out once'); END;

CREATE TRIGGER numbers_kept BEFORE DELETE ON numbers
BEGIN SELECT RAISE(ABORT, 'numbers are given out once'); END;

CREATE TRIGGER workers_once BEFORE INSERT ON workers
WHEN EXISTS (SELECT 1 FROM workers WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'a worker keeps its number'); END;

CREATE TRIGGER workers_place BEFORE UPDATE OF id ON workers
BEGIN SELECT RAISE(ABORT, 'a worker keeps its number'); END;

CREATE TRIGGER workers_kept BEFORE DELETE ON workers
WHEN EXISTS (SELECT 1 FROM attempts WHERE worker = OLD.id)
BEGIN SELECT RAISE(ABORT, 'a worker is kept while an attempt names it'); END;
