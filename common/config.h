/*
 * A trial's configuration: the one table of its fields, their names, defaults and ranges, and the
 * ways in (JSON, text of a command-line flag, a sweep's typed value) and out (canonical JSON,
 * hash).
 *
 *     JSON object / flags / sweep cell --set--> config_draft --resolve--> trial_config --> JSON
 *
 * A draft knows which fields were given; resolving fills defaults, turns depth/width into
 * hidden_units and checks what only makes sense together. A trial_config is always valid.
 */
#pragma once

#include "common/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONFIG_MAX_LAYERS 64
#define CONFIG_MAX_UNITS 16384

enum activation {
    ACTIVATION_RELU,
    ACTIVATION_LEAKY_RELU,
    ACTIVATION_ELU,
    ACTIVATION_SELU,
    ACTIVATION_GELU,
    ACTIVATION_SILU,
    ACTIVATION_SIGMOID,
    ACTIVATION_TANH,
    ACTIVATION_LINEAR,
    ACTIVATION_COUNT,
};

enum batch_norm { BATCH_NORM_NONE, BATCH_NORM_BEFORE, BATCH_NORM_AFTER, BATCH_NORM_COUNT };

enum initializer {
    INITIALIZER_HE_NORMAL,
    INITIALIZER_HE_UNIFORM,
    INITIALIZER_GLOROT_NORMAL,
    INITIALIZER_GLOROT_UNIFORM,
    INITIALIZER_LECUN_NORMAL,
    INITIALIZER_COUNT,
};

enum optimizer {
    OPTIMIZER_ADAM,
    OPTIMIZER_SGD,
    OPTIMIZER_MOMENTUM,
    OPTIMIZER_NESTEROV,
    OPTIMIZER_RMSPROP,
    OPTIMIZER_ADAGRAD,
    OPTIMIZER_COUNT,
};

struct trial_config {
    char dataset[64];
    int n_hidden; /* 0..CONFIG_MAX_LAYERS; 0 = softmax regression */
    int hidden_units[CONFIG_MAX_LAYERS];
    enum activation activation;
    enum batch_norm batch_norm;
    bool batch_norm_output; /* false whenever batch_norm is none */
    double bn_momentum, bn_epsilon;
    enum initializer initializer;
    enum optimizer optimizer;
    double learning_rate, beta1, beta2, epsilon, momentum;
    int batch_size, train_size;
    double target_accuracy;
    int max_steps;
    bool stop_at_target;
    int measure_every; /* steps between full measurements; 0 = at 8, 16, 32, ... */
    uint64_t seed;     /* 0..INT64_MAX, so that JSON and SQLite hold it exactly */
};

/* ---- fields ---- */

enum config_field {
    CONFIG_DATASET,
    CONFIG_DEPTH,
    CONFIG_WIDTH,
    CONFIG_HIDDEN_UNITS,
    CONFIG_ACTIVATION,
    CONFIG_BATCH_NORM,
    CONFIG_BATCH_NORM_OUTPUT,
    CONFIG_BN_MOMENTUM,
    CONFIG_BN_EPSILON,
    CONFIG_INITIALIZER,
    CONFIG_OPTIMIZER,
    CONFIG_LEARNING_RATE,
    CONFIG_BETA1,
    CONFIG_BETA2,
    CONFIG_EPSILON,
    CONFIG_MOMENTUM,
    CONFIG_BATCH_SIZE,
    CONFIG_TRAIN_SIZE,
    CONFIG_TARGET_ACCURACY,
    CONFIG_MAX_STEPS,
    CONFIG_STOP_AT_TARGET,
    CONFIG_MEASURE_EVERY,
    CONFIG_SEED,
    CONFIG_FIELD_COUNT,
};

enum config_type {
    CONFIG_INT,
    CONFIG_DOUBLE,
    CONFIG_BOOL,
    CONFIG_CHOICE,
    CONFIG_NAME,
    CONFIG_INTS
};

struct config_field_info {
    const char *name; /* as in JSON; the command-line flag is the same with '-' for '_' */
    enum config_type type;
    double min, max;            /* numbers, and each element of CONFIG_INTS; inclusive */
    const char *const *choices; /* CONFIG_CHOICE: NULL-ended, index = enum value */
    const char *help;           /* a line for --help */
};

extern const struct config_field_info config_fields[CONFIG_FIELD_COUNT];

/* CONFIG_FIELD_COUNT when there is no such field. */
enum config_field config_field_by_name(const char *name);

/* One value of one field, typed as the field is. */
struct config_value {
    union {
        int64_t integer; /* CONFIG_INT, CONFIG_BOOL, CONFIG_CHOICE (the enum value) */
        double real;     /* CONFIG_DOUBLE */
        char name[64];   /* CONFIG_NAME */
        struct {
            int n;
            int at[CONFIG_MAX_LAYERS];
        } ints; /* CONFIG_INTS */
    };
};

/* Both return 0 or ERROR_INVALID with field, value and remedy in *error. */
int config_value_from_json(enum config_field field, const json_t *json, struct config_value *ret,
                           struct error *error);
int config_value_from_text(enum config_field field, const char *text, struct config_value *ret,
                           struct error *error);
/* A new reference; NULL only when out of memory. */
json_t *config_value_to_json(enum config_field field, const struct config_value *value);

/* ---- drafts ---- */

struct config_draft {
    bool given[CONFIG_FIELD_COUNT];
    struct config_value value[CONFIG_FIELD_COUNT]; /* meaningful where given */
};

/* A draft with nothing given. */
void config_draft_init(struct config_draft *draft);
void config_draft_set(struct config_draft *draft, enum config_field field,
                      const struct config_value *value);
/* Sets every member of a JSON object; an unknown member is an error that names it. */
int config_draft_set_json(struct config_draft *draft, const json_t *object, struct error *error);
/* That error: there is no field of this name, and which one may have been meant. `path` is to
 * blame. */
int config_unknown_field(const char *name, const char *path, struct error *error);

/* Fills defaults and checks the whole (depth with hidden_units, width without depth, batch_size
 * above train_size, ...). *ret is untouched on error. */
int config_resolve(const struct config_draft *draft, struct trial_config *ret, struct error *error);

/* ---- whole configurations ---- */

/* draft + set_json + resolve. */
int config_from_json(const json_t *object, struct trial_config *ret, struct error *error);

/* The canonical form: every field but depth and width (hidden_units says both), in the order of
 * enum config_field. measure_every is left out where it is 0: it came later, and who is older than
 * it need not know it then. Parsing it gives the same configuration again. New reference. */
json_t *config_to_json(const struct trial_config *config);

/* The canonical form as compact text; malloc'd, the caller frees. NULL only when out of memory.
 * Numbers are the shortest decimals that read back exactly. */
char *config_to_text(const struct trial_config *config);

/* Whether they differ in nothing but the seed: the two are one cell. */
bool config_same_cell(const struct trial_config *a, const struct trial_config *b);

const char *activation_name(enum activation activation);
const char *batch_norm_name(enum batch_norm batch_norm);
const char *initializer_name(enum initializer initializer);
const char *optimizer_name(enum optimizer optimizer);
