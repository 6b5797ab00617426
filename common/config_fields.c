#include "common/config.h"

#include "common/json_number.h"
#include "common/json_print.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const activation_names[] = {"relu", "leaky_relu", "elu",  "selu",   "gelu",
                                               "silu", "sigmoid",    "tanh", "linear", NULL};
static const char *const batch_norm_names[] = {"none", "before", "after", NULL};
static const char *const initializer_names[] = {"he_normal",      "he_uniform",   "glorot_normal",
                                                "glorot_uniform", "lecun_normal", NULL};
static const char *const optimizer_names[] = {"adam",    "sgd",     "momentum", "nesterov",
                                              "rmsprop", "adagrad", NULL};

const struct config_field_info config_fields[CONFIG_FIELD_COUNT] = {
    [CONFIG_DATASET] = {"dataset", CONFIG_NAME, 1, 63, NULL,
                        "mnist, fashion-mnist, synthetic-digits or a registered directory"},
    [CONFIG_DEPTH] = {"depth", CONFIG_INT, 1, CONFIG_MAX_LAYERS, NULL,
                      "1..7: the first of 500,400,300,200,100,50,25; with width: 1..64 layers"},
    [CONFIG_WIDTH] = {"width", CONFIG_INT, 1, CONFIG_MAX_UNITS, NULL,
                      "units of each of depth equal layers"},
    [CONFIG_HIDDEN_UNITS] = {"hidden_units", CONFIG_INTS, 1, CONFIG_MAX_UNITS, NULL,
                             "units of each hidden layer; an empty list is softmax regression"},
    [CONFIG_ACTIVATION] = {"activation", CONFIG_CHOICE, 0, 0, activation_names,
                           "of the hidden layers"},
    [CONFIG_BATCH_NORM] = {"batch_norm", CONFIG_CHOICE, 0, 0, batch_norm_names,
                           "batch normalization before or after the activation"},
    [CONFIG_BATCH_NORM_OUTPUT] = {"batch_norm_output", CONFIG_BOOL, 0, 1, NULL,
                                  "normalize the logits too (default true with batch_norm)"},
    [CONFIG_BN_MOMENTUM] = {"bn_momentum", CONFIG_DOUBLE, 0, 1, NULL,
                            "moving = m * moving + (1 - m) * batch"},
    [CONFIG_BN_EPSILON] = {"bn_epsilon", CONFIG_DOUBLE, 1e-12, 1, NULL, "added to the variance"},
    [CONFIG_INITIALIZER] = {"initializer", CONFIG_CHOICE, 0, 0, initializer_names,
                            "of the hidden layers' weights"},
    [CONFIG_OPTIMIZER] = {"optimizer", CONFIG_CHOICE, 0, 0, optimizer_names, "update rule"},
    [CONFIG_LEARNING_RATE] = {"learning_rate", CONFIG_DOUBLE, 1e-12, 1e3, NULL, "step size"},
    [CONFIG_BETA1] = {"beta1", CONFIG_DOUBLE, 0, 0.999999, NULL, "adam: decay of the first moment"},
    [CONFIG_BETA2] = {"beta2", CONFIG_DOUBLE, 0, 0.999999999, NULL,
                      "adam, rmsprop: decay of the second moment"},
    [CONFIG_EPSILON] = {"epsilon", CONFIG_DOUBLE, 1e-16, 1, NULL,
                        "adam, rmsprop, adagrad: added to the root of the second moment"},
    [CONFIG_MOMENTUM] = {"momentum", CONFIG_DOUBLE, 0, 0.999999, NULL, "momentum, nesterov"},
    [CONFIG_BATCH_SIZE] = {"batch_size", CONFIG_INT, 1, 60000, NULL, "samples of a step"},
    [CONFIG_TRAIN_SIZE] = {"train_size", CONFIG_INT, 1, 10000000, NULL,
                           "the last N samples of the training file"},
    [CONFIG_TARGET_ACCURACY] = {"target_accuracy", CONFIG_DOUBLE, 0, 1, NULL,
                                "share of test samples to classify correctly"},
    [CONFIG_MAX_STEPS] = {"max_steps", CONFIG_INT, 1, 100000000, NULL,
                          "optimizer steps after which a trial is censored"},
    [CONFIG_STOP_AT_TARGET] = {"stop_at_target", CONFIG_BOOL, 0, 1, NULL,
                               "end the trial at the target; false: go on to max_steps"},
    [CONFIG_MEASURE_EVERY] = {"measure_every", CONFIG_INT, 0, 100000000, NULL,
                              "steps between points of the accuracy curve; 0: 8, 16, 32, ..."},
    [CONFIG_SEED] = {"seed", CONFIG_INT, 0, 9223372036854775807.0, NULL, "of everything random"},
};

const char *activation_name(enum activation activation)
{
    return activation_names[activation];
}

const char *batch_norm_name(enum batch_norm batch_norm)
{
    return batch_norm_names[batch_norm];
}

const char *initializer_name(enum initializer initializer)
{
    return initializer_names[initializer];
}

const char *optimizer_name(enum optimizer optimizer)
{
    return optimizer_names[optimizer];
}

enum config_field config_field_by_name(const char *name)
{
    int i = 0;
    while (i < CONFIG_FIELD_COUNT && strcmp(config_fields[i].name, name) != 0) {
        i++;
    }
    return i;
}

/* ---- what was wrong, in words ---- */

static int expected(const struct config_field_info *info, const char *got, struct error *error)
{
    switch (info->type) {
    case CONFIG_INT:
        return error_set(error, info->name, "%s must be an integer from %.0f to %.0f, not %s",
                         info->name, info->min, info->max, got);
    case CONFIG_DOUBLE:
        return error_set(error, info->name, "%s must be a number from %g to %g, not %s", info->name,
                         info->min, info->max, got);
    case CONFIG_BOOL:
        return error_set(error, info->name, "%s must be true or false, not %s", info->name, got);
    case CONFIG_CHOICE: {
        char names[256] = "";
        for (int i = 0; info->choices[i]; i++) {
            size_t used = strlen(names);
            snprintf(names + used, sizeof(names) - used, "%s%s", i ? ", " : "", info->choices[i]);
        }
        return error_set(error, info->name, "%s must be one of %s, not %s", info->name, names, got);
    }
    case CONFIG_NAME:
        return error_set(error, info->name,
                         "%s must be a name of 1 to 63 letters, digits, '-', '_' or '.', not "
                         "beginning with '.', not %s",
                         info->name, got);
    case CONFIG_INTS:
        return error_set(error, info->name,
                         "%s must be a list of at most %d integers from %.0f to %.0f, not %s",
                         info->name, CONFIG_MAX_LAYERS, info->min, info->max, got);
    }
    return ERROR_INVALID;
}

/* ---- checks shared by JSON and text ---- */

static bool in_range(const struct config_field_info *info, double value)
{
    return value >= info->min && value <= info->max; /* false for NaN */
}

static bool name_is_good(const char *name)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    size_t length = strlen(name);
    return length >= 1 && length <= 63 && name[0] != '.' && strspn(name, allowed) == length;
}

static int choice_index(const struct config_field_info *info, const char *name)
{
    for (int i = 0; info->choices[i]; i++) {
        if (strcmp(info->choices[i], name) == 0) {
            return i;
        }
    }
    return -1;
}

/* CONFIG_NAME and CONFIG_CHOICE: the same word in JSON and in a flag. */
static bool word_value(const struct config_field_info *info, const char *word,
                       struct config_value *ret)
{
    if (info->type == CONFIG_NAME) {
        if (!name_is_good(word)) {
            return false;
        }
        snprintf(ret->name, sizeof(ret->name), "%s", word);
        return true;
    }
    int index = choice_index(info, word);
    if (index < 0) {
        return false;
    }
    ret->integer = index;
    return true;
}

/* ---- JSON ---- */

static bool ints_from_json(const struct config_field_info *info, const json_t *json,
                           struct config_value *ret)
{
    if (!json_is_array(json) || json_array_size(json) > CONFIG_MAX_LAYERS) {
        return false;
    }
    struct config_value value = {.ints.n = (int)json_array_size(json)};
    for (int i = 0; i < value.ints.n; i++) {
        int64_t unit;
        if (!json_number_integral(json_array_get(json, (size_t)i), &unit) ||
            !in_range(info, (double)unit)) {
            return false;
        }
        value.ints.at[i] = (int)unit;
    }
    *ret = value;
    return true;
}

static bool value_from_json(const struct config_field_info *info, const json_t *json,
                            struct config_value *ret)
{
    switch (info->type) {
    case CONFIG_INT: {
        int64_t integer;
        if (!json_number_integral(json, &integer) || !in_range(info, (double)integer)) {
            return false;
        }
        ret->integer = integer;
        return true;
    }
    case CONFIG_DOUBLE:
        if (!json_is_number(json) || !in_range(info, json_number_value(json))) {
            return false;
        }
        ret->real = json_number_value(json);
        return true;
    case CONFIG_BOOL:
        if (!json_is_boolean(json)) {
            return false;
        }
        ret->integer = json_is_true(json);
        return true;
    case CONFIG_CHOICE:
    case CONFIG_NAME:
        return json_is_string(json) &&
               strlen(json_string_value(json)) == json_string_length(json) &&
               word_value(info, json_string_value(json), ret);
    case CONFIG_INTS:
        return ints_from_json(info, json, ret);
    }
    return false;
}

int config_value_from_json(enum config_field field, const json_t *json, struct config_value *ret,
                           struct error *error)
{
    const struct config_field_info *info = &config_fields[field];
    if (value_from_json(info, json, ret)) {
        return 0;
    }
    char *text = json_print_text(json, JSON_PRINT_COMPACT);
    char got[80];
    if (text && strlen(text) >= sizeof(got)) {
        snprintf(got, sizeof(got), "%.60s...", text);
    } else {
        snprintf(got, sizeof(got), "%s", text ? text : "that");
    }
    free(text);
    return expected(info, got, error);
}

json_t *config_value_to_json(enum config_field field, const struct config_value *value)
{
    const struct config_field_info *info = &config_fields[field];
    switch (info->type) {
    case CONFIG_INT:
        return json_integer(value->integer);
    case CONFIG_DOUBLE:
        return json_real(value->real);
    case CONFIG_BOOL:
        return json_boolean(value->integer);
    case CONFIG_CHOICE:
        return json_string(info->choices[value->integer]);
    case CONFIG_NAME:
        return json_string(value->name);
    case CONFIG_INTS: {
        json_t *list = json_array();
        for (int i = 0; list && i < value->ints.n; i++) {
            if (json_array_append_new(list, json_integer(value->ints.at[i])) != 0) {
                json_decref(list);
                list = NULL;
            }
        }
        return list;
    }
    }
    return NULL;
}

/* ---- text of a flag ---- */

static bool integer_from_text(const char *text, const char *end, int64_t *ret)
{
    char *stop;
    errno = 0;
    long long integer = strtoll(text, &stop, 10);
    if (stop == text || stop != end || errno != 0 || text[0] == ' ') {
        return false;
    }
    *ret = integer;
    return true;
}

static bool ints_from_text(const struct config_field_info *info, const char *text,
                           struct config_value *ret)
{
    struct config_value value = {.ints.n = 0};
    while (*text) {
        const char *end = text + strcspn(text, ",");
        int64_t unit;
        if (value.ints.n == CONFIG_MAX_LAYERS || !integer_from_text(text, end, &unit) ||
            !in_range(info, (double)unit)) {
            return false;
        }
        value.ints.at[value.ints.n++] = (int)unit;
        if (*end == ',' && end[1] == '\0') {
            return false;
        }
        text = *end ? end + 1 : end;
    }
    *ret = value;
    return true;
}

static bool value_from_text(const struct config_field_info *info, const char *text,
                            struct config_value *ret)
{
    switch (info->type) {
    case CONFIG_INT: {
        int64_t integer;
        if (!integer_from_text(text, text + strlen(text), &integer) ||
            !in_range(info, (double)integer)) {
            return false;
        }
        ret->integer = integer;
        return true;
    }
    case CONFIG_DOUBLE: {
        char *stop;
        double real = strtod(text, &stop);
        if (stop == text || *stop != '\0' || !in_range(info, real)) {
            return false;
        }
        ret->real = real;
        return true;
    }
    case CONFIG_BOOL:
        if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0) {
            return false;
        }
        ret->integer = text[0] == 't';
        return true;
    case CONFIG_CHOICE:
    case CONFIG_NAME:
        return word_value(info, text, ret);
    case CONFIG_INTS:
        return ints_from_text(info, text, ret);
    }
    return false;
}

int config_value_from_text(enum config_field field, const char *text, struct config_value *ret,
                           struct error *error)
{
    const struct config_field_info *info = &config_fields[field];
    if (value_from_text(info, text, ret)) {
        return 0;
    }
    char got[80];
    snprintf(got, sizeof(got), "'%.60s'", text);
    return expected(info, got, error);
}
