#include "common/protocol_rules.h"

#include <math.h>
#include <stdio.h>

struct report_terms report_terms_of(const struct trial_config *config)
{
    return (struct report_terms){.target_accuracy = config->target_accuracy,
                                 .max_steps = config->max_steps,
                                 .n_hidden = config->n_hidden};
}

/* ---- rows ---- */

static int check_step(int64_t step, const struct report_terms *terms, struct error *error)
{
    if (step < 0 || step > terms->max_steps) {
        return error_set(error, "step", "step must be from 0 to max_steps, %d, not %lld",
                         terms->max_steps, (long long)step);
    }
    return 0;
}

void report_past_add(struct report_past *past, const struct report_terms *terms,
                     const struct measurement *measurement)
{
    if (measurement->step <= past->step) {
        return;
    }
    past->step = (int32_t)measurement->step;
    if (past->reached_step < 0) {
        bool reached = measurement->test_accuracy >= terms->target_accuracy;
        *(reached ? &past->reached_step : &past->below_step) = past->step;
    }
}

void report_past_take(struct report_past *past, const struct report_terms *terms,
                      const struct report *report)
{
    for (size_t i = 0; i < report->n_measurements; i++) {
        report_past_add(past, terms, &report->measurements[i]);
    }
    if (report->n_layers > 0) {
        const struct layer_stat *last = &report->layers[report->n_layers - 1];
        bool further = last->step > past->layer_step ||
                       (last->step == past->layer_step && last->layer > past->layer);
        past->layer_step = further ? (int32_t)last->step : past->layer_step;
        past->layer = further ? last->layer : past->layer;
    }
}

int report_check_measurement(const struct measurement *measurement,
                             const struct report_terms *terms, struct report_past *past,
                             struct error *error)
{
    int rc = check_step(measurement->step, terms, error);
    if (rc == 0 && measurement->step <= past->step) {
        rc = error_set(error, "step",
                       "step %lld comes after step %d: the steps of measurements rise",
                       (long long)measurement->step, past->step);
    }
    if (rc == 0) {
        report_past_add(past, terms, measurement);
    }
    return rc;
}

int report_check_layer(const struct layer_stat *layer, const struct report_terms *terms,
                       struct report_past *past, struct error *error)
{
    int rc = check_step(layer->step, terms, error);
    if (rc != 0) {
        return rc;
    }
    if (layer->layer > terms->n_hidden) {
        return error_set(error, "layer", "layer must be from 0 to %d, the logits, not %d",
                         terms->n_hidden, layer->layer);
    }
    if (layer->step < past->layer_step ||
        (layer->step == past->layer_step && layer->layer <= past->layer)) {
        return error_set(error, "step",
                         "step %lld, layer %d comes after step %d, layer %d: the steps of layer "
                         "statistics rise, and the layers of a step",
                         (long long)layer->step, layer->layer, past->layer_step, past->layer);
    }
    past->layer_step = (int32_t)layer->step;
    past->layer = layer->layer;
    return 0;
}

/* ---- results ---- */

static int check_reached(const struct trial_result *result, const struct report_terms *terms,
                         const struct report_past *past, struct error *error)
{
    long long reached = (long long)result->steps_to_target;
    const char *field = "steps_to_target";
    if (reached > result->steps) {
        return error_set(error, field, "steps_to_target is %lld, but only %lld steps were taken",
                         reached, (long long)result->steps);
    }
    if (past->reached_step >= 0 && reached > past->reached_step) {
        return error_set(error, field,
                         "steps_to_target is %lld, but the target accuracy, %.15g, was reached at "
                         "step %d",
                         reached, terms->target_accuracy, past->reached_step);
    }
    if (reached <= past->below_step) {
        return error_set(error, field,
                         "steps_to_target is %lld, but the accuracy at step %d was below the "
                         "target, %.15g",
                         reached, past->below_step, terms->target_accuracy);
    }
    if (past->reached_step < 0 && !(result->final_accuracy >= terms->target_accuracy)) {
        return error_set(error, field,
                         "steps_to_target is %lld, but no accuracy reaches the target, %.15g: "
                         "final_accuracy is %.15g, and nothing else was measured there",
                         reached, terms->target_accuracy, result->final_accuracy);
    }
    return 0;
}

static int check_not_reached(const struct trial_result *result, const struct report_terms *terms,
                             const struct report_past *past, struct error *error)
{
    if (past->reached_step >= 0) {
        return error_set(error, "steps_to_target",
                         "steps_to_target is missing, but the target accuracy, %.15g, was reached "
                         "at step %d",
                         terms->target_accuracy, past->reached_step);
    }
    if (result->final_accuracy >= terms->target_accuracy) {
        return error_set(error, "steps_to_target",
                         "steps_to_target is missing, but final_accuracy, %.15g, reaches the "
                         "target, %.15g",
                         result->final_accuracy, terms->target_accuracy);
    }
    if (!isnan(result->seconds_to_target)) {
        return error_set(error, "seconds_to_target",
                         "seconds_to_target is %.15g, but steps_to_target is missing",
                         result->seconds_to_target);
    }
    return 0;
}

int report_check_result(const struct trial_result *result, const struct report_terms *terms,
                        const struct report_past *past, struct error *error)
{
    int32_t heard = past->step > past->layer_step ? past->step : past->layer_step;
    if (result->steps < 0 || result->steps > terms->max_steps) {
        return error_set(error, "steps", "steps must be from 0 to max_steps, %d, not %lld",
                         terms->max_steps, (long long)result->steps);
    }
    if (result->steps < heard) {
        return error_set(error, "steps", "steps is %lld, but step %d was measured",
                         (long long)result->steps, heard);
    }
    return result->steps_to_target >= 0 ? check_reached(result, terms, past, error)
                                        : check_not_reached(result, terms, past, error);
}

/* ---- reports ---- */

static int blame(struct error *error, const char *list, size_t i)
{
    char at[64];
    snprintf(at, sizeof(at), "%s[%zu]", list, i);
    return error_prefix(error, at);
}

int report_check(const struct report *report, const struct report_terms *terms,
                 const struct report_repeated *repeated, const struct report_past *past,
                 struct error *error)
{
    struct report_past then = *past;
    for (size_t i = repeated->measurements; i < report->n_measurements; i++) {
        if (report_check_measurement(&report->measurements[i], terms, &then, error) != 0) {
            return blame(error, "measurements", i);
        }
    }
    for (size_t i = repeated->layers; i < report->n_layers; i++) {
        if (report_check_layer(&report->layers[i], terms, &then, error) != 0) {
            return blame(error, "layers", i);
        }
    }
    if (report->end == REPORT_DONE &&
        report_check_result(&report->result, terms, &then, error) != 0) {
        return error_prefix(error, "done");
    }
    if (report->end == REPORT_REUSED && report->n_measurements + report->n_layers > 0) {
        return error_set(error, "reused_from",
                         "a result that is taken over has no measurements of its own");
    }
    return 0;
}
