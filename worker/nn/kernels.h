/*
 * The loops over batches and parameters that are not matrix products, each once in plain C
 * (kernels_code.c) and compiled for several instruction sets; the widest that the CPU has is
 * chosen at run time. Every variant gives the same bits: sums run in an order that does not depend
 * on the vector width, and multiply and add are never contracted. So a trial depends on the BLAS
 * kernel family and on nothing else of the machine.
 *
 * Matrices are row-major; an area is a part of some columns of one. "Per column" arrays have an
 * element for each column of the area. Nothing here allocates or keeps state.
 */
#pragma once

#include "common/config.h"
#include "worker/nn/sparse.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct area {
    int rows, cols;
    int stride; /* from a row to the next; cols where there are no other columns */
};

/* u = (x - mean) * scale + shift, per column. A bias is mean 0, scale 1, shift b; batch
 * normalization is scale gamma / sqrt(variance + epsilon), shift beta. */
struct affine {
    const float *mean, *scale, *shift;
};

/* d loss / d x of a normalization: dx = dy * scale - offset - (x - mean) * slope, per column. */
struct affine_backward {
    const float *mean, *scale, *offset, *slope;
};

/* What an optimizer's update needs beside its arrays; the rate is that of this step. */
struct update {
    float rate, beta1, beta2, epsilon, momentum;
};

struct kernels {
    const char *name;

    /* x[i] = images[order[i]] / 255, i < rows */
    void (*gather)(int rows, int cols, const uint8_t *images, const int32_t *order, float *x);

    /* The same, but for the zeros: s, whose shape is set, becomes x. */
    void (*gather_sparse)(const uint8_t *images, const int32_t *order, struct sparse *s);

    /* s, whose shape is set, becomes x, which has that shape. */
    void (*gather_nonzeros)(const float *x, struct sparse *s);

    /* b[rows x cols] as tiles. */
    void (*tile)(int rows, int cols, const float *b, float *tiles);

    /* c[s->rows x cols] = s b; tiles are those of b[s->cols x cols]. */
    void (*sparse_product)(const struct sparse *s, const float *tiles, int cols, float *c);

    /* y = f(u(x)); y may be x. */
    void (*activate)(enum activation f, struct area area, const struct affine *u, const float *x,
                     float *y);

    /* In place: d becomes d * f'(u(x)), where y = f(u(x)). Then per column
     * sum = sum of d, and, unless it is NULL, dot = sum of d * (x - mean). */
    void (*activate_backward)(enum activation f, struct area area, const struct affine *u,
                              const float *x, const float *y, float *d, float *sum, float *dot);

    /* Mean and population variance per column. */
    void (*moments)(struct area area, const float *x, float *mean, float *variance);

    /* In place: d = d * scale - offset - (x - mean) * slope. */
    void (*normalize_backward)(struct area area, const struct affine_backward *b, const float *x,
                               float *d);

    /* Softmax cross-entropy. d = (softmax(logits) - onehot(label)) / rows, d may be logits.
     * Returns the mean loss. */
    double (*softmax_loss)(int rows, int classes, const float *logits, const uint8_t *labels,
                           float *d);

    /* One step over n parameters w with gradient g and the optimizer's state m, v (zeros at
     * first, or as optimizer.h says). Unused state is NULL. */
    void (*update[OPTIMIZER_COUNT])(const struct update *u, size_t n, const float *g, float *w,
                                    float *m, float *v);

    /* Sum of squares of a, and of a - b. */
    double (*sum_squares)(size_t n, const float *a);
    double (*sum_squared_differences)(size_t n, const float *a, const float *b);
};

/* The best set for this CPU. */
const struct kernels *kernels_best(void);

/* The sets that this CPU can run, the portable one is 0; NULL past the last: for tests. */
const struct kernels *kernels_variant(int i);
