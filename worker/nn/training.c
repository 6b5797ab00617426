#include "worker/nn/training.h"

#include "worker/nn/layer_stats.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

int training_init(struct training *training, const struct trial_config *config,
                  const struct samples *samples, const struct kernels *kernels)
{
    int rows = config->batch_size, r;

    *training = (struct training){.kernels = kernels, .samples = *samples, .rows = rows};
    training->indices = malloc((size_t)rows * sizeof(*training->indices));
    training->labels = malloc((size_t)rows);
    if (!training->indices || !training->labels) {
        r = -ENOMEM;
        goto out;
    }
    r = network_init(&training->network, config, samples->pixels, samples->classes);
    if (r < 0) {
        goto out;
    }
    network_start(&training->network, config);
    r = input_init(&training->input, kernels, samples, rows, training->network.layers[0].n_out,
                   true);
    if (r < 0) {
        goto out;
    }
    r = pass_init(&training->pass, &training->network, kernels, rows);
    if (r < 0) {
        goto out;
    }
    r = optimizer_init(&training->optimizer, config, training->network.parameters.n);
    if (r < 0) {
        goto out;
    }
    block_reserve(&training->before, training->network.parameters.n);
    r = block_allocate(&training->before);
    if (r < 0) {
        goto out;
    }
    r = sample_order_init(&training->order, config->seed, samples->n - config->train_size,
                          config->train_size);
out:
    if (r < 0) {
        training_free(training);
    }
    return r;
}

void training_free(struct training *training)
{
    free(training->indices);
    free(training->labels);
    input_free(&training->input);
    block_free(&training->before);
    network_free(&training->network);
    pass_free(&training->pass);
    optimizer_free(&training->optimizer);
    sample_order_free(&training->order);
    *training = (struct training){0};
}

static void draw_batch(struct training *training)
{
    const struct samples *samples = &training->samples;

    sample_order_next(&training->order, training->rows, training->indices);
    input_gather(&training->input, samples, training->indices, training->rows);
    for (int i = 0; i < training->rows; i++) {
        training->labels[i] = samples->labels[training->indices[i]];
    }
}

static void update(struct training *training)
{
    optimizer_step(&training->optimizer, training->kernels, training->pass.gradient.at,
                   training->network.parameters.at);
}

static void update_measured(struct training *training, struct layer_stat *stats)
{
    const struct network *network = &training->network;

    memcpy(training->before.at, network->parameters.at, network->parameters.n * sizeof(float));
    for (int i = 0; i < network->n_layers; i++) {
        layer_stats_gradient(&training->pass, i, &stats[i]);
    }
    update(training);
    for (int i = 0; i < network->n_layers; i++) {
        layer_stats_update(&training->pass, i, &training->before, &stats[i]);
    }
}

double training_step(struct training *training, struct layer_stat *stats)
{
    training->step++;
    for (int i = 0; stats && i < training->network.n_layers; i++) {
        layer_stats_clear(&stats[i], training->step, i);
    }
    draw_batch(training);
    pass_forward(&training->pass, &training->network, &training->input, stats);
    double loss = pass_backward(&training->pass, &training->input, training->labels, stats);

    if (!isfinite(loss)) {
        return loss;
    }
    if (stats) {
        update_measured(training, stats);
    } else {
        update(training);
    }
    return loss;
}
