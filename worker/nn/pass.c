#include "worker/nn/pass.h"

#include "worker/nn/gemm.h"
#include "worker/nn/layer_stats.h"

#include <errno.h>
#include <math.h>
#include <string.h>

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

/* Several passes over columns of a batch go strip by strip, so that all but the first find them
 * in a near cache. */
enum { STRIP = 128 };

struct strip {
    int first; /* column */
    struct area area;
};

static struct strip strip_at(const struct pass *pass, const struct layer *layer, int first,
                             int width)
{
    int left = layer->n_out - first;
    return (struct strip){first, {pass->rows, left < width ? left : width, layer->n_out}};
}

static struct affine bias_of(const struct pass *pass, const struct layer *layer, int first)
{
    return (struct affine){pass->network->zeros, pass->network->ones, layer->bias + first};
}

static struct affine norm_of(const struct layer *layer, const struct trace *trace, int first)
{
    return (struct affine){trace->mean + first, trace->scale + first, layer->beta + first};
}

/* The batch's moments of x into the trace, and on into the moving ones. */
static void take_moments(struct pass *pass, const struct layer *layer, struct trace *trace,
                         const struct strip *strip, const float *x)
{
    float m = pass->network->bn_momentum, epsilon = pass->network->bn_epsilon;
    int first = strip->first, last = first + strip->area.cols;

    pass->kernels->moments(strip->area, x + first, trace->mean + first, trace->variance + first);
    for (int c = first; c < last; c++) {
        trace->scale[c] = layer->gamma[c] / sqrtf(trace->variance[c] + epsilon);
        layer->moving_mean[c] = m * layer->moving_mean[c] + (1 - m) * trace->mean[c];
        layer->moving_variance[c] = m * layer->moving_variance[c] + (1 - m) * trace->variance[c];
    }
}

/* From trace->z to trace->y, for some columns. */
static void forward_strip(struct pass *pass, const struct layer *layer, struct trace *trace,
                          const struct strip *strip)
{
    const struct kernels *k = pass->kernels;
    enum activation f = layer->activation;
    int first = strip->first;
    float *z = trace->z + first, *a = trace->a + first, *y = trace->y + first;

    if (layer->batch_norm == BATCH_NORM_BEFORE) {
        take_moments(pass, layer, trace, strip, trace->z);
        struct affine norm = norm_of(layer, trace, first);
        k->activate(f, strip->area, &norm, z, y);
        return;
    }
    struct affine bias = bias_of(pass, layer, first);
    k->activate(f, strip->area, &bias, z, a);
    if (layer->batch_norm == BATCH_NORM_AFTER) {
        take_moments(pass, layer, trace, strip, trace->a);
        struct affine norm = norm_of(layer, trace, first);
        k->activate(ACTIVATION_LINEAR, strip->area, &norm, a, y);
    }
}

/* The map from z to what the activation gets. */
static struct affine preactivation_of(const struct pass *pass, int i)
{
    const struct layer *layer = &pass->network->layers[i];

    return layer->batch_norm == BATCH_NORM_BEFORE ? norm_of(layer, &pass->traces[i], 0)
                                                  : bias_of(pass, layer, 0);
}

void pass_forward(struct pass *pass, struct network *network, struct input *input,
                  struct layer_stat *stats)
{
    for (int i = 0; i < network->n_layers; i++) {
        struct layer *layer = &network->layers[i];
        struct trace *trace = &pass->traces[i];

        if (i == 0) {
            input_set_weights(input, layer->n_out, layer->weights);
            input_forward(input, trace->z);
        } else {
            gemm_nn(pass->rows, layer->n_out, layer->n_in, pass->traces[i - 1].y, layer->weights,
                    trace->z);
        }
        if (stats) {
            /* Before an activation in place overwrites them. */
            layer_stats_moments(pass, i, pass->offset, pass->slope);
        }
        for (int first = 0; first < layer->n_out; first += STRIP) {
            struct strip strip = strip_at(pass, layer, first, STRIP);
            forward_strip(pass, layer, trace, &strip);
        }
        if (stats) {
            struct affine u = preactivation_of(pass, i);
            layer_stats_forward(pass, i, &u, pass->offset, pass->slope, &stats[i]);
        }
    }
}

/* ---- backward ---- */

/* norm': d from dy to dx in place, given sum = sum dy and dot = sum dy (x - mean), which become
 * dbeta (sum is it already) and dgamma. */
static void backward_norm(struct pass *pass, const struct layer *layer, struct trace *trace,
                          const struct strip *strip, const float *x, float *d)
{
    const struct network *network = pass->network;
    const float *dbeta = network_twin(network, layer->beta, &pass->gradient);
    float *dgamma = network_twin(network, layer->gamma, &pass->gradient);
    float share = 1.0f / (float)pass->rows;
    int first = strip->first, last = first + strip->area.cols;

    for (int c = first; c < last; c++) {
        float inverse = 1.0f / sqrtf(trace->variance[c] + network->bn_epsilon);

        dgamma[c] = trace->dot[c] * inverse;
        pass->offset[c] = trace->scale[c] * dbeta[c] * share;
        pass->slope[c] = trace->scale[c] * inverse * dgamma[c] * share;
    }
    struct affine_backward b = {trace->mean + first, trace->scale + first, pass->offset + first,
                                pass->slope + first};
    pass->kernels->normalize_backward(strip->area, &b, x + first, d + first);
}

/* d from dY to d loss / d pre-activation in place, with the gradient of what came behind it. */
static void backward_to_preactivation(struct pass *pass, const struct layer *layer,
                                      struct trace *trace, const struct strip *strip, float *d)
{
    const struct kernels *k = pass->kernels;
    int first = strip->first;
    float *z = trace->z + first, *a = trace->a + first, *y = trace->y + first;

    if (layer->batch_norm == BATCH_NORM_BEFORE) {
        struct affine norm = norm_of(layer, trace, first);
        float *dbeta = network_twin(pass->network, layer->beta, &pass->gradient) + first;
        k->activate_backward(layer->activation, strip->area, &norm, z, y, d + first, dbeta,
                             trace->dot + first);
        return;
    }
    if (layer->batch_norm == BATCH_NORM_AFTER) {
        struct affine norm = norm_of(layer, trace, first);
        float *dbeta = network_twin(pass->network, layer->beta, &pass->gradient) + first;
        k->activate_backward(ACTIVATION_LINEAR, strip->area, &norm, a, y, d + first, dbeta,
                             trace->dot + first);
        backward_norm(pass, layer, trace, strip, trace->a, d);
    }
    struct affine bias = bias_of(pass, layer, first);
    float *db = network_twin(pass->network, layer->bias, &pass->gradient) + first;
    k->activate_backward(layer->activation, strip->area, &bias, z, a, d + first, db, NULL);
}

/* d from dY to dZ in place; gradients of bias, gamma and beta. */
static void backward_to_dense(struct pass *pass, int i, float *d, struct layer_stat *stat)
{
    const struct layer *layer = &pass->network->layers[i];
    struct trace *trace = &pass->traces[i];
    int n = layer->n_out, step = stat ? n : STRIP; /* the statistics want all columns at once */

    for (int first = 0; first < n; first += step) {
        struct strip strip = strip_at(pass, layer, first, step);

        backward_to_preactivation(pass, layer, trace, &strip, d);
        if (stat) {
            layer_stats_preactivation_gradient(pass, i, d, stat);
        }
        if (layer->batch_norm == BATCH_NORM_BEFORE) {
            backward_norm(pass, layer, trace, &strip, trace->z, d);
        }
    }
}

/* Where the gradient is zero by construction, what rounding left of it goes: an optimizer that
 * divides by its size would take it for a direction. */
static void clear_inert(struct pass *pass, const struct layer *layer)
{
    size_t size = (size_t)layer->n_out * sizeof(float);

    if (layer->inert_bias) {
        memset(network_twin(pass->network, layer->bias, &pass->gradient), 0, size);
    }
    if (layer->inert_beta) {
        memset(network_twin(pass->network, layer->beta, &pass->gradient), 0, size);
    }
}

double pass_backward(struct pass *pass, struct input *input, const uint8_t *labels,
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

        backward_to_dense(pass, i, d, stats ? &stats[i] : NULL);
        clear_inert(pass, layer);
        if (i == 0) {
            input_backward(input, layer->n_out, d, dw);
            break;
        }
        gemm_tn(layer->n_in, layer->n_out, rows, pass->traces[i - 1].y, d, dw);
        gemm_nt(rows, layer->n_in, layer->n_out, d, layer->weights, other);
        float *t = d;
        d = other;
        other = t;
    }
    return loss;
}
