/*
 * What each layer did in one step, to show where gradients vanish and units saturate. A "unit"
 * counts once per sample of the batch. The pre-activation is what the activation gets: with
 * normalization before it, the normalized value.
 *
 * Only called at the steps that are measured; it reads what the pass left behind and changes
 * nothing, so a trial's numbers are the same with it and without.
 */
#pragma once

#include "common/protocol.h"
#include "worker/nn/pass.h"

/* All members "does not exist" but step and layer. */
void layer_stats_clear(struct layer_stat *stat, int64_t step, int layer);

/* Moments per column of traces[layer].z, before the activation overwrites it. */
void layer_stats_moments(const struct pass *pass, int layer, float *ret_mean, float *ret_variance);

/* Saturated and dead share; mean and deviation of the pre-activations u(z), given z's moments. */
void layer_stats_forward(const struct pass *pass, int layer, const struct affine *u,
                         const float *mean, const float *variance, struct layer_stat *stat);

/* d[rows x n_out] is d loss / d pre-activation. */
void layer_stats_preactivation_gradient(const struct pass *pass, int layer, const float *d,
                                        struct layer_stat *stat);

/* Gradient and weights, before the optimizer's step. */
void layer_stats_gradient(const struct pass *pass, int layer, struct layer_stat *stat);

/* The optimizer's step; `before` is a copy of the parameter block from before it. */
void layer_stats_update(const struct pass *pass, int layer, const struct block *before,
                        struct layer_stat *stat);
