/*
 * The network as it predicts: normalization by the moving moments, nothing kept for a backward
 * pass, so that two buffers of one chunk of samples are enough.
 *
 * A ReLU network soon has but 10 to 20 % of its units active, one with normalization 40 to 50 %.
 * Where a layer's input turns out to be that sparse, its product leaves out the zeros, as the first
 * layer's does.
 */
#pragma once

#include "worker/nn/block.h"
#include "worker/nn/input.h"
#include "worker/nn/network.h"

struct inference {
    const struct network *network;
    const struct kernels *kernels;
    int rows; /* at most, of a call */
    struct block memory;
    float *buffer[2];                    /* rows x widest */
    float *tiles[CONFIG_MAX_LAYERS + 1]; /* of the weights of layers behind a ReLU, or NULL */
    enum { INFERENCE_UNDECIDED, INFERENCE_DENSE, INFERENCE_SPARSE } form[CONFIG_MAX_LAYERS + 1];
    struct sparse nonzeros;              /* of a layer's input */
    float *scale[CONFIG_MAX_LAYERS + 1]; /* gamma / sqrt(moving variance + epsilon), or NULL */
};

/* The network must outlive it. 0 or -ENOMEM; free with inference_free. */
int inference_init(struct inference *inference, const struct network *network,
                   const struct kernels *kernels, int rows);
void inference_free(struct inference *inference);

/* Takes over the network as it is, and sets the input's weights: call it after every change. */
void inference_refresh(struct inference *inference, struct input *input);

/* The logits[rows x n_classes] of the input's rows; valid until the next call. */
const float *inference_run(struct inference *inference, struct input *input);
