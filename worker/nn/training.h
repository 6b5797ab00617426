/*
 * One trial's training: network, batch, gradient and optimizer, one step at a time. A step
 * allocates nothing, reads no clock and talks to nobody; the same configuration and samples give
 * the same parameters, bit for bit, on one BLAS kernel family.
 */
#pragma once

#include "common/config.h"
#include "common/protocol.h"
#include "worker/nn/network.h"
#include "worker/nn/optimizer.h"
#include "worker/nn/pass.h"
#include "worker/nn/sample_order.h"
#include "worker/nn/samples.h"

struct training {
    const struct kernels *kernels;
    struct samples samples;
    int rows; /* of a batch */
    int64_t step;
    struct network network;
    struct pass pass;
    struct optimizer_state optimizer;
    struct sample_order order;
    int32_t *indices; /* of the batch */
    uint8_t *labels;
    struct input input;
    struct block before; /* the parameters before a step whose layers are measured */
};

/* Ready for the first step. `samples` are the training file's; the last config->train_size of
 * them are used, which must exist. 0 or -ENOMEM; free with training_free. */
int training_init(struct training *training, const struct trial_config *config,
                  const struct samples *samples, const struct kernels *kernels);
void training_free(struct training *training);

/* Draws a batch and changes the parameters once. Returns the batch's mean loss, from before the
 * change; if it is not finite, the parameters are left as they were. `stats` may be NULL, or is
 * filled: one per layer, the logits last. */
double training_step(struct training *training, struct layer_stat *stats);
