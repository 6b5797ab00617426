-- Rules that hold in any database of ninety, at any moment: one row for each breach, none when all
-- is well. Run it with `ninety check`, or `sqlite3 -readonly ninety.db < check.sql`.

WITH counted AS ( -- trials in the state they count in: a bulk move under way counts as done
    SELECT t.sweep,
        CASE
            WHEN s.moving = 'cancelled' AND t.id - s.first_trial >= s.moved AND t.state = 'queued'
                THEN 'cancelled'
            WHEN s.moving = 'queued' AND t.id - s.first_trial >= s.moved
                AND t.state IN ('failed', 'cancelled') THEN 'queued'
            ELSE t.state
        END AS state, t.reached, t.crossed
    FROM trials t JOIN sweeps s ON s.id = t.sweep
), counts AS (
    SELECT s.id, s.expanded, count(c.sweep) AS trials,
        count(*) FILTER (WHERE c.state = 'queued')
            + iif(s.state = 'cancelled', 0, s.trials - s.expanded) AS queued,
        count(*) FILTER (WHERE c.state = 'running') AS running,
        count(*) FILTER (WHERE c.state = 'succeeded') AS succeeded,
        count(*) FILTER (WHERE c.state = 'failed') AS failed,
        count(*) FILTER (WHERE c.state = 'cancelled')
            + iif(s.state = 'cancelled', s.trials - s.expanded, 0) AS cancelled,
        count(*) FILTER (WHERE c.reached = 1) AS reached,
        count(*) FILTER (WHERE c.state = 'failed' AND c.crossed = 0) AS diverged,
        count(*) FILTER (WHERE c.state = 'failed' AND c.crossed = 1) AS crossed
    FROM sweeps s LEFT JOIN counted c ON c.sweep = s.id GROUP BY s.id
), history AS (
    SELECT t.id, t.sweep, t.state, t.attempt, t.spent, t.reached, count(a.attempt) AS attempts,
        max(a.attempt) AS latest,
        count(*) FILTER (WHERE a.state = 'running') AS running,
        count(*) FILTER (WHERE a.state = 'succeeded') AS succeeded,
        count(*) FILTER (WHERE a.state IN ('failed', 'expired')) AS lost,
        max(iif(a.attempt = t.attempt, a.state, NULL)) AS latest_state,
        max(iif(a.state = 'succeeded', a.steps_to_target IS NOT NULL, NULL)) AS reached_by_attempt
    FROM trials t LEFT JOIN attempts a ON a.trial = t.id GROUP BY t.id
)
SELECT 'sweep counts differ from its trials' AS rule, 'sweep ' || s.id AS what
FROM sweeps s JOIN counts c USING (id)
WHERE (s.queued, s.running, s.succeeded, s.failed, s.cancelled, s.reached,
        s.diverged, s.crossed)
    IS NOT (c.queued, c.running, c.succeeded, c.failed, c.cancelled, c.reached,
        c.diverged, c.crossed)
    AND s.moving IS NOT 'deleted'
UNION ALL
SELECT 'a cell or replicate is missing or doubled', 'sweep ' || s.id
FROM sweeps s JOIN counts c USING (id)
WHERE c.trials <> s.expanded OR s.trials <> s.cells * s.replicates
UNION ALL
SELECT 'the number of cells is not what its trials need', 'sweep ' || s.id FROM sweeps s
WHERE (SELECT count(*) FROM cells WHERE sweep = s.id)
    <> (s.expanded + s.replicates - 1) / s.replicates
UNION ALL
SELECT 'a trial is not where its id says', 'trial ' || t.id
FROM trials t JOIN sweeps s ON s.id = t.sweep
WHERE t.id <> s.first_trial + t.cell * s.replicates + t.replicate
    OR t.replicate NOT BETWEEN 0 AND s.replicates - 1
    OR t.id - s.first_trial NOT BETWEEN 0 AND s.expanded - 1
UNION ALL
SELECT 'a cell is not where its id says', 'cell ' || c.id
FROM cells c JOIN sweeps s ON s.id = c.sweep
WHERE c.id <> s.first_trial + c.cell * s.replicates OR c.id - s.first_trial >= s.expanded
UNION ALL
SELECT 'a trial or cell belongs to no sweep', 'trial ' || id FROM trials
WHERE sweep NOT IN (SELECT id FROM sweeps)
UNION ALL
SELECT 'a trial or cell belongs to no sweep', 'cell ' || id FROM cells
WHERE sweep NOT IN (SELECT id FROM sweeps)
UNION ALL
SELECT 'sweeps share ids of trials', 'sweep ' || s.id FROM sweeps s
WHERE s.first_trial + s.trials > ifnull((SELECT min(n.first_trial) FROM sweeps n
        WHERE n.first_trial > s.first_trial),
    (SELECT value FROM numbers WHERE name = 'next_trial'))
UNION ALL
SELECT 'the finish of a sweep and its trials disagree', 'sweep ' || id FROM sweeps
WHERE (finished_at IS NOT NULL)
        <> (queued + running = 0 AND moving IS NULL AND expanded = trials AND unmatched = 0)
    OR (state = 'finished' AND queued + running > 0)
    OR (state IN ('active', 'paused') AND queued + running = 0)
    OR (state = 'cancelled' AND queued > 0) OR (moving = 'deleted' AND queued + running > 0)
UNION ALL
SELECT 'attempts are not numbered from 1 to the latest', 'trial ' || id FROM history
WHERE attempts <> attempt OR ifnull(latest, 0) <> attempt
UNION ALL
SELECT 'a running trial has no live attempt, or not one', 'trial ' || id FROM history
WHERE state = 'running' AND (running <> 1 OR latest_state <> 'running')
UNION ALL
SELECT 'a trial that does not run has a live attempt', 'trial ' || id FROM history
WHERE state <> 'running' AND running > 0
UNION ALL
SELECT 'a result without its attempt, or more than one', 'trial ' || id FROM history
WHERE state = 'succeeded'
    AND (succeeded <> 1 OR latest_state <> 'succeeded' OR reached <> reached_by_attempt)
UNION ALL
SELECT 'an attempt has succeeded and its trial has not', 'trial ' || id FROM history
WHERE state <> 'succeeded' AND succeeded > 0
UNION ALL
SELECT 'more attempts are spent than were lost', 'trial ' || id FROM history
WHERE spent > lost
UNION ALL
SELECT 'a failed trial has lost no attempt', 'trial ' || id FROM history
WHERE state = 'failed' AND (spent = 0 OR latest_state NOT IN ('failed', 'expired'))
UNION ALL
SELECT 'a queued trial has spent all its attempts', 'trial ' || h.id
FROM history h JOIN sweeps s ON s.id = h.sweep
WHERE h.state = 'queued' AND h.spent >= s.max_attempts
UNION ALL
-- What of an attempt can be believed: common/protocol_rules.h, and by value protocol_members.c.
SELECT 'a result that cannot be', 'trial ' || a.trial || ' attempt ' || a.attempt
FROM attempts a JOIN trials t ON t.id = a.trial JOIN cells c ON c.id = t.id - t.replicate
WHERE a.state = 'succeeded' AND (a.steps NOT BETWEEN 0 AND c.max_steps
    OR a.final_accuracy NOT BETWEEN 0 AND 1 OR a.ms_per_step NOT BETWEEN 0 AND 1.79e308
    OR a.final_loss NOT BETWEEN -1.79e308 AND 1.79e308
    OR a.seconds_to_target NOT BETWEEN 0 AND 1.79e308
    OR (length(a.weights_sha256) <> 64 OR a.weights_sha256 GLOB '*[^0-9a-f]*')
    OR (length(a.data_sha256) <> 64 OR a.data_sha256 GLOB '*[^0-9a-f]*')
    OR iif(a.steps_to_target IS NULL,
        a.seconds_to_target IS NOT NULL OR a.final_accuracy >= c.target_accuracy
            OR EXISTS (SELECT 1 FROM measurements m WHERE m.trial = a.trial
                AND m.attempt = a.attempt AND m.test_accuracy >= c.target_accuracy),
        a.steps_to_target NOT BETWEEN 0 AND a.steps
            OR (SELECT CASE -- at the first measurement that reaches the target, or before it, ...
                    WHEN first IS NULL THEN a.final_accuracy < c.target_accuracy
                    ELSE a.steps_to_target > first END
                OR a.steps_to_target <= ( -- and behind the last one that does not
                    SELECT max(m.step) FROM measurements m WHERE m.trial = a.trial
                        AND m.attempt = a.attempt AND m.step < ifnull(first, a.steps + 1))
                FROM (SELECT min(m.step) AS first FROM measurements m WHERE m.trial = a.trial
                    AND m.attempt = a.attempt AND m.test_accuracy >= c.target_accuracy))))
UNION ALL
SELECT 'a measurement that cannot be',
    'trial ' || m.trial || ' attempt ' || m.attempt || ' step ' || m.step
FROM measurements m JOIN trials t ON t.id = m.trial JOIN cells c ON c.id = t.id - t.replicate
JOIN attempts a ON a.trial = m.trial AND a.attempt = m.attempt
WHERE m.step NOT BETWEEN 0 AND ifnull(a.steps, c.max_steps)
    OR m.test_accuracy NOT BETWEEN 0 AND 1 OR m.cpu_ms NOT BETWEEN 0 AND 1.79e308
    OR m.wall_ms NOT BETWEEN 0 AND 1.79e308 OR m.train_loss NOT BETWEEN -1.79e308 AND 1.79e308
UNION ALL
SELECT 'a layer statistic that cannot be',
    'trial ' || l.trial || ' attempt ' || l.attempt || ' step ' || l.step || ' layer ' || l.layer
FROM layer_stats l JOIN trials t ON t.id = l.trial JOIN cells c ON c.id = t.id - t.replicate
JOIN attempts a ON a.trial = l.trial AND a.attempt = l.attempt
WHERE l.step NOT BETWEEN 0 AND ifnull(a.steps, c.max_steps)
    OR l.layer NOT BETWEEN 0 AND c.depth OR l.saturated NOT BETWEEN 0 AND 1
    OR l.dead NOT BETWEEN 0 AND 1 OR l.gradient_rms < 0 OR l.preactivation_gradient_rms < 0
    OR l.weight_rms < 0 OR l.update_ratio < 0 OR l.preactivation_std < 0
UNION ALL
SELECT 'a trial diverged and it does not say so, or the other way round', 'trial ' || t.id
FROM trials t LEFT JOIN attempts a ON a.trial = t.id AND a.attempt = t.attempt AND a.state = 'failed'
    AND substr(a.error, 1, 17) = 'diverged at step ' AND substr(a.error, 18, 1) BETWEEN '0' AND '9'
WHERE t.state = 'failed' AND (t.crossed IS NULL) <> (a.trial IS NULL)
UNION ALL
SELECT 'a diverged trial reached its target at another step', 'trial ' || t.id
FROM trials t JOIN cells c ON c.id = t.id - t.replicate
JOIN attempts a ON a.trial = t.id AND a.attempt = t.attempt
WHERE t.crossed IS NOT NULL AND (iif(t.crossed, a.steps_to_target, NULL) IS NOT (SELECT min(m.step)
        FROM measurements m WHERE m.trial = t.id AND m.attempt = t.attempt
            AND m.test_accuracy >= c.target_accuracy) OR t.crossed <> (a.steps_to_target IS NOT NULL))
UNION ALL
SELECT 'a result differs from the one it was taken from', 'trial ' || a.trial
FROM attempts a JOIN trials t ON t.id = a.trial JOIN sweeps s ON s.id = t.sweep
JOIN trials ft ON ft.id = a.reused_from JOIN sweeps fs ON fs.id = ft.sweep
JOIN attempts f ON f.trial = ft.id AND f.attempt = ft.attempt
WHERE (f.steps, f.steps_to_target, f.seconds_to_target, f.final_accuracy, f.final_loss,
        f.ms_per_step, f.weights_sha256, f.data_sha256, f.kernel, f.trainer, f.reused_from,
        fs.seed + ft.replicate)
    IS NOT (a.steps, a.steps_to_target, a.seconds_to_target, a.final_accuracy, a.final_loss,
        a.ms_per_step, a.weights_sha256, a.data_sha256, a.kernel, a.trainer, NULL,
        s.seed + t.replicate)
UNION ALL
SELECT 'a result was taken over that nobody asked for, or was not counted', 'sweep ' || s.id
FROM sweeps s JOIN (SELECT t.sweep, count(a.reused_from) AS reused FROM trials t
    JOIN attempts a ON a.trial = t.id GROUP BY t.sweep) r ON r.sweep = s.id
WHERE (s.reused <> r.reused OR (s.reuse = 0 AND r.reused > 0)) AND s.moving IS NOT 'deleted'
UNION ALL
SELECT 'a time that ends before it starts', 'trial ' || trial || ' attempt ' || attempt
FROM attempts WHERE ended_at IS NOT NULL AND length(ended_at) <> length(started_at)
UNION ALL
SELECT 'a row refers to none', 'table ' || "table" || ' row ' || ifnull(rowid, '?')
FROM pragma_foreign_key_check
UNION ALL
SELECT 'the file is damaged', integrity_check FROM pragma_integrity_check
WHERE integrity_check <> 'ok';
