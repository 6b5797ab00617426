#include "worker/nn/network.h"

#include "common/engine.h"
#include "worker/nn/initializer.h"

#include <errno.h>

/* Where a layer's arrays lie while the blocks are not allocated yet. */
struct offsets {
    size_t weights, bias, gamma, beta, moving_mean, moving_variance;
};

static bool has_bias(const struct layer *layer)
{
    return layer->batch_norm != BATCH_NORM_BEFORE;
}

static bool is_normalized(const struct layer *layer)
{
    return layer->batch_norm != BATCH_NORM_NONE;
}

static void set_shapes(struct network *network, const struct trial_config *config, int n_inputs,
                       int n_classes)
{
    int n_in = n_inputs;

    network->n_layers = config->n_hidden + 1;
    for (int i = 0; i < network->n_layers; i++) {
        struct layer *layer = &network->layers[i];
        bool is_output = i == config->n_hidden;

        layer->n_in = n_in;
        layer->n_out = is_output ? n_classes : config->hidden_units[i];
        layer->activation = is_output ? ACTIVATION_LINEAR : config->activation;
        layer->batch_norm = config->batch_norm;
        if (is_output) {
            layer->batch_norm = config->batch_norm_output ? BATCH_NORM_BEFORE : BATCH_NORM_NONE;
        }
        layer->inert_bias = engine_is_inert_bias(config, i);
        layer->inert_beta = engine_is_inert_beta(config, i);
        if (layer->n_out > network->widest) {
            network->widest = layer->n_out;
        }
        n_in = layer->n_out;
    }
}

static struct offsets reserve(struct network *network, const struct layer *layer)
{
    size_t n = (size_t)layer->n_out;
    struct offsets at = {0};

    at.weights = block_reserve(&network->parameters, (size_t)layer->n_in * n);
    if (has_bias(layer)) {
        at.bias = block_reserve(&network->parameters, n);
    }
    if (is_normalized(layer)) {
        at.gamma = block_reserve(&network->parameters, n);
        at.beta = block_reserve(&network->parameters, n);
        at.moving_mean = block_reserve(&network->moving, n);
        at.moving_variance = block_reserve(&network->moving, n);
    }
    return at;
}

static void set_pointers(struct network *network, struct layer *layer, const struct offsets *at)
{
    layer->weights = network->parameters.at + at->weights;
    if (has_bias(layer)) {
        layer->bias = network->parameters.at + at->bias;
    }
    if (is_normalized(layer)) {
        layer->gamma = network->parameters.at + at->gamma;
        layer->beta = network->parameters.at + at->beta;
        layer->moving_mean = network->moving.at + at->moving_mean;
        layer->moving_variance = network->moving.at + at->moving_variance;
    }
}

static void fill(float *array, int n, float value)
{
    for (int i = 0; i < n; i++) {
        array[i] = value;
    }
}

int network_init(struct network *network, const struct trial_config *config, int n_inputs,
                 int n_classes)
{
    struct offsets at[CONFIG_MAX_LAYERS + 1];

    *network = (struct network){.bn_momentum = (float)config->bn_momentum,
                                .bn_epsilon = (float)config->bn_epsilon};
    set_shapes(network, config, n_inputs, n_classes);
    for (int i = 0; i < network->n_layers; i++) {
        at[i] = reserve(network, &network->layers[i]);
    }
    size_t zeros = block_reserve(&network->constants, (size_t)network->widest);
    size_t ones = block_reserve(&network->constants, (size_t)network->widest);

    if (block_allocate(&network->parameters) < 0 || block_allocate(&network->moving) < 0 ||
        block_allocate(&network->constants) < 0) {
        network_free(network);
        return -ENOMEM;
    }
    for (int i = 0; i < network->n_layers; i++) {
        set_pointers(network, &network->layers[i], &at[i]);
    }
    fill(network->constants.at + ones, network->widest, 1);
    network->zeros = network->constants.at + zeros;
    network->ones = network->constants.at + ones;
    return 0;
}

void network_free(struct network *network)
{
    block_free(&network->parameters);
    block_free(&network->moving);
    block_free(&network->constants);
}

void network_start(struct network *network, const struct trial_config *config)
{
    for (int i = 0; i < network->n_layers; i++) {
        struct layer *layer = &network->layers[i];
        enum initializer initializer =
            i == config->n_hidden ? INITIALIZER_GLOROT_UNIFORM : config->initializer;

        initializer_fill(initializer, config->seed, i, layer->n_in, layer->n_out, layer->weights);
        if (layer->bias) {
            fill(layer->bias, layer->n_out, 0);
        }
        if (layer->gamma) {
            fill(layer->gamma, layer->n_out, 1);
            fill(layer->beta, layer->n_out, 0);
            fill(layer->moving_mean, layer->n_out, 0);
            fill(layer->moving_variance, layer->n_out, 1);
        }
    }
}

void network_visit(const struct network *network,
                   void (*visit)(void *context, const float *array, size_t n), void *context)
{
    for (int i = 0; i < network->n_layers; i++) {
        const struct layer *layer = &network->layers[i];
        size_t n = (size_t)layer->n_out;
        const float *vectors[] = {layer->bias, layer->gamma, layer->beta, layer->moving_mean,
                                  layer->moving_variance};

        visit(context, layer->weights, (size_t)layer->n_in * n);
        for (size_t k = 0; k < sizeof(vectors) / sizeof(vectors[0]); k++) {
            if (vectors[k]) {
                visit(context, vectors[k], n);
            }
        }
    }
}

float *network_twin(const struct network *network, const float *parameter, const struct block *twin)
{
    return twin->at + (parameter - network->parameters.at);
}
