#include "worker/nn/sparse.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int round_up(int n, int unit)
{
    return (n + unit - 1) / unit * unit;
}

static int smaller(int a, int b)
{
    return a < b ? a : b;
}

static int n_blocks(int cols)
{
    return (cols + SPARSE_BLOCK - 1) / SPARSE_BLOCK;
}

int sparse_block(int cols)
{
    int n = n_blocks(cols);
    return round_up((cols + n - 1) / n, SPARSE_LANES);
}

int sparse_init(struct sparse *sparse, int rows, int cols)
{
    size_t n_starts = (size_t)n_blocks(cols) * ((size_t)rows + 1);
    size_t n = (size_t)rows * (size_t)cols + SPARSE_LANES; /* kernels write whole vectors */

    *sparse = (struct sparse){.rows = rows, .cols = cols};
    sparse->start = malloc(n_starts * sizeof(int32_t));
    sparse->column = malloc(n * sizeof(int32_t));
    sparse->value = malloc(n * sizeof(float));
    if (!sparse->start || !sparse->column || !sparse->value) {
        sparse_free(sparse);
        return -ENOMEM;
    }
    return 0;
}

void sparse_free(struct sparse *sparse)
{
    free(sparse->start);
    free(sparse->column);
    free(sparse->value);
    *sparse = (struct sparse){0};
}

/* The elements of s in the rows from `first` up to `last` become block `start` of t, where there
 * are `n` elements before it. Returns how many there are then. */
static int32_t transpose_block(const struct sparse *s, struct sparse *t, int first, int last,
                               int32_t n, int32_t *start)
{
    int stride = s->rows + 1, n_starts = n_blocks(s->cols) * stride;

    /* start[c + 1] counts, then says where c's list is filled next, and at last where it ends. */
    memset(start, 0, ((size_t)t->rows + 1) * sizeof(*start));
    for (const int32_t *at = s->start; at < s->start + n_starts; at += stride) {
        for (int32_t i = at[first]; i < at[last]; i++) {
            start[s->column[i] + 1]++;
        }
    }
    start[0] = n;
    for (int c = 0; c < t->rows; c++) {
        int32_t count = start[c + 1];
        start[c + 1] = n;
        n += count;
    }
    for (const int32_t *at = s->start; at < s->start + n_starts; at += stride) {
        for (int r = first; r < last; r++) {
            for (int32_t i = at[r]; i < at[r + 1]; i++) {
                int32_t to = start[s->column[i] + 1]++;
                t->column[to] = r;
                t->value[to] = s->value[i];
            }
        }
    }
    return n;
}

void sparse_transpose(const struct sparse *s, struct sparse *t)
{
    int block = sparse_block(s->rows);
    int32_t n = 0, *start = t->start;

    t->rows = s->cols;
    t->cols = s->rows;
    for (int first = 0; first < s->rows; first += block, start += t->rows + 1) {
        n = transpose_block(s, t, first, smaller(first + block, s->rows), n, start);
    }
}

int sparse_tile_width(int cols, int first)
{
    return smaller(round_up(cols - first, SPARSE_LANES), SPARSE_TILE);
}

size_t sparse_tiled_size(int rows, int cols)
{
    return (size_t)rows * (size_t)round_up(cols, SPARSE_LANES);
}
