#include "tests/queue_fixture.h"

#include "daemon/sweep_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ONE "{\"base\":{\"depth\":1}}"

/* printf into SQL, and what the database says to it. */
static const char *text(struct queue_fixture *f, const char *format, int64_t id)
{
    char sql[256];
    snprintf(sql, sizeof(sql), format, (long long)id);
    return queue_fixture_text(f, sql);
}

static void trial_is(struct queue_fixture *f, int64_t trial, const char *state)
{
    assert_string_equal(text(f, "SELECT state FROM trials WHERE id = %lld", trial), state);
}

static void sweep_is(struct queue_fixture *f, int64_t sweep, const char *state)
{
    assert_string_equal(text(f, "SELECT state FROM sweeps WHERE id = %lld", sweep), state);
}

static int64_t act(struct queue_fixture *f, int64_t sweep, enum queue_action action)
{
    int64_t moved = -1;
    struct error error = {0};
    assert_int_equal(queue_act(f->queue, sweep, action, &f->now, &moved, &error), 0);
    queue_fixture_commit(f);
    return moved;
}

static struct report failure(const struct queue_claim *claim, bool retry)
{
    return (struct report){.trial = claim->trial,
                           .attempt = claim->attempt,
                           .end = REPORT_FAILED,
                           .failure = {.reason = "it broke", .retry = retry}};
}

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
    trial_is(f, claim.trial, "running");
    assert_int_equal(queue_claimable(f->queue), 0);
    assert_int_equal(queue_fixture_report(f, worker, &claim, REPORT_DONE), REPORT_OK);
    trial_is(f, claim.trial, "succeeded");
    sweep_is(f, sweep, "finished");
    assert_int_equal(queue_fixture_int(f, "SELECT succeeded + reached FROM sweeps"), 2);
    assert_string_equal(queue_fixture_text(f, "SELECT steps_to_target FROM results"), "10");
}

static void a_claimed_configuration_is_the_cell_with_its_seed(void **state)
{
    struct queue_fixture *f = *state;
    queue_fixture_submit(f,
                         "{\"base\":{\"hidden_units\":[30,20],\"learning_rate\":0.123456789012345,"
                         "\"batch_norm\":\"after\",\"optimizer\":\"rmsprop\"},"
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
    trial_is(f, claim.trial, "queued");
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
    trial_is(f, trial, "failed");
    sweep_is(f, sweep, "finished");
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
    struct report report = failure(&claim, false);
    assert_int_equal(queue_fixture_send(f, worker, &report), REPORT_OK);
    trial_is(f, claim.trial, "failed");
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
        trial_is(f, claim.trial, "queued");
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
    trial_is(f, claim.trial, "running");
    queue_fixture_advance(f, 2);
    trial_is(f, claim.trial, "queued");
    assert_string_equal(queue_fixture_text(f, "SELECT state || ': ' || error FROM attempts"),
                        "expired: lease expired: nothing heard from worker 1 for 30 s");
    claim = queue_fixture_claim(f, worker);
    assert_int_equal(claim.attempt, 2);
    queue_fixture_advance(f, 30001);
    trial_is(f, claim.trial, "failed"); /* an expired attempt is a spent one */
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
    trial_is(f, claim.trial, "running");
}

static void a_jump_of_the_wall_clock_ends_no_lease(void **state)
{
    struct queue_fixture *f = *state;
    queue_fixture_submit(f, ONE);
    struct queue_claim claim = queue_fixture_claim(f, queue_fixture_worker(f));
    f->now.wall_ms += 86400000;
    queue_fixture_advance(f, 1000);
    trial_is(f, claim.trial, "running");
    f->now.wall_ms -= 2 * 86400000;
    queue_fixture_advance(f, 28000);
    trial_is(f, claim.trial, "running");
    queue_fixture_advance(f, 1001);
    trial_is(f, claim.trial, "queued");
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
    trial_is(f, claim.trial, "running");
    assert_int_equal(queue_fixture_report(f, worker, &claim, REPORT_DONE), REPORT_OK);
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
    trial_is(f, claim.trial, "running");
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
    trial_is(f, old.trial, "running");
    struct report done = queue_fixture_done(&new, 77);
    assert_int_equal(queue_fixture_send(f, quick, &done), REPORT_OK);
    assert_int_equal(queue_fixture_report(f, slow, &old, REPORT_DONE), REPORT_LEASE_LOST);
    assert_int_equal(queue_fixture_int(f, "SELECT steps FROM results"), 77);
    assert_string_equal(queue_fixture_text(f, "SELECT late ->> 'weights_sha256' FROM attempts"),
                        "aa");
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
    trial_is(f, 1, "queued");
}

static void repeating_a_report_is_harmless(void **state)
{
    struct queue_fixture *f = *state;
    queue_fixture_submit(f, "{\"base\":{\"depth\":1},\"replicates\":3}");
    int64_t worker = queue_fixture_worker(f);
    static const enum report_end ends[] = {REPORT_DONE, REPORT_FAILED, REPORT_RELEASED};
    for (int i = 0; i < 3; i++) {
        struct queue_claim claim = queue_fixture_claim(f, worker);
        struct measurement m = {.step = 1, .test_accuracy = 0.5};
        struct report report = queue_fixture_done(&claim, 10);
        report.end = ends[i];
        report.measurements = &m;
        report.n_measurements = 1;
        for (int times = 0; times < 3; times++) {
            assert_int_equal(queue_fixture_send(f, worker, &report), REPORT_OK);
        }
    }
    assert_int_equal(queue_fixture_int(f, "SELECT count(*) FROM measurements"), 3);
    assert_int_equal(queue_fixture_int(f, "SELECT count(late) FROM attempts"), 0);
    assert_int_equal(queue_fixture_int(f, "SELECT succeeded FROM sweeps"), 1);
}

static void any_worker_may_report_for_a_lease(void **state)
{
    struct queue_fixture *f = *state;
    queue_fixture_submit(f, ONE);
    struct queue_claim claim = queue_fixture_claim(f, queue_fixture_worker(f));
    int64_t again = queue_fixture_worker(f); /* it was told to register again */
    assert_int_equal(queue_fixture_report(f, again, &claim, REPORT_DONE), REPORT_OK);
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
    assert_int_equal(queue_report(f->queue, 5, NULL, 0, &f->now, &status), QUEUE_UNKNOWN_WORKER);
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
    assert_int_equal(queue_touch(f->queue, worker, &f->now), 0);
    queue_fixture_commit(f);
    assert_string_equal(queue_fixture_text(f, "SELECT state FROM workers"), "alive");
}

static void a_workers_figures_follow_within_a_second(void **state)
{
    struct queue_fixture *f = *state;
    queue_fixture_submit(f, "{\"base\":{\"depth\":1},\"replicates\":4}");
    int64_t worker = queue_fixture_worker(f);
    for (int i = 0; i < 3; i++) {
        struct queue_claim claim = queue_fixture_claim(f, worker);
        queue_fixture_advance(f, 500);
        struct report report = i == 2 ? failure(&claim, false) : queue_fixture_done(&claim, 3);
        queue_fixture_send(f, worker, &report);
    }
    queue_fixture_claim(f, worker);
    queue_fixture_advance(f, 1001);
    assert_string_equal(
        queue_fixture_text(f, "SELECT running || ' ' || succeeded || ' ' || failed FROM workers"),
        "1 2 1");
}

/* ---- sweeps ---- */

static void a_paused_sweep_hands_out_nothing_until_resumed(void **state)
{
    struct queue_fixture *f = *state;
    int64_t sweep = queue_fixture_submit(f, "{\"base\":{\"depth\":1},\"replicates\":2}");
    int64_t worker = queue_fixture_worker(f);
    struct queue_claim claim = queue_fixture_claim(f, worker);
    act(f, sweep, QUEUE_PAUSE);
    act(f, sweep, QUEUE_PAUSE);
    sweep_is(f, sweep, "paused");
    assert_int_equal(queue_fixture_claim(f, worker).trial, 0);
    assert_int_equal(queue_fixture_report(f, worker, &claim, REPORT_DONE), REPORT_OK);
    queue_fixture_restart(f);
    assert_int_equal(queue_fixture_claim(f, worker).trial, 0);
    act(f, sweep, QUEUE_RESUME);
    act(f, sweep, QUEUE_RESUME);
    sweep_is(f, sweep, "active");
    assert_int_not_equal(queue_fixture_claim(f, worker).trial, 0);
}

static void cancel_ends_queued_trials_at_once_and_running_ones_at_their_next_report(void **state)
{
    struct queue_fixture *f = *state;
    int64_t sweep = queue_fixture_submit(f, "{\"base\":{\"depth\":1},\"replicates\":5}");
    int64_t worker = queue_fixture_worker(f);
    struct queue_claim stopped = queue_fixture_claim(f, worker);
    struct queue_claim ready = queue_fixture_claim(f, worker);
    struct queue_claim failing = queue_fixture_claim(f, worker);
    assert_int_equal(act(f, sweep, QUEUE_CANCEL), 2);
    assert_int_equal(act(f, sweep, QUEUE_CANCEL), 0);
    sweep_is(f, sweep, "cancelled");
    assert_int_equal(queue_fixture_int(f, "SELECT count(*) FROM trials WHERE state = 'cancelled'"),
                     2);
    assert_int_equal(queue_fixture_report(f, worker, &stopped, REPORT_CONTINUES), REPORT_CANCELLED);
    assert_int_equal(queue_fixture_report(f, worker, &stopped, REPORT_CONTINUES), REPORT_CANCELLED);
    trial_is(f, stopped.trial, "cancelled");
    /* A result is never thrown away, and a failure is not tried again. */
    assert_int_equal(queue_fixture_report(f, worker, &ready, REPORT_DONE), REPORT_OK);
    trial_is(f, ready.trial, "succeeded");
    assert_int_equal(queue_fixture_report(f, worker, &failing, REPORT_FAILED), REPORT_OK);
    trial_is(f, failing.trial, "cancelled");
    sweep_is(f, sweep, "cancelled");
    assert_string_equal(text(f,
                             "SELECT queued || running || succeeded || cancelled || "
                             "(finished_at IS NOT NULL) FROM sweeps WHERE id = %lld",
                             sweep),
                        "00141");
}

static void a_vanished_workers_trial_of_a_cancelled_sweep_ends_cancelled(void **state)
{
    struct queue_fixture *f = *state;
    int64_t sweep = queue_fixture_submit(f, ONE);
    struct queue_claim claim = queue_fixture_claim(f, queue_fixture_worker(f));
    act(f, sweep, QUEUE_CANCEL);
    queue_fixture_advance(f, 30001);
    trial_is(f, claim.trial, "cancelled");
    assert_string_equal(queue_fixture_text(f, "SELECT finished_at IS NOT NULL FROM sweeps"), "1");
}

static void retry_queues_failed_and_cancelled_trials_with_a_fresh_count(void **state)
{
    struct queue_fixture *f = *state;
    int64_t sweep =
        queue_fixture_submit(f, "{\"base\":{\"depth\":1},\"replicates\":3,\"max_attempts\":1}");
    int64_t worker = queue_fixture_worker(f);
    struct queue_claim good = queue_fixture_claim(f, worker);
    struct queue_claim bad = queue_fixture_claim(f, worker);
    queue_fixture_report(f, worker, &good, REPORT_DONE);
    queue_fixture_report(f, worker, &bad, REPORT_FAILED);
    act(f, sweep, QUEUE_CANCEL);
    queue_fixture_restart(f);
    assert_int_equal(act(f, sweep, QUEUE_RETRY), 2);
    assert_int_equal(act(f, sweep, QUEUE_RETRY), 0);
    sweep_is(f, sweep, "active");
    assert_string_equal(text(f, "SELECT finished_at FROM sweeps WHERE id = %lld", sweep), "NULL");
    struct queue_claim again = queue_fixture_claim(f, worker);
    assert_int_equal(again.trial, bad.trial);
    assert_int_equal(again.attempt, 2);
    assert_int_equal(queue_fixture_int(f, "SELECT sum(spent) FROM trials"), 0);
    queue_fixture_report(f, worker, &again, REPORT_DONE);
    again = queue_fixture_claim(f, worker);
    queue_fixture_report(f, worker, &again, REPORT_DONE);
    sweep_is(f, sweep, "finished");
    assert_int_equal(queue_fixture_int(f, "SELECT succeeded FROM sweeps"), 3);
}

static void an_action_that_the_state_forbids_is_a_conflict(void **state)
{
    struct queue_fixture *f = *state;
    struct error error = {0};
    int64_t moved, sweep = queue_fixture_submit(f, ONE);
    assert_int_equal(queue_act(f->queue, 99, QUEUE_PAUSE, &f->now, &moved, &error),
                     QUEUE_UNKNOWN_SWEEP);
    act(f, sweep, QUEUE_CANCEL);
    assert_int_equal(queue_act(f->queue, sweep, QUEUE_RESUME, &f->now, &moved, &error),
                     QUEUE_CONFLICT);
    assert_string_equal(error.message, "sweep 1 is cancelled and cannot be resumed");
    assert_int_equal(queue_act(f->queue, sweep, QUEUE_PAUSE, &f->now, &moved, &error),
                     QUEUE_CONFLICT);
    int64_t other = queue_fixture_submit(f, ONE), worker = queue_fixture_worker(f);
    struct queue_claim claim = queue_fixture_claim(f, worker);
    queue_fixture_report(f, worker, &claim, REPORT_DONE);
    assert_int_equal(queue_act(f->queue, other, QUEUE_CANCEL, &f->now, &moved, &error),
                     QUEUE_CONFLICT);
    queue_fixture_commit(f);
    sweep_is(f, other, "finished");
}

static void a_trial_in_back_off_does_not_survive_its_sweeps_cancel(void **state)
{
    struct queue_fixture *f = *state;
    int64_t sweep = queue_fixture_submit(f, ONE), worker = queue_fixture_worker(f);
    struct queue_claim claim = queue_fixture_claim(f, worker);
    queue_fixture_report(f, worker, &claim, REPORT_FAILED);
    act(f, sweep, QUEUE_CANCEL);
    act(f, sweep, QUEUE_RETRY);
    queue_fixture_advance(f, 5000);
    assert_int_equal(queue_claimable(f->queue), 1);
    assert_int_not_equal(queue_fixture_claim(f, worker).trial, 0);
    assert_int_equal(queue_fixture_claim(f, worker).trial, 0);
}

/* ---- who is served ---- */

static void higher_priority_is_served_first(void **state)
{
    struct queue_fixture *f = *state;
    queue_fixture_submit(f, "{\"base\":{\"depth\":1},\"replicates\":2}");
    int64_t high = queue_fixture_submit(f, "{\"base\":{\"depth\":2},\"replicates\":2,"
                                           "\"priority\":5}");
    int64_t worker = queue_fixture_worker(f);
    for (int i = 0; i < 4; i++) {
        int64_t trial = queue_fixture_claim(f, worker).trial;
        int64_t sweep =
            strtoll(text(f, "SELECT sweep FROM trials WHERE id = %lld", trial), NULL, 10);
        assert_int_equal(sweep == high, i < 2);
    }
}

static void sweeps_of_equal_priority_take_turns(void **state)
{
    struct queue_fixture *f = *state;
    int64_t first = queue_fixture_submit(f, "{\"base\":{\"depth\":1},\"replicates\":100}");
    queue_fixture_submit(f, "{\"base\":{\"depth\":1},\"replicates\":100}");
    int64_t worker = queue_fixture_worker(f);
    struct queue_claim claims[64];
    size_t n;
    assert_int_equal(queue_claim(f->queue, worker, 64, &f->now, claims, &n), 0);
    assert_int_equal(n, 64);
    int of_first = 0;
    for (size_t i = 0; i < n; i++) {
        of_first += claims[i].trial <= 100 * first;
        assert_true(of_first * 2 - (int)i <= 2 && of_first * 2 - (int)i >= 0);
    }
    assert_int_equal(of_first, 32);
}

static void max_running_is_respected(void **state)
{
    struct queue_fixture *f = *state;
    queue_fixture_submit(f, "{\"base\":{\"depth\":1},\"replicates\":10,\"max_running\":2}");
    int64_t worker = queue_fixture_worker(f);
    struct queue_claim claims[10];
    size_t n;
    assert_int_equal(queue_claimable(f->queue), 2);
    assert_int_equal(queue_claim(f->queue, worker, 10, &f->now, claims, &n), 0);
    assert_int_equal(n, 2);
    assert_int_equal(queue_claimable(f->queue), 0);
    queue_fixture_report(f, worker, &claims[0], REPORT_DONE);
    assert_int_equal(queue_claimable(f->queue), 1);
}

/* ---- submission ---- */

static int submit(struct queue_fixture *f, const char *json, const char *key, int64_t *ret)
{
    struct sweep *sweep;
    assert_int_equal(sweep_from_text(json, &sweep, NULL), 0);
    struct queue_submission submission = {.spec = json, .idempotency_key = key};
    sha256_hex(json, strlen(json), submission.body_sha256);
    int rc = queue_submit(f->queue, sweep, &submission, &f->now, ret);
    queue_fixture_commit(f);
    return rc;
}

static void a_submission_with_a_key_is_made_once(void **state)
{
    struct queue_fixture *f = *state;
    int64_t first = 0, second = 0;
    assert_int_equal(submit(f, ONE, "k1", &first), 0);
    assert_int_equal(submit(f, ONE, "k1", &second), QUEUE_REPEATED);
    assert_int_equal(first, second);
    assert_int_equal(submit(f, "{\"base\":{\"depth\":2}}", "k1", &second), QUEUE_KEY_MISMATCH);
    queue_fixture_restart(f);
    assert_int_equal(submit(f, ONE, "k1", &second), QUEUE_REPEATED);
    assert_int_equal(submit(f, ONE, "k2", &second), 0);
    assert_int_equal(submit(f, ONE, NULL, &second), 0);
    assert_int_equal(queue_fixture_int(f, "SELECT count(*) FROM sweeps"), 3);
}

static void a_big_sweep_is_expanded_in_slices_and_goes_on_after_a_crash(void **state)
{
    struct queue_fixture *f = *state;
    f->options.slice = 70;
    queue_fixture_restart(f);
    queue_fixture_submit(f, "{\"parameters\":{\"depth\":[1,2,3]},\"replicates\":100}");
    assert_int_equal(queue_fixture_int(f, "SELECT queued FROM sweeps"), 300);
    assert_int_equal(queue_fixture_int(f, "SELECT count(*) FROM trials"), 70);
    assert_int_equal(queue_claimable(f->queue), 70);
    int64_t wait_ms;
    assert_int_equal(queue_tick(f->queue, &f->now, &wait_ms), 0);
    assert_int_equal(wait_ms, 0);
    queue_fixture_commit(f);
    assert_int_equal(queue_fixture_int(f, "SELECT count(*) FROM trials"), 140);
    assert_int_equal(queue_tick(f->queue, &f->now, &wait_ms), 0);
    queue_fixture_restart(f); /* the third slice was not committed */
    assert_int_equal(queue_fixture_int(f, "SELECT count(*) FROM trials"), 140);
    queue_fixture_advance(f, 1);
    assert_int_equal(queue_fixture_int(f, "SELECT count(*) FROM trials"), 300);
    assert_int_equal(queue_fixture_int(f, "SELECT count(*) FROM cells"), 3);
    assert_int_equal(
        queue_fixture_int(f, "SELECT count(DISTINCT cell * 1000 + replicate) FROM trials"), 300);
    assert_int_equal(queue_claimable(f->queue), 300);
}

static void cancel_and_retry_of_a_big_sweep_go_on_after_a_crash(void **state)
{
    struct queue_fixture *f = *state;
    f->options.slice = 40;
    queue_fixture_restart(f);
    int64_t wait_ms, sweep = queue_fixture_submit(f, "{\"base\":{\"depth\":1},\"replicates\":200}");
    assert_int_equal(queue_tick(f->queue, &f->now, &wait_ms), 0);
    queue_fixture_commit(f);
    assert_int_equal(act(f, sweep, QUEUE_CANCEL), 200);
    assert_int_equal(queue_fixture_int(f, "SELECT cancelled FROM sweeps"), 200);
    assert_int_equal(queue_claimable(f->queue), 0);
    queue_fixture_restart(f);
    assert_int_equal(queue_claimable(f->queue), 0);
    queue_fixture_advance(f, 1);
    assert_int_equal(queue_fixture_int(f, "SELECT count(*) FROM trials WHERE state = 'cancelled'"),
                     200);
    assert_string_equal(queue_fixture_text(f, "SELECT finished_at IS NOT NULL FROM sweeps"), "1");
    assert_int_equal(act(f, sweep, QUEUE_RETRY), 200);
    assert_int_equal(queue_claimable(f->queue), 40);
    queue_fixture_restart(f);
    assert_int_equal(queue_claimable(f->queue), 40);
    queue_fixture_advance(f, 1);
    assert_int_equal(queue_claimable(f->queue), 200);
    assert_int_equal(queue_fixture_int(f, "SELECT queued FROM sweeps"), 200);
}

static void ids_of_trials_are_never_used_again(void **state)
{
    struct queue_fixture *f = *state;
    queue_fixture_submit(f, "{\"base\":{\"depth\":1},\"replicates\":7}");
    queue_fixture_submit(f, ONE);
    assert_int_equal(queue_fixture_int(f, "SELECT first_trial FROM sweeps WHERE id = 2"), 8);
    assert_int_equal(queue_fixture_int(f, "SELECT value FROM numbers WHERE name = 'next_trial'"),
                     9);
}

static void events_are_bounded(void **state)
{
    struct queue_fixture *f = *state;
    struct queue_worker worker = {.host = "h"};
    int64_t id;
    for (int i = 0; i < 10250; i++) {
        assert_int_equal(queue_register(f->queue, &worker, &f->now, &id), 0);
    }
    queue_fixture_commit(f);
    int64_t n = queue_fixture_int(f, "SELECT count(*) FROM events");
    assert_true(n >= 10000 && n < 10100);
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
        TEST(a_jump_of_the_wall_clock_ends_no_lease),
        TEST(a_daemon_that_overslept_forgives_its_workers),
        TEST(a_restart_gives_running_trials_a_fresh_full_lease),
        TEST(a_newer_attempt_fences_off_the_older),
        TEST(a_report_for_what_never_was_is_lost),
        TEST(repeating_a_report_is_harmless),
        TEST(any_worker_may_report_for_a_lease),
        TEST(an_unknown_worker_is_told_to_register),
        TEST(a_silent_worker_is_gone_and_may_come_back),
        TEST(a_workers_figures_follow_within_a_second),
        TEST(a_paused_sweep_hands_out_nothing_until_resumed),
        TEST(cancel_ends_queued_trials_at_once_and_running_ones_at_their_next_report),
        TEST(a_vanished_workers_trial_of_a_cancelled_sweep_ends_cancelled),
        TEST(retry_queues_failed_and_cancelled_trials_with_a_fresh_count),
        TEST(an_action_that_the_state_forbids_is_a_conflict),
        TEST(a_trial_in_back_off_does_not_survive_its_sweeps_cancel),
        TEST(higher_priority_is_served_first),
        TEST(sweeps_of_equal_priority_take_turns),
        TEST(max_running_is_respected),
        TEST(a_submission_with_a_key_is_made_once),
        TEST(a_big_sweep_is_expanded_in_slices_and_goes_on_after_a_crash),
        TEST(cancel_and_retry_of_a_big_sweep_go_on_after_a_crash),
        TEST(ids_of_trials_are_never_used_again),
        TEST(events_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
