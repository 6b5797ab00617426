#include "tests/queue_fixture.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum reader_wish put(void *arg, const char *data, size_t n)
{
    return fwrite(data, 1, n, arg) == n ? READER_MORE : READER_STOP;
}

/* What GET /v1/sweeps/1 says of the time left; NAN for null. *ret_waits is "" for null. */
static double ask(struct queue_fixture *f, char ret_waits[32])
{
    struct error error = {0};
    struct reader *reader;
    struct reader_params params;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    assert_int_equal(reader_open(f->path, &reader, &error), 0);
    reader_params_init(&params);
    params.id = 1;
    assert_int_equal(reader_run(reader, READER_SWEEP, &params, READER_JSON, put, out), 0);
    fclose(out);
    reader_close(reader);
    json_t *sweep = json_loads(text, 0, NULL);
    assert_non_null(sweep);
    free(text);
    const json_t *left = json_object_get(sweep, "seconds_left");
    const char *waits = json_string_value(json_object_get(sweep, "waits_for"));
    double seconds = json_is_number(left) ? json_number_value(left) : NAN;
    snprintf(ret_waits, 32, "%s", waits ? waits : "");
    json_decref(sweep);
    return seconds;
}

static void train(struct queue_fixture *f, int64_t worker, int64_t ms)
{
    struct queue_claim claim = queue_fixture_claim(f, worker);
    assert_true(claim.trial > 0);
    f->now.mono_ms += ms;
    f->now.wall_ms += ms;
    struct report report = queue_fixture_done(&claim, 10);
    queue_fixture_send(f, worker, &report);
}

static void expect_about(struct queue_fixture *f, double seconds)
{
    char waits[32];
    double left = ask(f, waits);
    assert_string_equal(waits, "");
    if (!(fabs(left - seconds) < 0.02 * seconds)) {
        fail_msg("%g s left, not %g", left, seconds);
    }
}

/* B4 */
static void time_left_is_what_like_trials_took(void **state)
{
    struct queue_fixture *f = *state;
    queue_fixture_submit(
        f, "{\"base\": {\"batch_norm\": \"none\"}, \"parameters\": {\"depth\": [1, 7]},"
           "\"replicates\": 10}");
    int64_t worker = queue_fixture_worker(f);
    for (int i = 0; i < 10; i++) {
        train(f, worker, 1000);
    }
    queue_fixture_claim(f, worker);
    /* Of depth 7 nothing is known but that it has 2.01 times the parameters: 9.5 of them. */
    expect_about(f, 9.5 * 2.01);
}

/* B4 */
static void what_is_left_of_a_cell_takes_what_its_own_trials_took(void **state)
{
    struct queue_fixture *f = *state;
    queue_fixture_submit(
        f, "{\"parameters\": {\"depth\": [1, 7], \"batch_norm\": [\"none\", \"before\"]},"
           "\"replicates\": 4}");
    int64_t worker = queue_fixture_worker(f);
    for (int i = 0; i < 8; i++) {
        train(f, worker, i < 4 ? 1000 : 2000);
    }
    train(f, worker, 60000); /* depth 7 without BN: a minute each */
    queue_fixture_claim(f, worker);
    struct queue_claim other = queue_fixture_claim(f, worker);
    assert_true(other.trial > 0);
    /* One queued of these, two that run are half done; four of depth 7 with BN, most like those of
     * depth 1 with BN (one word) or depth 7 without (one word too): the nearest by distance. */
    char waits[32];
    double left = ask(f, waits);
    assert_true(left > (1 + 2 * 0.5) * 60 / 2);
    assert_true(left < (1 + 2 * 0.5 + 4) * 60);
}

/* B4 */
static void a_few_trials_of_a_large_sweep_are_found(void **state)
{
    struct queue_fixture *f = *state;
    queue_fixture_submit(f, "{\"base\": {\"depth\": 1}, \"replicates\": 3000}");
    queue_fixture_advance(f, 1000); /* until it is written */
    int64_t worker = queue_fixture_worker(f);
    train(f, worker, 2000);
    train(f, worker, 4000);
    queue_fixture_claim(f, worker);
    expect_about(f, 2997.5 * 3);
}

/* B4 */
static void a_sweep_that_does_not_run_has_no_time_left_and_says_why(void **state)
{
    struct queue_fixture *f = *state;
    char waits[32];
    queue_fixture_submit(f, "{\"base\": {\"depth\": 1}, \"replicates\": 5}");
    assert_true(isnan(ask(f, waits)));
    assert_string_equal(waits, "worker");
    int64_t worker = queue_fixture_worker(f);
    train(f, worker, 500);
    assert_true(isnan(ask(f, waits))); /* nothing runs, whatever the rate was */
    assert_string_equal(waits, "");    /* a claim is on its way: nothing has failed */
    queue_fixture_claim(f, worker);
    expect_about(f, 3.5 * 0.5);
    queue_fixture_act(f, 1, QUEUE_PAUSE);
    assert_true(isnan(ask(f, waits)));
    assert_string_equal(waits, "resume");
}

/* B4 */
static void a_sweep_whose_trials_have_all_been_tried_waits_for_the_next_attempt(void **state)
{
    struct queue_fixture *f = *state;
    char waits[32];
    queue_fixture_submit(f, "{\"base\": {\"depth\": 1}, \"replicates\": 2}");
    int64_t worker = queue_fixture_worker(f);
    train(f, worker, 500);
    struct queue_claim claim = queue_fixture_claim(f, worker);
    struct report report = queue_fixture_failed(&claim, true);
    queue_fixture_send(f, worker, &report);
    assert_true(isnan(ask(f, waits)));
    assert_string_equal(waits, "next attempt");
}

/* B4 */
static void one_trial_that_fails_at_once_is_no_rate_of_thousands(void **state)
{
    struct queue_fixture *f = *state;
    queue_fixture_submit(f, "{\"base\": {\"depth\": 1}, \"replicates\": 5, \"max_attempts\": 1}");
    int64_t worker = queue_fixture_worker(f);
    struct queue_claim claim = queue_fixture_claim(f, worker);
    f->now.mono_ms += 3;
    f->now.wall_ms += 3;
    struct report report = queue_fixture_failed(&claim, false);
    queue_fixture_send(f, worker, &report);
    assert_true(queue_fixture_int(f, "SELECT trials_per_minute FROM sweeps") <= 12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(time_left_is_what_like_trials_took, queue_fixture_setup,
                                        queue_fixture_teardown),
        cmocka_unit_test_setup_teardown(what_is_left_of_a_cell_takes_what_its_own_trials_took,
                                        queue_fixture_setup, queue_fixture_teardown),
        cmocka_unit_test_setup_teardown(a_few_trials_of_a_large_sweep_are_found,
                                        queue_fixture_setup, queue_fixture_teardown),
        cmocka_unit_test_setup_teardown(a_sweep_that_does_not_run_has_no_time_left_and_says_why,
                                        queue_fixture_setup, queue_fixture_teardown),
        cmocka_unit_test_setup_teardown(
            a_sweep_whose_trials_have_all_been_tried_waits_for_the_next_attempt,
            queue_fixture_setup, queue_fixture_teardown),
        cmocka_unit_test_setup_teardown(one_trial_that_fails_at_once_is_no_rate_of_thousands,
                                        queue_fixture_setup, queue_fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
