#include "tests/queue_fixture.h"

#include <math.h>
#include <string.h>

#define ONE "{\"base\":{\"depth\":1}}"

/* ---- a trial's life ---- */

static void a_trial_is_claimed_done_and_its_sweep_finished(void **state)
{
    struct queue_fixture *f = *state;
    int64_t sweep = queue_fixture_submit(f, ONE);
    int64_t worker = queue_fixture_worker(f);
    assert_int_equal(queue_claimable(f->queue), 1);
    struct queue_claim claim = queue_fixture_claim(f, worker);
    assert_int_equal(claim.attempt, 1);
    assert_int_equal(claim.config.n_hidden, 1);
    assert_int_equal(claim.config.hidden_units[0], 500);
    queue_fixture_trial_is(f, claim.trial, "running");
    assert_int_equal(queue_claimable(f->queue), 0);
    assert_int_equal(queue_fixture_report(f, worker, &claim, REPORT_DONE), REPORT_OK);
    queue_fixture_trial_is(f, claim.trial, "succeeded");
    queue_fixture_sweep_is(f, sweep, "finished");
    assert_int_equal(queue_fixture_int(f, "SELECT succeeded + reached FROM sweeps"), 2);
    assert_string_equal(queue_fixture_text(f, "SELECT steps_to_target FROM results"), "10");
}

static void a_claimed_configuration_is_the_cell_with_its_seed(void **state)
{
    struct queue_fixture *f = *state;
    queue_fixture_submit(f,
                         "{\"base\":{\"hidden_units\":[30,20],\"learning_rate\":0.123456789012345,"
                         "\"batch_norm\":\"after\",\"optimizer\":\"rmsprop\",\"measure_every\":7},"
                         "\"seed\":9223372036854775800,\"replicates\":2}");
    int64_t worker = queue_fixture_worker(f);
    queue_fixture_claim(f, worker);
    struct trial_config c = queue_fixture_claim(f, worker).config;
    assert_int_equal(c.n_hidden, 2);
    assert_int_equal(c.hidden_units[1], 20);
    assert_true(c.learning_rate == 0.123456789012345);
    assert_int_equal(c.batch_norm, BATCH_NORM_AFTER);
    assert_int_equal(c.optimizer, OPTIMIZER_RMSPROP);
    assert_true(c.batch_norm_output);
    assert_int_equal(c.measure_every, 7);
    assert_true(c.seed == 9223372036854775801u);
}

static void nothing_is_true_before_the_commit(void **state)
{
    struct queue_fixture *f = *state;
    queue_fixture_submit(f, ONE);
    int64_t worker = queue_fixture_worker(f);
    struct queue_claim claim;
    size_t n;
    assert_int_equal(queue_claim(f->queue, worker, 1, &f->now, &claim, &n), 0);
    assert_int_equal(n, 1);
    queue_fixture_trial_is(f, claim.trial, "queued");
    queue_fixture_restart(f);
    assert_int_equal(queue_claimable(f->queue), 1);
}

static void a_failed_trial_waits_and_is_tried_again_until_attempts_are_spent(void **state)
{
    struct queue_fixture *f = *state;
    int64_t sweep = queue_fixture_submit(f, "{\"base\":{\"depth\":1},\"max_attempts\":3}");
    int64_t worker = queue_fixture_worker(f), trial = 0;
    for (int attempt = 1; attempt <= 3; attempt++) {
        struct queue_claim claim = queue_fixture_claim(f, worker);
        assert_int_equal(claim.attempt, attempt);
        trial = claim.trial;
        assert_int_equal(queue_fixture_report(f, worker, &claim, REPORT_FAILED), REPORT_OK);
        assert_int_equal(queue_fixture_claim(f, worker).trial, 0);
        /* 1 s, then 2 s, each 25 % more or less */
        queue_fixture_advance(f, 750 * attempt - 1);
        assert_int_equal(queue_fixture_claim(f, worker).trial, 0);
        queue_fixture_advance(f, 500 * attempt + 1);
    }
    queue_fixture_trial_is(f, trial, "failed");
    queue_fixture_sweep_is(f, sweep, "finished");
    assert_string_equal(queue_fixture_text(f, "SELECT error FROM results"), "it broke");
    assert_int_equal(queue_fixture_int(f, "SELECT failed FROM sweeps"), 1);
    assert_int_equal(
        queue_fixture_int(f, "SELECT count(*) FROM events WHERE kind = 'trial_failed'"), 1);
}

static void a_failure_without_retry_is_final_at_once(void **state)
{
    struct queue_fixture *f = *state;
    queue_fixture_submit(f, ONE);
    int64_t worker = queue_fixture_worker(f);
    struct queue_claim claim = queue_fixture_claim(f, worker);
    struct report report = queue_fixture_failed(&claim, false);
    assert_int_equal(queue_fixture_send(f, worker, &report), REPORT_OK);
    queue_fixture_trial_is(f, claim.trial, "failed");
}

static void a_released_trial_is_queued_at_once_and_spends_no_attempt(void **state)
{
    struct queue_fixture *f = *state;
    queue_fixture_submit(f, "{\"base\":{\"depth\":1},\"max_attempts\":1}");
    int64_t worker = queue_fixture_worker(f);
    for (int i = 1; i <= 5; i++) {
        struct queue_claim claim = queue_fixture_claim(f, worker);
        assert_int_equal(claim.attempt, i);
        assert_int_equal(queue_fixture_report(f, worker, &claim, REPORT_RELEASED), REPORT_OK);
        queue_fixture_trial_is(f, claim.trial, "queued");
    }
    assert_int_equal(queue_fixture_int(f, "SELECT spent FROM trials"), 0);
}

/* ---- leases ---- */

static void lease_expires_and_trial_returns_to_queue(void **state)
{
    struct queue_fixture *f = *state;
    queue_fixture_submit(f, "{\"base\":{\"depth\":1},\"max_attempts\":2}");
    int64_t worker = queue_fixture_worker(f);
    struct queue_claim claim = queue_fixture_claim(f, worker);
    queue_fixture_advance(f, 29999);
    queue_fixture_trial_is(f, claim.trial, "running");
    queue_fixture_advance(f, 2);
    queue_fixture_trial_is(f, claim.trial, "queued");
    assert_string_equal(queue_fixture_text(f, "SELECT state || ': ' || error FROM attempts"),
                        "expired: lease expired: nothing heard from worker 1 for 30 s");
    claim = queue_fixture_claim(f, worker);
    assert_int_equal(claim.attempt, 2);
    queue_fixture_advance(f, 30001);
    queue_fixture_trial_is(f, claim.trial, "failed"); /* an expired attempt is a spent one */
}

static void every_report_extends_the_lease(void **state)
{
    struct queue_fixture *f = *state;
    queue_fixture_submit(f, ONE);
    int64_t worker = queue_fixture_worker(f);
    struct queue_claim claim = queue_fixture_claim(f, worker);
    for (int i = 0; i < 5; i++) {
        queue_fixture_advance(f, 29000);
        assert_int_equal(queue_fixture_report(f, worker, &claim, REPORT_CONTINUES), REPORT_OK);
    }
    queue_fixture_trial_is(f, claim.trial, "running");
}

/* A7 */
static void an_attempt_that_runs_too_long_is_ended_whatever_is_heard_of_it(void **state)
{
    struct queue_fixture *f = *state;
    queue_fixture_submit(f, "{\"base\":{\"depth\":1},\"max_attempts\":2,\"max_seconds\":60}");
    int64_t worker = queue_fixture_worker(f);
    for (int attempt = 1; attempt <= 2; attempt++) {
        struct queue_claim claim = queue_fixture_claim(f, worker);
        assert_int_equal(claim.attempt, attempt);
        for (int i = 0; i < 5; i++) {
            assert_int_equal(queue_fixture_report(f, worker, &claim, REPORT_CONTINUES), REPORT_OK);
            queue_fixture_advance(f, 11999);
        }
        queue_fixture_trial_is(f, claim.trial, "running");
        queue_fixture_advance(f, 6);
        queue_fixture_trial_is(f, claim.trial, attempt == 1 ? "queued" : "failed");
        assert_string_equal(queue_fixture_ask(f,
                                              "SELECT state || ': ' || error FROM attempts"
                                              " WHERE attempt = %lld",
                                              attempt),
                            "failed: ran longer than max_seconds = 60");
        assert_int_equal(queue_fixture_report(f, worker, &claim, REPORT_CONTINUES),
                         REPORT_LEASE_LOST);
        queue_fixture_advance(f, 5000); /* a back-off, as after any failure */
    }
    assert_int_equal(queue_fixture_int(f, "SELECT spent FROM trials"), 2);
    assert_int_equal(queue_fixture_int(f, "SELECT max_seconds FROM sweeps"), 60);
}

static void an_attempt_has_its_whole_time_again_after_a_restart(void **state)
{
    struct queue_fixture *f = *state;
    queue_fixture_submit(f, "{\"base\":{\"depth\":1},\"max_seconds\":10}");
    int64_t worker = queue_fixture_worker(f);
    struct queue_claim claim = queue_fixture_claim(f, worker);
    queue_fixture_advance(f, 9000);
    queue_fixture_restart(f);
    queue_fixture_advance(f, 9999);
    queue_fixture_trial_is(f, claim.trial, "running");
    f->now.wall_ms += 86400000; /* which is no time */
    queue_fixture_advance(f, 0);
    queue_fixture_trial_is(f, claim.trial, "running");
    queue_fixture_advance(f, 2);
    queue_fixture_trial_is(f, claim.trial, "queued");
}

static void what_ends_in_time_is_not_ended_again(void **state)
{
    struct queue_fixture *f = *state;
    queue_fixture_submit(f, "{\"base\":{\"depth\":1},\"replicates\":2,\"max_seconds\":10}");
    int64_t worker = queue_fixture_worker(f);
    struct queue_claim done = queue_fixture_claim(f, worker);
    assert_int_equal(queue_fixture_report(f, worker, &done, REPORT_DONE), REPORT_OK);
    struct queue_claim released = queue_fixture_claim(f, worker);
    queue_fixture_report(f, worker, &released, REPORT_RELEASED);
    queue_fixture_advance(f, 5000);
    struct queue_claim again = queue_fixture_claim(f, worker);
    assert_int_equal(again.trial, released.trial);
    queue_fixture_advance(f, 9000);
    queue_fixture_trial_is(f, done.trial, "succeeded");
    queue_fixture_trial_is(f, again.trial, "running");
    queue_fixture_keeps_the_rules(f);
}

static void a_jump_of_the_wall_clock_ends_no_lease(void **state)
{
    struct queue_fixture *f = *state;
    queue_fixture_submit(f, ONE);
    struct queue_claim claim = queue_fixture_claim(f, queue_fixture_worker(f));
    f->now.wall_ms += 86400000;
    queue_fixture_advance(f, 1000);
    queue_fixture_trial_is(f, claim.trial, "running");
    f->now.wall_ms -= 2 * 86400000;
    queue_fixture_advance(f, 28000);
    queue_fixture_trial_is(f, claim.trial, "running");
    queue_fixture_advance(f, 1001);
    queue_fixture_trial_is(f, claim.trial, "queued");
}

static void a_daemon_that_overslept_forgives_its_workers(void **state)
{
    struct queue_fixture *f = *state;
    queue_fixture_submit(f, ONE);
    int64_t worker = queue_fixture_worker(f), wait_ms;
    struct queue_claim claim = queue_fixture_claim(f, worker);
    assert_int_equal(queue_tick(f->queue, &f->now, &wait_ms), 0);
    f->now.mono_ms += 3600000; /* the machine was suspended, or the daemon stopped */
    assert_int_equal(queue_tick(f->queue, &f->now, &wait_ms), 0);
    queue_fixture_commit(f);
    queue_fixture_trial_is(f, claim.trial, "running");
    assert_int_equal(queue_fixture_report(f, worker, &claim, REPORT_DONE), REPORT_OK);
}

/* A3: a daemon that came back into a flood asks for it, in its first two minutes. */
static void renewed_leases_start_afresh(void **state)
{
    struct queue_fixture *f = *state;
    queue_fixture_submit(f, ONE);
    struct queue_claim claim = queue_fixture_claim(f, queue_fixture_worker(f));
    for (int i = 0; i < 5; i++) {
        queue_fixture_advance(f, 29999);
        queue_renew_leases(f->queue, &f->now);
    }
    queue_fixture_advance(f, 29999);
    queue_fixture_trial_is(f, claim.trial, "running");
    queue_fixture_advance(f, 2);
    queue_fixture_trial_is(f, claim.trial, "queued");
}

static void a_restart_gives_running_trials_a_fresh_full_lease(void **state)
{
    struct queue_fixture *f = *state;
    queue_fixture_submit(f, ONE);
    int64_t worker = queue_fixture_worker(f);
    struct queue_claim claim = queue_fixture_claim(f, worker);
    queue_fixture_advance(f, 29000);
    queue_fixture_restart(f);
    queue_fixture_advance(f, 29000);
    queue_fixture_trial_is(f, claim.trial, "running");
    assert_int_equal(queue_fixture_report(f, worker, &claim, REPORT_DONE), REPORT_OK);
}

static void a_newer_attempt_fences_off_the_older(void **state)
{
    struct queue_fixture *f = *state;
    queue_fixture_submit(f, ONE);
    int64_t slow = queue_fixture_worker(f), quick = queue_fixture_worker(f);
    struct queue_claim old = queue_fixture_claim(f, slow);
    queue_fixture_advance(f, 30001);
    struct queue_claim new = queue_fixture_claim(f, quick);
    assert_int_equal(new.trial, old.trial);
    assert_int_equal(queue_fixture_report(f, slow, &old, REPORT_CONTINUES), REPORT_LEASE_LOST);
    assert_int_equal(queue_fixture_report(f, slow, &old, REPORT_DONE), REPORT_LEASE_LOST);
    queue_fixture_trial_is(f, old.trial, "running");
    struct report done = queue_fixture_done(&new, 77);
    assert_int_equal(queue_fixture_send(f, quick, &done), REPORT_OK);
    assert_int_equal(queue_fixture_report(f, slow, &old, REPORT_DONE), REPORT_LEASE_LOST);
    assert_int_equal(queue_fixture_int(f, "SELECT steps FROM results"), 77);
    assert_string_equal(queue_fixture_text(f, "SELECT late ->> 'weights_sha256' FROM attempts"),
                        QUEUE_FIXTURE_WEIGHTS);
}

static void a_report_for_what_never_was_is_lost(void **state)
{
    struct queue_fixture *f = *state;
    queue_fixture_submit(f, ONE);
    int64_t worker = queue_fixture_worker(f);
    struct queue_claim none = {.trial = 999, .attempt = 1}, early = {.trial = 1, .attempt = 1};
    assert_int_equal(queue_fixture_report(f, worker, &none, REPORT_DONE), REPORT_LEASE_LOST);
    assert_int_equal(queue_fixture_report(f, worker, &early, REPORT_DONE), REPORT_LEASE_LOST);
    none = (struct queue_claim){.trial = -5, .attempt = 0};
    assert_int_equal(queue_fixture_report(f, worker, &none, REPORT_CONTINUES), REPORT_LEASE_LOST);
    queue_fixture_trial_is(f, 1, "queued");
}

static void repeating_a_report_is_harmless(void **state)
{
    struct queue_fixture *f = *state;
    queue_fixture_submit(f, "{\"base\":{\"depth\":1},\"replicates\":4}");
    int64_t worker = queue_fixture_worker(f);
    static const enum report_end ends[] = {REPORT_DONE, REPORT_FAILED, REPORT_RELEASED,
                                           REPORT_REUSED};
    for (int i = 0; i < 4; i++) {
        struct queue_claim claim = queue_fixture_claim(f, worker);
        struct measurement m = {.step = 1, .test_accuracy = 0.5};
        struct report report = queue_fixture_done(&claim, 10);
        report.end = ends[i];
        report.measurements = &m;
        report.n_measurements = ends[i] != REPORT_REUSED;
        for (int times = 0; times < 3; times++) {
            assert_int_equal(queue_fixture_send(f, worker, &report), REPORT_OK);
        }
    }
    assert_int_equal(queue_fixture_int(f, "SELECT count(*) FROM measurements"), 3);
    assert_int_equal(queue_fixture_int(f, "SELECT count(late) FROM attempts"), 0);
    assert_int_equal(queue_fixture_int(f, "SELECT succeeded FROM sweeps"), 1);
}

/* A6: what was measured is said again only as it was. */
static void measurements_are_kept_once_and_the_first_stands(void **state)
{
    struct queue_fixture *f = *state;
    queue_fixture_submit(f, ONE);
    int64_t worker = queue_fixture_worker(f);
    struct queue_claim claim = queue_fixture_claim(f, worker);
    struct measurement m[] = {{.step = 1, .test_accuracy = 0.5, .train_loss = NAN},
                              {.step = 2, .test_accuracy = 0.6, .cpu_ms = 2.5},
                              {.step = 4, .test_accuracy = 0.7}};
    struct report report = {.trial = claim.trial, .attempt = 1, .measurements = m};
    report.n_measurements = 2;
    assert_int_equal(queue_fixture_send(f, worker, &report), REPORT_OK);
    report.measurements = m + 1;
    assert_int_equal(queue_fixture_send(f, worker, &report), REPORT_OK);
    report.measurements = m;
    m[1].test_accuracy = 0.8;
    for (int times = 0; times < 2; times++) { /* as remembered, and as read after a restart */
        struct error error;
        enum report_status status;
        struct queue_reports reports = {worker, &report, 1, &status};
        assert_int_equal(queue_report(f->queue, &reports, &f->now, &error), QUEUE_CANNOT_BE);
        assert_string_equal(error.field, "reports[0].measurements[1].step");
        queue_fixture_commit(f);
        queue_fixture_restart(f);
    }
    assert_string_equal(
        queue_fixture_text(f, "SELECT group_concat(step || ' ' || test_accuracy || ' ' ||"
                              " ifnull(train_loss, '-') || ' ' || cpu_ms, ', ') FROM measurements"),
        "1 0.5 - 0.0, 2 0.6 0.0 2.5, 4 0.7 0.0 0.0");
}

static void a_measurement_without_accuracy_is_refused_not_passed_over(void **state)
{
    struct queue_fixture *f = *state;
    queue_fixture_submit(f, ONE);
    int64_t worker = queue_fixture_worker(f);
    struct queue_claim claim = queue_fixture_claim(f, worker);
    struct measurement m[] = {{.step = 1, .test_accuracy = 0.5}, {.step = 2, .test_accuracy = NAN}};
    struct report report = {
        .trial = claim.trial, .attempt = 1, .measurements = m, .n_measurements = 2};
    enum report_status status;
    assert_true(queue_report(f->queue, &(struct queue_reports){worker, &report, 1, &status},
                             &f->now, NULL) < 0);
    queue_fixture_commit(f);
    assert_int_equal(queue_fixture_int(f, "SELECT count(*) FROM measurements"), 0);
}

/* A7 */
static void a_lease_belongs_to_its_worker(void **state)
{
    struct queue_fixture *f = *state;
    queue_fixture_submit(f, ONE);
    int64_t owner = queue_fixture_worker(f), other = queue_fixture_worker(f);
    struct queue_claim claim = queue_fixture_claim(f, owner);
    static const enum report_end ends[] = {REPORT_CONTINUES, REPORT_DONE, REPORT_FAILED,
                                           REPORT_RELEASED, REPORT_REUSED};
    for (int i = 0; i < 5; i++) {
        assert_int_equal(queue_fixture_report(f, other, &claim, ends[i]), REPORT_LEASE_LOST);
    }
    queue_fixture_advance(f, 20000);
    queue_fixture_report(f, other, &claim, REPORT_CONTINUES); /* which extends nothing */
    queue_fixture_trial_is(f, claim.trial, "running");
    assert_int_equal(queue_fixture_report(f, owner, &claim, REPORT_DONE), REPORT_OK);
    assert_int_equal(queue_fixture_report(f, other, &claim, REPORT_DONE), REPORT_LEASE_LOST);
    assert_int_equal(queue_fixture_int(f, "SELECT count(late) FROM attempts"), 0);
}

/* ---- workers ---- */

static void an_unknown_worker_is_told_to_register(void **state)
{
    struct queue_fixture *f = *state;
    struct queue_claim claim;
    enum report_status status;
    size_t n;
    queue_fixture_submit(f, ONE);
    assert_int_equal(queue_claim(f->queue, 5, 1, &f->now, &claim, &n), QUEUE_UNKNOWN_WORKER);
    assert_int_equal(queue_touch(f->queue, 5, &f->now), QUEUE_UNKNOWN_WORKER);
    assert_int_equal(
        queue_report(f->queue, &(struct queue_reports){5, NULL, 0, &status}, &f->now, NULL),
        QUEUE_UNKNOWN_WORKER);
    assert_int_equal(queue_claimable(f->queue), 1);
}

static void a_silent_worker_is_gone_and_may_come_back(void **state)
{
    struct queue_fixture *f = *state;
    int64_t worker = queue_fixture_worker(f);
    queue_fixture_advance(f, 89000);
    assert_string_equal(queue_fixture_text(f, "SELECT state FROM workers"), "alive");
    assert_int_equal(queue_touch(f->queue, worker, &f->now), 0);
    queue_fixture_advance(f, 89000);
    assert_string_equal(queue_fixture_text(f, "SELECT state FROM workers"), "alive");
    queue_fixture_advance(f, 1001);
    assert_string_equal(queue_fixture_text(f, "SELECT state FROM workers"), "gone");
    assert_int_equal(queue_touch(f->queue, worker, &f->now), QUEUE_UNKNOWN_WORKER);
    enum report_status status;
    assert_int_equal(
        queue_report(f->queue, &(struct queue_reports){worker, NULL, 0, &status}, &f->now, NULL),
        0);
    queue_fixture_commit(f);
    assert_string_equal(queue_fixture_text(f, "SELECT state FROM workers"), "alive");
    assert_int_equal(queue_touch(f->queue, worker, &f->now), 0);
}

/* Also what was granted while it was stopping, and what it asks for too late. */
static void a_worker_that_departs_leaves_nothing_to_expire(void **state)
{
    struct queue_fixture *f = *state;
    queue_fixture_submit(f, "{\"base\":{\"depth\":1},\"replicates\":4}");
    int64_t leaves = queue_fixture_worker(f), stays = queue_fixture_worker(f), released = 0;
    struct queue_claim first = queue_fixture_claim(f, leaves), other, late;
    other = queue_fixture_claim(f, stays);
    queue_fixture_claim(f, leaves);
    size_t n;
    assert_int_equal(queue_depart(f->queue, leaves, &f->now, &released), 0);
    assert_int_equal(queue_claim(f->queue, leaves, 1, &f->now, &late, &n), QUEUE_UNKNOWN_WORKER);
    queue_fixture_commit(f);
    assert_int_equal(released, 2);
    queue_fixture_trial_is(f, first.trial, "queued");
    queue_fixture_trial_is(f, other.trial, "running");
    assert_int_equal(queue_claimable(f->queue), 3);
    assert_int_equal(queue_fixture_int(f, "SELECT sum(spent) FROM trials"), 0);
    assert_string_equal(
        queue_fixture_text(f, "SELECT state || running FROM workers ORDER BY id LIMIT 1"), "gone0");
    assert_int_equal(queue_fixture_report(f, leaves, &first, REPORT_DONE), REPORT_LEASE_LOST);
    assert_int_equal(queue_depart(f->queue, stays, &f->now, &released), 0);
    assert_int_equal(queue_depart(f->queue, stays, &f->now, &released), 0); /* said twice */
    assert_int_equal(released, 0);
    assert_int_equal(queue_depart(f->queue, 77, &f->now, &released), QUEUE_UNKNOWN_WORKER);
}

static void a_workers_figures_follow_within_a_second(void **state)
{
    struct queue_fixture *f = *state;
    queue_fixture_submit(f, "{\"base\":{\"depth\":1},\"replicates\":4}");
    int64_t worker = queue_fixture_worker(f);
    for (int i = 0; i < 3; i++) {
        struct queue_claim claim = queue_fixture_claim(f, worker);
        queue_fixture_advance(f, 500);
        struct report report =
            i == 2 ? queue_fixture_failed(&claim, false) : queue_fixture_done(&claim, 3);
        queue_fixture_send(f, worker, &report);
    }
    queue_fixture_claim(f, worker);
    queue_fixture_advance(f, 1001);
    assert_string_equal(
        queue_fixture_text(f, "SELECT running || ' ' || succeeded || ' ' || failed FROM workers"),
        "1 2 1");
}

int main(void)
{
#define TEST(name)                                                                                 \
    cmocka_unit_test_setup_teardown(name, queue_fixture_setup, queue_fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_trial_is_claimed_done_and_its_sweep_finished),
        TEST(a_claimed_configuration_is_the_cell_with_its_seed),
        TEST(nothing_is_true_before_the_commit),
        TEST(a_failed_trial_waits_and_is_tried_again_until_attempts_are_spent),
        TEST(a_failure_without_retry_is_final_at_once),
        TEST(a_released_trial_is_queued_at_once_and_spends_no_attempt),
        TEST(lease_expires_and_trial_returns_to_queue),
        TEST(every_report_extends_the_lease),
        TEST(an_attempt_that_runs_too_long_is_ended_whatever_is_heard_of_it),
        TEST(an_attempt_has_its_whole_time_again_after_a_restart),
        TEST(what_ends_in_time_is_not_ended_again),
        TEST(a_jump_of_the_wall_clock_ends_no_lease),
        TEST(a_daemon_that_overslept_forgives_its_workers),
        TEST(renewed_leases_start_afresh),
        TEST(a_restart_gives_running_trials_a_fresh_full_lease),
        TEST(a_newer_attempt_fences_off_the_older),
        TEST(a_report_for_what_never_was_is_lost),
        TEST(repeating_a_report_is_harmless),
        TEST(measurements_are_kept_once_and_the_first_stands),
        TEST(a_measurement_without_accuracy_is_refused_not_passed_over),
        TEST(a_lease_belongs_to_its_worker),
        TEST(an_unknown_worker_is_told_to_register),
        TEST(a_silent_worker_is_gone_and_may_come_back),
        TEST(a_worker_that_departs_leaves_nothing_to_expire),
        TEST(a_workers_figures_follow_within_a_second),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
