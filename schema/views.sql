-- The views, the contract for people: made anew from here whenever the schema's version rises, so that
-- they stand in one place, whole, whatever migrations came before.

DROP VIEW IF EXISTS layers;
DROP VIEW IF EXISTS curves;
DROP VIEW IF EXISTS summary;
DROP VIEW IF EXISTS results;
DROP VIEW IF EXISTS trial_configs;

CREATE VIEW trial_configs AS -- Every trial with its configuration; the other views build on it.
SELECT t.id AS trial, t.sweep, s.name AS sweep_name, t.cell, t.replicate,
    c.dataset, c.depth, c.width, c.hidden_units, c.activation, c.batch_norm, c.batch_norm_output,
    c.bn_momentum, c.bn_epsilon, c.initializer, c.optimizer, c.learning_rate, c.beta1, c.beta2,
    c.epsilon, c.momentum, c.batch_size, c.train_size, c.target_accuracy, c.max_steps,
    c.stop_at_target, c.measure_every, s.seed + t.replicate AS seed,
    t.state, t.attempt, t.reached, s.created_at, t.finished_at
FROM sweeps s
JOIN trials t ON t.sweep = s.id AND t.id >= s.first_trial AND t.id < s.first_trial + s.trials
JOIN cells c ON c.id = t.id - t.replicate;

CREATE VIEW results AS -- One row per trial: its configuration, its state and what came out.
SELECT t.trial, t.sweep, t.sweep_name, t.cell, t.replicate,
    t.dataset, t.depth, t.width, t.hidden_units, t.activation, t.batch_norm, t.batch_norm_output,
    t.bn_momentum, t.bn_epsilon, t.initializer, t.optimizer, t.learning_rate, t.beta1, t.beta2,
    t.epsilon, t.momentum, t.batch_size, t.train_size, t.target_accuracy, t.max_steps,
    t.stop_at_target, t.measure_every, t.seed,
    t.state,
    a.steps,
    a.steps_to_target,   -- exact to the step; NULL with reached = 0: not within max_steps
    a.seconds_to_target, -- training time only
    t.reached,
    a.final_accuracy, a.final_loss, a.ms_per_step,
    a.worker,
    t.attempt AS attempts,
    a.kernel, a.trainer, a.weights_sha256, a.data_sha256,
    a.reused_from,       -- the trial that was trained for this result; NULL = this one
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
    c.stop_at_target, c.measure_every,
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
    t.stop_at_target, t.measure_every, t.seed, t.state,
    m.step, m.test_accuracy, m.train_loss, m.cpu_ms, m.wall_ms
FROM trial_configs t
JOIN measurements m ON m.trial = t.trial AND m.attempt = t.attempt;

CREATE VIEW layers AS -- The layer statistics of every trial's latest attempt.
SELECT t.trial, t.sweep, t.sweep_name, t.cell, t.replicate,
    t.dataset, t.depth, t.width, t.hidden_units, t.activation, t.batch_norm, t.batch_norm_output,
    t.bn_momentum, t.bn_epsilon, t.initializer, t.optimizer, t.learning_rate, t.beta1, t.beta2,
    t.epsilon, t.momentum, t.batch_size, t.train_size, t.target_accuracy, t.max_steps,
    t.stop_at_target, t.measure_every, t.seed, t.state,
    l.step, l.layer, l.gradient_rms, l.preactivation_gradient_rms, l.weight_rms, l.update_ratio,
    l.saturated, l.dead, l.preactivation_mean, l.preactivation_std
FROM trial_configs t
JOIN layer_stats l ON l.trial = t.trial AND l.attempt = t.attempt;
