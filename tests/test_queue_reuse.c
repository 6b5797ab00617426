/* Trials of a sweep with `reuse` that take over earlier results, and those that must not. */
#include "tests/reuse_fixture.h"

#include "daemon/queue_internal.h"

#include <stdio.h>
#include <string.h>

#define PLAIN "{\"parameters\":{\"depth\":[1,2]},\"replicates\":2,\"seed\":5}"
#define REUSING "{\"reuse\":true,\"parameters\":{\"depth\":[1,2]},\"replicates\":2,\"seed\":5}"

/* Submits PLAIN as the first sweep and trains it; returns the worker. */
static int64_t train_plain(struct queue_fixture *f)
{
    queue_fixture_submit(f, PLAIN);
    int64_t worker = queue_fixture_worker(f);
    reuse_fixture_train_all(f, worker);
    return worker;
}

/* ---- hits ---- */

static void the_second_submission_takes_over_every_result(void **state)
{
    struct queue_fixture *f = *state;
    train_plain(f);
    int64_t second = queue_fixture_submit(f, REUSING);
    assert_int_equal(reuse_fixture_take_all(f), 4);
    queue_fixture_sweep_is(f, second, "finished");
    assert_string_equal(
        queue_fixture_text(f, "SELECT group_concat(reused_from) FROM results WHERE sweep = 2"),
        "1,2,3,4");
    static const char *const same[] = {"steps",
                                       "steps_to_target",
                                       "seconds_to_target",
                                       "reached",
                                       "final_accuracy",
                                       "final_loss",
                                       "ms_per_step",
                                       "kernel",
                                       "trainer",
                                       "weights_sha256",
                                       "data_sha256",
                                       "state",
                                       "seed",
                                       "depth"};
    for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
        char sql[256];
        snprintf(sql, sizeof(sql),
                 "SELECT sum(a.%s IS b.%s) FROM results a JOIN results b"
                 " ON a.trial = b.reused_from",
                 same[i], same[i]);
        assert_int_equal(queue_fixture_int(f, sql), 4);
    }
    assert_string_equal(queue_fixture_text(f, "SELECT succeeded || reached || reused || reuse"
                                              " FROM sweeps WHERE id = 2"),
                        "4441");
    queue_fixture_keeps_the_rules(f);
}

/* C6: the CPU is that of the trial that was trained, not of the worker that took its result. */
static void a_result_that_was_taken_over_says_on_which_cpu_it_was_trained(void **state)
{
    struct queue_fixture *f = *state;
    static const char cpus[] = "SELECT group_concat(DISTINCT cpu) FROM results WHERE sweep = 2";
    struct queue_worker worker = {.host = "here", .pid = 1, .slots = 2, .version = "0"};
    int64_t id = 0;
    strcpy(worker.cpu, "the CPU it was");
    assert_int_equal(queue_register(f->queue, &worker, &f->now, &id), 0);
    queue_fixture_submit(f, PLAIN);
    reuse_fixture_train_all(f, id);
    queue_fixture_submit(f, REUSING);
    assert_int_equal(reuse_fixture_take_all(f), 4);
    assert_string_equal(queue_fixture_text(f, cpus), "the CPU it was");
    assert_string_equal(
        queue_fixture_text(f, "SELECT group_concat(cpu, ', ') FROM summary WHERE sweep = 2"),
        "the CPU it was, the CPU it was");
    queue_fixture_act(f, 1, QUEUE_DELETE);
    queue_fixture_advance(f, 10);
    assert_string_equal(queue_fixture_text(f, cpus), "NULL"); /* nobody knows any more */
}

static void what_was_measured_is_copied_and_outlives_the_original(void **state)
{
    struct queue_fixture *f = *state;
    static const char curves[] =
        "SELECT group_concat(step || ':' || test_accuracy) || (SELECT group_concat(gradient_rms)"
        " FROM layers WHERE sweep = 2) FROM curves WHERE sweep = 2";
    train_plain(f);
    queue_fixture_submit(f, REUSING);
    reuse_fixture_take_all(f);
    queue_fixture_act(f, 1, QUEUE_DELETE);
    queue_fixture_advance(f, 10);
    assert_string_equal(queue_fixture_text(f, curves),
                        "0:0.25,1:0.95,0:0.25,2:0.95,0:0.25,3:0.95,0:0.25,4:0.951.0,2.0,3.0,4.0");
    /* And from the copies others are made; they name the trial that was trained. */
    queue_fixture_submit(f, REUSING);
    assert_int_equal(reuse_fixture_take_all(f), 4);
    assert_string_equal(
        queue_fixture_text(f, "SELECT group_concat(reused_from) FROM results WHERE sweep = 3"),
        "1,2,3,4");
    queue_fixture_keeps_the_rules(f);
}

static void trained_trials_alone_count_for_speed(void **state)
{
    struct queue_fixture *f = *state;
    train_plain(f);
    queue_fixture_submit(f, REUSING);
    reuse_fixture_take_all(f);
    queue_fixture_advance(f, 2000);
    assert_int_equal(queue_fixture_int(f, "SELECT succeeded FROM workers WHERE id = 1"), 4);
    assert_int_equal(queue_fixture_int(f, "SELECT sum(succeeded) FROM workers WHERE id > 1"), 0);
    assert_int_equal(queue_fixture_int(f, "SELECT sum(running) FROM workers"), 0);
    assert_string_equal(queue_fixture_text(f, "SELECT trials_per_minute FROM sweeps WHERE id = 2"),
                        "NULL");
}

static void more_replicates_train_only_what_is_new(void **state)
{
    struct queue_fixture *f = *state;
    int64_t worker = train_plain(f);
    /* Seeds 4..7, of which 5 and 6 are there; cells in another order, one of them new. */
    queue_fixture_submit(f, "{\"reuse\":true,\"parameters\":{\"depth\":[3,2,1]},\"replicates\":4,"
                            "\"seed\":4}");
    char offered[64] = "";
    struct queue_claim claim;
    while ((claim = queue_fixture_claim(f, worker)).trial != 0) {
        char offer[16];
        snprintf(offer, sizeof(offer), "%lld ",
                 claim.offers.n ? (long long)claim.offers.at[0].trial : 0);
        strcat(offered, offer);
    }
    assert_string_equal(offered, "0 0 0 0 0 3 4 0 0 1 2 0 ");
}

static void a_result_that_came_after_the_submission_is_offered(void **state)
{
    struct queue_fixture *f = *state;
    queue_fixture_submit(f, PLAIN);
    int64_t worker = queue_fixture_worker(f);
    struct queue_claim first = queue_fixture_claim(f, worker);
    int64_t second = queue_fixture_submit(f, REUSING);
    queue_fixture_act(f, second, QUEUE_PAUSE);
    queue_fixture_restart(f);
    reuse_fixture_train(f, worker, &first);
    reuse_fixture_train_all(f, worker);
    queue_fixture_act(f, second, QUEUE_RESUME);
    assert_int_equal(reuse_fixture_take_all(f), 4);
}

static void results_made_in_different_ways_are_all_offered(void **state)
{
    struct queue_fixture *f = *state;
    static const char one[] = "{\"base\":{\"depth\":1}}";
    static const char *const kernels[] = {"Haswell", "Zen", "Haswell"};
    int64_t worker = queue_fixture_worker(f);
    for (int i = 0; i < 3; i++) {
        queue_fixture_submit(f, one);
        struct queue_claim claim = queue_fixture_claim(f, worker);
        struct report report = queue_fixture_done(&claim, 10 + i);
        snprintf(report.result.kernel, sizeof(report.result.kernel), "%s", kernels[i]);
        queue_fixture_send(f, worker, &report);
    }
    queue_fixture_submit(f, "{\"reuse\":true,\"base\":{\"depth\":1}}");
    struct queue_claim claim = queue_fixture_claim(f, worker);
    assert_int_equal(claim.offers.n, 2);
    assert_int_equal(claim.offers.at[0].trial, 3); /* the latest of its kind */
    assert_string_equal(claim.offers.at[0].kernel, "Haswell");
    assert_string_equal(claim.offers.at[0].trainer, "test");
    assert_string_equal(claim.offers.at[0].data_sha256, QUEUE_FIXTURE_DATA);
    assert_int_equal(claim.offers.at[1].trial, 2);
    assert_string_equal(claim.offers.at[1].kernel, "Zen");
    reuse_fixture_take(f, worker, &claim, 2);
    assert_string_equal(
        queue_fixture_text(f, "SELECT kernel || steps FROM results WHERE trial = 4"), "Zen11");
}

/* C8: what a worker took over of an older engine says nothing of networks that engine 2 changed. */
static void of_a_changed_network_no_older_result_is_taken_unasked(void **state)
{
    struct queue_fixture *f = *state;
    static const char cells[] =
        "{%s\"base\":{\"depth\":1},\"parameters\":{\"batch_norm\":[\"before\",\"after\"]},"
        "\"replicates\":2}";
    char text[256];
    int64_t worker = queue_fixture_worker(f);
    snprintf(text, sizeof(text), cells, "");
    queue_fixture_submit(f, text);
    for (int i = 0; i < 4; i++) {
        struct queue_claim claim = queue_fixture_claim(f, worker);
        struct report report = queue_fixture_done(&claim, 10);
        strcpy(report.result.trainer, "ninety-trainer 0.2.0");
        queue_fixture_send(f, worker, &report);
    }
    snprintf(text, sizeof(text), cells, "\"reuse\":true,");
    queue_fixture_submit(f, text);
    struct queue_claim claim = queue_fixture_claim(f, worker);
    assert_int_equal(claim.config.batch_norm, BATCH_NORM_BEFORE);
    reuse_fixture_take(f, worker, &claim, claim.offers.at[0].trial);
    /* The second such trial is taken over without asking; the other cell's are not. */
    claim = queue_fixture_claim(f, worker);
    assert_int_equal(claim.config.batch_norm, BATCH_NORM_AFTER);
    assert_int_equal(queue_fixture_int(f, "SELECT reused FROM sweeps WHERE id = 2"), 2);
}

/* ---- misses ---- */

static void what_is_not_known_whole_is_not_offered(void **state)
{
    struct queue_fixture *f = *state;
    queue_fixture_submit(f, "{\"parameters\":{\"depth\":[1,2,3,4,5,6]},\"max_attempts\":1}");
    int64_t worker = queue_fixture_worker(f);
    for (int i = 0; i < 5; i++) {
        struct queue_claim claim = queue_fixture_claim(f, worker);
        struct report report = queue_fixture_done(&claim, 10);
        report.result.trainer[0] = i == 0 ? '\0' : 't';
        report.result.kernel[0] = i == 1 ? '\0' : 'k';
        report.result.data_sha256[0] = i == 2 ? '\0' : 'd';
        report.end = i == 3 ? REPORT_FAILED : i == 4 ? REPORT_CONTINUES : REPORT_DONE;
        queue_fixture_send(f, worker, &report);
    }
    int64_t second = queue_fixture_submit(
        f, "{\"reuse\":true,\"parameters\":{\"depth\":[1,2,3,4,5,6]},\"priority\":1}");
    for (int i = 0; i < 6; i++) {
        struct queue_claim claim = queue_fixture_claim(f, worker);
        assert_int_equal(claim.trial, 7 + i);
        assert_int_equal(claim.offers.n, 0);
    }
    assert_int_equal(queue_fixture_int(f, "SELECT count(*) FROM cell_twins"), 6);
    queue_fixture_sweep_is(f, second, "active");
}

static void other_configurations_and_sweeps_that_do_not_ask_get_no_offer(void **state)
{
    struct queue_fixture *f = *state;
    int64_t worker = train_plain(f);
    queue_fixture_submit(f, PLAIN);
    queue_fixture_submit(f, "{\"reuse\":true,\"base\":{\"learning_rate\":0.02},"
                            "\"parameters\":{\"depth\":[1,2]},\"replicates\":2,\"seed\":5}");
    for (int i = 0; i < 8; i++) {
        struct queue_claim claim = queue_fixture_claim(f, worker);
        assert_int_not_equal(claim.trial, 0);
        assert_int_equal(claim.offers.n, 0);
        /* Nor does it help to claim that there was one. */
        if (i < 2) {
            assert_int_equal(reuse_fixture_take(f, worker, &claim, 1), REPORT_OK);
            queue_fixture_trial_is(f, claim.trial, "queued");
        }
    }
    assert_int_equal(queue_fixture_int(f, "SELECT count(*) FROM cell_twins"), 0);
}

static void another_trials_result_is_never_taken(void **state)
{
    struct queue_fixture *f = *state;
    int64_t worker = train_plain(f);
    queue_fixture_submit(f, REUSING);
    struct queue_claim claim = queue_fixture_claim(f, worker);
    assert_int_equal(claim.offers.at[0].trial, 1);
    static const int64_t wrong[] = {2, 3, 5, 6, 99}; /* seed, cell, itself, queued, none */
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_int_equal(reuse_fixture_take(f, worker, &claim, wrong[i]), REPORT_OK);
        queue_fixture_trial_is(f, claim.trial, "queued");
        claim = queue_fixture_claim(f, worker);
        assert_int_equal(claim.trial, 5);
        assert_int_equal(claim.attempt, (int64_t)i + 2);
    }
    assert_int_equal(queue_fixture_int(f, "SELECT sum(spent) FROM trials"), 0);
    assert_int_equal(reuse_fixture_take(f, worker, &claim, 1), REPORT_OK);
    queue_fixture_trial_is(f, 5, "succeeded");
    queue_fixture_keeps_the_rules(f);
}

static void an_offer_that_was_deleted_meanwhile_gives_the_trial_back(void **state)
{
    struct queue_fixture *f = *state;
    int64_t worker = train_plain(f);
    queue_fixture_submit(f, REUSING);
    struct queue_claim claim = queue_fixture_claim(f, worker);
    assert_int_equal(claim.offers.n, 1);
    queue_fixture_act(f, 1, QUEUE_DELETE);
    queue_fixture_advance(f, 10);
    for (int times = 0; times < 2; times++) {
        assert_int_equal(reuse_fixture_take(f, worker, &claim, 1), REPORT_OK);
    }
    queue_fixture_trial_is(f, claim.trial, "queued");
    claim = queue_fixture_claim(f, worker);
    assert_int_equal(claim.attempt, 2);
    assert_int_equal(claim.offers.n, 0);
    queue_fixture_keeps_the_rules(f);
}

/* ---- life ---- */

static void taking_over_holds_to_leases_cancels_and_restarts(void **state)
{
    struct queue_fixture *f = *state;
    int64_t worker = train_plain(f);
    int64_t second = queue_fixture_submit(f, REUSING);
    struct queue_claim late = queue_fixture_claim(f, worker);
    queue_fixture_advance(f, 30001);
    assert_int_equal(reuse_fixture_take(f, worker, &late, 1), REPORT_LEASE_LOST);
    struct queue_claim again = queue_fixture_claim(f, worker);
    assert_int_equal(again.trial, late.trial);
    assert_int_equal(again.offers.n, 1);
    queue_fixture_restart(f);
    for (int times = 0; times < 2; times++) {
        assert_int_equal(reuse_fixture_take(f, worker, &again, 1), REPORT_OK);
    }
    queue_fixture_trial_is(f, again.trial, "succeeded");
    worker = queue_fixture_worker(f);
    struct queue_claim stopped = queue_fixture_claim(f, worker);
    queue_fixture_act(f, second, QUEUE_CANCEL);
    assert_int_equal(reuse_fixture_take(f, worker, &stopped, 2), REPORT_OK);
    queue_fixture_trial_is(f, stopped.trial, "succeeded"); /* a result is never thrown away */
    queue_fixture_act(f, second, QUEUE_RETRY);
    assert_int_equal(reuse_fixture_take_all(f), 2);
    assert_int_equal(queue_fixture_int(f, "SELECT reused FROM sweeps WHERE id = 2"), 4);
    queue_fixture_keeps_the_rules(f);
}

static void max_running_is_respected_while_results_are_taken_over(void **state)
{
    struct queue_fixture *f = *state;
    int64_t worker = train_plain(f);
    queue_fixture_submit(f, "{\"reuse\":true,\"max_running\":1,\"parameters\":{\"depth\":[1,2]},"
                            "\"replicates\":2,\"seed\":5}");
    struct queue_claim claim = queue_fixture_claim(f, worker);
    assert_int_equal(queue_fixture_claim(f, worker).trial, 0);
    reuse_fixture_take(f, worker, &claim, claim.offers.at[0].trial);
    assert_int_equal(reuse_fixture_take_all(f), 3);
}

/* As after an operation that failed: memory is read anew, with what is not committed. */
static void what_is_not_committed_is_counted_when_memory_is_read_anew(void **state)
{
    struct queue_fixture *f = *state;
    int64_t worker = train_plain(f);
    queue_fixture_submit(f, REUSING);
    struct queue_claim claim = queue_fixture_claim(f, worker);
    struct report report = {
        .trial = claim.trial, .attempt = 1, .end = REPORT_REUSED, .reused_from = 1};
    enum report_status status;
    assert_int_equal(
        queue_report(f->queue, &(struct queue_reports){worker, &report, 1, &status}, &f->now, NULL),
        0);
    f->queue->stale = true;
    queue_fixture_commit(f);
    assert_int_equal(queue_fixture_int(f, "SELECT reused FROM sweeps WHERE id = 2"), 1);
    queue_fixture_keeps_the_rules(f);
}

/* ---- workers that took one before ---- */

/* Trains PLAIN, submits REUSING, and has a new worker take the first; returns the worker. */
static int64_t vouched_worker(struct queue_fixture *f)
{
    train_plain(f);
    queue_fixture_submit(f, REUSING);
    int64_t worker = queue_fixture_worker(f);
    struct queue_claim claim = queue_fixture_claim(f, worker);
    assert_int_equal(claim.offers.n, 1);
    reuse_fixture_take(f, worker, &claim, claim.offers.at[0].trial);
    return worker;
}

static void who_took_one_is_not_asked_again(void **state)
{
    struct queue_fixture *f = *state;
    int64_t worker = vouched_worker(f);
    assert_int_equal(queue_fixture_claim(f, worker).trial, 0);
    queue_fixture_sweep_is(f, 2, "finished");
    assert_string_equal(
        queue_fixture_text(f, "SELECT group_concat(reused_from) FROM results WHERE sweep = 2"),
        "1,2,3,4");
    assert_int_equal(queue_fixture_int(f, "SELECT count(*) FROM curves WHERE sweep = 2"), 8);
    queue_fixture_keeps_the_rules(f);
    queue_fixture_advance(f, 2000);
    assert_int_equal(queue_fixture_int(f, "SELECT sum(running) FROM workers"), 0);
    /* What is new comes to it all the same, past what is not. */
    queue_fixture_submit(f, "{\"reuse\":true,\"parameters\":{\"depth\":[1,2,3]},\"seed\":6}");
    struct queue_claim claim = queue_fixture_claim(f, worker);
    assert_int_equal(claim.config.n_hidden, 3);
    assert_int_equal(claim.offers.n, 0);
}

static void who_took_none_is_asked(void **state)
{
    struct queue_fixture *f = *state;
    int64_t worker = vouched_worker(f);
    assert_int_equal(queue_fixture_claim(f, queue_fixture_worker(f)).offers.n, 1);
    queue_fixture_restart(f);
    assert_int_equal(queue_fixture_claim(f, worker).offers.n, 1);
}

static void one_data_set_says_nothing_of_another(void **state)
{
    struct queue_fixture *f = *state;
    static const char other[] = "{%s\"base\":{\"depth\":1,\"dataset\":\"letters\"}}";
    char json[128];
    int64_t worker = vouched_worker(f);
    snprintf(json, sizeof(json), other, "");
    queue_fixture_submit(f, json);
    queue_fixture_claim(f, worker); /* the rest of the second sweep goes by */
    struct queue_claim trained = {.trial = 9, .attempt = 1};
    queue_fixture_report(f, worker, &trained, REPORT_DONE); /* on data with the same digest */
    snprintf(json, sizeof(json), other, "\"reuse\":true,");
    queue_fixture_submit(f, json);
    struct queue_claim claim = queue_fixture_claim(f, worker);
    assert_int_equal(claim.trial, 10);
    assert_int_equal(claim.offers.n, 1);
}

static void who_trains_with_something_else_is_asked_again(void **state)
{
    struct queue_fixture *f = *state;
    int64_t worker = vouched_worker(f);
    queue_fixture_claim(f, worker);
    for (int i = 0; i < 4; i++) {
        queue_fixture_submit(f, "{\"base\":{\"depth\":3}}");
        struct queue_claim claim = queue_fixture_claim(f, worker);
        struct report report = queue_fixture_done(&claim, 10);
        report.result.trainer[0] = i == 1 ? 'x' : report.result.trainer[0];
        report.result.kernel[0] = i == 2 ? 'x' : report.result.kernel[0];
        report.result.data_sha256[0] = i == 3 ? 'x' : report.result.data_sha256[0];
        queue_fixture_send(f, worker, &report);
        queue_fixture_submit(f, "{\"reuse\":true,\"base\":{\"depth\":1},\"seed\":5}");
        claim = queue_fixture_claim(f, worker);
        assert_int_equal(claim.offers.n, i == 0 ? 0 : 1);
        if (i > 0) { /* it vouches anew */
            reuse_fixture_take(f, worker, &claim, claim.offers.at[0].trial);
        }
    }
}

static void a_claim_takes_over_a_slice_at_a_time(void **state)
{
    struct queue_fixture *f = *state;
    f->options.slice = 40;
    queue_fixture_restart(f);
    int64_t worker = queue_fixture_worker(f);
    queue_fixture_submit(f, "{\"base\":{\"depth\":1},\"replicates\":20}");
    queue_fixture_advance(f, 10);
    reuse_fixture_train_all(f, worker);
    queue_fixture_submit(f, "{\"reuse\":true,\"base\":{\"depth\":1},\"replicates\":20}");
    queue_fixture_advance(f, 10);
    struct queue_claim claim = queue_fixture_claim(f, worker);
    reuse_fixture_take(f, worker, &claim, claim.offers.at[0].trial);
    for (int left = 19; left > 0;) { /* 19 each: 16, and three rows */
        assert_int_equal(queue_fixture_claim(f, worker).trial, 0);
        left = left > 3 ? left - 3 : 0;
        assert_int_equal(queue_claimable(f->queue), left);
    }
    queue_fixture_sweep_is(f, 2, "finished");
}

/* ---- the rules ---- */

static void a_copy_that_is_none_breaks_the_rules(void **state)
{
    struct queue_fixture *f = *state;
    static const char differs[] = "a result differs from the one it was taken from: trial 5";
    static const char uncounted[] = "a result was taken over that nobody asked for, or was not "
                                    "counted: sweep 2";
    static const char *const breaches[][3] = {
        {"UPDATE attempts SET steps = 99 WHERE trial = 5",
         "UPDATE attempts SET steps = 1 WHERE trial = 5", differs},
        {"UPDATE attempts SET reused_from = 2 WHERE trial = 5",
         "UPDATE attempts SET reused_from = 1 WHERE trial = 5", differs},
        {"UPDATE attempts SET reused_from = NULL WHERE trial = 5",
         "UPDATE attempts SET reused_from = 1 WHERE trial = 5", uncounted},
        {"UPDATE sweeps SET reuse = 0 WHERE id = 2", "UPDATE sweeps SET reuse = 1 WHERE id = 2",
         uncounted},
    };
    sqlite3 *db;
    int64_t worker = vouched_worker(f);
    queue_fixture_claim(f, worker);
    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
    for (size_t i = 0; i < sizeof(breaches) / sizeof(breaches[0]); i++) {
        assert_int_equal(sqlite3_exec(db, breaches[i][0], NULL, NULL, NULL), SQLITE_OK);
        assert_string_equal(queue_fixture_broken_rule(f), breaches[i][2]);
        assert_int_equal(sqlite3_exec(db, breaches[i][1], NULL, NULL, NULL), SQLITE_OK);
        assert_string_equal(queue_fixture_broken_rule(f), "");
    }
    sqlite3_close(db);
}

int main(void)
{
#define TEST(name)                                                                                 \
    cmocka_unit_test_setup_teardown(name, queue_fixture_setup, queue_fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(the_second_submission_takes_over_every_result),
        TEST(a_result_that_was_taken_over_says_on_which_cpu_it_was_trained),
        TEST(what_was_measured_is_copied_and_outlives_the_original),
        TEST(trained_trials_alone_count_for_speed),
        TEST(more_replicates_train_only_what_is_new),
        TEST(a_result_that_came_after_the_submission_is_offered),
        TEST(results_made_in_different_ways_are_all_offered),
        TEST(of_a_changed_network_no_older_result_is_taken_unasked),
        TEST(what_is_not_known_whole_is_not_offered),
        TEST(other_configurations_and_sweeps_that_do_not_ask_get_no_offer),
        TEST(another_trials_result_is_never_taken),
        TEST(an_offer_that_was_deleted_meanwhile_gives_the_trial_back),
        TEST(taking_over_holds_to_leases_cancels_and_restarts),
        TEST(max_running_is_respected_while_results_are_taken_over),
        TEST(what_is_not_committed_is_counted_when_memory_is_read_anew),
        TEST(who_took_one_is_not_asked_again),
        TEST(who_took_none_is_asked),
        TEST(one_data_set_says_nothing_of_another),
        TEST(who_trains_with_something_else_is_asked_again),
        TEST(a_claim_takes_over_a_slice_at_a_time),
        TEST(a_copy_that_is_none_breaks_the_rules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
