#include "common/sweep_effect.h"

#include <stdio.h>
#include <string.h>

/* ---- fields that are not always read ---- */

#define NEEDS_HIDDEN "hidden layers"
#define NEEDS_BATCH_NORM "batch_norm before or after"

const char *effect_needs(enum config_field field)
{
    switch (field) {
    case CONFIG_ACTIVATION:
    case CONFIG_INITIALIZER:
        return NEEDS_HIDDEN;
    case CONFIG_BN_MOMENTUM:
    case CONFIG_BN_EPSILON:
        return NEEDS_BATCH_NORM;
    case CONFIG_BETA1:
        return "optimizer adam";
    case CONFIG_BETA2:
        return "optimizer adam or rmsprop";
    case CONFIG_EPSILON:
        return "optimizer adam, rmsprop or adagrad";
    case CONFIG_MOMENTUM:
        return "optimizer momentum or nesterov";
    default:
        return NULL;
    }
}

bool effect_is_read(const struct trial_config *config, enum config_field field)
{
    enum optimizer optimizer = config->optimizer;

    switch (field) {
    case CONFIG_ACTIVATION:
    case CONFIG_INITIALIZER: /* the logits' layer has its own */
        return config->n_hidden > 0;
    case CONFIG_BN_MOMENTUM:
    case CONFIG_BN_EPSILON:
        return config->batch_norm != BATCH_NORM_NONE &&
               (config->n_hidden > 0 || config->batch_norm_output);
    case CONFIG_BETA1:
        return optimizer == OPTIMIZER_ADAM;
    case CONFIG_BETA2:
        return optimizer == OPTIMIZER_ADAM || optimizer == OPTIMIZER_RMSPROP;
    case CONFIG_EPSILON:
        return optimizer == OPTIMIZER_ADAM || optimizer == OPTIMIZER_RMSPROP ||
               optimizer == OPTIMIZER_ADAGRAD;
    case CONFIG_MOMENTUM:
        return optimizer == OPTIMIZER_MOMENTUM || optimizer == OPTIMIZER_NESTEROV;
    default:
        return true;
    }
}

void effect_warning(enum config_field field, char ret[EFFECT_WARNING_SIZE])
{
    snprintf(ret, EFFECT_WARNING_SIZE, "%s has no effect: it needs %s", config_fields[field].name,
             effect_needs(field));
}

/* ---- sizes of data sets ---- */

#define KNOWN_SAMPLES 60000

static bool is_known(const char *dataset)
{
    static const char *const names[] = {"mnist", "fashion-mnist", "synthetic-digits"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(names[i], dataset) == 0) {
            return true;
        }
    }
    return false;
}

static int refuse_size(const struct trial_config *config, const char *place, struct error *error)
{
    char field[64];
    snprintf(field, sizeof(field), "%s.train_size", place);
    return error_set(error, field,
                     "train_size %d is more than the %d training samples of %s: give at most that",
                     config->train_size, KNOWN_SAMPLES, config->dataset);
}

/* ---- a sweep ---- */

/* How each field was given: as what varies, or with one value. */
struct given {
    uint32_t axes, fixed;
    bool large; /* a train_size above KNOWN_SAMPLES is among it */
};

static void note(struct given *given, const struct sweep *sweep, enum config_field field)
{
    const struct sweep_axis *axis = NULL;
    for (size_t i = 0; i < sweep->n_axes && !axis; i++) {
        axis = sweep->axes[i].field == field ? &sweep->axes[i] : NULL;
    }
    size_t n = axis ? axis->n : sweep->base.given[field];
    if (effect_needs(field) && n > 0) {
        *(n > 1 ? &given->axes : &given->fixed) |= 1u << field;
    }
    for (size_t i = 0; field == CONFIG_TRAIN_SIZE && i < n; i++) {
        struct config_value value = sweep->base.value[field];
        if (axis) {
            sweep_axis_get(axis, i, &value);
        }
        given->large |= value.integer > KNOWN_SAMPLES;
    }
}

/* An axis that nothing reads is a list of equal networks. */
static int refuse_axis(uint32_t unread, struct error *error)
{
    enum config_field field = 0;
    while (!(unread & 1u << field)) {
        field++;
    }
    char path[64];
    snprintf(path, sizeof(path), "parameters.%s", config_fields[field].name);
    return error_set(error, path,
                     "%s has no effect on any cell, so that its values would train the same "
                     "network again: it needs %s",
                     path, effect_needs(field));
}

int effect_check(const struct sweep *sweep, uint32_t *ret_unread, struct error *error)
{
    struct given given = {0};
    for (int field = 0; field < CONFIG_FIELD_COUNT; field++) {
        note(&given, sweep, field);
    }
    uint32_t unread = given.axes | given.fixed;
    for (int64_t cell = 0; cell < sweep->n_cells && (unread || given.large); cell++) {
        struct trial_config config;
        sweep_cell(sweep, cell, &config);
        for (int field = 0; unread && field < CONFIG_FIELD_COUNT; field++) {
            if ((unread & 1u << field) && effect_is_read(&config, field)) {
                unread &= ~(1u << field);
            }
        }
        if (config.train_size > KNOWN_SAMPLES && is_known(config.dataset)) {
            return refuse_size(&config,
                               sweep->base.given[CONFIG_TRAIN_SIZE] ? "base" : "parameters", error);
        }
    }
    if (unread & given.axes) {
        return refuse_axis(unread & given.axes, error);
    }
    *ret_unread = unread;
    return 0;
}
