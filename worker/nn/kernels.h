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

/* A sparse matrix by rows: row r has value[i] in column offset[i] / KERNELS_TILE for i from
 * start[r] up to start[r + 1]. The offset is where the row of the dense factor begins that this
 * value is multiplied with. */
struct sparse {
    const int32_t *start, *offset;
    const float *value;
};

/* Columns of a tile: a dense factor b[n x cols] is stored as tiles of KERNELS_TILE columns, one
 * behind the other, each with its n rows; the last one is filled up with zeros. */
enum { KERNELS_TILE = 32, KERNELS_SLACK = 16 };

struct kernels {
    const char *name;

    /* x[i] = images[order[i]] / 255, i < rows */
    void (*gather)(int rows, int cols, const uint8_t *images, const int32_t *order, float *x);

    /* The same, but for the zeros; start has rows + 1 elements, the others up to rows * cols. */
    void (*gather_sparse)(int rows, int cols, const uint8_t *images, const int32_t *order,
                          int32_t *start, int32_t *offset, float *value);

    /* The nonzeros of x[rows x cols]. offset and value have room for KERNELS_SLACK elements more
     * than there are in x. */
    void (*gather_nonzeros)(int rows, int cols, const float *x, int32_t *start, int32_t *offset,
                            float *value);

    /* b[n x cols] as tiles. */
    void (*tile)(int n, int cols, const float *b, float *tiles);

    /* c[rows x cols] = s b, or c += s b with `add`; tiles are those of b[n x cols]. */
    void (*sparse_product)(int rows, int cols, const struct sparse *s, int n, const float *tiles,
                           bool add, float *c);

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
