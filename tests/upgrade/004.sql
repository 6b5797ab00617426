-- What a database of schema 4 may hold beyond that: a sweep that looks for earlier results, and one that
-- has taken one over.

INSERT INTO sweeps (id, name, state, search, priority, max_running, max_attempts, replicates, seed,
    cells, trials, first_trial, expanded, queued, body_sha256, created_at, reuse, unmatched) VALUES
(4, 'once more', 'active', 'grid', 0, 0, 3, 2, 0, 1, 2, 10, 2, 2, 'dd', '2026-01-04T00:00:00.000Z', 1, 10);
INSERT INTO sweeps (id, name, state, search, priority, max_running, max_attempts, replicates, seed,
    cells, trials, first_trial, expanded, queued, succeeded, reached, body_sha256, created_at, ended_at,
    finished_at, reuse, reused) SELECT
5, 'the first again', 'finished', 'grid', 0, 0, 3, 1, seed, 1, 1, 12, 1, 0, 1, 1, 'ee', created_at,
    ended_at, ended_at, 1, 1 FROM sweeps WHERE id = 1;
INSERT INTO sweep_specs VALUES
(4, '{"base":{"depth":1},"replicates":2,"reuse":true}'),
(5, '{"base":{"depth":1},"reuse":true}');
UPDATE numbers SET value = 13 WHERE name = 'next_trial';
INSERT INTO cells (id, sweep, cell, dataset, hidden_units, activation, batch_norm, batch_norm_output,
    bn_momentum, bn_epsilon, initializer, optimizer, learning_rate, beta1, beta2, epsilon, momentum,
    batch_size, train_size, target_accuracy, max_steps, stop_at_target) SELECT
iif(id = 1, 12, 10), iif(id = 1, 5, 4), cell, dataset, hidden_units, activation, batch_norm,
    batch_norm_output, bn_momentum, bn_epsilon, initializer, optimizer, learning_rate, beta1, beta2,
    epsilon, momentum, batch_size, train_size, target_accuracy, max_steps, stop_at_target
FROM cells WHERE id IN (1, 9);
INSERT INTO cell_twins VALUES (12, 1);
INSERT INTO trials (id, sweep, cell, replicate, state) VALUES
(10, 4, 0, 0, 'queued'), (11, 4, 0, 1, 'queued');
INSERT INTO trials (id, sweep, cell, replicate, state, attempt, reached, finished_at)
SELECT 12, 5, 0, 0, state, attempt, reached, finished_at FROM trials WHERE id = 1;
INSERT INTO attempts (trial, attempt, worker, state, started_at, ended_at, steps, steps_to_target,
    seconds_to_target, final_accuracy, final_loss, ms_per_step, weights_sha256, data_sha256, kernel,
    trainer, reused_from) SELECT
12, attempt, worker, state, started_at, ended_at, steps, steps_to_target, seconds_to_target,
    final_accuracy, final_loss, ms_per_step, weights_sha256, data_sha256, kernel, trainer, 1
FROM attempts WHERE trial = 1;
