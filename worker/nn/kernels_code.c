/*
 * The kernels in plain C, for the compiler to vectorize. meson compiles this file once for every
 * instruction set, with KERNELS_VARIANT = portable, avx2, avx512.
 *
 * Sums over rows run column by column in the order of the rows; sums over a whole array run in
 * LANES interleaved partial sums. Neither order depends on the width of a vector.
 */
#include "worker/nn/kernels.h"
#include "worker/nn/scalar.h"

#include <math.h>

#define INLINE static inline __attribute__((always_inline))
#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define STRING_(a) #a
#define STRING(a) STRING_(a)

enum { LANES = 16 };

static void gather(int rows, int cols, const uint8_t *images, const int32_t *order, float *x)
{
    for (int r = 0; r < rows; r++) {
        const uint8_t *restrict from = images + (size_t)order[r] * cols;
        float *restrict to = x + (size_t)r * cols;

        for (int c = 0; c < cols; c++) {
            to[c] = from[c] * (1.0f / 255.0f);
        }
    }
}

/* ---- sparse input ---- */

/* Images lie anywhere in a large mapping: ask for those that come next. */
INLINE void prefetch(const uint8_t *image, int size)
{
    for (int i = 0; i < size; i += 64) {
        __builtin_prefetch(image + i);
    }
}

/* The nonzeros of image[from..to) behind the n that there are; returns how many there are then.
 * Writes always, and moves on if it counts: no branch to mispredict. */
INLINE int32_t append_nonzeros(const uint8_t *image, int from, int to, int32_t n, int32_t *offset,
                               float *value)
{
    for (int c = from; c < to; c++) {
        offset[n] = c * KERNELS_TILE;
        value[n] = image[c] * (1.0f / 255.0f);
        n += image[c] != 0;
    }
    return n;
}

static void gather_sparse(int rows, int cols, const uint8_t *images, const int32_t *order,
                          int32_t *start, int32_t *offset, float *value)
{
    enum { WORD = 8, AHEAD = 3 };
    int32_t n = 0;

    for (int r = 0; r < rows; r++) {
        const uint8_t *image = images + (size_t)order[r] * cols;
        int c = 0;

        if (r + AHEAD < rows) {
            prefetch(images + (size_t)order[r + AHEAD] * cols, cols);
        }
        start[r] = n;
        for (; c + WORD <= cols; c += WORD) {
            uint64_t word;
            memcpy(&word, image + c, sizeof(word));
            if (word != 0) {
                n = append_nonzeros(image, c, c + WORD, n, offset, value);
            }
        }
        n = append_nonzeros(image, c, cols, n, offset, value);
    }
    start[rows] = n;
}

static void tile(int n, int cols, const float *b, float *tiles)
{
    int full = cols / KERNELS_TILE * KERNELS_TILE;

    for (int r = 0; r < n; r++) {
        const float *restrict from = b + (size_t)r * cols;
        float *restrict to = tiles + (size_t)r * KERNELS_TILE;

        for (int c = 0; c < full; c += KERNELS_TILE, to += (size_t)n * KERNELS_TILE) {
            for (int k = 0; k < KERNELS_TILE; k++) {
                to[k] = from[c + k];
            }
        }
        for (int k = 0; full < cols && k < KERNELS_TILE; k++) {
            to[k] = full + k < cols ? from[full + k] : 0;
        }
    }
}

/* The widest vector of the variant; a tile has one or several of them. Unaligned, as rows are. */
#if defined(__AVX512F__)
enum { VECTOR = 16 };
#elif defined(__AVX2__)
enum { VECTOR = 8 };
#else
enum { VECTOR = 4 };
#endif
typedef float vector __attribute__((vector_size(VECTOR * sizeof(float)), aligned(4), may_alias));

enum {
    CHAINS = 4,                /* sums side by side, to hide the latency of an addition */
    VECTORS = 2,               /* at once, to make more of every value and offset loaded */
    STRIPE = VECTORS * VECTOR, /* columns at once; divides a tile */
};

/* The k-th of offsets that were loaded in pairs. */
INLINE uint32_t offset_of(const uint64_t *pairs, int k)
{
    bool is_upper = (k % 2 != 0) == (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);

    return (uint32_t)(pairs[k / 2] >> (is_upper ? 32 : 0));
}

/* sum[k] += value[k] * row at offset[k], for CHAINS terms. Offsets are loaded in pairs, as loads
 * are what limits this. */
INLINE void add_terms(const int32_t *offset, const float *value, const float *columns,
                      vector sum[CHAINS][VECTORS])
{
    uint64_t pairs[CHAINS / 2];

    memcpy(pairs, offset, sizeof(pairs));
    for (int k = 0; k < CHAINS; k++) {
        const float *row = columns + offset_of(pairs, k);

        for (int j = 0; j < VECTORS; j++) {
            sum[k][j] += value[k] * *(const vector *)(row + j * VECTOR);
        }
    }
}

struct stripe {
    vector at[VECTORS];
};

/* One row of the sparse matrix times STRIPE columns of a tile. */
INLINE struct stripe sparse_row(const struct sparse *s, int r, const float *columns)
{
    vector sum[CHAINS][VECTORS] = {0};
    struct stripe ret;
    int32_t i = s->start[r], end = s->start[r + 1];

    for (; i + CHAINS <= end; i += CHAINS) {
        add_terms(s->offset + i, s->value + i, columns, sum);
    }
    for (; i < end; i++) {
        for (int j = 0; j < VECTORS; j++) {
            sum[0][j] += s->value[i] * *(const vector *)(columns + s->offset[i] + j * VECTOR);
        }
    }
    for (int j = 0; j < VECTORS; j++) {
        ret.at[j] = (sum[0][j] + sum[1][j]) + (sum[2][j] + sum[3][j]);
    }
    return ret;
}

INLINE void put_stripe(struct stripe sum, int width, bool add, float *c)
{
    float sums[STRIPE];

    if (width == STRIPE && !add) {
        for (int j = 0; j < VECTORS; j++) {
            *(vector *)(c + j * VECTOR) = sum.at[j];
        }
        return;
    }
    memcpy(sums, &sum, sizeof(sums));
    for (int k = 0; k < width; k++) {
        c[k] = add ? c[k] + sums[k] : sums[k];
    }
}

static void sparse_product(int rows, int cols, const struct sparse *s, int n, const float *tiles,
                           bool add, float *c)
{
    for (int first = 0; first < cols; first += STRIPE) {
        const float *columns =
            tiles + (size_t)(first / KERNELS_TILE) * n * KERNELS_TILE + first % KERNELS_TILE;
        int width = cols - first < STRIPE ? cols - first : STRIPE;

        for (int r = 0; r < rows; r++) {
            put_stripe(sparse_row(s, r, columns), width, add, c + (size_t)r * cols + first);
        }
    }
}

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

INLINE void activate_as(enum activation f, struct area area, const struct affine *u, const float *x,
                        float *y)
{
    const float *restrict mean = u->mean, *restrict scale = u->scale, *restrict shift = u->shift;

    for (int r = 0; r < area.rows; r++) {
        const float *from = x + (size_t)r * area.stride;
        float *to = y + (size_t)r * area.stride;

#pragma GCC ivdep /* y is x or apart from it */
        for (int c = 0; c < area.cols; c++) {
            to[c] = scalar_activation(f, (from[c] - mean[c]) * scale[c] + shift[c]);
        }
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

INLINE void activate_backward_as(enum activation f, struct area area, const struct affine *u,
                                 const float *x, const float *y, float *d, float *restrict sum,
                                 float *restrict dot)
{
    const float *restrict mean = u->mean, *restrict scale = u->scale, *restrict shift = u->shift;

    for (int r = 0; r < area.rows; r++) {
        const float *restrict rx = x + (size_t)r * area.stride, *restrict ry =
                                                                    y + (size_t)r * area.stride;
        float *restrict rd = d + (size_t)r * area.stride;

        for (int c = 0; c < area.cols; c++) {
            float centred = rx[c] - mean[c];
            float g = rd[c] * scalar_derivative(f, centred * scale[c] + shift[c], ry[c]);

            rd[c] = g;
            sum[c] += g;
            if (dot) {
                dot[c] += g * centred;
            }
        }
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

static void moments(struct area area, const float *x, float *restrict mean,
                    float *restrict variance)
{
    float share = 1.0f / (float)area.rows;

    for (int c = 0; c < area.cols; c++) {
        mean[c] = variance[c] = 0;
    }
    for (int r = 0; r < area.rows; r++) {
        const float *restrict row = x + (size_t)r * area.stride;

        for (int c = 0; c < area.cols; c++) {
            mean[c] += row[c];
        }
    }
    for (int c = 0; c < area.cols; c++) {
        mean[c] *= share;
    }
    for (int r = 0; r < area.rows; r++) {
        const float *restrict row = x + (size_t)r * area.stride;

        for (int c = 0; c < area.cols; c++) {
            float centred = row[c] - mean[c];
            variance[c] += centred * centred;
        }
    }
    for (int c = 0; c < area.cols; c++) {
        variance[c] *= share;
    }
}

static void normalize_backward(struct area area, const struct affine_backward *b, const float *x,
                               float *d)
{
    const float *restrict mean = b->mean, *restrict scale = b->scale;
    const float *restrict offset = b->offset, *restrict slope = b->slope;

    for (int r = 0; r < area.rows; r++) {
        const float *restrict rx = x + (size_t)r * area.stride;
        float *restrict rd = d + (size_t)r * area.stride;

        for (int c = 0; c < area.cols; c++) {
            rd[c] = rd[c] * scale[c] - offset[c] - (rx[c] - mean[c]) * slope[c];
        }
    }
}

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
