#include "tests/queue_fixture.h"

#include "common/sweep_json.h"

#include <stdlib.h>
#include <string.h>

#define ONE "{\"base\":{\"depth\":1}}"

/* ---- sweeps ---- */

static void a_paused_sweep_hands_out_nothing_until_resumed(void **state)
{
    struct queue_fixture *f = *state;
    int64_t sweep = queue_fixture_submit(f, "{\"base\":{\"depth\":1},\"replicates\":2}");
    int64_t worker = queue_fixture_worker(f);
    struct queue_claim claim = queue_fixture_claim(f, worker);
    queue_fixture_act(f, sweep, QUEUE_PAUSE);
    queue_fixture_act(f, sweep, QUEUE_PAUSE);
    queue_fixture_sweep_is(f, sweep, "paused");
    assert_int_equal(queue_fixture_claim(f, worker).trial, 0);
    assert_int_equal(queue_fixture_report(f, worker, &claim, REPORT_DONE), REPORT_OK);
    queue_fixture_restart(f);
    assert_int_equal(queue_fixture_claim(f, worker).trial, 0);
    queue_fixture_act(f, sweep, QUEUE_RESUME);
    queue_fixture_act(f, sweep, QUEUE_RESUME);
    queue_fixture_sweep_is(f, sweep, "active");
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
    assert_int_equal(queue_fixture_act(f, sweep, QUEUE_CANCEL), 2);
    assert_int_equal(queue_fixture_act(f, sweep, QUEUE_CANCEL), 0);
    queue_fixture_sweep_is(f, sweep, "cancelled");
    assert_int_equal(queue_fixture_int(f, "SELECT count(*) FROM trials WHERE state = 'cancelled'"),
                     2);
    assert_int_equal(queue_fixture_report(f, worker, &stopped, REPORT_CONTINUES), REPORT_CANCELLED);
    assert_int_equal(queue_fixture_report(f, worker, &stopped, REPORT_CONTINUES), REPORT_CANCELLED);
    queue_fixture_trial_is(f, stopped.trial, "cancelled");
    /* A result is never thrown away, and a failure is not tried again. */
    assert_int_equal(queue_fixture_report(f, worker, &ready, REPORT_DONE), REPORT_OK);
    queue_fixture_trial_is(f, ready.trial, "succeeded");
    assert_int_equal(queue_fixture_report(f, worker, &failing, REPORT_FAILED), REPORT_OK);
    queue_fixture_trial_is(f, failing.trial, "cancelled");
    queue_fixture_sweep_is(f, sweep, "cancelled");
    assert_string_equal(queue_fixture_ask(f,
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
    queue_fixture_act(f, sweep, QUEUE_CANCEL);
    queue_fixture_advance(f, 30001);
    queue_fixture_trial_is(f, claim.trial, "cancelled");
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
    queue_fixture_act(f, sweep, QUEUE_CANCEL);
    queue_fixture_restart(f);
    assert_int_equal(queue_fixture_act(f, sweep, QUEUE_RETRY), 2);
    assert_int_equal(queue_fixture_act(f, sweep, QUEUE_RETRY), 0);
    queue_fixture_sweep_is(f, sweep, "active");
    assert_string_equal(
        queue_fixture_ask(f, "SELECT finished_at FROM sweeps WHERE id = %lld", sweep), "NULL");
    struct queue_claim again = queue_fixture_claim(f, worker);
    assert_int_equal(again.trial, bad.trial);
    assert_int_equal(again.attempt, 2);
    assert_int_equal(queue_fixture_int(f, "SELECT sum(spent) FROM trials"), 0);
    queue_fixture_report(f, worker, &again, REPORT_DONE);
    again = queue_fixture_claim(f, worker);
    queue_fixture_report(f, worker, &again, REPORT_DONE);
    queue_fixture_sweep_is(f, sweep, "finished");
    assert_int_equal(queue_fixture_int(f, "SELECT succeeded FROM sweeps"), 3);
}

static void an_action_that_the_state_forbids_is_a_conflict(void **state)
{
    struct queue_fixture *f = *state;
    struct error error = {0};
    int64_t moved, sweep = queue_fixture_submit(f, ONE);
    assert_int_equal(queue_act(f->queue, 99, QUEUE_PAUSE, &f->now, &moved, &error),
                     QUEUE_UNKNOWN_SWEEP);
    queue_fixture_act(f, sweep, QUEUE_CANCEL);
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
    queue_fixture_sweep_is(f, other, "finished");
}

static void a_trial_in_back_off_does_not_survive_its_sweeps_cancel(void **state)
{
    struct queue_fixture *f = *state;
    int64_t sweep = queue_fixture_submit(f, ONE), worker = queue_fixture_worker(f);
    struct queue_claim claim = queue_fixture_claim(f, worker);
    queue_fixture_report(f, worker, &claim, REPORT_FAILED);
    queue_fixture_act(f, sweep, QUEUE_CANCEL);
    queue_fixture_act(f, sweep, QUEUE_RETRY);
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
        int64_t sweep = strtoll(
            queue_fixture_ask(f, "SELECT sweep FROM trials WHERE id = %lld", trial), NULL, 10);
        assert_int_equal(sweep == high, i < 2);
    }
}

/* Claims one by one, n in all; returns how many trials had an id below `end`. */
static int claim_each(struct queue_fixture *f, int64_t worker, int n, int64_t end)
{
    int below = 0;
    for (int i = 0; i < n; i++) {
        below += queue_fixture_claim(f, worker).trial < end;
    }
    return below;
}

static void sweeps_of_equal_priority_take_turns(void **state)
{
    struct queue_fixture *f = *state;
    queue_fixture_submit(f, "{\"base\":{\"depth\":1},\"replicates\":100}");
    queue_fixture_submit(f, "{\"base\":{\"depth\":1},\"replicates\":100}");
    int64_t worker = queue_fixture_worker(f);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(claim_each(f, worker, 1, 101), i % 2 == 0);
    }
}

static void turns_are_longer_where_many_trials_run(void **state)
{
    enum { RUNNING = 16, TURN = RUNNING / 2, CLAIMS = 8 * TURN };
    struct queue_fixture *f = *state;
    queue_fixture_submit(f, "{\"base\":{\"depth\":1},\"replicates\":100}");
    queue_fixture_submit(f, "{\"base\":{\"depth\":1},\"replicates\":100}");
    int64_t worker = queue_fixture_worker(f);
    struct queue_claim running[RUNNING];
    size_t n;
    assert_int_equal(queue_claim(f->queue, worker, RUNNING, &f->now, running, &n), 0);
    int changes = 0, of_first = 0;
    bool first = running[RUNNING - 1].trial < 101;
    for (int i = 0; i < CLAIMS; i++) {
        queue_fixture_report(f, worker, &running[i % RUNNING], REPORT_DONE);
        running[i % RUNNING] = queue_fixture_claim(f, worker);
        changes += (running[i % RUNNING].trial < 101) != first;
        first = running[i % RUNNING].trial < 101;
        of_first += first;
    }
    assert_in_range(changes, CLAIMS / TURN - 1, CLAIMS / TURN + 3); /* the first turns are short */
    assert_in_range(of_first, CLAIMS / 2 - TURN, CLAIMS / 2 + TURN);
}

static void a_turn_ends_for_a_higher_priority(void **state)
{
    struct queue_fixture *f = *state;
    queue_fixture_submit(f, "{\"base\":{\"depth\":1},\"replicates\":100}");
    int64_t worker = queue_fixture_worker(f);
    claim_each(f, worker, 32, 101);
    queue_fixture_submit(f, "{\"base\":{\"depth\":1},\"replicates\":2,\"priority\":1}");
    assert_int_equal(claim_each(f, worker, 2, 101), 0);
    assert_int_equal(claim_each(f, worker, 2, 101), 2);
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
    assert_int_equal(queue_fixture_act(f, sweep, QUEUE_CANCEL), 200);
    assert_int_equal(queue_fixture_int(f, "SELECT cancelled FROM sweeps"), 200);
    assert_int_equal(queue_claimable(f->queue), 0);
    queue_fixture_restart(f);
    assert_int_equal(queue_claimable(f->queue), 0);
    queue_fixture_advance(f, 1);
    assert_int_equal(queue_fixture_int(f, "SELECT count(*) FROM trials WHERE state = 'cancelled'"),
                     200);
    assert_string_equal(queue_fixture_text(f, "SELECT finished_at IS NOT NULL FROM sweeps"), "1");
    assert_int_equal(queue_fixture_act(f, sweep, QUEUE_RETRY), 200);
    assert_int_equal(queue_claimable(f->queue), 40);
    queue_fixture_restart(f);
    assert_int_equal(queue_claimable(f->queue), 40);
    queue_fixture_advance(f, 1);
    assert_int_equal(queue_claimable(f->queue), 200);
    assert_int_equal(queue_fixture_int(f, "SELECT queued FROM sweeps"), 200);
}

static void a_deleted_sweep_goes_in_slices_and_leaves_the_others_alone(void **state)
{
    struct queue_fixture *f = *state;
    struct error error = {0};
    int64_t moved, worker = queue_fixture_worker(f);
    int64_t gone = queue_fixture_submit(f, "{\"parameters\":{\"depth\":[1,2]},\"replicates\":50}");
    int64_t kept = queue_fixture_submit(f, "{\"base\":{\"depth\":1},\"replicates\":2}");
    struct queue_claim claim = queue_fixture_claim(f, worker);
    assert_int_equal(queue_act(f->queue, gone, QUEUE_DELETE, &f->now, &moved, &error),
                     QUEUE_CONFLICT);
    queue_fixture_act(f, gone, QUEUE_CANCEL);
    assert_int_equal(queue_act(f->queue, gone, QUEUE_DELETE, &f->now, &moved, &error),
                     QUEUE_CONFLICT);
    assert_non_null(strstr(error.message, "1 running"));
    struct measurement m = {.step = 1, .test_accuracy = 0.5};
    struct layer_stat l = {.step = 1};
    struct report report = queue_fixture_done(&claim, 2);
    report.measurements = &m;
    report.layers = &l;
    report.n_measurements = report.n_layers = 1;
    queue_fixture_send(f, worker, &report);
    f->options.slice = 30;
    queue_fixture_restart(f);
    assert_int_equal(queue_fixture_act(f, gone, QUEUE_DELETE), 100);
    assert_int_equal(queue_fixture_int(f, "SELECT count(*) FROM trials"), 72);
    queue_fixture_restart(f);
    assert_int_equal(queue_act(f->queue, gone, QUEUE_RETRY, &f->now, &moved, &error),
                     QUEUE_UNKNOWN_SWEEP);
    queue_fixture_advance(f, 1);
    assert_int_equal(queue_fixture_int(f, "SELECT count(*) FROM trials"), 2);
    assert_int_equal(queue_fixture_int(f, "SELECT count(*) FROM cells"), 1);
    assert_int_equal(queue_fixture_int(f, "SELECT count(*) FROM sweep_specs"), 1);
    assert_int_equal(queue_fixture_int(f, "SELECT (SELECT count(*) FROM attempts) +"
                                          " (SELECT count(*) FROM measurements) +"
                                          " (SELECT count(*) FROM layer_stats)"),
                     0);
    queue_fixture_sweep_is(f, kept, "active");
    assert_int_equal(queue_claimable(f->queue), 2);
    assert_int_equal(queue_fixture_submit(f, ONE), 3);
}

/* The daemon ticks before it commits: what was deleted in the same round is not to go twice. */
static void a_sweep_is_deleted_once_in_a_round(void **state)
{
    struct queue_fixture *f = *state;
    int64_t wait_ms, moved, sweep = queue_fixture_submit(f, ONE);
    struct error error;
    queue_fixture_act(f, sweep, QUEUE_CANCEL);
    assert_int_equal(queue_act(f->queue, sweep, QUEUE_DELETE, &f->now, &moved, &error), 0);
    assert_int_equal(queue_tick(f->queue, &f->now, &wait_ms), 0);
    assert_true(wait_ms > 0);
    assert_true(queue_is_healthy(f->queue));
    queue_fixture_commit(f);
    assert_int_equal(queue_fixture_int(f, "SELECT count(*) FROM sweeps"), 0);
}

static void the_key_of_a_deleted_sweep_is_free_at_once(void **state)
{
    struct queue_fixture *f = *state;
    f->options.slice = 5;
    queue_fixture_restart(f);
    int64_t id, gone = 0;
    for (int i = 0; i < 2; i++) {
        static const char json[] = "{\"base\":{\"depth\":1},\"replicates\":20}";
        struct sweep *sweep;
        struct queue_submission submission = {
            .spec = json, .idempotency_key = "k", .body_sha256 = "x"};
        assert_int_equal(sweep_from_text(json, &sweep, NULL), 0);
        assert_int_equal(queue_submit(f->queue, sweep, &submission, &f->now, &id), 0);
        queue_fixture_advance(f, 1);
        assert_int_not_equal(id, gone);
        queue_fixture_act(f, id, QUEUE_CANCEL);
        queue_fixture_act(f, id, QUEUE_DELETE);
        assert_true(queue_fixture_int(f, "SELECT count(*) FROM trials") > 0);
        gone = id;
    }
}

static void space_of_a_deleted_sweep_is_given_back(void **state)
{
    struct queue_fixture *f = *state;
    int64_t sweep = queue_fixture_submit(f, "{\"base\":{\"depth\":1},\"replicates\":20000}");
    queue_fixture_advance(f, 1);
    int64_t full = queue_fixture_int(f, "SELECT page_count FROM pragma_page_count");
    queue_fixture_act(f, sweep, QUEUE_CANCEL);
    queue_fixture_advance(f, 1);
    queue_fixture_act(f, sweep, QUEUE_DELETE);
    queue_fixture_advance(f, 1);
    int64_t empty = queue_fixture_int(f, "SELECT page_count FROM pragma_page_count");
    assert_true(full > 100 && empty < full / 2);
    assert_int_equal(queue_fixture_int(f, "SELECT freelist_count FROM pragma_freelist_count"), 0);
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
        TEST(a_paused_sweep_hands_out_nothing_until_resumed),
        TEST(cancel_ends_queued_trials_at_once_and_running_ones_at_their_next_report),
        TEST(a_vanished_workers_trial_of_a_cancelled_sweep_ends_cancelled),
        TEST(retry_queues_failed_and_cancelled_trials_with_a_fresh_count),
        TEST(an_action_that_the_state_forbids_is_a_conflict),
        TEST(a_trial_in_back_off_does_not_survive_its_sweeps_cancel),
        TEST(higher_priority_is_served_first),
        TEST(sweeps_of_equal_priority_take_turns),
        TEST(turns_are_longer_where_many_trials_run),
        TEST(a_turn_ends_for_a_higher_priority),
        TEST(max_running_is_respected),
        TEST(a_submission_with_a_key_is_made_once),
        TEST(a_big_sweep_is_expanded_in_slices_and_goes_on_after_a_crash),
        TEST(cancel_and_retry_of_a_big_sweep_go_on_after_a_crash),
        TEST(a_deleted_sweep_goes_in_slices_and_leaves_the_others_alone),
        TEST(a_sweep_is_deleted_once_in_a_round),
        TEST(the_key_of_a_deleted_sweep_is_free_at_once),
        TEST(space_of_a_deleted_sweep_is_given_back),
        TEST(ids_of_trials_are_never_used_again),
        TEST(events_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
