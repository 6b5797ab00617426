#include "common/config.h"

#include "common/decimal.h"
#include "common/suggest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The article's layers; `depth` without `width` takes the first of them. */
static const int article_units[] = {500, 400, 300, 200, 100, 50, 25};
#define ARTICLE_DEPTH ((int)(sizeof(article_units) / sizeof(article_units[0])))

void config_draft_init(struct config_draft *draft)
{
    memset(draft, 0, sizeof(*draft));
}

void config_draft_set(struct config_draft *draft, enum config_field field,
                      const struct config_value *value)
{
    draft->given[field] = true;
    draft->value[field] = *value;
}

int config_unknown_field(const char *name, const char *path, struct error *error)
{
    struct suggestion nearest;

    suggest_begin(&nearest, name);
    for (int i = 0; i < CONFIG_FIELD_COUNT; i++) {
        suggest_offer(&nearest, config_fields[i].name);
    }
    if (nearest.word) {
        return error_set(error, path,
                         "there is no field '%.60s' in a configuration; did you mean '%s'?", name,
                         nearest.word);
    }
    return error_set(
        error, path,
        "there is no field '%.60s' in a configuration; docs/configuration.md lists them", name);
}

int config_draft_set_json(struct config_draft *draft, const json_t *object, struct error *error)
{
    if (!json_is_object(object)) {
        return error_set(error, NULL, "a configuration must be a JSON object");
    }
    const char *name;
    json_t *member;
    json_object_foreach((json_t *)object, name, member)
    {
        enum config_field field = config_field_by_name(name);
        if (field == CONFIG_FIELD_COUNT) {
            return config_unknown_field(name, name, error);
        }
        struct config_value value;
        int rc = config_value_from_json(field, member, &value, error);
        if (rc != 0) {
            return rc;
        }
        config_draft_set(draft, field, &value);
    }
    return 0;
}

/* ---- resolving ---- */

static int64_t given_integer(const struct config_draft *draft, enum config_field field,
                             int64_t otherwise)
{
    return draft->given[field] ? draft->value[field].integer : otherwise;
}

static double given_real(const struct config_draft *draft, enum config_field field,
                         double otherwise)
{
    return draft->given[field] ? draft->value[field].real : otherwise;
}

static int resolve_layers(const struct config_draft *draft, struct trial_config *config,
                          struct error *error)
{
    bool depth = draft->given[CONFIG_DEPTH];
    bool width = draft->given[CONFIG_WIDTH];
    if (draft->given[CONFIG_HIDDEN_UNITS]) {
        if (depth || width) {
            return error_set(
                error, depth ? "depth" : "width",
                "%s contradicts hidden_units, which lists every layer: give one of them",
                depth ? "depth" : "width");
        }
        const struct config_value *value = &draft->value[CONFIG_HIDDEN_UNITS];
        config->n_hidden = value->ints.n;
        memcpy(config->hidden_units, value->ints.at, sizeof(config->hidden_units));
        return 0;
    }
    if (!depth) {
        return error_set(error, width ? "width" : "depth",
                         width ? "width needs depth: the number of equal layers"
                               : "give depth (1 to 7), depth with width, or hidden_units");
    }
    config->n_hidden = (int)draft->value[CONFIG_DEPTH].integer;
    if (!width && config->n_hidden > ARTICLE_DEPTH) {
        return error_set(error, "depth",
                         "depth %d needs width: without it depth is 1 to %d, the first of "
                         "500,400,300,200,100,50,25",
                         config->n_hidden, ARTICLE_DEPTH);
    }
    for (int i = 0; i < config->n_hidden; i++) {
        config->hidden_units[i] =
            width ? (int)draft->value[CONFIG_WIDTH].integer : article_units[i];
    }
    return 0;
}

static int check_together(const struct config_draft *draft, const struct trial_config *config,
                          struct error *error)
{
    if (config->batch_size > config->train_size) {
        return error_set(error, "batch_size",
                         "batch_size %d is more than train_size %d: a batch is drawn without "
                         "replacement",
                         config->batch_size, config->train_size);
    }
    if (config->batch_norm == BATCH_NORM_NONE && draft->given[CONFIG_BATCH_NORM_OUTPUT] &&
        draft->value[CONFIG_BATCH_NORM_OUTPUT].integer) {
        return error_set(error, "batch_norm_output",
                         "batch_norm_output true contradicts batch_norm none: set batch_norm to "
                         "before or after");
    }
    if (config->batch_norm != BATCH_NORM_NONE && config->batch_size < 2) {
        return error_set(error, "batch_size",
                         "batch_size 1 has no variance to normalize by: with batch_norm it must be "
                         "at least 2");
    }
    return 0;
}

int config_resolve(const struct config_draft *draft, struct trial_config *ret, struct error *error)
{
    struct trial_config config = {
        .activation = (enum activation)given_integer(draft, CONFIG_ACTIVATION, ACTIVATION_RELU),
        .batch_norm = (enum batch_norm)given_integer(draft, CONFIG_BATCH_NORM, BATCH_NORM_NONE),
        .bn_momentum = given_real(draft, CONFIG_BN_MOMENTUM, 0.9),
        .bn_epsilon = given_real(draft, CONFIG_BN_EPSILON, 1e-3),
        .initializer =
            (enum initializer)given_integer(draft, CONFIG_INITIALIZER, INITIALIZER_HE_NORMAL),
        .optimizer = (enum optimizer)given_integer(draft, CONFIG_OPTIMIZER, OPTIMIZER_ADAM),
        .learning_rate = given_real(draft, CONFIG_LEARNING_RATE, 0.01),
        .beta1 = given_real(draft, CONFIG_BETA1, 0.9),
        .epsilon = given_real(draft, CONFIG_EPSILON, 1e-8),
        .momentum = given_real(draft, CONFIG_MOMENTUM, 0.9),
        .batch_size = (int)given_integer(draft, CONFIG_BATCH_SIZE, 550),
        .train_size = (int)given_integer(draft, CONFIG_TRAIN_SIZE, 55000),
        .target_accuracy = given_real(draft, CONFIG_TARGET_ACCURACY, 0.90),
        .max_steps = (int)given_integer(draft, CONFIG_MAX_STEPS, 2000),
        .stop_at_target = given_integer(draft, CONFIG_STOP_AT_TARGET, true),
        .measure_every = (int)given_integer(draft, CONFIG_MEASURE_EVERY, 0),
        .seed = (uint64_t)given_integer(draft, CONFIG_SEED, 0),
    };
    config.beta2 =
        given_real(draft, CONFIG_BETA2, config.optimizer == OPTIMIZER_RMSPROP ? 0.9 : 0.999);
    config.batch_norm_output =
        given_integer(draft, CONFIG_BATCH_NORM_OUTPUT, config.batch_norm != BATCH_NORM_NONE);
    snprintf(config.dataset, sizeof(config.dataset), "%s",
             draft->given[CONFIG_DATASET] ? draft->value[CONFIG_DATASET].name : "mnist");
    int rc = resolve_layers(draft, &config, error);
    if (rc == 0) {
        rc = check_together(draft, &config, error);
    }
    if (rc == 0) {
        *ret = config;
    }
    return rc;
}

int config_from_json(const json_t *object, struct trial_config *ret, struct error *error)
{
    struct config_draft draft;
    config_draft_init(&draft);
    int rc = config_draft_set_json(&draft, object, error);
    return rc == 0 ? config_resolve(&draft, ret, error) : rc;
}

/* ---- canonical form ---- */

static bool is_told(const struct trial_config *config, enum config_field field)
{
    switch (field) {
    case CONFIG_DEPTH:
    case CONFIG_WIDTH:
        return false; /* hidden_units says both */
    case CONFIG_MEASURE_EVERY:
        return config->measure_every > 0;
    default:
        return true;
    }
}

static void value_of(const struct trial_config *config, enum config_field field,
                     struct config_value *ret)
{
    switch (field) {
    case CONFIG_DATASET:
        memcpy(ret->name, config->dataset, sizeof(ret->name));
        break;
    case CONFIG_HIDDEN_UNITS:
        ret->ints.n = config->n_hidden;
        memcpy(ret->ints.at, config->hidden_units, sizeof(ret->ints.at));
        break;
    case CONFIG_ACTIVATION:
        ret->integer = config->activation;
        break;
    case CONFIG_BATCH_NORM:
        ret->integer = config->batch_norm;
        break;
    case CONFIG_BATCH_NORM_OUTPUT:
        ret->integer = config->batch_norm_output;
        break;
    case CONFIG_BN_MOMENTUM:
        ret->real = config->bn_momentum;
        break;
    case CONFIG_BN_EPSILON:
        ret->real = config->bn_epsilon;
        break;
    case CONFIG_INITIALIZER:
        ret->integer = config->initializer;
        break;
    case CONFIG_OPTIMIZER:
        ret->integer = config->optimizer;
        break;
    case CONFIG_LEARNING_RATE:
        ret->real = config->learning_rate;
        break;
    case CONFIG_BETA1:
        ret->real = config->beta1;
        break;
    case CONFIG_BETA2:
        ret->real = config->beta2;
        break;
    case CONFIG_EPSILON:
        ret->real = config->epsilon;
        break;
    case CONFIG_MOMENTUM:
        ret->real = config->momentum;
        break;
    case CONFIG_BATCH_SIZE:
        ret->integer = config->batch_size;
        break;
    case CONFIG_TRAIN_SIZE:
        ret->integer = config->train_size;
        break;
    case CONFIG_TARGET_ACCURACY:
        ret->real = config->target_accuracy;
        break;
    case CONFIG_MAX_STEPS:
        ret->integer = config->max_steps;
        break;
    case CONFIG_STOP_AT_TARGET:
        ret->integer = config->stop_at_target;
        break;
    case CONFIG_MEASURE_EVERY:
        ret->integer = config->measure_every;
        break;
    case CONFIG_SEED:
        ret->integer = (int64_t)config->seed;
        break;
    case CONFIG_DEPTH:
    case CONFIG_WIDTH:
    case CONFIG_FIELD_COUNT:
        break; /* see is_told */
    }
}

static bool same_value(enum config_type type, const struct config_value *a,
                       const struct config_value *b)
{
    switch (type) {
    case CONFIG_INT:
    case CONFIG_BOOL:
    case CONFIG_CHOICE:
        return a->integer == b->integer;
    case CONFIG_DOUBLE:
        return a->real == b->real;
    case CONFIG_NAME:
        return strcmp(a->name, b->name) == 0;
    case CONFIG_INTS:
        return a->ints.n == b->ints.n &&
               memcmp(a->ints.at, b->ints.at, (size_t)a->ints.n * sizeof(a->ints.at[0])) == 0;
    }
    return false;
}

bool config_same_cell(const struct trial_config *a, const struct trial_config *b)
{
    for (int field = 0; field < CONFIG_FIELD_COUNT; field++) {
        if (field == CONFIG_DEPTH || field == CONFIG_WIDTH || field == CONFIG_SEED) {
            continue;
        }
        struct config_value value_a = {0}, value_b = {0};
        value_of(a, field, &value_a);
        value_of(b, field, &value_b);
        if (!same_value(config_fields[field].type, &value_a, &value_b)) {
            return false;
        }
    }
    return true;
}

json_t *config_to_json(const struct trial_config *config)
{
    json_t *object = json_object();
    for (int field = 0; object && field < CONFIG_FIELD_COUNT; field++) {
        if (!is_told(config, field)) {
            continue;
        }
        struct config_value value;
        value_of(config, field, &value);
        if (json_object_set_new(object, config_fields[field].name,
                                config_value_to_json(field, &value)) != 0) {
            json_decref(object);
            object = NULL;
        }
    }
    return object;
}

/* A text that grows in a buffer known to be large enough. */
struct text {
    char *at;
};

static void put(struct text *text, const char *part)
{
    size_t length = strlen(part);
    memcpy(text->at, part, length);
    text->at += length;
}

static void put_ints(struct text *text, const struct config_value *value)
{
    put(text, "[");
    for (int i = 0; i < value->ints.n; i++) {
        put(text, i ? "," : "");
        text->at += decimal_integer(value->ints.at[i], text->at);
    }
    put(text, "]");
}

static void put_value(struct text *text, enum config_field field, const struct config_value *value)
{
    const struct config_field_info *info = &config_fields[field];
    switch (info->type) {
    case CONFIG_INT:
        text->at += decimal_integer(value->integer, text->at);
        break;
    case CONFIG_DOUBLE:
        text->at += decimal_shortest(value->real, text->at);
        break;
    case CONFIG_BOOL:
        put(text, value->integer ? "true" : "false");
        break;
    case CONFIG_CHOICE:
    case CONFIG_NAME: /* letters, digits, '-', '_' and '.' */
        put(text, "\"");
        put(text, info->type == CONFIG_NAME ? value->name : info->choices[value->integer]);
        put(text, "\"");
        break;
    case CONFIG_INTS:
        put_ints(text, value);
        break;
    }
}

char *config_to_text(const struct trial_config *config)
{
    /* Names and numbers of every field, and up to CONFIG_MAX_LAYERS layers of 6 characters. */
    enum { SIZE = 2048 };
    char buffer[SIZE];
    struct text text = {buffer};
    for (int field = 0; field < CONFIG_FIELD_COUNT; field++) {
        if (!is_told(config, field)) {
            continue;
        }
        struct config_value value;
        value_of(config, field, &value);
        put(&text, text.at == buffer ? "{\"" : ",\"");
        put(&text, config_fields[field].name);
        put(&text, "\":");
        put_value(&text, field, &value);
    }
    put(&text, "}");
    return strndup(buffer, (size_t)(text.at - buffer));
}
