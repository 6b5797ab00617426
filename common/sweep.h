/*
 * A sweep: a base configuration, the axes along which it varies, replicates and limits. Its cells
 * are numbered 0..n_cells-1 and computed one by one, in any order, from the number alone: a sweep
 * of a million cells costs no memory, and its expansion can stop and go on anywhere.
 *
 *     trial index = cell * replicates + replicate      seed of the trial = seed + replicate
 *
 * Grid: the axes in the order given, the last varies fastest. No JSON, no clock, no I/O here;
 * sweep_json.h reads a sweep from JSON.
 */
#pragma once

#include "common/config.h"
#include "common/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SWEEP_MAX_TRIALS 1000000
#define SWEEP_MAX_NAME 200 /* characters, of up to 4 bytes of UTF-8 */

/* Beside ERROR_INVALID: the sweep has more than SWEEP_MAX_TRIALS trials. */
#define SWEEP_TOO_MANY 2

enum sweep_search { SWEEP_GRID, SWEEP_SEARCH_COUNT };
const char *sweep_search_name(enum sweep_search search);
/* -1 when it is none. */
int sweep_search_by_name(const char *name);

/* The values of one field; config_values cut to the size their type needs, so that a long list of
 * numbers stays small. */
struct sweep_axis {
    enum config_field field;
    size_t n;
    size_t value_size;
    void *values;
};

struct sweep {
    char name[4 * SWEEP_MAX_NAME + 1];
    enum sweep_search search;
    int64_t replicates, seed, priority, max_running, max_attempts;
    int64_t max_seconds; /* of an attempt; 0 = no limit */
    bool reuse;          /* take results that are there already */
    struct config_draft base;
    struct sweep_axis *axes;
    size_t n_axes;
    int64_t n_cells, n_trials; /* set by sweep_check */
    struct sweep_index *index; /* likewise, if `reuse`: for sweep_find_cell */
};

/* A sweep with the defaults of docs/http-api.md, and no axes: one cell. NULL when out of memory. */
struct sweep *sweep_create(void);
void sweep_destroy(struct sweep *sweep);

/* Adds an axis with room for n values. 0, or -ENOMEM. */
int sweep_add_axis(struct sweep *sweep, enum config_field field, size_t n);
void sweep_axis_set(struct sweep_axis *axis, size_t i, const struct config_value *value);
void sweep_axis_get(const struct sweep_axis *axis, size_t i, struct config_value *ret);

/* Counts cells and trials, resolves every cell and refuses two that are the same configuration.
 * 0; ERROR_INVALID or SWEEP_TOO_MANY with *error filled; -ENOMEM. A million cells take most of a
 * second: call it where that disturbs nobody. */
int sweep_check(struct sweep *sweep, struct error *error);

/* The configuration of a cell of a checked sweep, with the sweep's own seed (replicate 0). */
void sweep_cell(const struct sweep *sweep, int64_t cell, struct trial_config *ret);

/* The cell of a checked sweep with `reuse` that has this configuration, whatever its seed; -1 =
 * none. */
int64_t sweep_find_cell(const struct sweep *sweep, const struct trial_config *config);
