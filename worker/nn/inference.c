#include "worker/nn/inference.h"

#include "worker/nn/gemm.h"
#include "worker/nn/product_check.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

/* With fewer units behind them, listing nonzeros does not pay. */
enum { SPARSE_UNITS = 32, LOOK_AT_ROWS = 64 };

static bool may_be_sparse(const struct network *network, int i)
{
    const struct layer *before = i > 0 ? &network->layers[i - 1] : NULL;

    return before && before->activation == ACTIVATION_RELU &&
           before->batch_norm != BATCH_NORM_AFTER && network->layers[i].n_out >= SPARSE_UNITS;
}

int inference_init(struct inference *inference, const struct network *network,
                   const struct kernels *kernels, int rows)
{
    size_t at[CONFIG_MAX_LAYERS + 1], tiles[CONFIG_MAX_LAYERS + 1];
    size_t n = (size_t)network->widest * (size_t)rows;

    *inference = (struct inference){.network = network, .kernels = kernels, .rows = rows};
    size_t buffer0 = block_reserve(&inference->memory, n);
    size_t buffer1 = block_reserve(&inference->memory, n);
    for (int i = 0; i < network->n_layers; i++) {
        const struct layer *layer = &network->layers[i];

        at[i] = block_reserve(&inference->memory, (size_t)layer->n_out);
        tiles[i] = block_reserve(
            &inference->memory,
            may_be_sparse(network, i) ? sparse_tiled_size(layer->n_in, layer->n_out) : 0);
    }
    if (block_allocate(&inference->memory) < 0 ||
        sparse_init(&inference->nonzeros, rows, network->widest) < 0) {
        inference_free(inference);
        return -ENOMEM;
    }
    float *base = inference->memory.at;
    inference->buffer[0] = base + buffer0;
    inference->buffer[1] = base + buffer1;
    for (int i = 0; i < network->n_layers; i++) {
        inference->scale[i] = network->layers[i].gamma ? base + at[i] : NULL;
        inference->tiles[i] = may_be_sparse(network, i) ? base + tiles[i] : NULL;
    }
    return 0;
}

void inference_free(struct inference *inference)
{
    block_free(&inference->memory);
    sparse_free(&inference->nonzeros);
    *inference = (struct inference){0};
}

void inference_refresh(struct inference *inference, struct input *input)
{
    const struct network *network = inference->network;

    input_set_weights(input, network->layers[0].n_out, network->layers[0].weights);

    for (int i = 0; i < network->n_layers; i++) {
        const struct layer *layer = &network->layers[i];

        inference->form[i] = inference->tiles[i] ? INFERENCE_UNDECIDED : INFERENCE_DENSE;
        for (int c = 0; inference->scale[i] && c < layer->n_out; c++) {
            inference->scale[i][c] =
                layer->gamma[c] / sqrtf(layer->moving_variance[c] + network->bn_epsilon);
        }
    }
}

/* Looks at the first rows of the first chunk since the refresh; the form holds until the next, so
 * that all samples of an evaluation are treated alike. */
static void decide_form(struct inference *inference, int i, int rows, const float *x)
{
    const struct layer *layer = &inference->network->layers[i];
    int looked_at = rows < LOOK_AT_ROWS ? rows : LOOK_AT_ROWS;
    size_t n = (size_t)looked_at * (size_t)layer->n_in, count = 0;

    for (size_t k = 0; k < n; k++) {
        count += x[k] != 0;
    }
    inference->form[i] =
        (double)count < SPARSE_BELOW * (double)n ? INFERENCE_SPARSE : INFERENCE_DENSE;
    if (inference->form[i] == INFERENCE_SPARSE) {
        inference->kernels->tile(layer->n_in, layer->n_out, layer->weights, inference->tiles[i]);
    }
}

/* z[rows x n_out] = x W */
static void product(struct inference *inference, int i, int rows, const float *x, float *z)
{
    const struct layer *layer = &inference->network->layers[i];
    const struct kernels *k = inference->kernels;

    if (inference->form[i] == INFERENCE_UNDECIDED) {
        decide_form(inference, i, rows, x);
    }
    if (inference->form[i] == INFERENCE_DENSE) {
        gemm_nn(rows, layer->n_out, layer->n_in, x, layer->weights, z);
        return;
    }
    struct sparse *nonzeros = &inference->nonzeros;
    nonzeros->rows = rows;
    nonzeros->cols = layer->n_in;
    k->gather_nonzeros(x, nonzeros);
    k->sparse_product(nonzeros, inference->tiles[i], layer->n_out, z);
    product_check(&(struct product){.kind = PRODUCT_SPARSE,
                                    .m = rows,
                                    .n = layer->n_out,
                                    .k = layer->n_in,
                                    .s = nonzeros,
                                    .b = layer->weights,
                                    .c = z,
                                    .kernel = k->name});
}

const float *inference_run(struct inference *inference, struct input *input)
{
    const struct network *network = inference->network;
    const struct kernels *k = inference->kernels;
    const float *x = NULL;
    int rows = input->rows;

    for (int i = 0; i < network->n_layers; i++) {
        const struct layer *layer = &network->layers[i];
        struct area area = {rows, layer->n_out, layer->n_out};
        float *z = inference->buffer[i % 2];
        struct affine norm = {layer->moving_mean, inference->scale[i], layer->beta};
        struct affine bias = {network->zeros, network->ones, layer->bias};

        if (i == 0) {
            input_forward(input, z);
        } else {
            product(inference, i, rows, x, z);
        }
        k->activate(layer->activation, area, layer->batch_norm == BATCH_NORM_BEFORE ? &norm : &bias,
                    z, z);
        if (layer->batch_norm == BATCH_NORM_AFTER) {
            k->activate(ACTIVATION_LINEAR, area, &norm, z, z);
        }
        x = z;
    }
    return x;
}
