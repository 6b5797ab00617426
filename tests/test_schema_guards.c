/* What the sqlite3 shell is not allowed to do to a database, and what it is told. */
#include "tests/queue_fixture.h"

#include <stdio.h>
#include <string.h>

/* Runs it as the shell does (triggers on, foreign keys not), undoes it, and says what was wrong. */
static const char *try(struct queue_fixture *f, const char *sql)
{
    static char why[256];
    sqlite3 *db;
    char *error = NULL;
    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    sqlite3_exec(db, "BEGIN", NULL, NULL, NULL);
    int rc = sqlite3_exec(db, sql, NULL, NULL, &error);
    snprintf(why, sizeof(why), "%s", rc == SQLITE_OK ? "" : error);
    sqlite3_free(error);
    sqlite3_close(db);
    return why;
}

/* Trials 1 succeeded, 2 failed, 3 running, 4 queued of sweep 1; sweep 2 is cancelled; trial 6 of
 * sweep 3 took over from trial 1, 7 is queued. */
static void scene(struct queue_fixture *f)
{
    queue_fixture_submit(f, "{\"base\":{\"depth\":1},\"replicates\":4,\"max_attempts\":1}");
    int64_t worker = queue_fixture_worker(f);
    struct queue_claim claim = queue_fixture_claim(f, worker);
    struct measurement m = {.step = 1, .test_accuracy = 0.5};
    struct report report = queue_fixture_done(&claim, 10);
    struct layer_stat l = {.step = 1};
    report.measurements = &m;
    report.layers = &l;
    report.n_measurements = report.n_layers = 1;
    queue_fixture_send(f, worker, &report);
    claim = queue_fixture_claim(f, worker);
    queue_fixture_report(f, worker, &claim, REPORT_FAILED);
    queue_fixture_claim(f, worker);
    queue_fixture_act(f, queue_fixture_submit(f, "{\"base\":{\"depth\":1}}"), QUEUE_CANCEL);
    queue_fixture_submit(f,
                         "{\"base\":{\"depth\":1},\"replicates\":2,\"reuse\":true,\"priority\":1}");
    claim = queue_fixture_claim(f, worker);
    report =
        (struct report){.trial = claim.trial, .attempt = 1, .end = REPORT_REUSED, .reused_from = 1};
    queue_fixture_send(f, worker, &report);
}

static void impossible_writes_are_refused(void **state)
{
    struct queue_fixture *f = *state;
    static const char *const writes[] = {
        /* moves that are none */
        "UPDATE trials SET state = 'succeeded', reached = 1, finished_at = '' WHERE id = 4",
        "UPDATE trials SET state = 'queued', reached = NULL, finished_at = NULL WHERE id = 1",
        "UPDATE trials SET state = 'running', finished_at = NULL WHERE id = 2",
        "UPDATE trials SET state = 'failed', reached = NULL WHERE id = 1",
        "UPDATE trials SET state = 'unheard' WHERE id = 4",
        "UPDATE trials SET finished_at = 'now' WHERE id = 4",
        /* attempts out of order, places changed */
        "UPDATE trials SET attempt = 7 WHERE id = 3",
        "UPDATE trials SET attempt = 0 WHERE id = 1",
        "UPDATE trials SET replicate = 9 WHERE id = 4",
        "UPDATE attempts SET worker = 9 WHERE trial = 1",
        "UPDATE sweeps SET trials = 5, queued = 2 WHERE id = 1",
        "UPDATE sweeps SET seed = 5",
        "UPDATE sweeps SET queued = 7",
        "UPDATE cells SET learning_rate = 1",
        /* a person's way past the daemon */
        "UPDATE trials SET state = 'queued', spent = 0, finished_at = NULL WHERE id = 2",
        "UPDATE trials SET state = 'queued', finished_at = NULL WHERE id = 5",
        "UPDATE trials SET state = 'queued' WHERE id = 3",
        "UPDATE trials SET state = 'cancelled', finished_at = '' WHERE id = 3",
        "UPDATE trials SET state = 'cancelled', finished_at = '' WHERE id = 4",
        "UPDATE trials SET state = 'succeeded', reached = 1, finished_at = '' WHERE id = 3",
        "UPDATE trials SET state = 'running' WHERE id = 4",
        /* outcomes, counts and states that do not follow from each other */
        "UPDATE trials SET reached = 0 WHERE id = 1",
        "UPDATE trials SET spent = 0 WHERE id = 2",
        "UPDATE trials SET finished_at = '2000-01-01' WHERE id = 1",
        "UPDATE sweeps SET queued = queued + 1, succeeded = succeeded - 1 WHERE id = 1",
        "UPDATE sweeps SET reached = 0",
        "UPDATE sweeps SET expanded = 3 WHERE id = 1",
        "UPDATE sweeps SET state = 'finished' WHERE id = 1",
        "UPDATE sweeps SET state = 'cancelled' WHERE id = 1",
        "UPDATE sweeps SET state = 'active' WHERE id = 2",
        "UPDATE sweeps SET finished_at = NULL WHERE id = 2",
        "UPDATE sweeps SET moving = 'deleted' WHERE id = 1",
        "UPDATE sweeps SET max_attempts = 9",
        "UPDATE sweep_specs SET spec = '{}'",
        "UPDATE numbers SET value = 1",
        "UPDATE workers SET id = 9",
        /* results overwritten, attempts revived */
        "UPDATE attempts SET steps_to_target = 1 WHERE trial = 1",
        "UPDATE attempts SET state = 'running', ended_at = NULL, steps = NULL WHERE trial = 1",
        "UPDATE attempts SET weights_sha256 = 'x'",
        "UPDATE attempts SET reused_from = 0 WHERE trial = 1",
        "UPDATE attempts SET reused_from = 1 WHERE trial = 3",
        "UPDATE attempts SET reused_from = 2 WHERE trial = 6",
        "UPDATE attempts SET reused_from = NULL WHERE trial = 6",
        "UPDATE attempts SET state = 'succeeded', ended_at = '', steps = 1, reused_from = 1"
        " WHERE trial = 3",
        "UPDATE sweeps SET reuse = 1 WHERE id = 1",
        "UPDATE sweeps SET reused = 2 WHERE id = 3",
        "UPDATE sweeps SET unmatched = 6 WHERE id = 3",
        "INSERT INTO cell_twins VALUES (1, 5)",
        "INSERT INTO cell_twins VALUES (6, 2)",
        "UPDATE cell_twins SET twin = 2 WHERE twin = 1",
        "DELETE FROM cell_twins",
        "UPDATE attempts SET late = '{}' WHERE trial = 3",
        "UPDATE measurements SET test_accuracy = 1",
        /* rows out of nothing */
        "INSERT INTO trials (id, sweep, cell, replicate, state) VALUES (9, 1, 0, 4, 'queued')",
        "INSERT INTO trials (id, sweep, cell, replicate, state) VALUES (9, 77, 0, 0, 'queued')",
        "INSERT INTO trials (id, sweep, cell, replicate, state) VALUES (4, 1, 0, 3, 'queued')",
        "INSERT INTO attempts (trial, attempt, worker, state, started_at)"
        " VALUES (4, 1, 1, 'running', '')",
        "INSERT INTO attempts (trial, attempt, worker, state, started_at)"
        " VALUES (3, 2, 1, 'running', '')",
        "INSERT INTO measurements (trial, attempt, step, test_accuracy) VALUES (1, 1, 5, 0.5)",
        "INSERT INTO layer_stats (trial, attempt, step, layer) VALUES (4, 1, 5, 0)",
        "INSERT INTO sweeps (name, state, search, priority, max_running, max_attempts, replicates,"
        " seed, cells, trials, first_trial, queued, body_sha256, created_at)"
        " VALUES ('x', 'active', 'grid', 0, 0, 1, 1, 0, 1, 1, 3, 1, '', '')",
        "INSERT INTO sweep_specs VALUES (7, '{}')",
        "INSERT INTO cells SELECT 77, sweep, 9, dataset, hidden_units, activation, batch_norm,"
        " batch_norm_output, bn_momentum, bn_epsilon, initializer, optimizer, learning_rate, beta1,"
        " beta2, epsilon, momentum, batch_size, train_size, target_accuracy, max_steps,"
        " stop_at_target, measure_every FROM cells LIMIT 1",
        /* rows replaced: no trigger for DELETE sees that */
        "REPLACE INTO trials (id, sweep, cell, replicate, state) VALUES (1, 1, 0, 0, 'queued')",
        "REPLACE INTO attempts (trial, attempt, worker, state, started_at)"
        " VALUES (3, 1, 2, 'running', '')",
        "REPLACE INTO sweep_specs VALUES (1, '{}')",
        "REPLACE INTO numbers VALUES ('next_trial', 1)",
        "REPLACE INTO sweeps SELECT * FROM sweeps WHERE id = 1",
        "REPLACE INTO cells (id, sweep, cell, dataset, hidden_units, activation, batch_norm,"
        " batch_norm_output, bn_momentum, bn_epsilon, initializer, optimizer, learning_rate, beta1,"
        " beta2, epsilon, momentum, batch_size, train_size, target_accuracy, max_steps,"
        " stop_at_target) SELECT id, sweep, cell, dataset, '9', activation, batch_norm,"
        " batch_norm_output, bn_momentum, bn_epsilon, initializer, optimizer, 1, beta1, beta2,"
        " epsilon, momentum, batch_size, train_size, target_accuracy, max_steps, stop_at_target"
        " FROM cells",
        "REPLACE INTO workers SELECT * FROM workers",
        /* rows gone */
        "DELETE FROM cells",
        "DELETE FROM sweep_specs",
        "DELETE FROM measurements",
        "DELETE FROM layer_stats",
        "DELETE FROM numbers",
        "DELETE FROM workers",
        "DELETE FROM trials WHERE id = 1",
        "DELETE FROM attempts WHERE trial = 1",
        "DELETE FROM sweeps WHERE id = 2",
    };
    scene(f);
    for (size_t i = 0; i < sizeof(writes) / sizeof(writes[0]); i++) {
        if (try(f, writes[i])[0] == '\0') {
            fail_msg("allowed: %s", writes[i]);
        }
    }
}

static void a_measurement_is_never_replaced(void **state)
{
    struct queue_fixture *f = *state;
    scene(f);
    struct queue_claim running = {.trial = 3, .attempt = 1};
    struct measurement m = {.step = 1, .test_accuracy = 0.5};
    struct layer_stat l = {.step = 1, .layer = 0, .weight_rms = 0.5};
    struct report report = queue_fixture_done(&running, 10);
    report.end = REPORT_CONTINUES;
    report.measurements = &m;
    report.layers = &l;
    report.n_measurements = report.n_layers = 1;
    queue_fixture_send(f, 1, &report);
    sqlite3 *db;
    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    assert_int_equal(
        sqlite3_exec(db,
                     "REPLACE INTO measurements (trial, attempt, step, test_accuracy)"
                     " VALUES (3, 1, 1, 0.9);"
                     "REPLACE INTO layer_stats (trial, attempt, step, layer) VALUES (3, 1, 1, 0)",
                     NULL, NULL, NULL),
        SQLITE_OK);
    sqlite3_close(db);
    assert_string_equal(
        queue_fixture_text(f, "SELECT test_accuracy FROM measurements WHERE trial = 3"), "0.5");
    assert_string_equal(queue_fixture_text(f, "SELECT weight_rms FROM layer_stats WHERE trial = 3"),
                        "0.5");
}

static void what_is_said_names_the_way_that_is_right(void **state)
{
    struct queue_fixture *f = *state;
    scene(f);
    assert_string_equal(try(f, "DELETE FROM trials"),
                        "trials go with their sweep: ninety delete SWEEP");
    assert_string_equal(
        try(f, "UPDATE trials SET state = 'queued', spent = 0, finished_at = NULL WHERE id = 2"),
        "trials are tried again with their sweep: ninety retry SWEEP");
    assert_string_equal(try(f, "UPDATE attempts SET steps = 1 WHERE trial = 1"),
                        "an attempt ends once, and its result is never overwritten");
}

static void harmless_writes_are_allowed(void **state)
{
    struct queue_fixture *f = *state;
    scene(f);
    assert_string_equal(try(f, "UPDATE sweeps SET name = 'better'"), "");
    assert_string_equal(try(f, "UPDATE sweeps SET priority = 5, max_running = 1"), "");
    assert_string_equal(try(f, "DELETE FROM events"), "");
    assert_string_equal(try(f, "CREATE INDEX mine ON cells (learning_rate)"), "");
}

int main(void)
{
#define TEST(name)                                                                                 \
    cmocka_unit_test_setup_teardown(name, queue_fixture_setup, queue_fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(impossible_writes_are_refused),
        TEST(a_measurement_is_never_replaced),
        TEST(what_is_said_names_the_way_that_is_right),
        TEST(harmless_writes_are_allowed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
