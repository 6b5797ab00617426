#include "common/engine.h"
#include "tests/queue_fixture.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Runs every trial of a sweep; trial by trial the steps to target, -1 = censored, -2 = diverged,
 * -3 = left queued, -4 = failed for another reason. */
static void run_all(struct queue_fixture *f, const int *steps, int n)
{
    int64_t worker = queue_fixture_worker(f);
    for (int i = 0; i < n && steps[i] != -3; i++) {
        struct queue_claim claim = queue_fixture_claim(f, worker);
        struct report report = queue_fixture_done(&claim, steps[i]);
        if (steps[i] == -2 || steps[i] == -4) {
            report.end = REPORT_FAILED;
            strcpy(report.failure.reason, steps[i] == -2 ? "diverged at step 3: the loss is not "
                                                           "finite"
                                                         : "diverged at step all of a sudden");
        }
        assert_int_equal(queue_fixture_send(f, worker, &report), REPORT_OK);
    }
}

static void expect(struct queue_fixture *f, const char *sql, const char *answer)
{
    assert_string_equal(queue_fixture_text(f, sql), answer);
}

static void quartiles_count_censored_trials_as_beyond_every_number(void **state)
{
    struct queue_fixture *f = *state;
    /* Six succeeded: 10 20 30 40 then two censored; one failed, one not run.
     * Positions (n - 1) q of 10 20 30 40 inf inf: 1.25 -> 22.5; 2.5 -> 35; 3.75 -> none. */
    static const int steps[] = {40, -1, 10, -4, 30, -1, 20, -3};
    queue_fixture_submit(f, "{\"name\":\"s\",\"base\":{\"depth\":1},\"replicates\":8}");
    run_all(f, steps, 8);
    expect(f,
           "SELECT n || ' ' || reached || ' ' || censored || ' ' || failed || ' ' || cancelled"
           " || ' ' || pending FROM summary",
           "6 4 2 1 0 1");
    expect(f, "SELECT q1_steps FROM summary", "22.5");
    expect(f, "SELECT median_steps FROM summary", "35.0");
    expect(f, "SELECT q3_steps FROM summary", "NULL");
    expect(f, "SELECT median_seconds FROM summary", "0.35");
    expect(f, "SELECT mean_ms_per_step FROM summary", "10.0");
}

/* C1: diverged = never reached. The figures are those of R 4.2: quantile(c(10, 20, 30, 40, Inf,
 * Inf), type = 7). */
static void diverged_trials_count_as_never_reaching_the_target(void **state)
{
    struct queue_fixture *f = *state;
    static const int steps[] = {40, -1, 10, -2, 30, -4, 20, -3};
    queue_fixture_submit(f, "{\"name\":\"s\",\"base\":{\"depth\":1},\"replicates\":8}");
    run_all(f, steps, 8);
    expect(f,
           "SELECT n || ' ' || reached || ' ' || censored || ' ' || diverged || ' ' || failed"
           " || ' ' || pending FROM summary",
           "6 4 1 1 1 1");
    expect(f,
           "SELECT q1_steps || ' ' || median_steps || ' ' || ifnull(q3_steps, 'NULL')"
           " FROM summary",
           "22.5 35.0 NULL");
    expect(f, "SELECT group_concat(outcome || ifnull(reached, '-'), ' ') FROM results",
           "reached1 censored0 reached1 diverged0 reached1 failed- reached1 pending-");
    expect(f, "SELECT failed || ' ' || diverged || ' ' || crossed FROM sweeps", "2 1 0");
}

/* The fastest of eleven is no figure of an arm of which ten diverge (FINDINGS C1). */
static void an_arm_that_mostly_diverges_has_no_median(void **state)
{
    struct queue_fixture *f = *state;
    static const int steps[] = {-2, -2, -2, 35, -2, -2, -2, -2, -2, -2, -2};
    queue_fixture_submit(f, "{\"base\":{\"depth\":1},\"replicates\":11}");
    run_all(f, steps, 11);
    expect(f, "SELECT reached || '/' || n || ' ' || ifnull(median_steps, 'NULL') FROM summary",
           "1/11 NULL");
    expect(f, "SELECT ifnull(q1_steps, 'NULL') || ifnull(median_seconds, 'NULL') FROM summary",
           "NULLNULL");
}

/* C2: what reached its target and diverged later has reached it, at its first measurement there. */
static void a_trial_that_crossed_and_diverged_later_has_reached_the_target(void **state)
{
    struct queue_fixture *f = *state;
    queue_fixture_submit(f, "{\"base\":{\"depth\":1,\"stop_at_target\":false},\"replicates\":2}");
    int64_t worker = queue_fixture_worker(f);
    for (int i = 0; i < 2; i++) {
        struct queue_claim claim = queue_fixture_claim(f, worker);
        struct measurement measurements[] = {
            {.step = 8, .test_accuracy = 0.8, .train_loss = NAN, .cpu_ms = 80},
            {.step = 13, .test_accuracy = i == 0 ? 0.9 : 0.8999, .train_loss = 1, .cpu_ms = 130},
            {.step = 16, .test_accuracy = i == 0 ? 0.95 : 0.1, .train_loss = 1, .cpu_ms = 160}};
        struct report report = {.trial = claim.trial,
                                .attempt = claim.attempt,
                                .measurements = measurements,
                                .n_measurements = 3,
                                .end = REPORT_FAILED,
                                .failure = {.reason = "diverged at step 17"}};
        assert_int_equal(queue_fixture_send(f, worker, &report), REPORT_OK);
    }
    expect(f,
           "SELECT group_concat(state || ' ' || outcome || ' ' || ifnull(steps_to_target, '-')"
           " || ' ' || ifnull(seconds_to_target, '-'), ', ') FROM results",
           "failed reached 13 0.13, failed diverged - -");
    expect(f, "SELECT n || ' ' || reached || ' ' || diverged || ' ' || failed FROM summary",
           "2 1 1 0");
    expect(f, "SELECT failed || ' ' || diverged || ' ' || crossed FROM sweeps", "2 1 1");
    queue_fixture_keeps_the_rules(f);
    /* Loaded anew the queue counts the same; a retry takes all of it back. */
    queue_fixture_close(f);
    queue_fixture_open(f);
    queue_fixture_keeps_the_rules(f);
    queue_fixture_act(f, 1, QUEUE_RETRY);
    queue_fixture_advance(f, 0);
    queue_fixture_keeps_the_rules(f);
    expect(f, "SELECT group_concat(outcome || ifnull(steps_to_target, '-'), ' ') FROM results",
           "pending- pending-");
    expect(f, "SELECT failed || ' ' || diverged || ' ' || crossed FROM sweeps", "0 0 0");
}

/* Trains one trial on a worker of that CPU, with that kernel and trainer. */
static struct trial_config train_by(struct queue_fixture *f, const char *cpu, const char *kernel,
                                    const char *trainer)
{
    struct queue_worker worker = {.host = "here", .pid = 1, .slots = 1, .version = "0"};
    int64_t id = 0;
    strcpy(worker.cpu, cpu);
    assert_int_equal(queue_register(f->queue, &worker, &f->now, &id), 0);
    struct queue_claim claim = queue_fixture_claim(f, id);
    struct report report = queue_fixture_done(&claim, 30);
    strcpy(report.result.kernel, kernel);
    strcpy(report.result.trainer, trainer);
    assert_int_equal(queue_fixture_send(f, id, &report), REPORT_OK);
    return claim.config;
}

static void train_on(struct queue_fixture *f, const char *cpu, const char *kernel)
{
    train_by(f, cpu, kernel, "test");
}

/* C6: what an engine left as it was is no mixture; what it changed (C8) is one. */
static void versions_of_the_trainer_mix_only_where_their_numbers_may_differ(void **state)
{
    struct queue_fixture *f = *state;
    queue_fixture_submit(f, "{\"base\":{\"depth\":1},\"parameters\":{\"batch_norm\":[\"before\","
                            "\"after\"],\"activation\":[\"relu\",\"linear\"],"
                            "\"batch_norm_output\":[true,false]},\"replicates\":2}");
    for (int cell = 0; cell < 8; cell++) {
        struct trial_config config = train_by(f, "a CPU", "Haswell", "ninety-trainer 0.2.0");
        char sql[128];
        train_by(f, "a CPU", "Haswell", ENGINE_TRAINER);
        snprintf(sql, sizeof sql, "SELECT trainer FROM summary WHERE cell = %d", cell);
        if (engine_since(&config) > 1) {
            expect(f, sql, "mixed");
        } else if (config.activation == ACTIVATION_RELU && config.batch_norm != BATCH_NORM_AFTER) {
            expect(f, sql, ENGINE_TRAINER);
        }
    }
}

/* C6 */
static void a_cell_says_what_its_trials_ran_on_or_that_it_mixes(void **state)
{
    struct queue_fixture *f = *state;
    static const char all[] = "SELECT kernel || '|' || trainer || '|' || cpu FROM summary";
    queue_fixture_submit(f, "{\"base\":{\"depth\":1},\"replicates\":4}");
    expect(f, "SELECT ifnull(kernel, '-') || ifnull(trainer, '-') || ifnull(cpu, '-') FROM summary",
           "---");
    train_on(f, "a CPU", "Haswell");
    train_on(f, "a CPU", "Haswell");
    expect(f, all, "Haswell|test|a CPU");
    train_on(f, "another CPU", "Haswell");
    expect(f, all, "Haswell|test|mixed");
    train_on(f, "a CPU", "SkylakeX");
    expect(f, all, "mixed|test|mixed");
    expect(f, "SELECT group_concat(cpu, ',') FROM results", "a CPU,a CPU,another CPU,a CPU");
}

/* E5: programs that bind text find rows; every column of a view has an affinity, computed or not.
 */
static void computed_columns_compare_with_text(void **state)
{
    struct queue_fixture *f = *state;
    static const int steps[] = {10, -1};
    queue_fixture_submit(f, "{\"base\":{\"depth\":2,\"width\":8},\"seed\":3,\"replicates\":2}");
    run_all(f, steps, 2);
    expect(f,
           "SELECT count(*) FROM results WHERE seed = '3' AND depth = '2' AND width = '8'"
           " AND steps_to_target = '10' AND reached = '1' AND outcome = 'reached'",
           "1");
    expect(f,
           "SELECT count(*) FROM summary WHERE n = '2' AND reached = '1' AND censored = '1'"
           " AND diverged = '0' AND failed = '0' AND cancelled = '0' AND pending = '0'"
           " AND depth = '2' AND mean_ms_per_step = '10' AND mean_final_accuracy > '0.1'",
           "1");
}

static void quartiles_of_few_trials_are_exact(void **state)
{
    struct queue_fixture *f = *state;
    static const int one[] = {7}, three[] = {1, 2, 10}, five[] = {50, 10, 20, 40, 30};
    static const int censored[] = {-1, -1, -1}, two[] = {4, -1};
    static const struct {
        const int *steps;
        int n;
        const char *answer;
    } cases[] = {
        {one, 1, "7.0 7.0 7.0"},     {two, 2, "NULL NULL NULL"},      {three, 3, "1.5 2.0 6.0"},
        {five, 5, "20.0 30.0 40.0"}, {censored, 3, "NULL NULL NULL"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char json[96], sql[256];
        snprintf(json, sizeof(json), "{\"base\":{\"depth\":1},\"replicates\":%d}", cases[i].n);
        int64_t sweep = queue_fixture_submit(f, json);
        run_all(f, cases[i].steps, cases[i].n);
        snprintf(sql, sizeof(sql),
                 "SELECT ifnull(q1_steps, 'NULL') || ' ' || ifnull(median_steps, 'NULL') || ' ' ||"
                 " ifnull(q3_steps, 'NULL') FROM summary WHERE sweep = %lld",
                 (long long)sweep);
        expect(f, sql, cases[i].answer);
    }
}

/* Whether SQLite's plan for the statement has this step. */
static bool plan_has(struct queue_fixture *f, const char *sql, const char *step)
{
    sqlite3_stmt *stmt;
    assert_int_equal(sqlite3_prepare_v2(f->eyes, sql, -1, &stmt, NULL), SQLITE_OK);
    bool found = false;
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        found |= strstr((const char *)sqlite3_column_text(stmt, 3), step) != NULL;
    }
    sqlite3_finalize(stmt);
    return found;
}

/* The trials of a sweep are a range of ids; a view asked about one sweep reads no others. */
static void views_of_one_sweep_read_its_trials_only(void **state)
{
    struct queue_fixture *f = *state;
    static const char *const queries[] = {
        "EXPLAIN QUERY PLAN SELECT * FROM summary WHERE sweep = ?1 ORDER BY cell",
        "EXPLAIN QUERY PLAN SELECT * FROM results WHERE sweep = ?1 ORDER BY trial",
        "EXPLAIN QUERY PLAN SELECT * FROM layers WHERE sweep = ?1 ORDER BY trial, step",
        "EXPLAIN QUERY PLAN SELECT * FROM curves WHERE sweep = ?1 ORDER BY trial, step",
    };
    for (int i = 0; i < 4; i++) {
        assert_true(plan_has(f, queries[i], "SEARCH s USING INTEGER PRIMARY KEY (rowid=?)"));
        assert_true(plan_has(f, queries[i], "SEARCH t USING INTEGER PRIMARY KEY (rowid"));
        assert_false(plan_has(f, queries[i], "SCAN t"));
        assert_false(plan_has(f, queries[i], "SCAN m"));
    }
    assert_true(plan_has(f, "EXPLAIN QUERY PLAN SELECT * FROM results WHERE trial = ?1",
                         "SEARCH t USING INTEGER PRIMARY KEY (rowid=?)"));
}

static void a_cell_without_results_has_a_row(void **state)
{
    struct queue_fixture *f = *state;
    queue_fixture_submit(f, "{\"parameters\":{\"depth\":[1,2,3]},\"replicates\":2}");
    expect(f, "SELECT count(*) || ' ' || sum(n) || ' ' || sum(pending) FROM summary", "3 0 6");
    expect(f, "SELECT count(median_steps) FROM summary", "0");
}

static void depth_and_width_follow_from_the_layers(void **state)
{
    struct queue_fixture *f = *state;
    queue_fixture_submit(
        f, "{\"parameters\":{\"hidden_units\":[[],[50],[50,50],[50,150],[5,55,55],[150,50,150]]}}");
    expect(f, "SELECT group_concat(depth) FROM (SELECT depth FROM cells ORDER BY cell)",
           "0,1,2,2,3,3");
    expect(f,
           "SELECT group_concat(ifnull(width, '-')) FROM (SELECT width FROM cells ORDER BY cell)",
           "-,50,50,-,-,-");
    expect(f, "SELECT hidden_units FROM results WHERE cell = 5", "150,50,150");
}

static void results_have_the_columns_of_the_contract(void **state)
{
    struct queue_fixture *f = *state;
    expect(f, "SELECT group_concat(name, ' ') FROM pragma_table_info('results')",
           "trial sweep sweep_name cell replicate dataset depth width hidden_units activation "
           "batch_norm batch_norm_output bn_momentum bn_epsilon initializer optimizer "
           "learning_rate beta1 beta2 epsilon momentum batch_size train_size target_accuracy "
           "max_steps stop_at_target measure_every seed state outcome steps steps_to_target "
           "seconds_to_target reached "
           "final_accuracy final_loss ms_per_step worker attempts kernel trainer cpu "
           "weights_sha256 data_sha256 reused_from error created_at started_at finished_at");
}

static void results_show_the_latest_attempt_only(void **state)
{
    struct queue_fixture *f = *state;
    queue_fixture_submit(f, "{\"base\":{\"depth\":1},\"seed\":5,\"replicates\":2}");
    int64_t worker = queue_fixture_worker(f);
    struct queue_claim first = queue_fixture_claim(f, worker);
    queue_fixture_advance(f, f->options.lease_ms);
    expect(f, "SELECT attempts || state || ifnull(steps, '-') FROM results WHERE replicate = 0",
           "1queued-");
    /* The late result is kept as evidence, and is not the trial's. */
    assert_int_equal(queue_fixture_report(f, worker, &first, REPORT_DONE), REPORT_LEASE_LOST);
    expect(f, "SELECT ifnull(steps, '-') || ifnull(reached, '-') FROM results WHERE replicate = 0",
           "--");
    expect(f, "SELECT late ->> 'steps' FROM attempts WHERE attempt = 1", "10");
    struct queue_claim second = queue_fixture_claim(f, worker);
    struct report done = queue_fixture_done(&second, 20);
    queue_fixture_send(f, worker, &done);
    expect(f,
           "SELECT attempts || ' ' || steps || ' ' || reached || ' ' || seed || ' ' || kernel"
           " FROM results WHERE replicate = 0",
           "2 20 1 5 SkylakeX");
    expect(f, "SELECT seed FROM results WHERE replicate = 1", "6");
}

static void curves_and_layers_are_of_the_latest_attempt(void **state)
{
    struct queue_fixture *f = *state;
    queue_fixture_submit(f, "{\"base\":{\"depth\":2}}");
    int64_t worker = queue_fixture_worker(f);
    for (int attempt = 1; attempt <= 2; attempt++) {
        struct queue_claim claim = queue_fixture_claim(f, worker);
        struct measurement measurements[] = {
            {.step = 1, .test_accuracy = 0.1 * attempt, .train_loss = NAN, .cpu_ms = 1},
            {.step = 2, .test_accuracy = 0.2 * attempt, .train_loss = 2, .cpu_ms = 2}};
        struct layer_stat layers[] = {
            {.step = 1, .layer = 0, .gradient_rms = attempt, .dead = NAN}};
        struct report report = queue_fixture_done(&claim, 3);
        report.end = attempt == 1 ? REPORT_RELEASED : REPORT_DONE;
        report.measurements = measurements;
        report.n_measurements = 2;
        report.layers = layers;
        report.n_layers = 1;
        assert_int_equal(queue_fixture_send(f, worker, &report), REPORT_OK);
    }
    expect(f,
           "SELECT group_concat(step || ':' || test_accuracy || ':' || ifnull(train_loss, '-'))"
           " FROM curves WHERE depth = 2",
           "1:0.2:-,2:0.4:2.0");
    expect(f, "SELECT gradient_rms || ' ' || ifnull(dead, '-') FROM layers", "2.0 -");
}

static void the_schema_reads_as_documentation(void **state)
{
    struct queue_fixture *f = *state;
    /* Every table and view opens with a comment that says what it is. */
    expect(f,
           "SELECT count(*) FROM sqlite_schema WHERE type IN ('table', 'view') AND"
           " name NOT LIKE 'sqlite_%' AND substr(sql, 1, instr(sql, char(10)) - 1) NOT LIKE"
           " '%-- %'",
           "0");
}

int main(void)
{
#define TEST(name)                                                                                 \
    cmocka_unit_test_setup_teardown(name, queue_fixture_setup, queue_fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(quartiles_count_censored_trials_as_beyond_every_number),
        TEST(diverged_trials_count_as_never_reaching_the_target),
        TEST(an_arm_that_mostly_diverges_has_no_median),
        TEST(a_trial_that_crossed_and_diverged_later_has_reached_the_target),
        TEST(versions_of_the_trainer_mix_only_where_their_numbers_may_differ),
        TEST(a_cell_says_what_its_trials_ran_on_or_that_it_mixes),
        TEST(computed_columns_compare_with_text),
        TEST(quartiles_of_few_trials_are_exact),
        TEST(views_of_one_sweep_read_its_trials_only),
        TEST(a_cell_without_results_has_a_row),
        TEST(depth_and_width_follow_from_the_layers),
        TEST(results_have_the_columns_of_the_contract),
        TEST(results_show_the_latest_attempt_only),
        TEST(curves_and_layers_are_of_the_latest_attempt),
        TEST(the_schema_reads_as_documentation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
