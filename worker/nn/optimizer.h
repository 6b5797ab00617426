/*
 * The six optimizers, each one pass over the whole parameter block. g is the gradient of the mean
 * loss of the batch, t = 1, 2, ... the step, r the learning rate; everything is elementwise.
 *
 *     sgd       w -= r g
 *     momentum  m = p m + g;  w -= r m                            p = momentum (TF1, PyTorch)
 *     nesterov  m = p m + g;  w -= r (g + p m)
 *     adagrad   v = v + g^2;  w -= r g / (sqrt(v) + e)            v = 0.1 at first (TF1, Keras)
 *     rmsprop   v = b2 v + (1 - b2) g^2;  w -= r g / (sqrt(v) + e)
 *     adam      m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2;
 *               w -= r sqrt(1 - b2^t) / (1 - b1^t) m / (sqrt(v) + e)
 *
 * adam is TensorFlow 1's, which adds e to sqrt(v) before the correction of v (Kingma & Ba 2015,
 * end of section 2), not after it as PyTorch does.
 */
#pragma once

#include "worker/nn/block.h"
#include "worker/nn/kernels.h"

#include <stdint.h>

struct optimizer_state {
    enum optimizer kind;
    struct update update; /* the rate is the configured one */
    int64_t step;         /* taken so far */
    size_t n;
    struct block memory;
    float *m, *v; /* into memory; NULL where the kind has none */
};

/* For n parameters. 0 or -ENOMEM; free with optimizer_free. */
int optimizer_init(struct optimizer_state *optimizer, const struct trial_config *config, size_t n);
void optimizer_free(struct optimizer_state *optimizer);

/* One step: changes w by gradient g. */
void optimizer_step(struct optimizer_state *optimizer, const struct kernels *kernels,
                    const float *g, float *w);
