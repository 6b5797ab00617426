/* A6: what of an attempt can be believed. */
#include "tests/test.h"

#include "common/protocol_rules.h"

#include <math.h>
#include <string.h>

static const struct report_terms terms = {.target_accuracy = 0.9, .max_steps = 100, .n_hidden = 2};
static const struct report_repeated nothing;

/* A curve, as "step accuracy" pairs, that ends with step -1. */
struct point {
    int64_t step;
    double accuracy;
};

static struct report_past past_of(const struct point *curve)
{
    struct report_past past = REPORT_NOTHING_PAST;
    struct error error;
    for (; curve->step >= 0; curve++) {
        struct measurement m = {.step = curve->step, .test_accuracy = curve->accuracy};
        assert_int_equal(report_check_measurement(&m, &terms, &past, &error), 0);
    }
    return past;
}

static struct trial_result result_of(int64_t steps, int64_t steps_to_target, double accuracy)
{
    return (struct trial_result){.steps = steps,
                                 .steps_to_target = steps_to_target,
                                 .seconds_to_target = steps_to_target < 0 ? (double)NAN : 1,
                                 .final_accuracy = accuracy};
}

static void results_agree_with_what_was_measured(void **state)
{
    (void)state;
    static const struct {
        struct point curve[6];
        int64_t steps, steps_to_target;
        double accuracy;
        const char *field; /* NULL: it can be */
    } cases[] = {
        /* measured where it crosses, and left there or not */
        {{{8, 0.5}, {16, 0.8}, {20, 0.91}, {-1, 0}}, 20, 20, 0.91, NULL},
        {{{8, 0.5}, {20, 0.9}, {100, 0.7}, {-1, 0}}, 100, 20, 0.7, NULL},
        /* not measured where it crosses: between two that say so, or before the end */
        {{{8, 0.5}, {30, 0.95}, {-1, 0}}, 100, 20, 0.95, NULL},
        {{{8, 0.5}, {-1, 0}}, 20, 20, 0.9, NULL},
        {{{-1, 0}}, 20, 12, 0.95, NULL},
        /* censored */
        {{{8, 0.5}, {100, 0.89}, {-1, 0}}, 100, -1, 0.89, NULL},
        {{{-1, 0}}, 100, -1, 0.5, NULL},
        /* what cannot be */
        {{{-1, 0}}, 20, 20, 0.1, "steps_to_target"},
        {{{8, 0.5}, {20, 0.89}, {-1, 0}}, 20, 20, 0.95, "steps_to_target"},
        {{{8, 0.5}, {20, 0.8}, {30, 0.95}, {-1, 0}}, 30, 20, 0.95, "steps_to_target"},
        {{{8, 0.5}, {20, 0.95}, {-1, 0}}, 30, 25, 0.95, "steps_to_target"},
        {{{-1, 0}}, 20, 21, 0.95, "steps_to_target"},
        {{{8, 0.95}, {-1, 0}}, 100, -1, 0.5, "steps_to_target"},
        {{{-1, 0}}, 100, -1, 0.9, "steps_to_target"},
        {{{-1, 0}}, 101, 20, 0.95, "steps"},
        {{{-1, 0}}, INT64_MAX, 20, 0.95, "steps"},
        {{{8, 0.5}, {30, 0.95}, {-1, 0}}, 29, 29, 0.95, "steps"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct report_past past = past_of(cases[i].curve);
        struct trial_result result =
            result_of(cases[i].steps, cases[i].steps_to_target, cases[i].accuracy);
        struct error error = {.field = ""};
        int rc = report_check_result(&result, &terms, &past, &error);
        if ((rc == 0) != (cases[i].field == NULL) ||
            (rc != 0 && strcmp(error.field, cases[i].field) != 0)) {
            fail_msg("case %zu: %d %s: %s", i, rc, error.field, error.message);
        }
    }
}

static void seconds_need_a_step(void **state)
{
    (void)state;
    struct report_past past = REPORT_NOTHING_PAST;
    struct trial_result result = result_of(100, -1, 0.5);
    struct error error;
    result.seconds_to_target = 3;
    assert_int_equal(report_check_result(&result, &terms, &past, &error), ERROR_INVALID);
    assert_string_equal(error.field, "seconds_to_target");
    assert_non_null(strstr(error.message, "is 3,"));
}

static void steps_of_measurements_rise(void **state)
{
    (void)state;
    struct report_past past = REPORT_NOTHING_PAST;
    struct error error;
    struct measurement m = {.step = 0, .test_accuracy = 0.5};
    assert_int_equal(report_check_measurement(&m, &terms, &past, &error), 0);
    m.step = 100;
    assert_int_equal(report_check_measurement(&m, &terms, &past, &error), 0);
    static const int64_t bad[] = {100, 99, 0, 101, INT64_MAX, -1};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        m.step = bad[i];
        assert_int_equal(report_check_measurement(&m, &terms, &past, &error), ERROR_INVALID);
        assert_string_equal(error.field, "step");
    }
    assert_int_equal(past.step, 100);
}

static void layers_rise_within_a_step_and_lie_in_the_network(void **state)
{
    (void)state;
    struct report_past past = REPORT_NOTHING_PAST;
    struct error error;
    static const struct {
        int64_t step;
        int layer;
        const char *field;
    } rows[] = {{1, 0, NULL}, {1, 2, NULL},   {1, 2, "step"},   {1, 1, "step"}, {1, 3, "layer"},
                {4, 0, NULL}, {3, 1, "step"}, {101, 0, "step"}, {4, 1, NULL},   {5, 64, "layer"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct layer_stat row = {.step = rows[i].step, .layer = rows[i].layer};
        int rc = report_check_layer(&row, &terms, &past, &error);
        assert_int_equal(rc, rows[i].field ? ERROR_INVALID : 0);
        if (rc != 0) {
            assert_string_equal(error.field, rows[i].field);
        }
    }
}

static void a_report_names_the_row_that_cannot_be(void **state)
{
    (void)state;
    struct measurement m[] = {{.step = 1, .test_accuracy = 0.5}, {.step = 1, .test_accuracy = 0.5}};
    struct layer_stat l[] = {{.step = 1}, {.step = 2, .layer = 3}};
    struct report report = {.measurements = m, .n_measurements = 2, .layers = l, .n_layers = 2};
    struct report_past past = REPORT_NOTHING_PAST;
    struct error error;
    assert_int_equal(report_check(&report, &terms, &nothing, &past, &error), ERROR_INVALID);
    assert_string_equal(error.field, "measurements[1].step");
    m[1].step = 2;
    assert_int_equal(report_check(&report, &terms, &nothing, &past, &error), ERROR_INVALID);
    assert_string_equal(error.field, "layers[1].layer");
    l[1].layer = 2;
    report.end = REPORT_DONE;
    report.result = result_of(2, 2, 0.95);
    assert_int_equal(report_check(&report, &terms, &nothing, &past, &error), ERROR_INVALID);
    assert_string_equal(error.field, "done.steps_to_target");
    report.end = REPORT_REUSED;
    assert_int_equal(report_check(&report, &terms, &nothing, &past, &error), ERROR_INVALID);
    assert_string_equal(error.field, "reused_from");
}

static void what_is_sent_again_is_not_judged_again(void **state)
{
    (void)state;
    struct measurement m[] = {{.step = 1, .test_accuracy = 0.5},
                              {.step = 4, .test_accuracy = 0.95}};
    struct layer_stat l[] = {{.step = 1}, {.step = 1, .layer = 1}};
    struct report report = {.measurements = m, .n_measurements = 1, .layers = l, .n_layers = 2};
    struct report_past past = REPORT_NOTHING_PAST, before;
    struct error error;
    report_past_take(&past, &terms, &report);
    before = past;
    report.n_measurements = 2;
    struct report_repeated repeated = {.measurements = 1, .layers = 2};
    assert_int_equal(report_check(&report, &terms, &repeated, &past, &error), 0);
    assert_memory_equal(&past, &before, sizeof(past));
    assert_int_equal(report_check(&report, &terms, &nothing, &past, &error), ERROR_INVALID);
    report_past_take(&past, &terms, &report);
    assert_int_equal(past.step, 4);
    assert_int_equal(past.below_step, 1);
    assert_int_equal(past.reached_step, 4);
    assert_int_equal(past.layer, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(results_agree_with_what_was_measured),
        cmocka_unit_test(seconds_need_a_step),
        cmocka_unit_test(steps_of_measurements_rise),
        cmocka_unit_test(layers_rise_within_a_step_and_lie_in_the_network),
        cmocka_unit_test(a_report_names_the_row_that_cannot_be),
        cmocka_unit_test(what_is_sent_again_is_not_judged_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
