#include "worker/nn/optimizer.h"

#include <math.h>

#define ADAGRAD_START 0.1f

static bool has_m(enum optimizer kind)
{
    return kind == OPTIMIZER_ADAM || kind == OPTIMIZER_MOMENTUM || kind == OPTIMIZER_NESTEROV;
}

static bool has_v(enum optimizer kind)
{
    return kind == OPTIMIZER_ADAM || kind == OPTIMIZER_RMSPROP || kind == OPTIMIZER_ADAGRAD;
}

int optimizer_init(struct optimizer_state *optimizer, const struct trial_config *config, size_t n)
{
    *optimizer = (struct optimizer_state){
        .kind = config->optimizer,
        .update = {.rate = (float)config->learning_rate,
                   .beta1 = (float)config->beta1,
                   .beta2 = (float)config->beta2,
                   .epsilon = (float)config->epsilon,
                   .momentum = (float)config->momentum},
        .n = n,
    };
    size_t m = has_m(optimizer->kind) ? block_reserve(&optimizer->memory, n) : 0;
    size_t v = has_v(optimizer->kind) ? block_reserve(&optimizer->memory, n) : 0;

    int r = block_allocate(&optimizer->memory);
    if (r < 0) {
        return r;
    }
    optimizer->m = has_m(optimizer->kind) ? optimizer->memory.at + m : NULL;
    optimizer->v = has_v(optimizer->kind) ? optimizer->memory.at + v : NULL;
    if (optimizer->kind == OPTIMIZER_ADAGRAD) {
        for (size_t i = 0; i < n; i++) {
            optimizer->v[i] = ADAGRAD_START;
        }
    }
    return 0;
}

void optimizer_free(struct optimizer_state *optimizer)
{
    block_free(&optimizer->memory);
}

void optimizer_step(struct optimizer_state *optimizer, const struct kernels *kernels,
                    const float *g, float *w)
{
    struct update update = optimizer->update;

    optimizer->step++;
    if (optimizer->kind == OPTIMIZER_ADAM) {
        double t = (double)optimizer->step;
        double b1 = update.beta1, b2 = update.beta2;
        update.rate *= (float)(sqrt(1 - pow(b2, t)) / (1 - pow(b1, t)));
    }
    kernels->update[optimizer->kind](&update, optimizer->n, g, w, optimizer->m, optimizer->v);
}
