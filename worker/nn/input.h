/*
 * A batch of images and the two products that a first layer makes with it. Where most pixels are
 * black, as with handwritten digits (81 % of MNIST's), only the others are kept and multiplied:
 * the products of the first layer, 40 % of the work of the article's 7-layer network, then take
 * less than half the time. Exact: what is left out are terms that are zero.
 *
 *     forward    Z = X W      row by row of X: the row's nonzeros pick rows of W
 *     backward   dW = X' dZ   pixel by pixel: the pixel's nonzeros pick rows of dZ
 */
#pragma once

#include "worker/nn/block.h"
#include "worker/nn/kernels.h"
#include "worker/nn/samples.h"
#include "worker/nn/sparse.h"

struct input {
    const struct kernels *kernels;
    int rows, cols; /* of the batch in it */
    bool is_sparse;
    struct block memory;
    float *x; /* rows x cols, if it is not sparse */

    int n_out;
    const float *weights; /* cols x n_out */
    float *tiles;         /* the weights, or in the backward product dZ, as sparse.h wants them */
    struct sparse by_row, by_pixel; /* the batch, and for training its transpose */
};

/* Is it worth leaving out the zeros of these samples? Looks at some of them, always the same. */
bool input_is_sparse(const struct samples *samples);

/* For batches of up to `rows` and first layers of up to `n_out` units. `backward`: for training.
 * 0 or -ENOMEM; free with input_free. */
int input_init(struct input *input, const struct kernels *kernels, const struct samples *samples,
               int rows, int n_out, bool backward);
void input_free(struct input *input);

/* Takes in the given samples, as pixels / 255. */
void input_gather(struct input *input, const struct samples *samples, const int32_t *indices,
                  int rows);

/* Takes over the weights w[cols x n_out] for the forward products that follow; they must stay as
 * they are for as long. */
void input_set_weights(struct input *input, int n_out, const float *w);

/* z[rows x n_out] = X w */
void input_forward(struct input *input, float *z);

/* dw[cols x n_out] = X' d[rows x n_out] */
void input_backward(struct input *input, int n_out, const float *d, float *dw);
