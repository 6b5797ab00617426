#include "common/engine.h"

#include <stdio.h>
#include <string.h>

#define BUILT_IN "ninety-trainer "

int engine_of(const char *trainer)
{
    int engine = 0, end = 0;

    if (strncmp(trainer, BUILT_IN, strlen(BUILT_IN)) != 0) {
        return 0;
    }
    if (strcmp(trainer, BUILT_IN "0.2.0") == 0) {
        return 1;
    }
    if (sscanf(trainer, BUILT_IN "%*[0-9.] engine %4d%n", &engine, &end) == 1 && !trainer[end]) {
        return engine;
    }
    return 0;
}

/* Whether what is added to the inputs of `layer`, a constant for each, is subtracted again by the
 * normalization that follows: of the sums, or behind a linear activation. */
static bool subtracts_constants(const struct trial_config *config, int layer)
{
    if (layer == config->n_hidden) {
        return config->batch_norm_output;
    }
    return config->batch_norm == BATCH_NORM_BEFORE ||
           (config->batch_norm == BATCH_NORM_AFTER && config->activation == ACTIVATION_LINEAR);
}

bool engine_is_inert_bias(const struct trial_config *config, int layer)
{
    return layer < config->n_hidden && config->batch_norm == BATCH_NORM_AFTER &&
           config->activation == ACTIVATION_LINEAR;
}

bool engine_is_inert_beta(const struct trial_config *config, int layer)
{
    bool is_linear_behind =
        config->batch_norm == BATCH_NORM_AFTER || config->activation == ACTIVATION_LINEAR;

    return layer < config->n_hidden && config->batch_norm != BATCH_NORM_NONE && is_linear_behind &&
           subtracts_constants(config, layer + 1);
}

int engine_since(const struct trial_config *config)
{
    for (int layer = 0; layer < config->n_hidden; layer++) {
        if (engine_is_inert_bias(config, layer) || engine_is_inert_beta(config, layer)) {
            return 2;
        }
    }
    return 1;
}

bool engine_trainers_agree(const struct trial_config *config, const char *a, const char *b)
{
    int since = engine_since(config), engine_a = engine_of(a), engine_b = engine_of(b);

    if (engine_a == 0 || engine_b == 0) {
        return strcmp(a, b) == 0;
    }
    return engine_a == engine_b || (engine_a >= since && engine_b >= since);
}

bool engine_trainers_always_agree(const char *a, const char *b)
{
    int engine = engine_of(a);

    return strcmp(a, b) == 0 || (engine > 0 && engine == engine_of(b));
}
