-- The first schema. The contract for people are the views: results, summary, curves, layers.
-- Comments stand inside the statements so that `.schema` in the sqlite3 shell shows them.
-- The checks of states are written out: IN with a list of three or more builds it anew at each write.
-- Times are UTC, ISO 8601 with milliseconds; durations carry their unit in the name.

CREATE TABLE sweeps ( -- What a user submits: a base configuration, what varies, limits.
    id INTEGER PRIMARY KEY AUTOINCREMENT, -- never used again, even after deletion
    name TEXT NOT NULL,
    state TEXT NOT NULL,           -- active; paused: queued trials are not handed out; finished: every
                                   -- trial is final; cancelled
    search TEXT NOT NULL,          -- how cells are chosen: grid
    priority INTEGER NOT NULL,     -- higher is served first; equal ones take turns
    max_running INTEGER NOT NULL,  -- most trials running at once; 0 = no limit
    max_attempts INTEGER NOT NULL, -- attempts that may fail or expire before a trial is failed
    replicates INTEGER NOT NULL,   -- trials per cell; replicate r has the seed seed + r
    seed INTEGER NOT NULL,         -- of replicate 0
    cells INTEGER NOT NULL,        -- number of configurations, seeds apart
    trials INTEGER NOT NULL,       -- cells * replicates
    first_trial INTEGER NOT NULL UNIQUE, -- its trials have the ids from here to first_trial + trials - 1
    expanded INTEGER NOT NULL DEFAULT 0, -- rows of trials written so far; a big sweep is written in slices
    moving TEXT,                   -- all its trials are on the way to being: cancelled, queued (a
                                   -- retry), deleted; it happens in slices
    moved INTEGER NOT NULL DEFAULT 0, -- how many trials that one has passed
    -- How many trials are in each state; what is not yet expanded or moved is counted as if it were.
    queued INTEGER NOT NULL CHECK (queued >= 0),
    running INTEGER NOT NULL DEFAULT 0 CHECK (running >= 0),
    succeeded INTEGER NOT NULL DEFAULT 0 CHECK (succeeded >= 0),
    failed INTEGER NOT NULL DEFAULT 0 CHECK (failed >= 0),
    cancelled INTEGER NOT NULL DEFAULT 0 CHECK (cancelled >= 0),
    reached INTEGER NOT NULL DEFAULT 0, -- of the succeeded ones, how many reached the target
    trials_per_minute REAL,        -- lately; NULL = not known yet
    idempotency_key TEXT UNIQUE,   -- as given with the submission; NULL = none
    body_sha256 TEXT NOT NULL,     -- of the submission
    created_at TEXT NOT NULL,
    ended_at TEXT,                 -- when a trial of it last ended
    finished_at TEXT,              -- when the last of its trials became final; NULL = not yet
    CHECK (moving = 'cancelled' OR moving = 'queued' OR moving = 'deleted'),
    CHECK (state = 'active' OR state = 'paused' OR state = 'finished' OR state = 'cancelled'),
    CHECK (queued + running + succeeded + failed + cancelled = trials),
    CHECK (expanded BETWEEN 0 AND trials)
) STRICT;
CREATE INDEX sweeps_live ON sweeps (id) WHERE finished_at IS NULL;

CREATE TABLE sweep_specs ( -- Sweeps as submitted; apart, because they may be long.
    sweep INTEGER PRIMARY KEY REFERENCES sweeps (id),
    spec TEXT NOT NULL -- JSON
) STRICT;

CREATE TABLE numbers ( -- Numbers that outlive the rows they were given to.
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO numbers VALUES ('next_trial', 1); -- ids of trials are never used again

CREATE TABLE cells ( -- One configuration of a sweep, all but the seed; docs/configuration.md explains the fields.
    id INTEGER PRIMARY KEY, -- the id of its first trial, the one of replicate 0
    sweep INTEGER NOT NULL, -- no foreign key, as for trials: ids say where they belong, see there
    cell INTEGER NOT NULL, -- 0..
    dataset TEXT NOT NULL,
    hidden_units TEXT NOT NULL, -- '500,400,300'; '' = no hidden layer
    depth INTEGER GENERATED ALWAYS AS -- number of hidden layers
        (length(hidden_units) - length(replace(hidden_units, ',', '')) + (hidden_units <> '')) VIRTUAL,
    width INTEGER GENERATED ALWAYS AS -- units of each layer; NULL when they differ or there is none
        (iif(hidden_units <> '' AND replace(hidden_units || ',',
                substr(hidden_units, 1, instr(hidden_units || ',', ',') - 1) || ',', '') = '',
             CAST(hidden_units AS INTEGER), NULL)) VIRTUAL,
    activation TEXT NOT NULL,
    batch_norm TEXT NOT NULL, -- none, before or after the activation
    batch_norm_output INTEGER NOT NULL, -- 1 = the logits are normalized too
    bn_momentum REAL NOT NULL,
    bn_epsilon REAL NOT NULL,
    initializer TEXT NOT NULL,
    optimizer TEXT NOT NULL,
    learning_rate REAL NOT NULL,
    beta1 REAL NOT NULL,
    beta2 REAL NOT NULL,
    epsilon REAL NOT NULL,
    momentum REAL NOT NULL,
    batch_size INTEGER NOT NULL,
    train_size INTEGER NOT NULL,
    target_accuracy REAL NOT NULL,
    max_steps INTEGER NOT NULL,
    stop_at_target INTEGER NOT NULL -- 1 = training ends when the target is reached
) STRICT;

CREATE TABLE trials ( -- One configuration with one seed; ends in exactly one final state.
    id INTEGER PRIMARY KEY, -- its sweep's first_trial + cell * replicates + replicate: no two are the same
    sweep INTEGER NOT NULL, -- the one whose range of ids it is in; a foreign key would need an index
    cell INTEGER NOT NULL,
    replicate INTEGER NOT NULL, -- 0..; its seed is the sweep's + replicate
    state TEXT NOT NULL,    -- queued, running; final: succeeded, failed, cancelled
    attempt INTEGER NOT NULL DEFAULT 0, -- number of the latest attempt; 0 = none yet
    spent INTEGER NOT NULL DEFAULT 0,   -- attempts failed or expired since submission or retry
    reached INTEGER CHECK (reached IN (0, 1)), -- did it reach the target; NULL = has not succeeded
    finished_at TEXT,                   -- when it became final
    CHECK (state = 'queued' OR state = 'running' OR state = 'succeeded' OR state = 'failed'
        OR state = 'cancelled'),
    CHECK ((state = 'queued' OR state = 'running') = (finished_at IS NULL)),
    CHECK ((state = 'succeeded') = (reached IS NOT NULL))
) STRICT;

CREATE TABLE workers ( -- Processes that train; one row per start of one.
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    host TEXT NOT NULL,
    pid INTEGER NOT NULL,
    slots INTEGER NOT NULL,  -- trials it runs at once
    cpu TEXT NOT NULL,
    kernel TEXT NOT NULL,    -- OpenBLAS kernel family it has chosen
    version TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('alive', 'gone')), -- gone: not heard of for long
    -- The figures are for people: they may lag by a second.
    running INTEGER NOT NULL DEFAULT 0,
    succeeded INTEGER NOT NULL DEFAULT 0,
    failed INTEGER NOT NULL DEFAULT 0,
    trials_per_minute REAL,
    registered_at TEXT NOT NULL,
    seen_at TEXT NOT NULL
) STRICT;
CREATE INDEX workers_alive ON workers (id) WHERE state = 'alive';

CREATE TABLE attempts ( -- One lease of a trial to one worker. A newer attempt fences off the older one.
    trial INTEGER NOT NULL REFERENCES trials (id),
    attempt INTEGER NOT NULL, -- 1..
    worker INTEGER NOT NULL REFERENCES workers (id),
    state TEXT NOT NULL, -- running, succeeded, failed, expired, released, cancelled
    started_at TEXT NOT NULL,
    ended_at TEXT,
    error TEXT, -- why it failed or expired
    -- The result, of a succeeded attempt only.
    steps INTEGER,           -- optimizer steps taken in all
    steps_to_target INTEGER, -- first step after which test accuracy >= target; NULL = never (censored)
    seconds_to_target REAL,  -- CPU seconds of training up to there, evaluation left out
    final_accuracy REAL,
    final_loss REAL,
    ms_per_step REAL,        -- CPU milliseconds
    weights_sha256 TEXT,     -- of the final weights: same trial, same kernel, same hash
    data_sha256 TEXT,        -- of the data trained on
    kernel TEXT,             -- OpenBLAS kernel family it ran on
    trainer TEXT,            -- program and version
    late TEXT, -- JSON: what was reported after the lease was lost; evidence, never the result
    PRIMARY KEY (trial, attempt),
    CHECK (state = 'running' OR state = 'succeeded' OR state = 'failed' OR state = 'expired'
        OR state = 'released' OR state = 'cancelled'),
    CHECK ((state = 'running') = (ended_at IS NULL)),
    CHECK ((state = 'succeeded') = (steps IS NOT NULL))
) STRICT, WITHOUT ROWID;

CREATE TABLE measurements ( -- The learning curve of an attempt.
    trial INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    step INTEGER NOT NULL,       -- after so many optimizer steps
    test_accuracy REAL NOT NULL, -- 0..1
    train_loss REAL,             -- of that step's batch; NULL before the first step
    cpu_ms REAL,                 -- CPU milliseconds of training so far, evaluation left out
    wall_ms REAL,                -- the same by the wall clock
    PRIMARY KEY (trial, attempt, step),
    FOREIGN KEY (trial, attempt) REFERENCES attempts (trial, attempt)
) STRICT, WITHOUT ROWID;

CREATE TABLE layer_stats ( -- What a layer looked like at a step of an attempt.
    trial INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    step INTEGER NOT NULL,
    layer INTEGER NOT NULL, -- 0 = first hidden layer .. depth = the logits
    gradient_rms REAL,      -- RMS of d loss / d weights
    preactivation_gradient_rms REAL, -- RMS of d loss / d pre-activation
    weight_rms REAL,
    update_ratio REAL,      -- RMS of the update / RMS of the weights
    saturated REAL,         -- share of units beyond 0.98 of the activation's range; NULL = unbounded
    dead REAL,              -- share of units never active in the batch; NULL = cannot die
    preactivation_mean REAL,
    preactivation_std REAL,
    PRIMARY KEY (trial, attempt, step, layer),
    FOREIGN KEY (trial, attempt) REFERENCES attempts (trial, attempt)
) STRICT, WITHOUT ROWID;

CREATE TABLE events ( -- What happened when; the latest 10,000.
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at TEXT NOT NULL,
    kind TEXT NOT NULL, -- sweep_submitted, sweep_paused, trial_failed, lease_expired, worker_gone, ...
    sweep INTEGER,
    trial INTEGER,
    attempt INTEGER,
    worker INTEGER,
    message TEXT
) STRICT;

CREATE VIEW trial_configs AS -- Every trial with its configuration; the other views build on it.
SELECT t.id AS trial, t.sweep, s.name AS sweep_name, t.cell, t.replicate,
    c.dataset, c.depth, c.width, c.hidden_units, c.activation, c.batch_norm, c.batch_norm_output,
    c.bn_momentum, c.bn_epsilon, c.initializer, c.optimizer, c.learning_rate, c.beta1, c.beta2,
    c.epsilon, c.momentum, c.batch_size, c.train_size, c.target_accuracy, c.max_steps,
    c.stop_at_target, s.seed + t.replicate AS seed,
    t.state, t.attempt, t.reached, s.created_at, t.finished_at
FROM sweeps s
JOIN trials t ON t.sweep = s.id AND t.id >= s.first_trial AND t.id < s.first_trial + s.trials
JOIN cells c ON c.id = t.id - t.replicate;

CREATE VIEW results AS -- One row per trial: its configuration, its state and what came out.
SELECT t.trial, t.sweep, t.sweep_name, t.cell, t.replicate,
    t.dataset, t.depth, t.width, t.hidden_units, t.activation, t.batch_norm, t.batch_norm_output,
    t.bn_momentum, t.bn_epsilon, t.initializer, t.optimizer, t.learning_rate, t.beta1, t.beta2,
    t.epsilon, t.momentum, t.batch_size, t.train_size, t.target_accuracy, t.max_steps,
    t.stop_at_target, t.seed,
    t.state,
    a.steps,
    a.steps_to_target,   -- exact to the step; NULL with reached = 0: not within max_steps
    a.seconds_to_target, -- training time only
    t.reached,
    a.final_accuracy, a.final_loss, a.ms_per_step,
    a.worker,
    t.attempt AS attempts,
    a.kernel, a.trainer, a.weights_sha256, a.data_sha256,
    a.error,             -- of the latest attempt
    t.created_at, a.started_at, t.finished_at
FROM trial_configs t
LEFT JOIN attempts a ON a.trial = t.trial AND a.attempt = t.attempt;

CREATE VIEW summary AS -- One row per cell: its trials over all seeds.
-- Quartiles are over the n trials that succeeded; one that never reached the target counts as larger
-- than every number, and a quartile that falls on such a trial is NULL. Between two trials the
-- quartile is interpolated: the q-quantile of v[0] <= ... <= v[n-1] stands at position q * (n - 1).
-- Windows over (sweep, cell) throughout, no GROUP BY: SQLite pushes "WHERE sweep = 7" through them, and
-- the summary of one sweep costs nothing for the others.
WITH outcomes AS (
    SELECT t.sweep, t.cell, t.state, t.reached,
        a.steps_to_target, a.seconds_to_target, a.ms_per_step, a.final_accuracy,
        row_number() OVER (PARTITION BY t.sweep, t.cell
            ORDER BY t.state <> 'succeeded', a.steps_to_target NULLS LAST) - 1 AS steps_rank,
        row_number() OVER (PARTITION BY t.sweep, t.cell
            ORDER BY t.state <> 'succeeded', a.seconds_to_target NULLS LAST) - 1 AS seconds_rank,
        sum(t.state = 'succeeded') OVER (PARTITION BY t.sweep, t.cell) - 1 AS last
    FROM sweeps s
    JOIN trials t ON t.sweep = s.id AND t.id >= s.first_trial AND t.id < s.first_trial + s.trials
    LEFT JOIN attempts a ON a.trial = t.id AND a.attempt = t.attempt AND t.state = 'succeeded'
), quantiles AS (
    SELECT DISTINCT sweep, cell,
        count(*) FILTER (WHERE state = 'succeeded') OVER one AS n,
        count(*) FILTER (WHERE reached = 1) OVER one AS reached,
        count(*) FILTER (WHERE reached = 0) OVER one AS censored,
        count(*) FILTER (WHERE state = 'failed') OVER one AS failed,
        count(*) FILTER (WHERE state = 'cancelled') OVER one AS cancelled,
        count(*) FILTER (WHERE state IN ('queued', 'running')) OVER one AS pending,
        avg(ms_per_step) OVER one AS mean_ms_per_step,
        avg(final_accuracy) OVER one AS mean_final_accuracy,
        max(last) OVER one AS last,
        max(steps_to_target) FILTER (WHERE steps_rank = last / 4) OVER one AS q1_low,
        max(steps_to_target) FILTER (WHERE steps_rank = (last + 3) / 4) OVER one AS q1_high,
        max(steps_to_target) FILTER (WHERE steps_rank = last / 2) OVER one AS median_low,
        max(steps_to_target) FILTER (WHERE steps_rank = (last + 1) / 2) OVER one AS median_high,
        max(steps_to_target) FILTER (WHERE steps_rank = last * 3 / 4) OVER one AS q3_low,
        max(steps_to_target) FILTER (WHERE steps_rank = (last * 3 + 3) / 4) OVER one AS q3_high,
        max(seconds_to_target) FILTER (WHERE seconds_rank = last / 2) OVER one AS seconds_low,
        max(seconds_to_target) FILTER (WHERE seconds_rank = (last + 1) / 2) OVER one AS seconds_high
    FROM outcomes WINDOW one AS (PARTITION BY sweep, cell)
)
SELECT q.sweep, s.name AS sweep_name, q.cell,
    c.dataset, c.depth, c.width, c.hidden_units, c.activation, c.batch_norm, c.batch_norm_output,
    c.bn_momentum, c.bn_epsilon, c.initializer, c.optimizer, c.learning_rate, c.beta1, c.beta2,
    c.epsilon, c.momentum, c.batch_size, c.train_size, c.target_accuracy, c.max_steps,
    c.stop_at_target,
    q.n,         -- trials that succeeded = reached + censored
    q.reached,   -- reached the target
    q.censored,  -- did not within max_steps
    q.failed, q.cancelled,
    q.pending,   -- queued or running
    q.median_low + (q.median_high - q.median_low) * (q.last % 2) / 2.0 AS median_steps,
    q.q1_low + (q.q1_high - q.q1_low) * (q.last % 4) / 4.0 AS q1_steps,
    q.q3_low + (q.q3_high - q.q3_low) * (q.last * 3 % 4) / 4.0 AS q3_steps,
    q.seconds_low + (q.seconds_high - q.seconds_low) * (q.last % 2) / 2.0 AS median_seconds,
    q.mean_ms_per_step,
    q.mean_final_accuracy
FROM quantiles q
JOIN sweeps s ON s.id = q.sweep
JOIN cells c ON c.id = s.first_trial + q.cell * s.replicates;

CREATE VIEW curves AS -- The learning curve of every trial's latest attempt.
SELECT t.trial, t.sweep, t.sweep_name, t.cell, t.replicate,
    t.dataset, t.depth, t.width, t.hidden_units, t.activation, t.batch_norm, t.batch_norm_output,
    t.bn_momentum, t.bn_epsilon, t.initializer, t.optimizer, t.learning_rate, t.beta1, t.beta2,
    t.epsilon, t.momentum, t.batch_size, t.train_size, t.target_accuracy, t.max_steps,
    t.stop_at_target, t.seed, t.state,
    m.step, m.test_accuracy, m.train_loss, m.cpu_ms, m.wall_ms
FROM trial_configs t
JOIN measurements m ON m.trial = t.trial AND m.attempt = t.attempt;

CREATE VIEW layers AS -- The layer statistics of every trial's latest attempt.
SELECT t.trial, t.sweep, t.sweep_name, t.cell, t.replicate,
    t.dataset, t.depth, t.width, t.hidden_units, t.activation, t.batch_norm, t.batch_norm_output,
    t.bn_momentum, t.bn_epsilon, t.initializer, t.optimizer, t.learning_rate, t.beta1, t.beta2,
    t.epsilon, t.momentum, t.batch_size, t.train_size, t.target_accuracy, t.max_steps,
    t.stop_at_target, t.seed, t.state,
    l.step, l.layer, l.gradient_rms, l.preactivation_gradient_rms, l.weight_rms, l.update_ratio,
    l.saturated, l.dead, l.preactivation_mean, l.preactivation_std
FROM trial_configs t
JOIN layer_stats l ON l.trial = t.trial AND l.attempt = t.attempt;
