/*
 * The record of a training, step by step, from which it can be replayed in another framework:
 * a JSON line per step,
 *
 *     {"step": 1, "loss": 2.41, "gradient_norms": {"layers.0.dense.weight": 0.6, ...},
 *      "samples": [20419, 7, ...]}
 *
 * loss: mean of the batch, before the step. gradient_norms: the square root of the sum of squares
 * of its gradient, by the arrays' names in model_file.h. samples: the batch, as indices into the
 * training file. And the other way round: an order of samples read from a file.
 */
#pragma once

#include "common/error.h"
#include "worker/nn/training.h"

#include <stdint.h>
#include <stdio.h>

/* One line for the step that `training` has just taken. 0; -ENOMEM; what goes wrong with `out` is
 * found by ferror. */
int trace_write_step(FILE *out, const struct training *training, double loss);

/* Reads a file of sample numbers (0-based, between blanks or line ends), at least `n_needed`, each
 * within first..n-1. Exactly n_needed of them are returned; malloc'd, the caller frees.
 * 0, -ENOMEM or ERROR_INVALID. */
int trace_read_order(const char *path, int64_t n_needed, int first, int n, int32_t **ret_indices,
                     struct error *error);
