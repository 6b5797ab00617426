/*
 * Two runs of the same trial side by side. With the same trainer on the same kernel family they
 * must agree in every number. Elsewhere rounding differs and training amplifies it without bound,
 * so that only what the first step computes from equal weights must agree (docs/cli.md).
 */
#pragma once

#include "common/error.h"
#include "common/protocol.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

struct compare_run {
    struct trial_result result;
    struct measurement *measurements;
    size_t n_measurements;
    double gradients[CONFIG_MAX_LAYERS + 1]; /* gradient_rms of step 1, by layer */
    int n_layers;                            /* 0 = not known */
};

/* A run as the daemon tells it: a trial, and the answer with its "measurements". ERROR_INVALID if
 * the trial has no result. Free with compare_run_clear. */
int compare_run_read(const json_t *trial, const json_t *measurements, struct compare_run *ret,
                     struct error *error);
/* The layers of step 1 from the daemon's answer with "layers". */
void compare_run_read_layers(const json_t *layers, struct compare_run *run);
void compare_run_add_layer(struct compare_run *run, const struct layer_stat *layer);
void compare_run_add(struct compare_run *run, const struct measurement *measurement);
void compare_run_clear(struct compare_run *run);

/* How two runs can be compared: to the bit where kernel and trainer give the same numbers of this
 * configuration (kernel_family.h, engine.h), and closely elsewhere. */
enum compare_rule {
    COMPARE_EXACTLY,
    COMPARE_CLOSELY,        /* another kernel or trainer */
    COMPARE_ACROSS_ENGINES, /* another engine, which changed what this network trains */
};
enum compare_rule compare_rule(const struct trial_config *config,
                               const struct compare_run *recorded, const struct compare_run *here);

/* How many of the recorded measurements were made here, too. Not all need be: an older trainer also
 * measured at other steps. */
size_t compare_in_common(const struct compare_run *recorded, const struct compare_run *here);

/* Writes a line "  what: A recorded, B here" for every difference; returns how many. Of the
 * measurements those in common are compared; the last one, the end, must be. Daemons tell real
 * numbers with 15 digits, so that many are compared. */
size_t compare_exactly(const struct compare_run *recorded, const struct compare_run *here,
                       FILE *out);

/* The largest relative difference of two runs' gradients of step 1 over the layers; NAN if either
 * has none. */
double compare_gradients(const struct compare_run *a, const struct compare_run *b);

/* The relative difference of their losses of step 1; NAN if it was not measured in both. */
double compare_losses(const struct compare_run *a, const struct compare_run *b);

/* What two runs may differ at step 1, relatively. */
struct compare_tolerance {
    double gradients, loss;
};

/* What rounding does to both in networks of ordinary depth. */
#define COMPARE_ROUNDING 1e-4

/* The same as compare_exactly for runs that cannot be the same: the data, and gradients and loss of
 * step 1, where that was measured. */
size_t compare_closely(const struct compare_run *recorded, const struct compare_run *here,
                       const struct compare_tolerance *tolerance, FILE *out);
