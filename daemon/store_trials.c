#include "daemon/store_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const state_names[TRIAL_STATE_COUNT] = {
    [TRIAL_QUEUED] = "queued", [TRIAL_RUNNING] = "running",     [TRIAL_SUCCEEDED] = "succeeded",
    [TRIAL_FAILED] = "failed", [TRIAL_CANCELLED] = "cancelled",
};

const char *trial_state_name(enum trial_state state)
{
    return state_names[state];
}

/* ---- cells ---- */

#define AT(member) offsetof(struct store_cell, member)
#define CONFIG(member) AT(config.member)

int store_insert_cells(struct store *store, const struct store_cell *cells, size_t n)
{
    const struct store_column columns[] = {
        {STORE_INT64, AT(id), NULL},
        {STORE_INT64, AT(sweep), NULL},
        {STORE_INT64, AT(cell), NULL},
        {STORE_CHARS, CONFIG(dataset), NULL},
        {STORE_UNITS, AT(config), NULL},
        {STORE_NAME, CONFIG(activation), config_fields[CONFIG_ACTIVATION].choices},
        {STORE_NAME, CONFIG(batch_norm), config_fields[CONFIG_BATCH_NORM].choices},
        {STORE_BOOL, CONFIG(batch_norm_output), NULL},
        {STORE_REAL, CONFIG(bn_momentum), NULL},
        {STORE_REAL, CONFIG(bn_epsilon), NULL},
        {STORE_NAME, CONFIG(initializer), config_fields[CONFIG_INITIALIZER].choices},
        {STORE_NAME, CONFIG(optimizer), config_fields[CONFIG_OPTIMIZER].choices},
        {STORE_REAL, CONFIG(learning_rate), NULL},
        {STORE_REAL, CONFIG(beta1), NULL},
        {STORE_REAL, CONFIG(beta2), NULL},
        {STORE_REAL, CONFIG(epsilon), NULL},
        {STORE_REAL, CONFIG(momentum), NULL},
        {STORE_INT, CONFIG(batch_size), NULL},
        {STORE_INT, CONFIG(train_size), NULL},
        {STORE_REAL, CONFIG(target_accuracy), NULL},
        {STORE_INT, CONFIG(max_steps), NULL},
        {STORE_BOOL, CONFIG(stop_at_target), NULL},
        {STORE_INT, CONFIG(measure_every), NULL},
    };
    struct store_rows rows = {columns, cells, n, sizeof(*cells)};
    sqlite3_stmt *stmt = store_take(store, ST_INSERT_CELLS);
    store_bind_rows(stmt, 1, &rows);
    return store_run(store, stmt, (int)n);
}

static void read_units(const char *text, struct trial_config *config)
{
    for (config->n_hidden = 0; *text && config->n_hidden < CONFIG_MAX_LAYERS;) {
        char *end;
        config->hidden_units[config->n_hidden++] = (int)strtol(text, &end, 10);
        text = *end == ',' ? end + 1 : end;
    }
}

/* The enum value of the name in a column; -1 when it has no such name. */
static int read_choice(sqlite3_stmt *stmt, int column, enum config_field field)
{
    const char *name = (const char *)sqlite3_column_text(stmt, column);
    const char *const *choices = config_fields[field].choices;
    for (int i = 0; name && choices[i]; i++) {
        if (strcmp(choices[i], name) == 0) {
            return i;
        }
    }
    return -1;
}

int store_read_config(sqlite3_stmt *stmt, struct trial_config *ret)
{
    struct trial_config config = {0};
    const char *dataset = (const char *)sqlite3_column_text(stmt, 0);
    const char *units = (const char *)sqlite3_column_text(stmt, 1);
    if (!dataset || !units) {
        return -ENOMEM;
    }
    snprintf(config.dataset, sizeof(config.dataset), "%s", dataset);
    read_units(units, &config);
    int activation = read_choice(stmt, 2, CONFIG_ACTIVATION);
    int batch_norm = read_choice(stmt, 3, CONFIG_BATCH_NORM);
    int initializer = read_choice(stmt, 7, CONFIG_INITIALIZER);
    int optimizer = read_choice(stmt, 8, CONFIG_OPTIMIZER);
    if (activation < 0 || batch_norm < 0 || initializer < 0 || optimizer < 0) {
        return -EIO; /* written by something else */
    }
    config.activation = (enum activation)activation;
    config.batch_norm = (enum batch_norm)batch_norm;
    config.batch_norm_output = sqlite3_column_int(stmt, 4);
    config.bn_momentum = sqlite3_column_double(stmt, 5);
    config.bn_epsilon = sqlite3_column_double(stmt, 6);
    config.initializer = (enum initializer)initializer;
    config.optimizer = (enum optimizer)optimizer;
    config.learning_rate = sqlite3_column_double(stmt, 9);
    config.beta1 = sqlite3_column_double(stmt, 10);
    config.beta2 = sqlite3_column_double(stmt, 11);
    config.epsilon = sqlite3_column_double(stmt, 12);
    config.momentum = sqlite3_column_double(stmt, 13);
    config.batch_size = sqlite3_column_int(stmt, 14);
    config.train_size = sqlite3_column_int(stmt, 15);
    config.target_accuracy = sqlite3_column_double(stmt, 16);
    config.max_steps = sqlite3_column_int(stmt, 17);
    config.stop_at_target = sqlite3_column_int(stmt, 18);
    config.measure_every = sqlite3_column_int(stmt, 19);
    *ret = config;
    return 0;
}

int store_read_cell(struct store *store, int64_t first_trial, struct trial_config *ret)
{
    sqlite3_stmt *stmt = store_take(store, ST_READ_CELL);
    store_bind_int(stmt, 1, first_trial);
    int rc = store_row(store, stmt);
    if (rc != 0) {
        return rc < 0 ? rc : -ESTALE;
    }
    rc = store_read_config(stmt, ret);
    sqlite3_reset(stmt);
    return rc;
}

/* ---- trials ---- */

int store_insert_trials(struct store *store, const struct store_trial *trials, size_t n,
                        int64_t wall_ms)
{
    static const struct store_column columns[] = {
        {STORE_INT64, offsetof(struct store_trial, id), NULL},
        {STORE_INT64, offsetof(struct store_trial, sweep), NULL},
        {STORE_INT64, offsetof(struct store_trial, cell), NULL},
        {STORE_INT64, offsetof(struct store_trial, replicate), NULL},
    };
    struct store_rows rows = {columns, trials, n, sizeof(*trials)};
    enum trial_state state = trials[0].state;
    sqlite3_stmt *stmt = store_take(store, ST_INSERT_TRIALS);
    store_bind_text(stmt, 1, state_names[state]);
    store_bind_text(stmt, 2, state == TRIAL_QUEUED ? NULL : store_time(store, wall_ms));
    store_bind_rows(stmt, 3, &rows);
    return store_run(store, stmt, (int)n);
}

static void read_trial(sqlite3_stmt *stmt, struct store_trial *ret)
{
    const char *state = (const char *)sqlite3_column_text(stmt, 4);
    *ret = (struct store_trial){
        .id = sqlite3_column_int64(stmt, 0),
        .sweep = sqlite3_column_int64(stmt, 1),
        .cell = sqlite3_column_int64(stmt, 2),
        .replicate = sqlite3_column_int64(stmt, 3),
        .state = (enum trial_state)store_name_index(state_names, TRIAL_STATE_COUNT, state),
        .attempt = sqlite3_column_int64(stmt, 5),
        .spent = sqlite3_column_int64(stmt, 6),
        .reached = sqlite3_column_int(stmt, 7),
        .divergence = sqlite3_column_type(stmt, 8) == SQLITE_NULL ? NOT_DIVERGED
                      : sqlite3_column_int(stmt, 8)               ? DIVERGED_AFTER_TARGET
                                                                  : DIVERGED_BEFORE_TARGET,
    };
}

int store_find_trial(struct store *store, int64_t id, struct store_trial *ret)
{
    sqlite3_stmt *stmt = store_take(store, ST_FIND_TRIAL);
    store_bind_int(stmt, 1, id);
    int rc = store_row(store, stmt);
    if (rc == 0) {
        read_trial(stmt, ret);
        sqlite3_reset(stmt);
    }
    return rc;
}

int store_visit_trials(struct store *store, int64_t first, int64_t end, store_visit_trial visit,
                       void *arg)
{
    sqlite3_stmt *stmt = store_take(store, ST_VISIT_TRIALS);
    store_bind_int(stmt, 1, first);
    store_bind_int(stmt, 2, end);
    int rc;
    while ((rc = store_row(store, stmt)) == 0) {
        struct store_trial trial;
        read_trial(stmt, &trial);
        int stop = visit(arg, &trial);
        if (stop != 0) {
            sqlite3_reset(stmt);
            return stop;
        }
    }
    return rc == 1 ? 0 : rc;
}

int store_cancel_trials(struct store *store, int64_t first, int64_t end, int64_t wall_ms)
{
    sqlite3_stmt *stmt = store_take(store, ST_CANCEL_TRIALS);
    store_bind_int(stmt, 1, first);
    store_bind_int(stmt, 2, end);
    store_bind_text(stmt, 3, store_time(store, wall_ms));
    return store_run(store, stmt, -1);
}

int store_retry_trials(struct store *store, int64_t first, int64_t end)
{
    sqlite3_stmt *stmt = store_take(store, ST_RETRY_TRIALS);
    store_bind_int(stmt, 1, first);
    store_bind_int(stmt, 2, end);
    return store_run(store, stmt, -1);
}

/* Steps through all rows: PRAGMA incremental_vacuum frees a page with each. */
static int give_back(struct store *store)
{
    sqlite3_stmt *stmt = store_take(store, ST_GIVE_BACK);
    int rc;
    while ((rc = store_row(store, stmt)) == 0) {
    }
    return rc == 1 ? 0 : rc;
}

int store_delete_trials(struct store *store, int64_t first, int64_t end)
{
    static const enum statement from_leaf_to_root[] = {
        ST_DELETE_MEASUREMENTS, ST_DELETE_LAYERS, ST_DELETE_ATTEMPTS,
        ST_DELETE_TRIALS,       ST_DELETE_CELLS,  ST_DELETE_TWINS,
    };
    for (size_t i = 0; i < sizeof(from_leaf_to_root) / sizeof(from_leaf_to_root[0]); i++) {
        sqlite3_stmt *stmt = store_take(store, from_leaf_to_root[i]);
        store_bind_int(stmt, 1, first);
        store_bind_int(stmt, 2, end);
        int rc = store_run(store, stmt, -1);
        if (rc != 0) {
            return rc;
        }
    }
    return give_back(store);
}
