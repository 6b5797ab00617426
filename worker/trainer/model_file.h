/*
 * A network in a safetensors file, under PyTorch's names and orientation, so that
 * `load_state_dict` takes it as it is:
 *
 *     layers.N.dense.weight         n_out x n_in       the transpose of ours
 *     layers.N.dense.bias           n_out              where the layer has one
 *     layers.N.norm.weight, .bias   n_out              gamma, beta
 *     layers.N.norm.running_mean, .running_var         the moving moments
 *
 * N = 0 for the first hidden layer; the last one makes the logits. The metadata tell the
 * configuration. The optimizer's state is not kept.
 */
#pragma once

#include "common/config.h"
#include "common/error.h"
#include "worker/nn/network.h"

#include <stdint.h>

/* What the metadata say beside the configuration. */
struct model_facts {
    int64_t step;
    double test_accuracy;
    const char *weights_sha256, *data_sha256;
};

/* The file appears whole or not at all. 0, or ERROR_INVALID with a message that names the file. */
int model_save(const char *path, const struct network *network, const struct trial_config *config,
               const struct model_facts *facts, struct error *error);

/* Overwrites all parameters and moving moments. The file must have the arrays of this network, in
 * these shapes, and no others; if not, ERROR_INVALID, and the network may be half overwritten. */
int model_load(const char *path, struct network *network, struct error *error);

/* Calls visit for each array with its name in the file; `values` is n_out x n_in transposed to
 * ours (n_in x n_out) for the weights, and n_columns is 0 for vectors. */
typedef int (*model_visit_fn)(void *context, const char *name, float *values, int n_rows,
                              int n_columns);
/* Stops at the first result that is not 0 and returns it. */
int model_visit(const struct network *network, model_visit_fn visit, void *context);
