#include "daemon/metrics.h"
#include "tests/test.h"

static void a_family_is_a_head_and_its_samples(void **state)
{
    (void)state;
    struct json_out out = {0};
    metrics_counter(&out, "a_total", "As.", 1e6);
    metrics_family(&out, "b", "gauge", "Bs.");
    metrics_sample(&out, "b", "state", "x", 0.25);
    assert_string_equal(out.text, "# HELP a_total As.\n# TYPE a_total counter\na_total 1000000\n"
                                  "# HELP b Bs.\n# TYPE b gauge\nb{state=\"x\"} 0.25\n");
    json_out_clear(&out);
}

static void buckets_hold_all_that_is_not_longer(void **state)
{
    (void)state;
    struct metrics_histogram histogram = {0};
    metrics_observe(&histogram, 0.00025); /* on the bound */
    metrics_observe(&histogram, 0.125);
    metrics_observe(&histogram, 60);
    struct json_out out = {0};
    metrics_histogram(&out, "t_seconds", "Time.", &histogram);
    assert_string_equal(out.text, "# HELP t_seconds Time.\n"
                                  "# TYPE t_seconds histogram\n"
                                  "t_seconds_bucket{le=\"0.00025\"} 1\n"
                                  "t_seconds_bucket{le=\"0.0005\"} 1\n"
                                  "t_seconds_bucket{le=\"0.001\"} 1\n"
                                  "t_seconds_bucket{le=\"0.0025\"} 1\n"
                                  "t_seconds_bucket{le=\"0.005\"} 1\n"
                                  "t_seconds_bucket{le=\"0.01\"} 1\n"
                                  "t_seconds_bucket{le=\"0.025\"} 1\n"
                                  "t_seconds_bucket{le=\"0.05\"} 1\n"
                                  "t_seconds_bucket{le=\"0.1\"} 1\n"
                                  "t_seconds_bucket{le=\"0.25\"} 2\n"
                                  "t_seconds_bucket{le=\"1\"} 2\n"
                                  "t_seconds_bucket{le=\"2.5\"} 2\n"
                                  "t_seconds_bucket{le=\"+Inf\"} 3\n"
                                  "t_seconds_sum 60.12525\n"
                                  "t_seconds_count 3\n");
    json_out_clear(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_family_is_a_head_and_its_samples),
        cmocka_unit_test(buckets_hold_all_that_is_not_longer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
