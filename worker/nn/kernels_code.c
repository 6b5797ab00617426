/*
 * The kernels in plain C, for the compiler to vectorize. meson compiles this file once for every
 * instruction set, with KERNELS_VARIANT = portable, avx2, avx512; kernels_batch.h and
 * kernels_sparse.h are parts of it.
 *
 * Sums over rows run column by column in the order of the rows; sums over a whole array run in
 * LANES interleaved partial sums. Neither order depends on the width of a vector.
 */
#include "worker/nn/kernels.h"
#include "worker/nn/kernels_batch.h"
#include "worker/nn/kernels_sparse.h"

#include <math.h>

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define STRING_(a) #a
#define STRING(a) STRING_(a)

enum { LANES = 16 };

/* ---- loss ---- */

static double softmax_loss(int rows, int classes, const float *logits, const uint8_t *labels,
                           float *d)
{
    double loss = 0;
    float share = 1.0f / (float)rows;

    for (int r = 0; r < rows; r++) {
        const float *from = logits + (size_t)r * classes;
        float *to = d + (size_t)r * classes;
        float largest = from[0], own = from[labels[r]], sum = 0;

        for (int c = 1; c < classes; c++) {
            largest = from[c] > largest ? from[c] : largest;
        }
        own -= largest;
        for (int c = 0; c < classes; c++) {
            to[c] = scalar_exp(from[c] - largest);
        }
        for (int c = 0; c < classes; c++) {
            sum += to[c];
        }
        loss += log(sum) - own;
        for (int c = 0; c < classes; c++) {
            to[c] = to[c] / sum * share;
        }
        to[labels[r]] -= share;
    }
    return loss / rows;
}

/* ---- optimizers ---- */

static void update_adam(const struct update *u, size_t n, const float *restrict g,
                        float *restrict w, float *restrict m, float *restrict v)
{
    float b1 = u->beta1, b2 = u->beta2, rate = u->rate, epsilon = u->epsilon;
    float c1 = 1.0f - b1, c2 = 1.0f - b2;

    for (size_t i = 0; i < n; i++) {
        m[i] = b1 * m[i] + c1 * g[i];
        v[i] = b2 * v[i] + c2 * (g[i] * g[i]);
        w[i] -= rate * m[i] / (sqrtf(v[i]) + epsilon);
    }
}

static void update_sgd(const struct update *u, size_t n, const float *restrict g, float *restrict w,
                       float *m, float *v)
{
    (void)m, (void)v;
    for (size_t i = 0; i < n; i++) {
        w[i] -= u->rate * g[i];
    }
}

static void update_momentum(const struct update *u, size_t n, const float *restrict g,
                            float *restrict w, float *restrict m, float *v)
{
    (void)v;
    for (size_t i = 0; i < n; i++) {
        m[i] = u->momentum * m[i] + g[i];
        w[i] -= u->rate * m[i];
    }
}

static void update_nesterov(const struct update *u, size_t n, const float *restrict g,
                            float *restrict w, float *restrict m, float *v)
{
    (void)v;
    for (size_t i = 0; i < n; i++) {
        m[i] = u->momentum * m[i] + g[i];
        w[i] -= u->rate * (g[i] + u->momentum * m[i]);
    }
}

static void update_rmsprop(const struct update *u, size_t n, const float *restrict g,
                           float *restrict w, float *m, float *restrict v)
{
    float b2 = u->beta2, c2 = 1.0f - b2, rate = u->rate, epsilon = u->epsilon;

    (void)m;
    for (size_t i = 0; i < n; i++) {
        v[i] = b2 * v[i] + c2 * (g[i] * g[i]);
        w[i] -= rate * g[i] / (sqrtf(v[i]) + epsilon);
    }
}

static void update_adagrad(const struct update *u, size_t n, const float *restrict g,
                           float *restrict w, float *m, float *restrict v)
{
    float rate = u->rate, epsilon = u->epsilon;

    (void)m;
    for (size_t i = 0; i < n; i++) {
        v[i] += g[i] * g[i];
        w[i] -= rate * g[i] / (sqrtf(v[i]) + epsilon);
    }
}

/* ---- sums over a whole array ---- */

INLINE double sum_squares_of(size_t n, const float *restrict a, const float *restrict b)
{
    double lanes[LANES] = {0}, sum = 0;
    size_t i = 0;

    for (; i + LANES <= n; i += LANES) {
        for (int k = 0; k < LANES; k++) {
            double x = b ? (double)a[i + k] - b[i + k] : a[i + k];
            lanes[k] += x * x;
        }
    }
    for (; i < n; i++) {
        double x = b ? (double)a[i] - b[i] : a[i];
        lanes[0] += x * x;
    }
    for (int k = 0; k < LANES; k++) {
        sum += lanes[k];
    }
    return sum;
}

static double sum_squares(size_t n, const float *a)
{
    return sum_squares_of(n, a, NULL);
}

static double sum_squared_differences(size_t n, const float *a, const float *b)
{
    return sum_squares_of(n, a, b);
}

extern const struct kernels JOIN(kernels_, KERNELS_VARIANT);
const struct kernels JOIN(kernels_, KERNELS_VARIANT) = {
    .name = STRING(KERNELS_VARIANT),
    .gather = gather,
    .gather_sparse = gather_sparse,
    .gather_nonzeros = gather_nonzeros,
    .tile = tile,
    .sparse_product = sparse_product,
    .activate = activate,
    .activate_backward = activate_backward,
    .moments = moments,
    .normalize_backward = normalize_backward,
    .softmax_loss = softmax_loss,
    .update =
        {
            [OPTIMIZER_ADAM] = update_adam,
            [OPTIMIZER_SGD] = update_sgd,
            [OPTIMIZER_MOMENTUM] = update_momentum,
            [OPTIMIZER_NESTEROV] = update_nesterov,
            [OPTIMIZER_RMSPROP] = update_rmsprop,
            [OPTIMIZER_ADAGRAD] = update_adagrad,
        },
    .sum_squares = sum_squares,
    .sum_squared_differences = sum_squared_differences,
};
