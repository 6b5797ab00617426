/* schema/check.sql on databases that were written to past the daemon, or by one that believed
 * everything it was told. */
#include "tests/queue_fixture.h"

#include <stdio.h>
#include <string.h>

/* A trial that reached the target at step 10, with three measurements, and one that did not. */
static void make_results(struct queue_fixture *f)
{
    struct measurement m[] = {{.step = 4, .test_accuracy = 0.5, .cpu_ms = 1, .wall_ms = 1},
                              {.step = 8, .test_accuracy = 0.8, .cpu_ms = 2, .wall_ms = 2},
                              {.step = 10, .test_accuracy = 0.95, .cpu_ms = 3, .wall_ms = 3}};
    struct layer_stat l = {.step = 10, .layer = 1, .dead = 0.5};
    queue_fixture_submit(f, "{\"base\":{\"depth\":1},\"replicates\":2}");
    int64_t worker = queue_fixture_worker(f);
    for (int i = 0; i < 2; i++) {
        struct queue_claim claim = queue_fixture_claim(f, worker);
        struct report report = queue_fixture_done(&claim, i == 0 ? 10 : -1);
        report.measurements = m;
        report.n_measurements = i == 0 ? 3 : 2;
        report.layers = &l;
        report.n_layers = 1;
        assert_int_equal(queue_fixture_send(f, worker, &report), REPORT_OK);
    }
    queue_fixture_keeps_the_rules(f);
}

static void run(struct queue_fixture *f, const char *sql)
{
    sqlite3 *db;
    char *why = NULL;
    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
    if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK) {
        fail_msg("%s: %s", sql, why);
    }
    sqlite3_close(db);
}

/* A6: each is found, and nothing but it. */
static void what_cannot_be_is_found(void **state)
{
    struct queue_fixture *f = *state;
    static const struct {
        const char *set, *back, *rule;
    } cases[] = {
        /* as in the finding: nine that were let in */
        {"attempts SET final_accuracy = 2", "attempts SET final_accuracy = 0.9", "a result"},
        {"attempts SET final_accuracy = -5", "attempts SET final_accuracy = 0.9", "a result"},
        {"attempts SET final_accuracy = 1e308", "attempts SET final_accuracy = 0.9", "a result"},
        {"attempts SET steps = 9223372036854775807", "attempts SET steps = 10", "a result"},
        {"measurements SET test_accuracy = 0.1", NULL, "a result"},
        {"attempts SET steps_to_target = 11", "attempts SET steps_to_target = 10", "a result"},
        {"attempts SET seconds_to_target = -1", "attempts SET seconds_to_target = 1", "a result"},
        {"attempts SET ms_per_step = -1", "attempts SET ms_per_step = 10", "a result"},
        {"attempts SET weights_sha256 = 'not a hash'", "attempts SET weights_sha256 = NULL",
         "a result"},
        /* and others of their kind */
        {"attempts SET data_sha256 = 'aa'", "attempts SET data_sha256 = NULL", "a result"},
        {"attempts SET final_loss = 9e999", "attempts SET final_loss = NULL", "a result"},
        {"attempts SET steps_to_target = 8", "attempts SET steps_to_target = 10", "a result"},
        {"attempts SET steps = 2001", "attempts SET steps = 10", "a result"},
        {"measurements SET test_accuracy = 1.5 WHERE step = 10 AND", NULL, "a measurement"},
        {"measurements SET cpu_ms = -1", NULL, "a measurement"},
        {"measurements SET step = 2001 WHERE step = 4 AND", NULL, "a measurement"},
        {"layer_stats SET layer = 2", "layer_stats SET layer = 1", "a layer statistic"},
        {"layer_stats SET dead = 1.5", "layer_stats SET dead = 1", "a layer statistic"},
        {"layer_stats SET step = 11", "layer_stats SET step = 10", "a layer statistic"},
        {"layer_stats SET weight_rms = -1", "layer_stats SET weight_rms = 1", "a layer statistic"},
    };
    make_results(f);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char sql[256], expected[64];
        bool more = strstr(cases[i].set, "WHERE") != NULL;
        run(f, "CREATE TABLE kept AS SELECT * FROM measurements");
        snprintf(sql, sizeof(sql), "UPDATE %s%s trial = 1", cases[i].set, more ? "" : " WHERE");
        run(f, sql);
        snprintf(expected, sizeof(expected), "%s that cannot be: trial 1", cases[i].rule);
        if (strncmp(queue_fixture_broken_rule(f), expected, strlen(expected)) != 0) {
            fail_msg("%s: '%s'", cases[i].set, queue_fixture_broken_rule(f));
        }
        if (cases[i].back) {
            snprintf(sql, sizeof(sql), "UPDATE %s WHERE trial = 1", cases[i].back);
            run(f, sql);
        }
        run(f, "DELETE FROM measurements; INSERT INTO measurements SELECT * FROM kept;"
               "DROP TABLE kept");
        queue_fixture_keeps_the_rules(f);
    }
}

/* A6: a trial whose accuracies reach the target has reached it. */
static void what_was_reached_is_not_called_censored(void **state)
{
    struct queue_fixture *f = *state;
    make_results(f);
    run(f, "UPDATE measurements SET test_accuracy = 0.9 WHERE trial = 2 AND step = 8");
    assert_string_equal(queue_fixture_broken_rule(f), "a result that cannot be: trial 2 attempt 1");
    run(f, "UPDATE measurements SET test_accuracy = 0.8 WHERE trial = 2 AND step = 8");
    queue_fixture_keeps_the_rules(f);
    run(f, "UPDATE attempts SET final_accuracy = 0.9 WHERE trial = 2");
    assert_string_equal(queue_fixture_broken_rule(f), "a result that cannot be: trial 2 attempt 1");
}

/* A6: what 0.2.0 left of trainers that measure now and then. */
static void the_crossing_need_not_be_measured(void **state)
{
    struct queue_fixture *f = *state;
    make_results(f);
    run(f, "DELETE FROM measurements WHERE trial = 1 AND step = 10");
    queue_fixture_keeps_the_rules(f);
    run(f, "UPDATE attempts SET steps_to_target = 9 WHERE trial = 1");
    queue_fixture_keeps_the_rules(f);
    run(f, "DELETE FROM measurements WHERE trial = 1");
    queue_fixture_keeps_the_rules(f);
}

int main(void)
{
#define CHECK_TEST(f)                                                                              \
    cmocka_unit_test_setup_teardown(f, queue_fixture_setup, queue_fixture_teardown)
    const struct CMUnitTest tests[] = {
        CHECK_TEST(what_cannot_be_is_found),
        CHECK_TEST(what_was_reached_is_not_called_censored),
        CHECK_TEST(the_crossing_need_not_be_measured),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
