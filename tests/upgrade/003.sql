-- What a database of schema 3 may hold beyond that: a sweep with measurements at chosen steps.

INSERT INTO sweeps (id, name, state, search, priority, max_running, max_attempts, replicates, seed,
    cells, trials, first_trial, expanded, queued, body_sha256, created_at) VALUES
(3, 'every fifth step', 'active', 'grid', 0, 0, 3, 1, 0, 1, 1, 9, 1, 1, 'cc',
    '2026-01-03T00:00:00.000Z');
INSERT INTO sweep_specs VALUES (3, '{"base":{"depth":1,"measure_every":5}}');
UPDATE numbers SET value = 10 WHERE name = 'next_trial';
INSERT INTO cells (id, sweep, cell, dataset, hidden_units, activation, batch_norm, batch_norm_output,
    bn_momentum, bn_epsilon, initializer, optimizer, learning_rate, beta1, beta2, epsilon, momentum,
    batch_size, train_size, target_accuracy, max_steps, stop_at_target, measure_every) VALUES
(9, 3, 0, 'mnist', '500', 'relu', 'none', 0, 0.9, 0.001, 'he_normal', 'adam', 0.01, 0.9, 0.999, 1e-8,
    0.9, 550, 55000, 0.9, 2000, 1, 5);
INSERT INTO trials (id, sweep, cell, replicate, state) VALUES (9, 3, 0, 0, 'queued');
