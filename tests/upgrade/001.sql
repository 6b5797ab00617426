-- What a database of schema 1 may hold: a finished sweep, and one in the middle of its work, with a
-- trial in every state, an attempt in every state, and something in every table.

INSERT INTO sweeps (id, name, state, search, priority, max_running, max_attempts, replicates, seed,
    cells, trials, first_trial, expanded, queued, running, succeeded, failed, cancelled, reached,
    trials_per_minute, idempotency_key, body_sha256, created_at, ended_at, finished_at) VALUES
(1, 'finished', 'finished', 'grid', 0, 0, 1, 4, 100, 1, 4, 1, 4, 0, 0, 2, 1, 1, 1, 12.5, 'once', 'aa',
    '2026-01-01T00:00:00.000Z', '2026-01-01T00:01:00.000Z', '2026-01-01T00:01:00.000Z'),
(2, 'half done', 'active', 'grid', 5, 3, 3, 2, 0, 2, 4, 5, 4, 2, 1, 1, 0, 0, 1, NULL, NULL, 'bb',
    '2026-01-02T00:00:00.000Z', '2026-01-02T00:00:30.000Z', NULL);
INSERT INTO sweep_specs VALUES
(1, '{"base":{"depth":2},"replicates":4,"seed":100,"max_attempts":1}'),
(2, '{"parameters":{"hidden_units":[[],[16,16]]},"replicates":2,"priority":5,"max_running":3}');
UPDATE numbers SET value = 9 WHERE name = 'next_trial';

INSERT INTO cells (id, sweep, cell, dataset, hidden_units, activation, batch_norm, batch_norm_output,
    bn_momentum, bn_epsilon, initializer, optimizer, learning_rate, beta1, beta2, epsilon, momentum,
    batch_size, train_size, target_accuracy, max_steps, stop_at_target) VALUES
(1, 1, 0, 'mnist', '500,400', 'relu', 'before', 1, 0.9, 0.001, 'he_normal', 'adam', 0.01, 0.9, 0.999,
    1e-8, 0.9, 550, 55000, 0.9, 2000, 1),
(5, 2, 0, 'tiny', '', 'tanh', 'none', 0, 0.9, 0.001, 'lecun_normal', 'sgd', 0.5, 0.9, 0.999,
    1e-8, 0.9, 10, 20, 0.8, 20, 0),
(7, 2, 1, 'tiny', '16,16', 'tanh', 'none', 0, 0.9, 0.001, 'lecun_normal', 'sgd', 0.5, 0.9,
    0.999, 1e-8, 0.9, 10, 20, 0.8, 20, 0);

INSERT INTO workers (id, host, pid, slots, cpu, kernel, version, state, registered_at, seen_at) VALUES
(1, 'gone.example', 11, 2, 'a CPU', 'Haswell', '0.1.0', 'gone', '2026-01-01T00:00:00.000Z',
    '2026-01-01T00:01:00.000Z'),
(2, 'here.example', 12, 4, 'a CPU', 'SkylakeX', '0.1.0', 'alive', '2026-01-02T00:00:00.000Z',
    '2026-01-02T00:01:00.000Z');

INSERT INTO trials (id, sweep, cell, replicate, state, attempt, spent, reached, finished_at) VALUES
(1, 1, 0, 0, 'succeeded', 1, 0, 1, '2026-01-01T00:00:10.000Z'),
(2, 1, 0, 1, 'succeeded', 1, 0, 0, '2026-01-01T00:00:40.000Z'),
(3, 1, 0, 2, 'failed', 1, 1, NULL, '2026-01-01T00:00:50.000Z'),
(4, 1, 0, 3, 'cancelled', 1, 0, NULL, '2026-01-01T00:01:00.000Z'),
(5, 2, 0, 0, 'succeeded', 3, 1, 1, '2026-01-02T00:00:30.000Z'),
(6, 2, 0, 1, 'running', 1, 0, NULL, NULL),
(7, 2, 1, 0, 'queued', 1, 1, NULL, NULL),
(8, 2, 1, 1, 'queued', 0, 0, NULL, NULL);

INSERT INTO attempts (trial, attempt, worker, state, started_at, ended_at, error, steps,
    steps_to_target, seconds_to_target, final_accuracy, final_loss, ms_per_step, weights_sha256,
    data_sha256, kernel, trainer, late) VALUES
(1, 1, 1, 'succeeded', '2026-01-01T00:00:01.000Z', '2026-01-01T00:00:10.000Z', NULL, 13, 13, 0.125,
    0.9063, 0.25, 9.5, '1111111111111111111111111111111111111111111111111111111111111111',
    'dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd', 'Haswell', 'ninety-trainer 0.1.0', NULL),
(2, 1, 1, 'succeeded', '2026-01-01T00:00:10.000Z', '2026-01-01T00:00:40.000Z', NULL, 2000, NULL, NULL,
    0.5, 2.0, 9.75, '2222222222222222222222222222222222222222222222222222222222222222',
    'dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd', 'Haswell', 'ninety-trainer 0.1.0', NULL),
(3, 1, 1, 'failed', '2026-01-01T00:00:40.000Z', '2026-01-01T00:00:50.000Z', 'diverged at step 3', NULL,
    NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
(4, 1, 1, 'cancelled', '2026-01-01T00:00:50.000Z', '2026-01-01T00:01:00.000Z', NULL, NULL, NULL, NULL,
    NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
(5, 1, 2, 'expired', '2026-01-02T00:00:00.000Z', '2026-01-02T00:00:10.000Z', 'the lease expired', NULL,
    NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '{"steps": 4}'),
(5, 2, 2, 'released', '2026-01-02T00:00:10.000Z', '2026-01-02T00:00:20.000Z', NULL, NULL, NULL, NULL,
    NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
(5, 3, 2, 'succeeded', '2026-01-02T00:00:20.000Z', '2026-01-02T00:00:30.000Z', NULL, 20, 3, 0.5, 0.875,
    0.5, 1.5, '5555555555555555555555555555555555555555555555555555555555555555',
    'dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd', 'SkylakeX', 'ninety-trainer 0.1.0', NULL),
(6, 1, 2, 'running', '2026-01-02T00:00:20.000Z', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
    NULL, NULL, NULL, NULL),
(7, 1, 2, 'failed', '2026-01-02T00:00:20.000Z', '2026-01-02T00:00:25.000Z', 'killed by signal 9', NULL,
    NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);

INSERT INTO measurements (trial, attempt, step, test_accuracy, train_loss, cpu_ms, wall_ms) VALUES
(1, 1, 1, 0.25, 2.5, 9.5, 10), (1, 1, 2, 0.375, 2.0, 19, 20), (1, 1, 4, 0.5, 1.5, 38, 40),
(1, 1, 8, 0.75, 0.75, 76, 80), (1, 1, 13, 0.9063, 0.25, 125, 130),
(5, 1, 1, 0.125, NULL, NULL, NULL), (5, 3, 1, 0.25, 2.25, 1.5, 1.5), (5, 3, 3, 0.8125, 0.5, 4.5, 5),
(5, 3, 20, 0.875, 0.5, 30, 31), (6, 1, 1, 0.1875, 2.5, 1.5, 2);
INSERT INTO layer_stats (trial, attempt, step, layer, gradient_rms, preactivation_gradient_rms,
    weight_rms, update_ratio, saturated, dead, preactivation_mean, preactivation_std) VALUES
(1, 1, 1, 0, 0.001, 0.002, 0.05, 0.01, NULL, 0.125, 0.0, 1.0),
(1, 1, 1, 1, 0.002, 0.003, 0.06, 0.02, NULL, 0.25, 0.5, 1.5),
(5, 3, 1, 0, 0.25, 0.5, 0.75, 0.125, 0.0625, NULL, -0.5, 2.0);
INSERT INTO events (at, kind, sweep, trial, attempt, worker, message) VALUES
('2026-01-01T00:00:00.000Z', 'sweep_submitted', 1, NULL, NULL, NULL, NULL),
('2026-01-01T00:00:50.000Z', 'trial_failed', 1, 3, 1, 1, 'diverged at step 3');
