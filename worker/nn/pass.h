/*
 * A training batch on its way through the network and back: what the forward pass leaves behind
 * for the backward pass, and the gradient that this yields.
 *
 * With X the input of a layer, W its weights, f its activation, B the batch size (sums and means
 * run over the batch):
 *
 *     dense      Z = X W                        dW = X' dZ,  dX = dZ W'
 *     none       Y = f(Z + b)                   dZ = dY f'(Z + b),  db = sum dZ
 *     before     U = norm(Z),  Y = f(U)         dU = dY f'(U),  dZ = norm'(dU)
 *     after      A = f(Z + b),  Y = norm(A)     dA = norm'(dY),  dZ = dA f'(Z + b),  db = sum dZ
 *
 * The gradient of a bias or beta that a normalization behind it subtracts again is set to exactly
 * zero (common/engine.h).
 *
 *     norm(x)   = gamma (x - mean) / sqrt(variance + epsilon) + beta      population variance
 *     norm'(dy) = gamma / s (dy - mean(dy) - xh mean(dy xh)),  dgamma = sum dy xh,  dbeta = sum dy
 *                 with s = sqrt(variance + epsilon), xh = (x - mean) / s
 *
 * (Ioffe & Szegedy 2015.)
 */
#pragma once

#include "common/protocol.h"
#include "worker/nn/block.h"
#include "worker/nn/input.h"
#include "worker/nn/network.h"

#include <stdint.h>

/* What one layer leaves behind. y, a and z share memory where the backward pass can do without
 * the earlier one. */
struct trace {
    float *z;               /* rows x n_out: Z, or Z + b where the layer works in place */
    float *a;               /* what the activation gave */
    float *y;               /* what the next layer gets */
    float *mean, *variance; /* of the batch, where the layer is normalized */
    float *scale;           /* gamma / s */
    float *dot;             /* n_out of scratch */
};

struct pass {
    const struct network *network;
    const struct kernels *kernels;
    int rows;
    struct trace traces[CONFIG_MAX_LAYERS + 1];
    float *delta[2];       /* rows x widest: d loss / d (output of a layer), by turns */
    float *offset, *slope; /* widest, scratch of the backward normalization */
    struct block memory;
    struct block gradient; /* laid out as network->parameters */
};

/* For batches of `rows`. The network must outlive it. 0 or -ENOMEM; free with pass_free. */
int pass_init(struct pass *pass, const struct network *network, const struct kernels *kernels,
              int rows);
void pass_free(struct pass *pass);

/* The batch forward; the logits are the last trace's y. Updates the moving moments:
 * moving = m moving + (1 - m) batch. If `stats` is not NULL, fills the members of stats[layer] that
 * concern activations. */
void pass_forward(struct pass *pass, struct network *network, struct input *input,
                  struct layer_stat *stats);

/* The loss of the forward pass's logits and the gradient of it. Fills the gradients' members of
 * `stats` likewise. Returns the mean cross-entropy. */
double pass_backward(struct pass *pass, struct input *input, const uint8_t *labels,
                     struct layer_stat *stats);
