#include "common/sweep.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const search_names[SWEEP_SEARCH_COUNT] = {[SWEEP_GRID] = "grid"};

const char *sweep_search_name(enum sweep_search search)
{
    return search_names[search];
}

int sweep_search_by_name(const char *name)
{
    for (int i = 0; i < SWEEP_SEARCH_COUNT; i++) {
        if (strcmp(search_names[i], name) == 0) {
            return i;
        }
    }
    return -1;
}

struct sweep *sweep_create(void)
{
    struct sweep *sweep = calloc(1, sizeof(*sweep));
    if (!sweep) {
        return NULL;
    }
    snprintf(sweep->name, sizeof(sweep->name), "sweep");
    sweep->replicates = 1;
    sweep->max_attempts = 3;
    config_draft_init(&sweep->base);
    return sweep;
}

void sweep_destroy(struct sweep *sweep)
{
    if (!sweep) {
        return;
    }
    for (size_t i = 0; i < sweep->n_axes; i++) {
        free(sweep->axes[i].values);
    }
    free(sweep->axes);
    free(sweep->index);
    free(sweep);
}

/* ---- axes ---- */

static size_t value_size(enum config_field field)
{
    const struct config_value *value = NULL;
    switch (config_fields[field].type) {
    case CONFIG_NAME:
        return sizeof(value->name);
    case CONFIG_INTS:
        return sizeof(value->ints);
    case CONFIG_DOUBLE:
        return sizeof(value->real);
    case CONFIG_INT:
    case CONFIG_BOOL:
    case CONFIG_CHOICE:
        break;
    }
    return sizeof(value->integer);
}

int sweep_add_axis(struct sweep *sweep, enum config_field field, size_t n)
{
    struct sweep_axis *axes = realloc(sweep->axes, (sweep->n_axes + 1) * sizeof(*axes));
    if (!axes) {
        return -ENOMEM;
    }
    sweep->axes = axes;
    struct sweep_axis *axis = &axes[sweep->n_axes];
    *axis = (struct sweep_axis){.field = field, .n = n, .value_size = value_size(field)};
    axis->values = calloc(n ? n : 1, axis->value_size);
    if (!axis->values) {
        return -ENOMEM;
    }
    sweep->n_axes++;
    return 0;
}

void sweep_axis_set(struct sweep_axis *axis, size_t i, const struct config_value *value)
{
    assert(i < axis->n);
    memcpy((char *)axis->values + i * axis->value_size, value, axis->value_size);
}

void sweep_axis_get(const struct sweep_axis *axis, size_t i, struct config_value *ret)
{
    assert(i < axis->n);
    memcpy(ret, (const char *)axis->values + i * axis->value_size, axis->value_size);
}

/* ---- cells ---- */

/* Which value of each axis a cell has: the digits of its number, the last axis the lowest. */
static size_t cell_digit(const struct sweep *sweep, int64_t cell, size_t axis)
{
    for (size_t i = sweep->n_axes - 1; i > axis; i--) {
        cell /= (int64_t)sweep->axes[i].n;
    }
    return (size_t)(cell % (int64_t)sweep->axes[axis].n);
}

static int resolve_cell(const struct sweep *sweep, int64_t cell, struct trial_config *ret,
                        struct error *error)
{
    struct config_draft draft = sweep->base;
    for (size_t i = sweep->n_axes; i-- > 0;) {
        const struct sweep_axis *axis = &sweep->axes[i];
        draft.given[axis->field] = true;
        sweep_axis_get(axis, (size_t)(cell % (int64_t)axis->n), &draft.value[axis->field]);
        cell /= (int64_t)axis->n;
    }
    int rc = config_resolve(&draft, ret, error);
    if (rc == 0) {
        ret->seed = (uint64_t)sweep->seed;
    }
    return rc;
}

void sweep_cell(const struct sweep *sweep, int64_t cell, struct trial_config *ret)
{
    assert(cell >= 0 && cell < sweep->n_cells);
    int rc = resolve_cell(sweep, cell, ret, NULL);
    assert(rc == 0); /* sweep_check resolved every cell */
    (void)rc;
}

/* ---- checking ---- */

static int too_many(struct error *error, const char *field, const char *how_many)
{
    error_set(error, field,
              "the sweep has %s trials, more than the %d allowed: shorten a list, or submit it in "
              "parts",
              how_many, SWEEP_MAX_TRIALS);
    return SWEEP_TOO_MANY;
}

static int count(struct sweep *sweep, struct error *error)
{
    int64_t cells = 1;
    bool overflow = false;
    for (size_t i = 0; i < sweep->n_axes; i++) {
        if (sweep->axes[i].n == 0) {
            char field[128];
            snprintf(field, sizeof(field), "parameters.%s",
                     config_fields[sweep->axes[i].field].name);
            return error_set(error, field,
                             "%s is an empty list: give it at least one value, or leave it out",
                             field);
        }
        overflow |= __builtin_mul_overflow(cells, (int64_t)sweep->axes[i].n, &cells);
    }
    int64_t trials;
    overflow |= __builtin_mul_overflow(cells, sweep->replicates, &trials);
    if (overflow) {
        return too_many(error, "parameters", "more than 9223372036854775807");
    }
    if (trials > SWEEP_MAX_TRIALS) {
        char text[32];
        snprintf(text, sizeof(text), "%lld", (long long)trials);
        return too_many(error, cells > SWEEP_MAX_TRIALS ? "parameters" : "replicates", text);
    }
    if (sweep->seed > INT64_MAX - sweep->replicates) {
        return error_set(error, "seed", "seed %lld leaves no room for %lld replicates above it",
                         (long long)sweep->seed, (long long)sweep->replicates);
    }
    sweep->n_cells = cells;
    sweep->n_trials = trials;
    return 0;
}

/* A word at a time, as FNV takes a byte; the multiplication spreads upwards, the shift downwards.
 */
static uint64_t mix(uint64_t hash, const void *data, size_t size)
{
    const char *at = data;
    for (; size >= sizeof(uint64_t); size -= sizeof(uint64_t), at += sizeof(uint64_t)) {
        uint64_t word;
        memcpy(&word, at, sizeof(word));
        hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
        hash ^= hash >> 32;
    }
    uint64_t rest = size;
    memcpy(&rest, at, size);
    hash = (hash ^ rest) * 0x9e3779b97f4a7c15u;
    return hash ^ hash >> 32;
}

/* Of all that tells configurations apart; equal hashes are compared in full. */
static uint64_t hash_config(const struct trial_config *config)
{
    const double numbers[] = {
        config->activation,  config->batch_norm,     config->batch_norm_output,
        config->bn_momentum, config->bn_epsilon,     config->initializer,
        config->optimizer,   config->learning_rate,  config->beta1,
        config->beta2,       config->epsilon,        config->momentum,
        config->batch_size,  config->train_size,     config->target_accuracy,
        config->max_steps,   config->stop_at_target, config->measure_every};
    uint64_t hash = mix(1, config->dataset, strlen(config->dataset));
    hash =
        mix(hash, config->hidden_units, (size_t)config->n_hidden * sizeof(config->hidden_units[0]));
    return mix(hash, numbers, sizeof(numbers));
}

static int refuse_repetition(const struct sweep *sweep, int64_t a, int64_t b, struct error *error)
{
    for (size_t i = 0; i < sweep->n_axes; i++) {
        const struct sweep_axis *axis = &sweep->axes[i];
        size_t at_a = cell_digit(sweep, a, i);
        size_t at_b = cell_digit(sweep, b, i);
        struct config_value value_a = {0}, value_b = {0};
        sweep_axis_get(axis, at_a, &value_a);
        sweep_axis_get(axis, at_b, &value_b);
        if (at_a != at_b && memcmp(&value_a, &value_b, axis->value_size) == 0) {
            const char *name = config_fields[axis->field].name;
            char field[128];
            snprintf(field, sizeof(field), "parameters.%s[%zu]", name, at_b);
            return error_set(error, field,
                             "%s is the same value as parameters.%s[%zu]: list each value once, "
                             "and use replicates to repeat trials",
                             field, name, at_a);
        }
    }
    return error_set(error, "parameters",
                     "cells %lld and %lld are the same configuration: leave one of them out",
                     (long long)a, (long long)b);
}

static int refuse_cell(const struct sweep *sweep, int64_t cell, struct error *error)
{
    enum config_field field = config_field_by_name(error->field);
    for (size_t i = 0; i < sweep->n_axes; i++) {
        if (sweep->axes[i].field == field) {
            char outer[128];
            snprintf(outer, sizeof(outer), "parameters.%s[%zu]", config_fields[field].name,
                     cell_digit(sweep, cell, i));
            error->field[0] = '\0';
            return error_prefix(error, outer);
        }
    }
    return error_prefix(error, "base");
}

/* Cells by their configuration: an open hash table of at most half load. */
struct sweep_index {
    size_t size; /* a power of two */
    struct slot {
        uint64_t hash;
        int64_t cell_plus_1; /* 0 = free */
    } slots[];
};

static struct sweep_index *index_create(int64_t n_cells)
{
    size_t size = 2;
    while (size < 2 * (size_t)n_cells) {
        size *= 2;
    }
    struct sweep_index *index = calloc(1, sizeof(*index) + size * sizeof(index->slots[0]));
    if (index) {
        index->size = size;
    }
    return index;
}

/* The slot of that configuration, or the free one where it belongs. */
static struct slot *index_find(struct sweep_index *index, const struct sweep *sweep,
                               const struct trial_config *config, uint64_t hash)
{
    size_t at = hash & (index->size - 1);
    for (; index->slots[at].cell_plus_1; at = (at + 1) & (index->size - 1)) {
        struct trial_config other;
        if (index->slots[at].hash == hash) {
            sweep_cell(sweep, index->slots[at].cell_plus_1 - 1, &other);
            if (config_same_cell(config, &other)) {
                break;
            }
        }
    }
    return &index->slots[at];
}

int64_t sweep_find_cell(const struct sweep *sweep, const struct trial_config *config)
{
    return index_find(sweep->index, sweep, config, hash_config(config))->cell_plus_1 - 1;
}

static int check_cell(const struct sweep *sweep, int64_t cell, struct sweep_index *index,
                      struct error *error)
{
    struct trial_config config;
    struct error found = {0};
    if (resolve_cell(sweep, cell, &config, &found) != 0) {
        refuse_cell(sweep, cell, &found);
        if (error) {
            *error = found;
        }
        return ERROR_INVALID;
    }
    uint64_t hash = hash_config(&config);
    struct slot *slot = index_find(index, sweep, &config, hash);
    if (slot->cell_plus_1) {
        return refuse_repetition(sweep, slot->cell_plus_1 - 1, cell, error);
    }
    *slot = (struct slot){hash, cell + 1};
    return 0;
}

static int check_cells(struct sweep *sweep, struct error *error)
{
    struct sweep_index *index = index_create(sweep->n_cells);
    int rc = index ? 0 : -ENOMEM;
    for (int64_t cell = 0; rc == 0 && cell < sweep->n_cells; cell++) {
        rc = check_cell(sweep, cell, index, error);
    }
    if (rc == 0 && sweep->reuse) {
        sweep->index = index;
    } else {
        free(index);
    }
    return rc;
}

int sweep_check(struct sweep *sweep, struct error *error)
{
    int rc = count(sweep, error);
    return rc == 0 ? check_cells(sweep, error) : rc;
}
