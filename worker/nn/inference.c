#include "worker/nn/inference.h"

#include "worker/nn/gemm.h"

#include <errno.h>
#include <math.h>

int inference_init(struct inference *inference, const struct network *network,
                   const struct kernels *kernels, int rows)
{
    size_t at[CONFIG_MAX_LAYERS + 1], n = (size_t)network->widest * (size_t)rows;

    *inference = (struct inference){.network = network, .kernels = kernels, .rows = rows};
    size_t buffer0 = block_reserve(&inference->memory, n);
    size_t buffer1 = block_reserve(&inference->memory, n);
    for (int i = 0; i < network->n_layers; i++) {
        at[i] = block_reserve(&inference->memory, (size_t)network->layers[i].n_out);
    }
    int r = block_allocate(&inference->memory);
    if (r < 0) {
        return r;
    }
    inference->buffer[0] = inference->memory.at + buffer0;
    inference->buffer[1] = inference->memory.at + buffer1;
    for (int i = 0; i < network->n_layers; i++) {
        inference->scale[i] = network->layers[i].gamma ? inference->memory.at + at[i] : NULL;
    }
    return 0;
}

void inference_free(struct inference *inference)
{
    block_free(&inference->memory);
}

void inference_refresh(struct inference *inference, struct input *input)
{
    const struct network *network = inference->network;

    input_set_weights(input, network->layers[0].n_out, network->layers[0].weights);

    for (int i = 0; i < network->n_layers; i++) {
        const struct layer *layer = &network->layers[i];

        for (int c = 0; inference->scale[i] && c < layer->n_out; c++) {
            inference->scale[i][c] =
                layer->gamma[c] / sqrtf(layer->moving_variance[c] + network->bn_epsilon);
        }
    }
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
            gemm_nn(rows, layer->n_out, layer->n_in, x, layer->weights, z);
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
