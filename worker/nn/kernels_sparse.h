/*
 * Taking in images, and the product of a sparse batch of them. Part of kernels_code.c, which
 * includes it once per instruction set.
 */
#pragma once

#include "worker/nn/kernels.h"
#include "worker/nn/scalar.h"

#include <string.h>
#ifdef __AVX512F__
#include <immintrin.h>
#endif

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

/* The nonzeros of x[from..cols) of a row behind the n that there are; returns their number. */
INLINE int32_t append_nonzero_floats(const float *x, int from, int cols, int32_t n, int32_t *offset,
                                     float *value)
{
    for (int c = from; c < cols; c++) {
        offset[n] = c * KERNELS_TILE;
        value[n] = x[c];
        n += x[c] != 0;
    }
    return n;
}

#ifdef __AVX512F__
/* Sixteen at a time: the compiler does not find the compress instruction by itself. It goes
 * through a register, as compressing into memory is slow on some CPUs. */
INLINE int32_t append_row(const float *x, int cols, int32_t n, int32_t *offset, float *value)
{
    const __m512i step = _mm512_set1_epi32(16 * KERNELS_TILE);
    __m512i at =
        _mm512_mullo_epi32(_mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
                           _mm512_set1_epi32(KERNELS_TILE));
    int c = 0;

    for (; c + 16 <= cols; c += 16, at = _mm512_add_epi32(at, step)) {
        __m512 v = _mm512_loadu_ps(x + c);
        __mmask16 keep = _mm512_cmp_ps_mask(v, _mm512_setzero_ps(), _CMP_NEQ_UQ);

        _mm512_storeu_ps(value + n, _mm512_maskz_compress_ps(keep, v));
        _mm512_storeu_si512(offset + n, _mm512_maskz_compress_epi32(keep, at));
        n += __builtin_popcount(keep);
    }
    return append_nonzero_floats(x, c, cols, n, offset, value);
}
#else
INLINE int32_t append_row(const float *x, int cols, int32_t n, int32_t *offset, float *value)
{
    return append_nonzero_floats(x, 0, cols, n, offset, value);
}
#endif

static void gather_nonzeros(int rows, int cols, const float *x, int32_t *start, int32_t *offset,
                            float *value)
{
    int32_t n = 0;

    for (int r = 0; r < rows; r++) {
        start[r] = n;
        n = append_row(x + (size_t)r * cols, cols, n, offset, value);
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
