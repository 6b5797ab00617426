/*
 * What a trial learns: the parameters of a multilayer perceptron in one block, and the moving
 * moments of its batch normalizations in another. How a batch goes through it is in pass.h
 * (training) and inference.h.
 *
 *     x --> dense --> [norm] --> activation --> [norm] --> ... --> dense --> [norm] --> logits
 *                     before                    after
 *
 * A dense layer that goes straight into a normalization has no bias: the normalization would
 * subtract it again, and beta takes its place.
 */
#pragma once

#include "common/config.h"
#include "worker/nn/block.h"
#include "worker/nn/kernels.h"

#include <stddef.h>

/* One dense layer with its activation and normalization. Pointers are into `parameters` and
 * `moving`; NULL where the layer has no such array. */
struct layer {
    int n_in, n_out;
    enum activation activation; /* linear for the logits */
    enum batch_norm batch_norm; /* the logits', if any, is BATCH_NORM_BEFORE */
    float *weights;             /* n_in x n_out */
    float *bias;
    float *gamma, *beta;
    float *moving_mean, *moving_variance;
    bool inert_bias, inert_beta; /* their gradient is zero by construction (common/engine.h) */
};

struct network {
    int n_layers; /* hidden ones and the logits */
    int widest;   /* largest n_out */
    float bn_momentum, bn_epsilon;
    struct layer layers[CONFIG_MAX_LAYERS + 1];
    struct block parameters;
    struct block moving;
    struct block constants;
    const float *zeros, *ones; /* `widest` of each, for the parts an affine lacks */
};

/* Shapes and memory only. 0 or -ENOMEM; free with network_free. */
int network_init(struct network *network, const struct trial_config *config, int n_inputs,
                 int n_classes);
void network_free(struct network *network);

/* Starting values: weights by initializer.h (the logits' always glorot_uniform), biases and betas
 * 0, gammas 1, moving means 0, moving variances 1. */
void network_start(struct network *network, const struct trial_config *config);

/* Calls visit for every array in the order weights, bias, gamma, beta, moving mean, moving
 * variance of the first layer, then of the next; arrays that do not exist are left out. */
void network_visit(const struct network *network,
                   void (*visit)(void *context, const float *array, size_t n), void *context);

/* The same array in another block with the layout of `parameters` (a gradient). */
float *network_twin(const struct network *network, const float *parameter,
                    const struct block *twin);
