#include "tests/queue_fixture.h"

#include <stdio.h>
#include <string.h>

#define ONE "{\"base\":{\"depth\":1}}"

static void fresh(struct queue_fixture **f, void **state)
{
    *f = *state;
}

static const char *trial_state(struct queue_fixture *f, int64_t trial)
{
    char sql[96];
    snprintf(sql, sizeof(sql), "SELECT state FROM trials WHERE id = %lld", (long long)trial);
    return queue_fixture_text(f, sql);
}

static void a_trial_is_claimed_done_and_its_sweep_finished(void **state)
{
    struct queue_fixture *f;
    fresh(&f, state);
    int64_t sweep = queue_fixture_submit(f, ONE);
    int64_t worker = queue_fixture_worker(f);
    assert_int_equal(queue_claimable(f->queue), 1);
    struct queue_claim claim = queue_fixture_claim(f, worker);
    assert_int_equal(claim.attempt, 1);
    assert_int_equal(claim.config.n_hidden, 1);
    assert_int_equal(claim.config.hidden_units[0], 500);
    assert_string_equal(trial_state(f, claim.trial), "running");
    assert_int_equal(queue_claimable(f->queue), 0);
    assert_int_equal(queue_fixture_report(f, worker, &claim, REPORT_DONE), REPORT_OK);
    assert_string_equal(trial_state(f, claim.trial), "succeeded");
    assert_int_equal(sweep, 1);
    assert_string_equal(queue_fixture_text(f, "SELECT state FROM sweeps"), "finished");
    assert_int_equal(queue_fixture_int(f, "SELECT succeeded + reached FROM sweeps"), 2);
    assert_string_equal(queue_fixture_text(f, "SELECT steps_to_target FROM results"), "10");
}

static void nothing_is_true_before_the_commit(void **state)
{
    struct queue_fixture *f;
    fresh(&f, state);
    queue_fixture_submit(f, ONE);
    int64_t worker = queue_fixture_worker(f);
    struct queue_claim claim;
    size_t n;
    assert_int_equal(queue_claim(f->queue, worker, 1, &f->now, &claim, &n), 0);
    assert_int_equal(n, 1);
    assert_string_equal(trial_state(f, claim.trial), "queued");
    queue_fixture_restart(f);
    assert_int_equal(queue_claimable(f->queue), 1);
}

int main(void)
{
#define TEST(name)                                                                                 \
    cmocka_unit_test_setup_teardown(name, queue_fixture_setup, queue_fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_trial_is_claimed_done_and_its_sweep_finished),
        TEST(nothing_is_true_before_the_commit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
