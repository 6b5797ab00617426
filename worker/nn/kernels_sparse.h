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

/* What is appended goes behind the n elements that there are; returns how many there are then.
 * Written is always, and moved on if it counts: no branch to mispredict. */
INLINE int32_t append(struct sparse *s, int32_t n, int column, float value)
{
    s->column[n] = column;
    s->value[n] = value;
    return n + (value != 0);
}

#ifdef __AVX512F__
/* Sixteen at a time: the compiler does not find the compress instruction by itself. It goes
 * through a register, as compressing into memory is slow on some CPUs. */
INLINE int32_t append_lanes(struct sparse *s, int32_t n, int column, __m512 values)
{
    const __m512i lanes = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    __m512i columns = _mm512_add_epi32(_mm512_set1_epi32(column), lanes);
    __mmask16 keep = _mm512_cmp_ps_mask(values, _mm512_setzero_ps(), _CMP_NEQ_UQ);

    _mm512_storeu_ps(s->value + n, _mm512_maskz_compress_ps(keep, values));
    _mm512_storeu_si512(s->column + n, _mm512_maskz_compress_epi32(keep, columns));
    return n + __builtin_popcount(keep);
}

INLINE int32_t append_pixels(struct sparse *s, int32_t n, int column, const uint8_t *image)
{
    __m512i pixels = _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)(image + column)));
    __m512 scale = _mm512_set1_ps(1.0f / 255.0f);

    return append_lanes(s, n, column, _mm512_mul_ps(_mm512_cvtepi32_ps(pixels), scale));
}

INLINE int32_t append_floats(struct sparse *s, int32_t n, int column, const float *x)
{
    return append_lanes(s, n, column, _mm512_loadu_ps(x + column));
}
#else
/* Most words of an image are all black. */
INLINE int32_t append_pixels(struct sparse *s, int32_t n, int column, const uint8_t *image)
{
    for (int c = column; c < column + SPARSE_LANES; c += (int)sizeof(uint64_t)) {
        uint64_t word;
        memcpy(&word, image + c, sizeof(word));
        for (int k = 0; word != 0 && k < (int)sizeof(word); k++) {
            n = append(s, n, c + k, image[c + k] * (1.0f / 255.0f));
        }
    }
    return n;
}

INLINE int32_t append_floats(struct sparse *s, int32_t n, int column, const float *x)
{
    for (int c = column; c < column + SPARSE_LANES; c++) {
        n = append(s, n, c, x[c]);
    }
    return n;
}
#endif

static void gather_sparse(const uint8_t *images, const int32_t *order, struct sparse *s)
{
    enum { AHEAD = 3 };
    int cols = s->cols, block = sparse_block(cols);
    int32_t n = 0, *start = s->start;

    for (int first = 0; first < cols; first += block, start += s->rows + 1) {
        int last = first + block < cols ? first + block : cols;

        for (int r = 0; r < s->rows; r++) {
            const uint8_t *image = images + (size_t)order[r] * cols;
            int c = first;

            if (r + AHEAD < s->rows) {
                prefetch(images + (size_t)order[r + AHEAD] * cols + first, last - first);
            }
            start[r] = n;
            for (; c + SPARSE_LANES <= last; c += SPARSE_LANES) {
                n = append_pixels(s, n, c, image);
            }
            for (; c < last; c++) {
                n = append(s, n, c, image[c] * (1.0f / 255.0f));
            }
        }
        start[s->rows] = n;
    }
}

static void gather_nonzeros(const float *x, struct sparse *s)
{
    int cols = s->cols, block = sparse_block(cols);
    int32_t n = 0, *start = s->start;

    for (int first = 0; first < cols; first += block, start += s->rows + 1) {
        int last = first + block < cols ? first + block : cols;

        for (int r = 0; r < s->rows; r++) {
            const float *row = x + (size_t)r * cols;
            int c = first;

            start[r] = n;
            for (; c + SPARSE_LANES <= last; c += SPARSE_LANES) {
                n = append_floats(s, n, c, row);
            }
            for (; c < last; c++) {
                n = append(s, n, c, row[c]);
            }
        }
        start[s->rows] = n;
    }
}

static void tile(int rows, int cols, const float *b, float *tiles)
{
    for (int first = 0; first < cols; first += SPARSE_TILE) {
        int width = sparse_tile_width(cols, first), used = cols - first;

        for (int r = 0; r < rows; r++, tiles += width) {
            const float *row = b + (size_t)r * cols + first;

            if (used >= SPARSE_TILE) {
                memcpy(tiles, row, SPARSE_TILE * sizeof(float));
                continue;
            }
            for (int k = 0; k < width; k++) {
                tiles[k] = k < used ? row[k] : 0;
            }
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

/* Columns that are summed up at once: enough to make much of every value and column number loaded,
 * and to hide the latency of an addition. */
enum { VECTORS = 4, STRIPE = VECTORS * VECTOR };

/* n vectors of a row from and to memory; `used` of their columns exist. What lies in part outside
 * goes by way of an array, so that the vectors themselves can stay in registers. */
INLINE void load_vectors(int n, int used, const float *c, vector *sum)
{
    float part[STRIPE];

    if (used < n * VECTOR) {
        memset(part, 0, sizeof(part));
        memcpy(part, c, (size_t)used * sizeof(float));
        c = part;
    }
#pragma GCC unroll 4
    for (int j = 0; j < n; j++) {
        sum[j] = *(const vector *)(c + j * VECTOR);
    }
}

INLINE void store_vectors(int n, int used, const vector *sum, float *c)
{
    float part[STRIPE], *to = used < n * VECTOR ? part : c;

#pragma GCC unroll 4
    for (int j = 0; j < n; j++) {
        *(vector *)(to + j * VECTOR) = sum[j];
    }
    if (used < n * VECTOR) {
        memcpy(c, part, (size_t)used * sizeof(float));
    }
}

/* n vectors of columns of the product: the area of c. b is where they begin in their tile, which
 * is `width` columns wide. */
INLINE void multiply_stripe(const struct sparse *s, int n, int width, const float *b,
                            struct area area, float *c)
{
    const int32_t *start = s->start;
    int block = sparse_block(s->cols);

    for (int first = 0; first < s->cols; first += block, start += s->rows + 1) {
        for (int r = 0; r < s->rows; r++) {
            float *to = c + (size_t)r * area.stride;
            vector sum[VECTORS] = {0};

            if (first > 0) {
                load_vectors(n, area.cols, to, sum);
            }
            for (int32_t i = start[r]; i < start[r + 1]; i++) {
                const float *row = b + (size_t)s->column[i] * width;

#pragma GCC unroll 4
                for (int j = 0; j < n; j++) {
                    sum[j] += s->value[i] * *(const vector *)(row + j * VECTOR);
                }
            }
            store_vectors(n, area.cols, sum, to);
        }
    }
}

/* One tile, as stripes. */
INLINE void multiply_tile(const struct sparse *s, int width, const float *tile, struct area area,
                          float *c)
{
    for (int first = 0; first < width && first < area.cols; first += STRIPE) {
        int stripe = width - first < STRIPE ? width - first : STRIPE, used = area.cols - first;
        struct area part = {area.rows, used < stripe ? used : stripe, area.stride};

        multiply_stripe(s, stripe / VECTOR, width, tile + first, part, c + first);
    }
}

static void sparse_product(const struct sparse *s, const float *tiles, int cols, float *c)
{
    for (int first = 0; first < cols; first += SPARSE_TILE) {
        int width = sparse_tile_width(cols, first), used = cols - first;
        struct area area = {s->rows, used < width ? used : width, cols};

        /* With a constant width the compiler keeps all sums in registers. */
        switch (width) {
#define CASE(WIDTH)                                                                                \
    case WIDTH:                                                                                    \
        multiply_tile(s, WIDTH, tiles, area, c + first);                                           \
        break;
            CASE(16)
            CASE(32)
            CASE(48)
            CASE(64)
#undef CASE
        default:
            break;
        }
        tiles += (size_t)s->cols * (size_t)width;
    }
}
