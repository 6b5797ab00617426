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

void compare_run_add_layer(struct compare_run *run, const struct layer_stat *layer)
{
    /* Layers come in their order; what does not is of no trainer of ours. */
    if (layer->step == 1 && layer->layer == run->n_layers && layer->layer <= CONFIG_MAX_LAYERS &&
        !isnan(layer->gradient_rms)) {
        run->gradients[run->n_layers++] = layer->gradient_rms;
    }
}

void compare_run_read_layers(const json_t *layers, struct compare_run *run)
{
    size_t i;
    json_t *row;

    json_array_foreach(json_object_get(layers, "layers"), i, row)
    {
        struct layer_stat layer = {
            .step = integer_at(row, "step"),
            .layer = (int)integer_at(row, "layer"),
            .gradient_rms = number_at(row, "gradient_rms"),
        };
        compare_run_add_layer(run, &layer);
    }
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

/* ---- closely ---- */

static double relative_difference(double a, double b)
{
    double larger = fmax(fabs(a), fabs(b));

    return larger > 0 ? fabs(a - b) / larger : 0;
}

double compare_gradients(const struct compare_run *a, const struct compare_run *b)
{
    double largest = a->n_layers > 0 && a->n_layers == b->n_layers ? 0 : NAN;

    for (int i = 0; i < a->n_layers && !isnan(largest); i++) {
        largest = fmax(largest, relative_difference(a->gradients[i], b->gradients[i]));
    }
    return largest;
}

double compare_losses(const struct compare_run *a, const struct compare_run *b)
{
    const struct measurement *first = find_step(a, 1), *second = find_step(b, 1);

    return first && second ? relative_difference(first->train_loss, second->train_loss)
                           : (double)NAN;
}

static void compare_within(struct differences *differences, const char *what, double pair[2],
                           double tolerance)
{
    if (!(relative_difference(pair[0], pair[1]) <= tolerance)) {
        fprintf(differences->out, "  %s: %.15g recorded, %.15g here, more than %.2g %% apart\n",
                what, pair[0], pair[1], 100 * tolerance);
        differences->n++;
    }
}

size_t compare_closely(const struct compare_run *recorded, const struct compare_run *here,
                       const struct compare_tolerance *tolerance, FILE *out)
{
    struct differences differences = {.out = out};
    const struct measurement *a = find_step(recorded, 1), *b = find_step(here, 1);
    char what[64];

    compare_texts(&differences, "data sha256", recorded->result.data_sha256,
                  here->result.data_sha256);
    for (int i = 0; i < recorded->n_layers && i < here->n_layers; i++) {
        snprintf(what, sizeof(what), "gradient of layer %d at step 1", i);
        compare_within(&differences, what, (double[]){recorded->gradients[i], here->gradients[i]},
                       tolerance->gradients);
    }
    if (a && b) {
        compare_within(&differences, "training loss at step 1",
                       (double[]){a->train_loss, b->train_loss}, tolerance->loss);
    }
    return differences.n;
}
