#include "cli/compare.h"

#include "cli/memory.h"
#include "common/engine.h"
#include "common/kernel_family.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- runs ---- */

static double number_at(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);

    return json_is_number(value) ? json_number_value(value) : NAN;
}

static int64_t integer_at(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);

    return json_is_integer(value) ? json_integer_value(value) : -1;
}

static void text_at(const json_t *object, const char *key, char *ret, size_t size)
{
    const char *text = json_string_value(json_object_get(object, key));

    snprintf(ret, size, "%s", text ? text : "");
}

int compare_run_read(const json_t *trial, const json_t *measurements, struct compare_run *ret,
                     struct error *error)
{
    struct compare_run run = {0};
    struct trial_result *result = &run.result;
    size_t i;
    json_t *row;

    if (integer_at(trial, "steps") < 0) {
        const char *state = json_string_value(json_object_get(trial, "state"));
        return error_set(error, NULL, "trial %lld has no result: it is %s",
                         (long long)integer_at(trial, "id"), state ? state : "in no state");
    }
    result->steps = integer_at(trial, "steps");
    result->steps_to_target = integer_at(trial, "steps_to_target");
    result->final_accuracy = number_at(trial, "final_accuracy");
    result->final_loss = number_at(trial, "final_loss");
    text_at(trial, "weights_sha256", result->weights_sha256, sizeof(result->weights_sha256));
    text_at(trial, "data_sha256", result->data_sha256, sizeof(result->data_sha256));
    text_at(trial, "kernel", result->kernel, sizeof(result->kernel));
    text_at(trial, "trainer", result->trainer, sizeof(result->trainer));
    json_array_foreach(json_object_get(measurements, "measurements"), i, row)
    {
        struct measurement measurement = {
            .step = integer_at(row, "step"),
            .test_accuracy = number_at(row, "test_accuracy"),
            .train_loss = number_at(row, "train_loss"),
        };
        compare_run_add(&run, &measurement);
    }
    *ret = run;
    return 0;
}

void compare_run_add(struct compare_run *run, const struct measurement *measurement)
{
    run->measurements =
        must(realloc(run->measurements, (run->n_measurements + 1) * sizeof(*measurement)));
    run->measurements[run->n_measurements++] = *measurement;
}

void compare_run_clear(struct compare_run *run)
{
    free(run->measurements);
    *run = (struct compare_run){0};
}

static const struct measurement *find_step(const struct compare_run *run, int64_t step)
{
    for (size_t i = 0; i < run->n_measurements; i++) {
        if (run->measurements[i].step == step) {
            return &run->measurements[i];
        }
    }
    return NULL;
}

size_t compare_in_common(const struct compare_run *recorded, const struct compare_run *here)
{
    size_t n = 0;

    for (size_t i = 0; i < recorded->n_measurements; i++) {
        n += find_step(here, recorded->measurements[i].step) != NULL;
    }
    return n;
}

/* ---- differences ---- */

enum compare_rule compare_rule(const struct trial_config *config,
                               const struct compare_run *recorded, const struct compare_run *here)
{
    const struct trial_result *a = &recorded->result, *b = &here->result;
    bool is_same_kernel =
        strcmp(a->kernel, b->kernel) == 0 || kernel_families_agree(a->kernel, b->kernel);

    if (!a->trainer[0] || !b->trainer[0] || engine_trainers_agree(config, a->trainer, b->trainer)) {
        return is_same_kernel ? COMPARE_EXACTLY : COMPARE_CLOSELY;
    }
    return engine_of(a->trainer) > 0 && engine_of(b->trainer) > 0 ? COMPARE_ACROSS_ENGINES
                                                                  : COMPARE_CLOSELY;
}

/* Where they go, and how many there were. */
struct differences {
    FILE *out;
    size_t n;
};

static void compare_numbers(struct differences *differences, const char *what, double recorded,
                            double here)
{
    if (isnan(recorded) && isnan(here)) {
        return;
    }
    if (fabs(recorded - here) <= 1e-14 * fabs(recorded)) { /* false if one is NAN */
        return;
    }
    fprintf(differences->out, "  %s: %.15g recorded, %.15g here\n", what, recorded, here);
    differences->n++;
}

static void compare_texts(struct differences *differences, const char *what, const char *recorded,
                          const char *here)
{
    if (recorded[0] && here[0] && strcmp(recorded, here) != 0) {
        fprintf(differences->out, "  %s: %s recorded, %s here\n", what, recorded, here);
        differences->n++;
    }
}

/* Steps to the target; NAN if it was not reached. */
static double steps_or_nan(const struct compare_run *run)
{
    return run->result.steps_to_target < 0 ? NAN : (double)run->result.steps_to_target;
}

static void compare_step_exactly(struct differences *differences,
                                 const struct measurement *recorded, const struct measurement *here)
{
    char what[64];

    snprintf(what, sizeof(what), "test accuracy at step %lld", (long long)recorded->step);
    compare_numbers(differences, what, recorded->test_accuracy, here->test_accuracy);
    snprintf(what, sizeof(what), "training loss at step %lld", (long long)recorded->step);
    compare_numbers(differences, what, recorded->train_loss, here->train_loss);
}

size_t compare_exactly(const struct compare_run *recorded, const struct compare_run *here,
                       FILE *out)
{
    struct differences differences = {.out = out};
    const struct trial_result *a = &recorded->result, *b = &here->result;

    compare_texts(&differences, "data sha256", a->data_sha256, b->data_sha256);
    compare_numbers(&differences, "steps", (double)a->steps, (double)b->steps);
    compare_numbers(&differences, "steps to the target", steps_or_nan(recorded),
                    steps_or_nan(here));
    compare_numbers(&differences, "final accuracy", a->final_accuracy, b->final_accuracy);
    compare_numbers(&differences, "final loss", a->final_loss, b->final_loss);
    for (size_t i = 0; i < recorded->n_measurements; i++) {
        const struct measurement *measurement = &recorded->measurements[i];
        const struct measurement *same_step = find_step(here, measurement->step);
        if (same_step) {
            compare_step_exactly(&differences, measurement, same_step);
        } else if (i + 1 == recorded->n_measurements) {
            fprintf(out, "  step %lld: recorded, but not measured here\n",
                    (long long)measurement->step);
            differences.n++;
        }
    }
    compare_texts(&differences, "weights sha256", a->weights_sha256, b->weights_sha256);
    return differences.n;
}

/* ---- tolerances ---- */

static void compare_within(struct differences *differences, const char *what, double pair[2],
                           double tolerance)
{
    if (fabs(pair[0] - pair[1]) > tolerance) {
        fprintf(differences->out, "  %s: %.15g recorded, %.15g here, more than %g apart\n", what,
                pair[0], pair[1], tolerance);
        differences->n++;
    }
}

static double accuracy_tolerance(int64_t step)
{
    return step <= 1 ? 0.001 : step <= 8 ? 0.02 : 0.06;
}

static double steps_reckoned(const struct compare_run *run)
{
    return (double)(run->result.steps_to_target < 0 ? run->result.steps
                                                    : run->result.steps_to_target);
}

static void compare_step_closely(struct differences *differences,
                                 const struct measurement *recorded, const struct measurement *here)
{
    char what[64];

    snprintf(what, sizeof(what), "test accuracy at step %lld", (long long)recorded->step);
    compare_within(differences, what, (double[]){recorded->test_accuracy, here->test_accuracy},
                   accuracy_tolerance(recorded->step));
    if (recorded->step == 1) {
        compare_within(differences, "training loss at step 1",
                       (double[]){recorded->train_loss, here->train_loss},
                       1e-4 * fabs(recorded->train_loss));
    }
}

size_t compare_closely(const struct compare_run *recorded, const struct compare_run *here,
                       FILE *out)
{
    struct differences differences = {.out = out};
    double steps = steps_reckoned(recorded);

    compare_texts(&differences, "data sha256", recorded->result.data_sha256,
                  here->result.data_sha256);
    compare_within(&differences, "steps to the target", (double[]){steps, steps_reckoned(here)},
                   steps * 0.2 > 3 ? steps * 0.2 : 3);
    for (size_t i = 0; i < recorded->n_measurements; i++) {
        const struct measurement *measurement = &recorded->measurements[i];
        const struct measurement *same_step = find_step(here, measurement->step);
        if (same_step) { /* the end is measured at a step of its own */
            compare_step_closely(&differences, measurement, same_step);
        }
    }
    return differences.n;
}
