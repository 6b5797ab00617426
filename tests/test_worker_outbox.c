#include "tests/test.h"

#include "worker/outbox.h"

#include <errno.h>

static const struct lease first = {12, 1}, second = {13, 2};
static const struct trial_result result = {.steps = 51, .steps_to_target = 50};

static struct outbox *outbox;

static int set_up(void **state)
{
    (void)state;
    outbox = outbox_create(100);
    assert_non_null(outbox);
    assert_int_equal(outbox_hold(outbox, first, 0.9), 0);
    assert_int_equal(outbox_hold(outbox, second, 0.9), 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    outbox_destroy(outbox);
    return 0;
}

static void measure(struct lease lease, int64_t step)
{
    struct measurement measurement = {.step = step, .test_accuracy = 0.5};
    assert_int_equal(outbox_add_measurement(outbox, lease, &measurement), 0);
}

static void add_layer(struct lease lease, int64_t step, int layer)
{
    struct layer_stat stat = {.step = step, .layer = layer};
    assert_int_equal(outbox_add_layer(outbox, lease, &stat), 0);
}

static void every_batch_lists_every_lease(void **state)
{
    (void)state;
    const struct report *reports;
    assert_int_equal(outbox_batch(outbox, &reports), 2);
    assert_int_equal(reports[0].trial, 12);
    assert_int_equal(reports[0].attempt, 1);
    assert_int_equal(reports[0].end, REPORT_CONTINUES);
    assert_int_equal(reports[0].n_measurements, 0);
    assert_int_equal(reports[1].trial, 13);
    assert_int_equal(reports[1].attempt, 2);
}

static void holding_a_lease_twice_is_an_error(void **state)
{
    (void)state;
    assert_int_equal(outbox_hold(outbox, first, 0.9), -EEXIST);
    assert_int_equal(outbox_n_held(outbox), 2);
}

static void acknowledged_rows_are_forgotten_and_later_ones_kept(void **state)
{
    (void)state;
    const struct report *reports;
    measure(first, 1);
    measure(first, 2);
    add_layer(first, 2, 0);
    outbox_batch(outbox, &reports);
    assert_int_equal(reports[0].n_measurements, 2);
    assert_int_equal(reports[0].n_layers, 1);
    measure(first, 4);
    outbox_settle(outbox, first, REPORT_OK);
    outbox_settle(outbox, second, REPORT_OK);
    outbox_unsent(outbox);
    assert_int_equal(outbox_n_rows(outbox), 1);
    outbox_batch(outbox, &reports);
    assert_int_equal(reports[0].n_measurements, 1);
    assert_int_equal(reports[0].measurements[0].step, 4);
    assert_int_equal(reports[0].n_layers, 0);
}

static void an_undelivered_batch_is_sent_again_with_what_came_since(void **state)
{
    (void)state;
    const struct report *reports;
    measure(first, 1);
    outbox_batch(outbox, &reports);
    assert_false(outbox_has_news(outbox));
    outbox_unsent(outbox);
    assert_true(outbox_has_news(outbox));
    measure(first, 2);
    outbox_batch(outbox, &reports);
    assert_int_equal(reports[0].n_measurements, 2);
    assert_int_equal(reports[0].measurements[0].step, 1);
}

static void a_finished_trial_is_kept_until_its_end_is_acknowledged(void **state)
{
    (void)state;
    const struct report *reports;
    outbox_finish(outbox, first, &result);
    assert_false(outbox_is_open(outbox, first));
    assert_true(outbox_has_ends(outbox));
    outbox_batch(outbox, &reports);
    assert_int_equal(reports[0].end, REPORT_DONE);
    assert_int_equal(reports[0].result.steps_to_target, 50);
    outbox_unsent(outbox);
    assert_int_equal(outbox_n_held(outbox), 2);
    outbox_batch(outbox, &reports);
    assert_int_equal(reports[0].end, REPORT_DONE);
    outbox_settle(outbox, first, REPORT_OK);
    outbox_unsent(outbox);
    assert_int_equal(outbox_n_held(outbox), 1);
    assert_false(outbox_has_ends(outbox));
}

static void an_end_that_comes_while_a_batch_is_away_goes_with_the_next(void **state)
{
    (void)state;
    const struct report *reports;
    outbox_batch(outbox, &reports);
    outbox_finish(outbox, first, &result);
    outbox_settle(outbox, first, REPORT_OK); /* of an item without an end */
    outbox_unsent(outbox);
    assert_int_equal(outbox_n_held(outbox), 2);
    outbox_batch(outbox, &reports);
    assert_int_equal(reports[0].end, REPORT_DONE);
}

static void the_first_end_stands(void **state)
{
    (void)state;
    const struct report *reports;
    struct trial_failure failure = {.reason = "late"};
    outbox_finish(outbox, first, &result);
    outbox_fail(outbox, first, &failure);
    outbox_release(outbox, first);
    measure(first, 60);
    outbox_batch(outbox, &reports);
    assert_int_equal(reports[0].end, REPORT_DONE);
    assert_int_equal(reports[0].n_measurements, 0);
}

static void a_lost_lease_is_forgotten_with_all_it_owed(void **state)
{
    (void)state;
    const struct report *reports;
    measure(first, 1);
    outbox_batch(outbox, &reports);
    measure(first, 2);
    outbox_settle(outbox, first, REPORT_LEASE_LOST);
    outbox_settle(outbox, second, REPORT_CANCELLED);
    outbox_unsent(outbox);
    assert_int_equal(outbox_n_held(outbox), 0);
    assert_int_equal(outbox_n_rows(outbox), 0);
    measure(first, 3); /* of a lease that is gone */
    assert_int_equal(outbox_n_rows(outbox), 0);
}

static void a_released_trial_drops_its_rows_even_under_way(void **state)
{
    (void)state;
    const struct report *reports;
    measure(first, 1);
    outbox_batch(outbox, &reports);
    outbox_release_all(outbox);
    outbox_settle(outbox, first, REPORT_OK);
    outbox_unsent(outbox);
    assert_int_equal(outbox_batch(outbox, &reports), 2);
    assert_int_equal(reports[0].end, REPORT_RELEASED);
    assert_int_equal(reports[0].n_measurements, 0);
    assert_int_equal(reports[1].end, REPORT_RELEASED);
}

static void an_earlier_result_ends_a_trial(void **state)
{
    (void)state;
    const struct report *reports;
    outbox_reuse(outbox, first, 5);
    assert_false(outbox_is_open(outbox, first));
    assert_true(outbox_has_ends(outbox));
    outbox_finish(outbox, first, &result); /* the first end stands */
    outbox_batch(outbox, &reports);
    assert_int_equal(reports[0].end, REPORT_REUSED);
    assert_int_equal(reports[0].reused_from, 5);
    outbox_settle(outbox, first, REPORT_OK);
    outbox_unsent(outbox);
    assert_int_equal(outbox_n_held(outbox), 1);
}

static void a_full_outbox_thins_rows_but_keeps_the_last_and_every_end(void **state)
{
    (void)state;
    const struct report *reports;
    for (int step = 1; step <= 10000; step++) {
        measure(first, step);
    }
    outbox_finish(outbox, first, &result);
    assert_in_range(outbox_n_rows(outbox), 40, 100);
    outbox_batch(outbox, &reports);
    assert_int_equal(reports[0].end, REPORT_DONE);
    const struct report *report = &reports[0];
    assert_int_equal(report->measurements[report->n_measurements - 1].step, 10000);
    for (size_t i = 1; i < report->n_measurements; i++) {
        assert_true(report->measurements[i - 1].step < report->measurements[i].step);
    }
}

/* A6: without it the daemon would not believe that the target was reached there. */
static void thinning_keeps_where_the_target_was_reached(void **state)
{
    (void)state;
    const struct report *reports;
    for (int step = 1; step <= 10000; step++) {
        struct measurement m = {.step = step, .test_accuracy = step % 777 == 0 ? 0.95 : 0.5};
        assert_int_equal(outbox_add_measurement(outbox, first, &m), 0);
    }
    outbox_batch(outbox, &reports);
    size_t n = 0;
    for (size_t i = 0; i < reports[0].n_measurements; i++) {
        n += reports[0].measurements[i].step == 777;
    }
    assert_int_equal(n, 1);
    assert_in_range(reports[0].n_measurements, 40, 100);
}

static void thinning_keeps_the_layers_of_a_step_together(void **state)
{
    (void)state;
    const struct report *reports;
    for (int step = 1; step <= 35; step++) {
        for (int layer = 0; layer < 3; layer++) {
            add_layer(first, step, layer);
        }
    }
    outbox_batch(outbox, &reports);
    const struct report *report = &reports[0];
    assert_true(report->n_layers < 100);
    assert_int_equal(report->n_layers % 3, 0);
    for (size_t i = 0; i < report->n_layers; i++) {
        assert_int_equal(report->layers[i].layer, i % 3);
        assert_int_equal(report->layers[i].step, report->layers[i - i % 3].step);
    }
}

static void thinning_leaves_alone_what_is_under_way(void **state)
{
    (void)state;
    const struct report *reports;
    for (int step = 1; step <= 60; step++) {
        measure(first, step);
    }
    outbox_batch(outbox, &reports);
    for (int step = 61; step <= 200; step++) {
        measure(first, step);
    }
    assert_true(outbox_n_rows(outbox) <= 100);
    outbox_unsent(outbox);
    outbox_batch(outbox, &reports);
    for (size_t i = 0; i < 60; i++) {
        assert_int_equal(reports[0].measurements[i].step, i + 1);
    }
}

static void a_large_debt_goes_out_in_pieces_and_the_end_last(void **state)
{
    (void)state;
    struct outbox *large = outbox_create(100000);
    const struct report *reports;
    assert_non_null(large);
    assert_int_equal(outbox_hold(large, first, 0.9), 0);
    for (int step = 1; step <= OUTBOX_BATCH_ROWS + 10; step++) {
        struct measurement measurement = {.step = step};
        assert_int_equal(outbox_add_measurement(large, first, &measurement), 0);
    }
    outbox_finish(large, first, &result);
    outbox_batch(large, &reports);
    assert_int_equal(reports[0].n_measurements, OUTBOX_BATCH_ROWS);
    assert_int_equal(reports[0].end, REPORT_CONTINUES);
    outbox_settle(large, first, REPORT_OK);
    outbox_unsent(large);
    outbox_batch(large, &reports);
    assert_int_equal(reports[0].n_measurements, 10);
    assert_int_equal(reports[0].end, REPORT_DONE);
    outbox_destroy(large);
}

static void a_refused_item_becomes_a_failure_and_then_nothing(void **state)
{
    (void)state;
    const struct report *reports;
    measure(first, 1);
    outbox_finish(outbox, first, &result);
    outbox_batch(outbox, &reports);
    outbox_refused(outbox, first, "no such accuracy");
    outbox_unsent(outbox);
    outbox_batch(outbox, &reports);
    assert_int_equal(reports[0].end, REPORT_FAILED);
    assert_string_equal(reports[0].failure.reason, "no such accuracy");
    assert_false(reports[0].failure.retry);
    assert_int_equal(reports[0].n_measurements, 0);
    outbox_refused(outbox, first, "still not");
    outbox_unsent(outbox);
    assert_int_equal(outbox_n_held(outbox), 1);
}

int main(void)
{
#define OUTBOX_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        OUTBOX_TEST(every_batch_lists_every_lease),
        OUTBOX_TEST(holding_a_lease_twice_is_an_error),
        OUTBOX_TEST(acknowledged_rows_are_forgotten_and_later_ones_kept),
        OUTBOX_TEST(an_undelivered_batch_is_sent_again_with_what_came_since),
        OUTBOX_TEST(a_finished_trial_is_kept_until_its_end_is_acknowledged),
        OUTBOX_TEST(an_end_that_comes_while_a_batch_is_away_goes_with_the_next),
        OUTBOX_TEST(the_first_end_stands),
        OUTBOX_TEST(a_lost_lease_is_forgotten_with_all_it_owed),
        OUTBOX_TEST(a_released_trial_drops_its_rows_even_under_way),
        OUTBOX_TEST(an_earlier_result_ends_a_trial),
        OUTBOX_TEST(a_full_outbox_thins_rows_but_keeps_the_last_and_every_end),
        OUTBOX_TEST(thinning_keeps_where_the_target_was_reached),
        OUTBOX_TEST(thinning_keeps_the_layers_of_a_step_together),
        OUTBOX_TEST(thinning_leaves_alone_what_is_under_way),
        OUTBOX_TEST(a_large_debt_goes_out_in_pieces_and_the_end_last),
        OUTBOX_TEST(a_refused_item_becomes_a_failure_and_then_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
