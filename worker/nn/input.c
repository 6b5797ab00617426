#include "worker/nn/input.h"

#include "worker/nn/gemm.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A tile of the backward product should stay in the first-level cache. */
enum { BLOCK_ROWS = 640, LOOK_AT = 256 };

/* Below this share of nonzeros the sparse product wins; measured, with margin, as a dense one
 * runs three to five times faster per term. */
#define SPARSE_BELOW 0.3

bool input_is_sparse(const struct samples *samples)
{
    int step = samples->n / LOOK_AT + 1, seen = 0;
    int64_t count = 0;

    for (int i = 0; i < samples->n; i += step, seen++) {
        const uint8_t *image = samples->images + (size_t)i * (size_t)samples->pixels;
        for (int p = 0; p < samples->pixels; p++) {
            count += image[p] != 0;
        }
    }
    return (double)count < SPARSE_BELOW * seen * samples->pixels;
}

static size_t most(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* The lists are as long as they could get; memory that no batch touches costs nothing. */
static int allocate_sparse(struct input *input, int n_out, bool backward)
{
    size_t rows = (size_t)input->rows, cols = (size_t)input->cols;
    size_t tile_rows = backward ? most(cols, (size_t)input->block_rows) : cols;
    size_t n_tiles = ((size_t)n_out + KERNELS_TILE - 1) / KERNELS_TILE;

    block_reserve(&input->memory, tile_rows * n_tiles * KERNELS_TILE);
    input->row_start = malloc((rows + 1) * sizeof(int32_t));
    input->row_offset = malloc(rows * cols * sizeof(int32_t));
    input->row_value = malloc(rows * cols * sizeof(float));
    if (!input->row_start || !input->row_offset || !input->row_value ||
        block_allocate(&input->memory) < 0) {
        return -ENOMEM;
    }
    input->tiles = input->memory.at;
    if (backward) {
        input->pixel_start = malloc((size_t)input->n_blocks * (cols + 1) * sizeof(int32_t));
        input->pixel_offset = malloc(rows * cols * sizeof(int32_t));
        input->pixel_value = malloc(rows * cols * sizeof(float));
        if (!input->pixel_start || !input->pixel_offset || !input->pixel_value) {
            return -ENOMEM;
        }
    }
    return 0;
}

int input_init(struct input *input, const struct kernels *kernels, const struct samples *samples,
               int rows, int n_out, bool backward)
{
    *input = (struct input){.kernels = kernels, .rows = rows, .cols = samples->pixels};
    input->is_sparse = input_is_sparse(samples);
    input->n_blocks = (rows + BLOCK_ROWS - 1) / BLOCK_ROWS;
    input->block_rows = (rows + input->n_blocks - 1) / input->n_blocks;

    int r;
    if (input->is_sparse) {
        r = allocate_sparse(input, n_out, backward);
    } else {
        block_reserve(&input->memory, (size_t)rows * (size_t)input->cols);
        r = block_allocate(&input->memory);
        input->x = input->memory.at;
    }
    if (r < 0) {
        input_free(input);
    }
    return r;
}

void input_free(struct input *input)
{
    block_free(&input->memory);
    free(input->row_start);
    free(input->row_offset);
    free(input->row_value);
    free(input->pixel_start);
    free(input->pixel_offset);
    free(input->pixel_value);
    *input = (struct input){0};
}

/* Turns the lists by row of one block of rows into lists by pixel. */
static void transpose_block(struct input *input, int block, int first, int last)
{
    int32_t *start = input->pixel_start + (size_t)block * ((size_t)input->cols + 1);
    int32_t sum = input->row_start[first];

    /* start[p + 1] counts, then says where p's list is filled next, and at last where it ends. */
    memset(start, 0, ((size_t)input->cols + 1) * sizeof(*start));
    for (int32_t i = input->row_start[first]; i < input->row_start[last]; i++) {
        start[input->row_offset[i] / KERNELS_TILE + 1]++;
    }
    start[0] = sum;
    for (int p = 0; p < input->cols; p++) {
        int32_t count = start[p + 1];
        start[p + 1] = sum;
        sum += count;
    }
    for (int r = first; r < last; r++) {
        for (int32_t i = input->row_start[r]; i < input->row_start[r + 1]; i++) {
            int32_t to = start[input->row_offset[i] / KERNELS_TILE + 1]++;
            input->pixel_offset[to] = (r - first) * KERNELS_TILE;
            input->pixel_value[to] = input->row_value[i];
        }
    }
}

static int block_end(const struct input *input, int first)
{
    int last = first + input->block_rows;
    return last < input->rows ? last : input->rows;
}

void input_gather(struct input *input, const struct samples *samples, const int32_t *indices,
                  int rows)
{
    input->rows = rows;
    if (!input->is_sparse) {
        input->kernels->gather(rows, input->cols, samples->images, indices, input->x);
        return;
    }
    input->kernels->gather_sparse(rows, input->cols, samples->images, indices, input->row_start,
                                  input->row_offset, input->row_value);
    for (int b = 0, first = 0; input->pixel_start && first < rows; b++) {
        int last = block_end(input, first);
        transpose_block(input, b, first, last);
        first = last;
    }
}

void input_set_weights(struct input *input, int n_out, const float *w)
{
    input->n_out = n_out;
    input->weights = w;
    if (input->is_sparse) {
        input->kernels->tile(input->cols, n_out, w, input->tiles);
    }
}

void input_forward(struct input *input, float *z)
{
    if (!input->is_sparse) {
        gemm_nn(input->rows, input->n_out, input->cols, input->x, input->weights, z);
        return;
    }
    struct sparse x = {input->row_start, input->row_offset, input->row_value};
    input->kernels->sparse_product(input->rows, input->n_out, &x, input->cols, input->tiles, false,
                                   z);
}

void input_backward(struct input *input, int n_out, const float *d, float *dw)
{
    if (!input->is_sparse) {
        gemm_tn(input->cols, n_out, input->rows, input->x, d, dw);
        return;
    }
    for (int b = 0, first = 0; first < input->rows; b++) {
        int last = block_end(input, first);
        struct sparse x = {input->pixel_start + (size_t)b * ((size_t)input->cols + 1),
                           input->pixel_offset, input->pixel_value};

        input->kernels->tile(last - first, n_out, d + (size_t)first * (size_t)n_out, input->tiles);
        input->kernels->sparse_product(input->cols, n_out, &x, last - first, input->tiles, b > 0,
                                       dw);
        first = last;
    }
}
