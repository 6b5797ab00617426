/*
 * Activations and normalizations over a batch. Part of kernels_code.c, which includes it once per
 * instruction set.
 */
#pragma once

#include "worker/nn/kernels.h"
#include "worker/nn/scalar.h"

/* ---- activations: the switch stands outside of the loops ---- */

#define FOR_EACH_ACTIVATION(CASE)                                                                  \
    CASE(ACTIVATION_RELU)                                                                          \
    CASE(ACTIVATION_LEAKY_RELU)                                                                    \
    CASE(ACTIVATION_ELU)                                                                           \
    CASE(ACTIVATION_SELU)                                                                          \
    CASE(ACTIVATION_GELU)                                                                          \
    CASE(ACTIVATION_SILU)                                                                          \
    CASE(ACTIVATION_SIGMOID)                                                                       \
    CASE(ACTIVATION_TANH)                                                                          \
    CASE(ACTIVATION_LINEAR)

/* Rows are taken in groups, so that what is per column is loaded once for all of a group; the
 * last ones go one by one. Each group adds to a column's sum in the order of its rows. */
enum { GROUP = 4 };

INLINE void activate_rows(enum activation f, int n, struct area area, const struct affine *u,
                          const float *x, float *y)
{
    const float *restrict mean = u->mean, *restrict scale = u->scale, *restrict shift = u->shift;

#ifndef __clang__ /* which asks at run time */
#pragma GCC ivdep /* y is x or apart from it */
#endif
    for (int c = 0; c < area.cols; c++) {
#pragma GCC unroll 4
        for (int k = 0; k < n; k++) {
            int i = k * area.stride + c;
            y[i] = scalar_activation(f, (x[i] - mean[c]) * scale[c] + shift[c]);
        }
    }
}

INLINE void activate_as(enum activation f, struct area area, const struct affine *u, const float *x,
                        float *y)
{
    int r = 0;

    for (; r + GROUP <= area.rows; r += GROUP) {
        size_t at = (size_t)r * area.stride;
        activate_rows(f, GROUP, area, u, x + at, y + at);
    }
    for (; r < area.rows; r++) {
        size_t at = (size_t)r * area.stride;
        activate_rows(f, 1, area, u, x + at, y + at);
    }
}

static void activate(enum activation f, struct area area, const struct affine *u, const float *x,
                     float *y)
{
    switch (f) {
#define CASE(F)                                                                                    \
    case F:                                                                                        \
        activate_as(F, area, u, x, y);                                                             \
        break;
        FOR_EACH_ACTIVATION(CASE)
#undef CASE
    default:
        break;
    }
}

/* With `dot`, x is what the activation got, and the sign of u says as much as that of y: one
 * array less to read. Without, x may have been overwritten by y. */
INLINE bool slope_by_sign(enum activation f)
{
    return f == ACTIVATION_RELU || f == ACTIVATION_LEAKY_RELU;
}

INLINE void activate_backward_rows(enum activation f, int n, struct area area,
                                   const struct affine *u, const float *restrict x,
                                   const float *restrict y, float *restrict d, float *restrict sum,
                                   float *restrict dot)
{
    const float *restrict mean = u->mean, *restrict scale = u->scale, *restrict shift = u->shift;

    for (int c = 0; c < area.cols; c++) {
        float total = sum[c], total_dot = dot ? dot[c] : 0;

#pragma GCC unroll 4
        for (int k = 0; k < n; k++) {
            int i = k * area.stride + c;
            float centred = x[i] - mean[c], v = centred * scale[c] + shift[c];
            float g = d[i] * scalar_derivative(f, v, dot && slope_by_sign(f) ? v : y[i]);

            d[i] = g;
            total += g;
            total_dot += g * centred;
        }
        sum[c] = total;
        if (dot) {
            dot[c] = total_dot;
        }
    }
}

INLINE void activate_backward_as(enum activation f, struct area area, const struct affine *u,
                                 const float *x, const float *y, float *d, float *sum, float *dot)
{
    int r = 0;

    for (; r + GROUP <= area.rows; r += GROUP) {
        size_t at = (size_t)r * area.stride;
        activate_backward_rows(f, GROUP, area, u, x + at, y + at, d + at, sum, dot);
    }
    for (; r < area.rows; r++) {
        size_t at = (size_t)r * area.stride;
        activate_backward_rows(f, 1, area, u, x + at, y + at, d + at, sum, dot);
    }
}

static void activate_backward(enum activation f, struct area area, const struct affine *u,
                              const float *x, const float *y, float *d, float *sum, float *dot)
{
    for (int c = 0; c < area.cols; c++) {
        sum[c] = 0;
        if (dot) {
            dot[c] = 0;
        }
    }
    switch (f) {
#define CASE(F)                                                                                    \
    case F:                                                                                        \
        if (dot) {                                                                                 \
            activate_backward_as(F, area, u, x, y, d, sum, dot);                                   \
        } else {                                                                                   \
            activate_backward_as(F, area, u, x, y, d, sum, NULL);                                  \
        }                                                                                          \
        break;
        FOR_EACH_ACTIVATION(CASE)
#undef CASE
    default:
        break;
    }
}

/* ---- batch normalization ---- */

INLINE void add_rows(int n, struct area area, const float *restrict x, float *restrict sum)
{
    for (int c = 0; c < area.cols; c++) {
        float total = sum[c];

#pragma GCC unroll 4
        for (int k = 0; k < n; k++) {
            total += x[k * area.stride + c];
        }
        sum[c] = total;
    }
}

INLINE void add_squares(int n, struct area area, const float *restrict x,
                        const float *restrict mean, float *restrict sum)
{
    for (int c = 0; c < area.cols; c++) {
        float total = sum[c];

#pragma GCC unroll 4
        for (int k = 0; k < n; k++) {
            float centred = x[k * area.stride + c] - mean[c];
            total += centred * centred;
        }
        sum[c] = total;
    }
}

static void moments(struct area area, const float *x, float *restrict mean,
                    float *restrict variance)
{
    float share = 1.0f / (float)area.rows;
    int r = 0;

    for (int c = 0; c < area.cols; c++) {
        mean[c] = variance[c] = 0;
    }
    for (; r + GROUP <= area.rows; r += GROUP) {
        add_rows(GROUP, area, x + (size_t)r * area.stride, mean);
    }
    for (; r < area.rows; r++) {
        add_rows(1, area, x + (size_t)r * area.stride, mean);
    }
    for (int c = 0; c < area.cols; c++) {
        mean[c] *= share;
    }
    for (r = 0; r + GROUP <= area.rows; r += GROUP) {
        add_squares(GROUP, area, x + (size_t)r * area.stride, mean, variance);
    }
    for (; r < area.rows; r++) {
        add_squares(1, area, x + (size_t)r * area.stride, mean, variance);
    }
    for (int c = 0; c < area.cols; c++) {
        variance[c] *= share;
    }
}

INLINE void normalize_backward_rows(int n, struct area area, const struct affine_backward *b,
                                    const float *restrict x, float *restrict d)
{
    const float *restrict mean = b->mean, *restrict scale = b->scale;
    const float *restrict offset = b->offset, *restrict slope = b->slope;

    for (int c = 0; c < area.cols; c++) {
#pragma GCC unroll 4
        for (int k = 0; k < n; k++) {
            int i = k * area.stride + c;
            d[i] = d[i] * scale[c] - offset[c] - (x[i] - mean[c]) * slope[c];
        }
    }
}

static void normalize_backward(struct area area, const struct affine_backward *b, const float *x,
                               float *d)
{
    int r = 0;

    for (; r + GROUP <= area.rows; r += GROUP) {
        size_t at = (size_t)r * area.stride;
        normalize_backward_rows(GROUP, area, b, x + at, d + at);
    }
    for (; r < area.rows; r++) {
        size_t at = (size_t)r * area.stride;
        normalize_backward_rows(1, area, b, x + at, d + at);
    }
}
