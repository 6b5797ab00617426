#include "worker/nn/input.h"

#include "worker/nn/gemm.h"
#include "worker/nn/product_check.h"

#include <errno.h>

enum { LOOK_AT = 256 };

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

static int init_sparse(struct input *input, int n_out, bool backward)
{
    int rows = input->rows, cols = input->cols, r;
    int tile_rows = backward && rows > cols ? rows : cols;

    block_reserve(&input->memory, sparse_tiled_size(tile_rows, n_out));
    r = sparse_init(&input->by_row, rows, cols);
    if (r == 0 && backward) {
        r = sparse_init(&input->by_pixel, cols, rows);
    }
    return r;
}

int input_init(struct input *input, const struct kernels *kernels, const struct samples *samples,
               int rows, int n_out, bool backward)
{
    *input = (struct input){.kernels = kernels, .rows = rows, .cols = samples->pixels};
    input->is_sparse = input_is_sparse(samples);

    int r = 0;
    if (input->is_sparse) {
        r = init_sparse(input, n_out, backward);
    } else {
        block_reserve(&input->memory, (size_t)rows * (size_t)input->cols);
    }
    if (r == 0) {
        r = block_allocate(&input->memory);
    }
    if (r < 0) {
        input_free(input);
        return r;
    }
    *(input->is_sparse ? &input->tiles : &input->x) = input->memory.at;
    return 0;
}

void input_free(struct input *input)
{
    block_free(&input->memory);
    sparse_free(&input->by_row);
    sparse_free(&input->by_pixel);
    *input = (struct input){0};
}

void input_gather(struct input *input, const struct samples *samples, const int32_t *indices,
                  int rows)
{
    input->rows = rows;
    if (!input->is_sparse) {
        input->kernels->gather(rows, input->cols, samples->images, indices, input->x);
        return;
    }
    input->by_row.rows = rows;
    input->kernels->gather_sparse(samples->images, indices, &input->by_row);
    if (input->by_pixel.start) {
        sparse_transpose(&input->by_row, &input->by_pixel);
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

/* c[s->rows x n_out] = s b, where the tiles are b's; checked like BLAS's products. */
static void multiply(const struct input *input, const struct sparse *s, int n_out, const float *b,
                     float *c)
{
    input->kernels->sparse_product(s, input->tiles, n_out, c);
    product_check(&(struct product){.kind = PRODUCT_SPARSE,
                                    .m = s->rows,
                                    .n = n_out,
                                    .k = s->cols,
                                    .s = s,
                                    .b = b,
                                    .c = c,
                                    .kernel = input->kernels->name});
}

void input_forward(struct input *input, float *z)
{
    if (!input->is_sparse) {
        gemm_nn(input->rows, input->n_out, input->cols, input->x, input->weights, z);
        return;
    }
    multiply(input, &input->by_row, input->n_out, input->weights, z);
}

void input_backward(struct input *input, int n_out, const float *d, float *dw)
{
    if (!input->is_sparse) {
        gemm_tn(input->cols, n_out, input->rows, input->x, d, dw);
        return;
    }
    input->kernels->tile(input->rows, n_out, d, input->tiles);
    multiply(input, &input->by_pixel, n_out, d, dw);
}
