-- The views, the contract for people: made anew from here whenever the schema's version rises, so that
-- they stand in one place, whole, whatever migrations came before.
--
-- Other engines read them too (docs/read-with.md): DuckDB runs their SQL itself on the tables. So they
-- keep to what means the same there: no generated columns, which it does not see; a type for every
-- computed column, which is also what makes WHERE seed = '3' find rows in SQLite; no `/` of integers
-- that leaves a rest, since there it is a fraction; BIGINT and DOUBLE, since its INTEGER has 32 bits and
-- its REAL too; CASE, not iif.

DROP VIEW IF EXISTS layers;
DROP VIEW IF EXISTS curves;
DROP VIEW IF EXISTS summary;
DROP VIEW IF EXISTS results;
DROP VIEW IF EXISTS trial_configs;
DROP VIEW IF EXISTS cell_configs;

CREATE VIEW cell_configs AS -- Every configuration, with what its layers have in common.
SELECT c.id, c.sweep, c.cell, c.dataset,
    CAST(length(c.hidden_units) - length(replace(c.hidden_units, ',', ''))
        + CASE WHEN c.hidden_units = '' THEN 0 ELSE 1 END AS BIGINT) AS depth,
    CAST(CASE WHEN c.hidden_units <> '' AND replace(c.hidden_units || ',',
            substr(c.hidden_units, 1, instr(c.hidden_units || ',', ',') - 1) || ',', '') = ''
        THEN substr(c.hidden_units, 1, instr(c.hidden_units || ',', ',') - 1) END AS BIGINT) AS width,
    c.hidden_units, c.activation, c.batch_norm, c.batch_norm_output, c.bn_momentum, c.bn_epsilon,
    c.initializer, c.optimizer, c.learning_rate, c.beta1, c.beta2, c.epsilon, c.momentum,
    c.batch_size, c.train_size, c.target_accuracy, c.max_steps, c.stop_at_target, c.measure_every
FROM cells c;

CREATE VIEW trial_configs AS -- Every trial with its configuration and outcome; the other views build on it.
SELECT t.id AS trial, t.sweep, s.name AS sweep_name, t.cell, t.replicate,
    c.dataset, c.depth, c.width, c.hidden_units, c.activation, c.batch_norm, c.batch_norm_output,
    c.bn_momentum, c.bn_epsilon, c.initializer, c.optimizer, c.learning_rate, c.beta1, c.beta2,
    c.epsilon, c.momentum, c.batch_size, c.train_size, c.target_accuracy, c.max_steps,
    c.stop_at_target, c.measure_every, CAST(s.seed + t.replicate AS BIGINT) AS seed,
    t.state,
    CAST(CASE
        WHEN coalesce(t.reached, t.crossed) = 1 THEN 'reached' -- the target, within max_steps
        WHEN t.reached = 0 THEN 'censored'   -- ran to max_steps and did not reach it
        WHEN t.crossed = 0 THEN 'diverged'   -- ended before: will never reach it
        WHEN t.state = 'failed' THEN 'failed' -- says nothing about the network
        WHEN t.state = 'cancelled' THEN 'cancelled'
        ELSE 'pending' END AS TEXT) AS outcome, -- queued or running
    CAST(coalesce(t.reached, t.crossed) AS BIGINT) AS reached, -- not NULL: it counts in summary's n
    t.attempt, s.created_at, t.finished_at
FROM sweeps s
JOIN trials t ON t.sweep = s.id AND t.id >= s.first_trial AND t.id < s.first_trial + s.trials
JOIN cell_configs c ON c.id = t.id - t.replicate;

CREATE VIEW results AS -- One row per trial: its configuration, its state and what came out.
SELECT t.trial, t.sweep, t.sweep_name, t.cell, t.replicate,
    t.dataset, t.depth, t.width, t.hidden_units, t.activation, t.batch_norm, t.batch_norm_output,
    t.bn_momentum, t.bn_epsilon, t.initializer, t.optimizer, t.learning_rate, t.beta1, t.beta2,
    t.epsilon, t.momentum, t.batch_size, t.train_size, t.target_accuracy, t.max_steps,
    t.stop_at_target, t.measure_every, t.seed,
    t.state,
    t.outcome,           -- pending, reached, censored, diverged, failed, cancelled
    a.steps,
    CAST(CASE WHEN t.reached = 1 THEN a.steps_to_target END AS BIGINT)
        AS steps_to_target,   -- exact to the step; NULL with reached = 0: never, within max_steps
    CAST(CASE WHEN t.reached = 1 THEN a.seconds_to_target END AS DOUBLE)
        AS seconds_to_target, -- training time only
    t.reached,
    a.final_accuracy, a.final_loss, a.ms_per_step,
    a.worker,
    t.attempt AS attempts,
    a.kernel, a.trainer,
    w.cpu,               -- where it was trained; NULL of a taken-over one whose trial is deleted
    a.weights_sha256, a.data_sha256,
    a.reused_from,       -- the trial that was trained for this result; NULL = this one
    a.error,             -- of the latest attempt
    t.created_at, a.started_at, t.finished_at
FROM trial_configs t
LEFT JOIN attempts a ON a.trial = t.trial AND a.attempt = t.attempt
LEFT JOIN trials f ON f.id = a.reused_from
LEFT JOIN attempts b ON b.trial = f.id AND b.attempt = f.attempt
LEFT JOIN workers w ON w.id = CASE WHEN a.reused_from IS NULL THEN a.worker ELSE b.worker END;

CREATE VIEW summary AS -- One row per cell: its trials over all seeds.
-- Quartiles are over the n trials that say something about the network: reached, censored, diverged. One
-- that never reached the target counts as larger than every number, and a quartile that falls on such a
-- trial is NULL. Between two trials the quartile is interpolated: the q-quantile of
-- v[0] <= ... <= v[n-1] stands at position q * (n - 1).
-- Windows over (sweep, cell) throughout, no GROUP BY: SQLite pushes "WHERE sweep = 7" through them, and
-- the summary of one sweep costs nothing for the others.
WITH outcomes AS (
    SELECT t.sweep, t.cell, t.id AS trial, t.attempt, t.crossed,
        coalesce(t.reached, t.crossed) AS reached,
        CASE WHEN coalesce(t.reached, t.crossed) IS NULL THEN t.state END AS lost,
        a.steps_to_target AS steps, a.seconds_to_target AS seconds,
        row_number() OVER (PARTITION BY t.sweep, t.cell
            ORDER BY coalesce(t.reached, t.crossed) IS NULL, a.steps_to_target NULLS LAST) - 1
            AS steps_rank,
        row_number() OVER (PARTITION BY t.sweep, t.cell
            ORDER BY coalesce(t.reached, t.crossed) IS NULL, a.seconds_to_target NULLS LAST) - 1
            AS seconds_rank,
        count(coalesce(t.reached, t.crossed)) OVER (PARTITION BY t.sweep, t.cell) - 1 AS last
    FROM sweeps s
    JOIN trials t ON t.sweep = s.id AND t.id >= s.first_trial AND t.id < s.first_trial + s.trials
    LEFT JOIN attempts a ON a.trial = t.id AND a.attempt = t.attempt
        AND coalesce(t.reached, t.crossed) IS NOT NULL
), quantiles AS ( -- what the ranks do not need is joined here: each window sorts its rows
    SELECT o.sweep, o.cell, o.steps_rank, o.last,
        count(*) OVER one AS trials,
        count(o.reached) OVER one AS n,
        count(*) FILTER (WHERE o.reached = 1) OVER one AS reached,
        count(*) FILTER (WHERE o.crossed = 0) OVER one AS diverged,
        count(*) FILTER (WHERE o.lost = 'failed') OVER one AS failed,
        count(*) FILTER (WHERE o.lost = 'cancelled') OVER one AS cancelled,
        avg(a.ms_per_step) OVER one AS mean_ms_per_step,
        avg(a.final_accuracy) OVER one AS mean_final_accuracy,
        min(a.kernel) OVER one AS kernel, max(a.kernel) OVER one AS last_kernel,
        min(a.trainer) OVER one AS trainer, max(a.trainer) OVER one AS last_trainer,
        min(w.cpu) OVER one AS cpu, max(w.cpu) OVER one AS last_cpu,
        max(o.steps) FILTER (WHERE o.steps_rank = (o.last - o.last % 4) / 4) OVER one AS q1_low,
        max(o.steps) FILTER (WHERE o.steps_rank = (o.last + 3 - (o.last + 3) % 4) / 4) OVER one
            AS q1_high,
        max(o.steps) FILTER (WHERE o.steps_rank = (o.last - o.last % 2) / 2) OVER one
            AS median_low,
        max(o.steps) FILTER (WHERE o.steps_rank = (o.last + o.last % 2) / 2) OVER one
            AS median_high,
        max(o.steps) FILTER (WHERE o.steps_rank = (o.last * 3 - o.last * 3 % 4) / 4) OVER one
            AS q3_low,
        max(o.steps) FILTER (WHERE o.steps_rank = (o.last * 3 + 3 - (o.last * 3 + 3) % 4) / 4)
            OVER one AS q3_high,
        max(o.seconds) FILTER (WHERE o.seconds_rank = (o.last - o.last % 2) / 2) OVER one
            AS seconds_low,
        max(o.seconds) FILTER (WHERE o.seconds_rank = (o.last + o.last % 2) / 2) OVER one
            AS seconds_high
    FROM outcomes o
    LEFT JOIN attempts a ON a.trial = o.trial AND a.attempt = o.attempt AND o.reached IS NOT NULL
    LEFT JOIN trials f ON f.id = a.reused_from
    LEFT JOIN attempts b ON b.trial = f.id AND b.attempt = f.attempt
    LEFT JOIN workers w ON w.id = CASE WHEN a.reused_from IS NULL THEN a.worker ELSE b.worker END
    WINDOW one AS (PARTITION BY o.sweep, o.cell)
)
SELECT q.sweep, s.name AS sweep_name, q.cell,
    c.dataset, c.depth, c.width, c.hidden_units, c.activation, c.batch_norm, c.batch_norm_output,
    c.bn_momentum, c.bn_epsilon, c.initializer, c.optimizer, c.learning_rate, c.beta1, c.beta2,
    c.epsilon, c.momentum, c.batch_size, c.train_size, c.target_accuracy, c.max_steps,
    c.stop_at_target, c.measure_every,
    CAST(q.n AS BIGINT) AS n,               -- reached + censored + diverged
    CAST(q.reached AS BIGINT) AS reached,   -- reached the target
    CAST(q.n - q.reached - q.diverged AS BIGINT) AS censored, -- did not within max_steps
    CAST(q.diverged AS BIGINT) AS diverged, -- ended at a loss that is no number, and had not before
    CAST(q.failed AS BIGINT) AS failed,     -- for another reason: in no figure of this row
    CAST(q.cancelled AS BIGINT) AS cancelled,
    CAST(q.trials - q.n - q.failed - q.cancelled AS BIGINT) AS pending, -- queued or running
    CAST(q.median_low + (q.median_high - q.median_low) * (q.last % 2) / 2.0 AS DOUBLE)
        AS median_steps,
    CAST(q.q1_low + (q.q1_high - q.q1_low) * (q.last % 4) / 4.0 AS DOUBLE) AS q1_steps,
    CAST(q.q3_low + (q.q3_high - q.q3_low) * (q.last * 3 % 4) / 4.0 AS DOUBLE) AS q3_steps,
    CAST(q.seconds_low + (q.seconds_high - q.seconds_low) * (q.last % 2) / 2.0 AS DOUBLE)
        AS median_seconds,
    CAST(q.mean_ms_per_step AS DOUBLE) AS mean_ms_per_step,
    CAST(q.mean_final_accuracy AS DOUBLE) AS mean_final_accuracy, -- of reached and censored ones
    -- Of the n trials: the value, or 'mixed'. Times of another CPU or kernel are not comparable.
    CAST(CASE WHEN q.kernel < q.last_kernel THEN 'mixed' ELSE q.kernel END AS TEXT) AS kernel,
    CAST(CASE
        WHEN q.trainer = q.last_trainer THEN q.trainer
        -- Versions of the built-in trainer compute the same, but for these (common/engine.h).
        WHEN q.trainer LIKE 'ninety-trainer %' AND q.last_trainer LIKE 'ninety-trainer %'
            AND (c.batch_norm <> 'after' OR (c.batch_norm_output = 0 AND c.activation <> 'linear'))
            AND (c.batch_norm <> 'before' OR c.activation <> 'linear') THEN q.last_trainer
        WHEN q.trainer < q.last_trainer THEN 'mixed'
    END AS TEXT) AS trainer,
    CAST(CASE WHEN q.cpu < q.last_cpu THEN 'mixed' ELSE q.cpu END AS TEXT) AS cpu
FROM quantiles q
JOIN sweeps s ON s.id = q.sweep
JOIN cell_configs c ON c.id = s.first_trial + q.cell * s.replicates
WHERE q.steps_rank = 0;

CREATE VIEW curves AS -- The learning curve of every trial's latest attempt.
SELECT t.trial, t.sweep, t.sweep_name, t.cell, t.replicate,
    t.dataset, t.depth, t.width, t.hidden_units, t.activation, t.batch_norm, t.batch_norm_output,
    t.bn_momentum, t.bn_epsilon, t.initializer, t.optimizer, t.learning_rate, t.beta1, t.beta2,
    t.epsilon, t.momentum, t.batch_size, t.train_size, t.target_accuracy, t.max_steps,
    t.stop_at_target, t.measure_every, t.seed, t.state, t.outcome,
    m.step, m.test_accuracy, m.train_loss, m.cpu_ms, m.wall_ms
FROM trial_configs t
JOIN measurements m ON m.trial = t.trial AND m.attempt = t.attempt;

CREATE VIEW layers AS -- The layer statistics of every trial's latest attempt.
SELECT t.trial, t.sweep, t.sweep_name, t.cell, t.replicate,
    t.dataset, t.depth, t.width, t.hidden_units, t.activation, t.batch_norm, t.batch_norm_output,
    t.bn_momentum, t.bn_epsilon, t.initializer, t.optimizer, t.learning_rate, t.beta1, t.beta2,
    t.epsilon, t.momentum, t.batch_size, t.train_size, t.target_accuracy, t.max_steps,
    t.stop_at_target, t.measure_every, t.seed, t.state, t.outcome,
    l.step, l.layer, l.gradient_rms, l.preactivation_gradient_rms, l.weight_rms, l.update_ratio,
    l.saturated, l.dead, l.preactivation_mean, l.preactivation_std
FROM trial_configs t
JOIN layer_stats l ON l.trial = t.trial AND l.attempt = t.attempt;
