/*
 * Two runs of the same trial side by side. With the same trainer on the same kernel family they
 * must agree in every number; elsewhere rounding differs, training amplifies it, and they must
 * agree within tolerances that were measured on the article's networks (docs/cli.md).
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
};

/* A run as the daemon tells it: a trial, and the answer with its "measurements". ERROR_INVALID if
 * the trial has no result. Free with compare_run_clear. */
int compare_run_read(const json_t *trial, const json_t *measurements, struct compare_run *ret,
                     struct error *error);
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

/* The same, with tolerances, for runs that cannot be the same:
 *   steps to the target: 20 % or 3 steps; one that was not reached counts as the steps taken;
 *   loss at step 1: a ten-thousandth of it;
 *   test accuracy: 0.001 at step 1, 0.02 up to step 8, 0.06 from there on. */
size_t compare_closely(const struct compare_run *recorded, const struct compare_run *here,
                       FILE *out);
