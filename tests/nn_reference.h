/*
 * The numerics once more, naively: double precision, libm, one loop per formula of
 * docs/training.md, nothing shared with worker/nn but the shapes of a network. And the tools to
 * compare with it.
 */
#pragma once

#include "common/rng.h"
#include "worker/nn/gemm.h"
#include "worker/nn/network.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The set-up of a group of tests that multiply matrices. */
static inline int init_blas(void **state)
{
    (void)state;
    gemm_init();
    return 0;
}

/* ---- activations ---- */

static inline double reference_activation(enum activation f, double x)
{
    const double scale = 1.0507009873554804934193349852946;
    const double alpha = 1.6732632423543772848170429916717;

    switch (f) {
    case ACTIVATION_RELU:
        return x > 0 ? x : 0;
    case ACTIVATION_LEAKY_RELU:
        return x > 0 ? x : 0.2 * x;
    case ACTIVATION_ELU:
        return x > 0 ? x : expm1(x);
    case ACTIVATION_SELU:
        return scale * (x > 0 ? x : alpha * expm1(x));
    case ACTIVATION_GELU:
        return x * 0.5 * erfc(-x / sqrt(2));
    case ACTIVATION_SILU:
        return x / (1 + exp(-x));
    case ACTIVATION_SIGMOID:
        return 1 / (1 + exp(-x));
    case ACTIVATION_TANH:
        return tanh(x);
    default:
        return x;
    }
}

static inline double reference_slope(enum activation f, double x)
{
    const double h = 1e-5;
    return (reference_activation(f, x + h) - reference_activation(f, x - h)) / (2 * h);
}

/* ---- the network ---- */

/* A float array of the network, or its twin in the doubles `p` (same offsets) if that is given. */
static inline double reference_at(const struct network *network, const double *p,
                                  const float *array, size_t i)
{
    return p ? p[array - network->parameters.at + (ptrdiff_t)i] : (double)array[i];
}

/* x[rows x n] -> gamma (x - mean) / sqrt(variance + epsilon) + beta, by the batch's moments or,
 * with `moving`, by the moving ones. */
static inline void reference_norm(const struct network *network, const struct layer *layer,
                                  const double *p, bool moving, int rows, double *x)
{
    int n = layer->n_out;

    for (int c = 0; c < n; c++) {
        double mean = 0, variance = 0;
        for (int r = 0; r < rows; r++) {
            mean += x[r * n + c] / rows;
        }
        for (int r = 0; r < rows; r++) {
            variance += (x[r * n + c] - mean) * (x[r * n + c] - mean) / rows;
        }
        if (moving) {
            mean = layer->moving_mean[c];
            variance = layer->moving_variance[c];
        }
        double scale = reference_at(network, p, layer->gamma, (size_t)c) /
                       sqrt(variance + (double)network->bn_epsilon);
        for (int r = 0; r < rows; r++) {
            x[r * n + c] =
                (x[r * n + c] - mean) * scale + reference_at(network, p, layer->beta, (size_t)c);
        }
    }
}

/* The logits[rows x n_classes] of x, malloc'd. Parameters are the network's, or p if not NULL. */
static inline double *reference_logits(const struct network *network, const double *p, bool moving,
                                       int rows, const float *x)
{
    int n_in = network->layers[0].n_in;
    double *from = malloc(sizeof(double) * (size_t)rows * (size_t)n_in);

    for (int i = 0; i < rows * n_in; i++) {
        from[i] = x[i];
    }
    for (int l = 0; l < network->n_layers; l++) {
        const struct layer *layer = &network->layers[l];
        int n = layer->n_out;
        double *to = malloc(sizeof(double) * (size_t)rows * (size_t)n);

        for (int r = 0; r < rows; r++) {
            for (int c = 0; c < n; c++) {
                double sum = layer->bias ? reference_at(network, p, layer->bias, (size_t)c) : 0;
                for (int k = 0; k < layer->n_in; k++) {
                    sum += from[r * layer->n_in + k] *
                           reference_at(network, p, layer->weights, (size_t)(k * n + c));
                }
                to[r * n + c] = sum;
            }
        }
        if (layer->batch_norm == BATCH_NORM_BEFORE) {
            reference_norm(network, layer, p, moving, rows, to);
        }
        for (int i = 0; i < rows * n; i++) {
            to[i] = reference_activation(layer->activation, to[i]);
        }
        if (layer->batch_norm == BATCH_NORM_AFTER) {
            reference_norm(network, layer, p, moving, rows, to);
        }
        free(from);
        from = to;
    }
    return from;
}

/* The mean cross-entropy of a batch, normalized by its own moments. */
static inline double reference_loss(const struct network *network, const double *p, int rows,
                                    const float *x, const uint8_t *labels)
{
    int classes = network->layers[network->n_layers - 1].n_out;
    double *logits = reference_logits(network, p, false, rows, x), loss = 0;

    for (int r = 0; r < rows; r++) {
        double sum = 0;
        for (int c = 0; c < classes; c++) {
            sum += exp(logits[r * classes + c] - logits[r * classes + labels[r]]);
        }
        loss += log(sum) / rows;
    }
    free(logits);
    return loss;
}

/* ---- tools ---- */

/* Standard normal values times `scale`. */
static inline void reference_fill(struct rng *rng, double scale, size_t n, float *ret)
{
    for (size_t i = 0; i < n; i++) {
        ret[i] = (float)(scale * rng_normal(rng));
    }
}

static inline bool reference_close(double a, double b, double relative, double absolute)
{
    return fabs(a - b) <= absolute + relative * fmax(fabs(a), fabs(b));
}

#define assert_close(a, b, relative, absolute)                                                     \
    do {                                                                                           \
        double a_ = (a), b_ = (b);                                                                 \
        if (!reference_close(a_, b_, relative, absolute)) {                                        \
            print_error("%s = %.9g, but %s = %.9g\n", #a, a_, #b, b_);                             \
            fail();                                                                                \
        }                                                                                          \
    } while (0)
