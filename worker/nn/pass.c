#include "worker/nn/pass.h"

#include "worker/nn/gemm.h"
#include "worker/nn/layer_stats.h"

#include <errno.h>
#include <math.h>

/* The derivative of these is a function of the input; of the others, of the output. */
static bool needs_input(enum activation activation)
{
    return activation == ACTIVATION_GELU || activation == ACTIVATION_SILU;
}

struct offsets {
    size_t z, a, y, mean, variance, scale, dot;
};

static struct offsets reserve(struct block *memory, const struct layer *layer, int rows)
{
    size_t n = (size_t)layer->n_out, n_batch = n * (size_t)rows;
    struct offsets at = {.y = block_reserve(memory, n_batch)};

    at.a = layer->batch_norm == BATCH_NORM_AFTER ? block_reserve(memory, n_batch) : at.y;
    bool keeps_z = layer->batch_norm == BATCH_NORM_BEFORE || needs_input(layer->activation);
    at.z = keeps_z ? block_reserve(memory, n_batch) : at.a;
    at.mean = block_reserve(memory, n);
    at.variance = block_reserve(memory, n);
    at.scale = block_reserve(memory, n);
    at.dot = block_reserve(memory, n);
    return at;
}

int pass_init(struct pass *pass, const struct network *network, const struct kernels *kernels,
              int rows)
{
    struct offsets at[CONFIG_MAX_LAYERS + 1];
    size_t widest = (size_t)network->widest;

    *pass = (struct pass){.network = network, .kernels = kernels, .rows = rows};
    for (int i = 0; i < network->n_layers; i++) {
        at[i] = reserve(&pass->memory, &network->layers[i], rows);
    }
    size_t delta0 = block_reserve(&pass->memory, widest * (size_t)rows);
    size_t delta1 = block_reserve(&pass->memory, widest * (size_t)rows);
    size_t offset = block_reserve(&pass->memory, widest);
    size_t slope = block_reserve(&pass->memory, widest);

    block_reserve(&pass->gradient, network->parameters.n);
    if (block_allocate(&pass->memory) < 0 || block_allocate(&pass->gradient) < 0) {
        pass_free(pass);
        return -ENOMEM;
    }
    float *base = pass->memory.at;
    for (int i = 0; i < network->n_layers; i++) {
        pass->traces[i] = (struct trace){
            base + at[i].z,        base + at[i].a,     base + at[i].y,  base + at[i].mean,
            base + at[i].variance, base + at[i].scale, base + at[i].dot};
    }
    pass->delta[0] = base + delta0;
    pass->delta[1] = base + delta1;
    pass->offset = base + offset;
    pass->slope = base + slope;
    return 0;
}

void pass_free(struct pass *pass)
{
    block_free(&pass->memory);
    block_free(&pass->gradient);
}

/* ---- forward ---- */

static struct affine bias_of(const struct pass *pass, const struct layer *layer)
{
    return (struct affine){pass->network->zeros, pass->network->ones, layer->bias};
}

static struct affine norm_of(const struct layer *layer, const struct trace *trace)
{
    return (struct affine){trace->mean, trace->scale, layer->beta};
}

/* The batch's moments of x into the trace, and on into the moving ones. */
static void take_moments(struct pass *pass, const struct layer *layer, struct trace *trace,
                         const float *x)
{
    float m = pass->network->bn_momentum, epsilon = pass->network->bn_epsilon;

    pass->kernels->moments(pass->rows, layer->n_out, x, trace->mean, trace->variance);
    for (int c = 0; c < layer->n_out; c++) {
        trace->scale[c] = layer->gamma[c] / sqrtf(trace->variance[c] + epsilon);
        layer->moving_mean[c] = m * layer->moving_mean[c] + (1 - m) * trace->mean[c];
        layer->moving_variance[c] = m * layer->moving_variance[c] + (1 - m) * trace->variance[c];
    }
}

/* From trace->z to trace->y. Returns the map from z to what the activation gets. */
static struct affine forward_after_dense(struct pass *pass, const struct layer *layer,
                                         struct trace *trace)
{
    const struct kernels *k = pass->kernels;
    enum activation f = layer->activation;
    int n = layer->n_out;

    if (layer->batch_norm == BATCH_NORM_BEFORE) {
        take_moments(pass, layer, trace, trace->z);
        struct affine norm = norm_of(layer, trace);
        k->activate(f, pass->rows, n, &norm, trace->z, trace->y);
        return norm;
    }
    struct affine bias = bias_of(pass, layer);
    k->activate(f, pass->rows, n, &bias, trace->z, trace->a);
    if (layer->batch_norm == BATCH_NORM_AFTER) {
        take_moments(pass, layer, trace, trace->a);
        struct affine norm = norm_of(layer, trace);
        k->activate(ACTIVATION_LINEAR, pass->rows, n, &norm, trace->a, trace->y);
    }
    return bias;
}

void pass_forward(struct pass *pass, struct network *network, const float *x,
                  struct layer_stat *stats)
{
    for (int i = 0; i < network->n_layers; i++) {
        struct layer *layer = &network->layers[i];
        struct trace *trace = &pass->traces[i];

        gemm_nn(pass->rows, layer->n_out, layer->n_in, x, layer->weights, trace->z);
        if (stats) {
            /* Before an activation in place overwrites them. */
            layer_stats_moments(pass, i, pass->offset, pass->slope);
        }
        struct affine u = forward_after_dense(pass, layer, trace);
        if (stats) {
            layer_stats_forward(pass, i, &u, pass->offset, pass->slope, &stats[i]);
        }
        x = trace->y;
    }
}

/* ---- backward ---- */

/* norm': d from dy to dx in place, given sum = sum dy and dot = sum dy (x - mean), which become
 * dbeta (sum is it already) and dgamma. */
static void backward_norm(struct pass *pass, const struct layer *layer, struct trace *trace,
                          const float *x, float *d)
{
    const struct network *network = pass->network;
    const float *dbeta = network_twin(network, layer->beta, &pass->gradient);
    float *dgamma = network_twin(network, layer->gamma, &pass->gradient);
    float share = 1.0f / (float)pass->rows;

    for (int c = 0; c < layer->n_out; c++) {
        float inverse = 1.0f / sqrtf(trace->variance[c] + network->bn_epsilon);

        dgamma[c] = trace->dot[c] * inverse;
        pass->offset[c] = trace->scale[c] * dbeta[c] * share;
        pass->slope[c] = trace->scale[c] * inverse * dgamma[c] * share;
    }
    struct affine_backward b = {trace->mean, trace->scale, pass->offset, pass->slope};
    pass->kernels->normalize_backward(pass->rows, layer->n_out, &b, x, d);
}

/* d from dY to dZ in place; gradients of bias, gamma and beta. */
static void backward_to_dense(struct pass *pass, int i, float *d, struct layer_stat *stats)
{
    const struct layer *layer = &pass->network->layers[i];
    const struct kernels *k = pass->kernels;
    struct trace *trace = &pass->traces[i];
    struct affine norm = norm_of(layer, trace), bias = bias_of(pass, layer);
    int rows = pass->rows, n = layer->n_out;
    float *sum =
        network_twin(pass->network, layer->beta ? layer->beta : layer->bias, &pass->gradient);

    if (layer->batch_norm == BATCH_NORM_BEFORE) {
        k->activate_backward(layer->activation, rows, n, &norm, trace->z, trace->y, d, sum,
                             trace->dot);
        if (stats) {
            layer_stats_preactivation_gradient(pass, i, d, &stats[i]);
        }
        backward_norm(pass, layer, trace, trace->z, d);
        return;
    }
    if (layer->batch_norm == BATCH_NORM_AFTER) {
        k->activate_backward(ACTIVATION_LINEAR, rows, n, &norm, trace->a, trace->y, d, sum,
                             trace->dot);
        backward_norm(pass, layer, trace, trace->a, d);
        sum = network_twin(pass->network, layer->bias, &pass->gradient);
    }
    k->activate_backward(layer->activation, rows, n, &bias, trace->z, trace->a, d, sum, NULL);
    if (stats) {
        layer_stats_preactivation_gradient(pass, i, d, &stats[i]);
    }
}

double pass_backward(struct pass *pass, const float *x, const uint8_t *labels,
                     struct layer_stat *stats)
{
    const struct network *network = pass->network;
    int last = network->n_layers - 1, rows = pass->rows;
    float *d = pass->delta[0], *other = pass->delta[1];
    double loss = pass->kernels->softmax_loss(rows, network->layers[last].n_out,
                                              pass->traces[last].y, labels, d);

    for (int i = last; i >= 0; i--) {
        const struct layer *layer = &network->layers[i];
        float *dw = network_twin(network, layer->weights, &pass->gradient);

        backward_to_dense(pass, i, d, stats);
        gemm_tn(layer->n_in, layer->n_out, rows, i ? pass->traces[i - 1].y : x, d, dw);
        if (i > 0) {
            gemm_nt(rows, layer->n_in, layer->n_out, d, layer->weights, other);
            float *t = d;
            d = other;
            other = t;
        }
    }
    return loss;
}
