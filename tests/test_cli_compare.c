#include "cli/compare.h"
#include "tests/test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A run of 20 steps, measured at steps 1, 8 and 20. */
static struct compare_run run_of(double accuracy, int64_t steps_to_target)
{
    struct compare_run run = {.result = {.steps = 20,
                                         .steps_to_target = steps_to_target,
                                         .final_accuracy = accuracy,
                                         .final_loss = 0.3,
                                         .weights_sha256 = "aa",
                                         .data_sha256 = "dd",
                                         .kernel = "Haswell",
                                         .trainer = "ninety-trainer 1"}};
    const int64_t steps[] = {1, 8, 20};

    for (size_t i = 0; i < 3; i++) {
        struct measurement measurement = {.step = steps[i],
                                          .test_accuracy = accuracy / (double)(3 - i),
                                          .train_loss = 2.0 / (double)(i + 1),
                                          .cpu_ms = (double)i};
        compare_run_add(&run, &measurement);
    }
    return run;
}

typedef size_t compare(const struct compare_run *, const struct compare_run *, FILE *);

/* The differences found, and what was said of them; clears both runs. */
static size_t differences(compare *how, struct compare_run *a, struct compare_run *b, char **ret)
{
    size_t size;
    FILE *out = open_memstream(ret, &size);
    size_t n = how(a, b, out);

    fclose(out);
    compare_run_clear(a);
    compare_run_clear(b);
    return n;
}

static void assert_said(compare *how, struct compare_run a, struct compare_run b, const char *said)
{
    char *text;
    size_t n = differences(how, &a, &b, &text);

    if (said) {
        assert_int_equal(n, 1);
        assert_non_null(strstr(text, said));
    } else {
        assert_int_equal(n, 0);
        assert_string_equal(text, "");
    }
    free(text);
}

static void equal_runs_have_no_differences(void **state)
{
    struct compare_run slower = run_of(0.9, 20);
    (void)state;

    slower.measurements[1].cpu_ms = 99; /* time is not compared */
    assert_said(compare_exactly, run_of(0.9, 20), slower, NULL);
    assert_said(compare_exactly, run_of(0.9, -1), run_of(0.9, -1), NULL);
}

static void every_number_counts_on_the_same_kernel(void **state)
{
    struct compare_run here;
    (void)state;

    here = run_of(0.9, 20);
    here.measurements[1].train_loss += 1e-7;
    assert_said(compare_exactly, run_of(0.9, 20), here, "training loss at step 8");
    here = run_of(0.9, 20);
    here.measurements[2].test_accuracy -= 0.0001;
    assert_said(compare_exactly, run_of(0.9, 20), here, "test accuracy at step 20");
    here = run_of(0.9, 20);
    strcpy(here.result.weights_sha256, "bb");
    assert_said(compare_exactly, run_of(0.9, 20), here, "weights sha256: aa recorded, bb here");
    assert_said(compare_exactly, run_of(0.9, 20), run_of(0.9, 19), "steps to the target");
    assert_said(compare_exactly, run_of(0.9, 20), run_of(0.9, -1), "steps to the target");
    here = run_of(0.9, 20);
    here.measurements[1].train_loss = NAN;
    assert_said(compare_exactly, run_of(0.9, 20), here, "training loss at step 8");
    here = run_of(0.9, 20);
    strcpy(here.result.data_sha256, "ee");
    assert_said(compare_exactly, run_of(0.9, 20), here, "data sha256");
}

static void steps_in_common_are_compared_and_the_end_must_be_among_them(void **state)
{
    struct compare_run recorded = run_of(0.9, 20), here = run_of(0.9, 20);
    (void)state;

    assert_int_equal(compare_in_common(&recorded, &here), 3);
    here.measurements[0].step = 2; /* as if another trainer had chosen */
    assert_int_equal(compare_in_common(&recorded, &here), 2);
    assert_said(compare_exactly, recorded, here, NULL);
    recorded = run_of(0.9, 20);
    here = run_of(0.9, 20);
    here.measurements[0].step = 2;
    here.measurements[1].test_accuracy += 1e-4;
    assert_said(compare_exactly, recorded, here, "test accuracy at step 8");
    here = run_of(0.9, 20);
    here.n_measurements = 2;
    assert_said(compare_exactly, run_of(0.9, 20), here, "step 20: recorded, but not measured here");
}

/* ---- C5: another kernel ---- */

static size_t compare_to_rounding(const struct compare_run *a, const struct compare_run *b,
                                  FILE *out)
{
    return compare_closely(a, b, &(struct compare_tolerance){COMPARE_ROUNDING, COMPARE_ROUNDING},
                           out);
}

static size_t compare_to_a_hundredth(const struct compare_run *a, const struct compare_run *b,
                                     FILE *out)
{
    return compare_closely(a, b, &(struct compare_tolerance){0.01, 0.02}, out);
}

static struct compare_run run_with_gradients(double second)
{
    struct compare_run run = run_of(0.9, 20);
    struct layer_stat layers[] = {{.step = 1, .layer = 0, .gradient_rms = 0.5},
                                  {.step = 1, .layer = 1, .gradient_rms = second},
                                  {.step = 2, .layer = 0, .gradient_rms = 77}};

    for (size_t i = 0; i < 3; i++) {
        compare_run_add_layer(&run, &layers[i]);
    }
    return run;
}

static void on_other_kernels_gradients_of_step_1_must_agree(void **state)
{
    (void)state;
    compare *how = compare_to_rounding;

    assert_said(how, run_with_gradients(2), run_with_gradients(2.0001), NULL);
    assert_said(how, run_with_gradients(2), run_with_gradients(2.001),
                "gradient of layer 1 at step 1");
    assert_said(how, run_with_gradients(2), run_with_gradients(0), "gradient of layer 1 at step 1");
    assert_said(compare_to_a_hundredth, run_with_gradients(2), run_with_gradients(2.001), NULL);
    assert_said(compare_to_a_hundredth, run_with_gradients(2), run_with_gradients(2.1),
                "more than 1 % apart");
    struct compare_run a = run_with_gradients(2), b = run_with_gradients(1), none = run_of(0.9, 20);
    assert_true(compare_gradients(&a, &b) == 0.5);
    assert_true(isnan(compare_gradients(&a, &none)));
    compare_run_clear(&a);
    compare_run_clear(&b);
    compare_run_clear(&none);
}

static void on_other_kernels_later_steps_are_no_failure_but_the_first_loss_is(void **state)
{
    struct compare_run here;
    (void)state;

    assert_said(compare_to_rounding, run_of(0.9, 444), run_of(0.9, 536), NULL);
    assert_said(compare_to_rounding, run_of(0.9, 18), run_of(0.9, -1), NULL);
    here = run_of(0.9, 20);
    here.measurements[1].test_accuracy += 0.3;
    here.measurements[2].train_loss += 1;
    assert_said(compare_to_rounding, run_of(0.9, 20), here, NULL);
    here = run_of(0.9, 20);
    here.measurements[0].train_loss *= 1.001;
    assert_true(compare_losses(&here, &here) == 0);
    assert_said(compare_to_rounding, run_of(0.9, 20), here, "training loss at step 1");
    here = run_of(0.9, 20);
    here.measurements[0].train_loss *= 1.019; /* what two kernels may differ for a deep network */
    assert_said(compare_to_a_hundredth, run_of(0.9, 20), here, NULL);
    here = run_of(0.9, 20);
    here.measurements[0].step = 2; /* not measured here */
    assert_said(compare_to_rounding, run_of(0.9, 20), here, NULL);
    here = run_of(0.9, 20);
    strcpy(here.result.data_sha256, "ee");
    assert_said(compare_to_rounding, run_of(0.9, 20), here, "data sha256");
}

/* C8, C13 */
static void only_what_gives_the_same_numbers_is_compared_exactly(void **state)
{
    struct compare_run a = run_of(0.9, 20), b = run_of(0.9, 20);
    struct trial_config plain = {.n_hidden = 1, .batch_norm = BATCH_NORM_BEFORE};
    struct trial_config after = {
        .n_hidden = 1, .batch_norm = BATCH_NORM_AFTER, .batch_norm_output = true};
    (void)state;

    assert_int_equal(compare_rule(&plain, &a, &b), COMPARE_EXACTLY);
    strcpy(b.result.kernel, "SkylakeX");
    assert_int_equal(compare_rule(&plain, &a, &b), COMPARE_CLOSELY);
    strcpy(b.result.kernel, "Zen");
    assert_int_equal(compare_rule(&plain, &a, &b), COMPARE_EXACTLY);
    strcpy(b.result.trainer, "torch 2");
    assert_int_equal(compare_rule(&plain, &a, &b), COMPARE_CLOSELY);
    b.result.trainer[0] = '\0';
    assert_int_equal(compare_rule(&plain, &a, &b), COMPARE_EXACTLY);
    strcpy(a.result.trainer, "ninety-trainer 0.2.0");
    strcpy(b.result.trainer, "ninety-trainer 0.3.0 engine 2");
    assert_int_equal(compare_rule(&plain, &a, &b), COMPARE_EXACTLY);
    assert_int_equal(compare_rule(&after, &a, &b), COMPARE_ACROSS_ENGINES);
    compare_run_clear(&a);
    compare_run_clear(&b);
}

static void a_trial_is_read_as_the_daemon_tells_it(void **state)
{
    struct compare_run run;
    struct error error;
    json_t *trial = json_loads("{\"id\": 3, \"steps\": 51, \"steps_to_target\": null,"
                               " \"final_accuracy\": 0.5, \"final_loss\": 1.5, \"kernel\": \"k\","
                               " \"trainer\": \"t\", \"weights_sha256\": \"w\"}",
                               0, NULL);
    json_t *curve = json_loads("{\"measurements\": [{\"step\": 0, \"test_accuracy\": 0.1,"
                               " \"train_loss\": null}, {\"step\": 4, \"test_accuracy\": 0.25,"
                               " \"train_loss\": 2}]}",
                               0, NULL);
    (void)state;

    assert_int_equal(compare_run_read(trial, curve, &run, &error), 0);
    assert_int_equal(run.result.steps, 51);
    assert_int_equal(run.result.steps_to_target, -1);
    assert_string_equal(run.result.weights_sha256, "w");
    assert_int_equal(run.n_measurements, 2);
    assert_true(isnan(run.measurements[0].train_loss));
    assert_int_equal(run.measurements[1].step, 4);
    compare_run_clear(&run);
    json_decref(trial);

    trial = json_loads("{\"id\": 3, \"steps\": null, \"state\": \"queued\"}", 0, NULL);
    assert_int_equal(compare_run_read(trial, curve, &run, &error), ERROR_INVALID);
    assert_string_equal(error.message, "trial 3 has no result: it is queued");
    json_decref(trial);
    json_decref(curve);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_runs_have_no_differences),
        cmocka_unit_test(every_number_counts_on_the_same_kernel),
        cmocka_unit_test(steps_in_common_are_compared_and_the_end_must_be_among_them),
        cmocka_unit_test(on_other_kernels_gradients_of_step_1_must_agree),
        cmocka_unit_test(on_other_kernels_later_steps_are_no_failure_but_the_first_loss_is),
        cmocka_unit_test(only_what_gives_the_same_numbers_is_compared_exactly),
        cmocka_unit_test(a_trial_is_read_as_the_daemon_tells_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
