/*
 * A sweep's summary as a table with two sides: rows are the values of the sweep's first axis,
 * columns the combinations of the others.
 *
 *     spec.parameters {"depth": [1, 2], "batch_norm": ["none", "before"]}
 *
 *     depth   batch_norm=none   batch_norm=before
 *         1   cell              cell
 *         2   cell              cell
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct pivot {
    char *row_title; /* the first axis */
    char **row_labels;
    size_t n_rows;
    char **column_labels; /* "batch_norm=none"; one empty label if there is a single axis */
    size_t n_columns;
    bool ordered;         /* the first axis has numbers: a line along it means something */
    const json_t **cells; /* n_rows x n_columns, rows of the summary (borrowed); NULL: none yet */
};

#define PIVOT_IRREGULAR 1 /* no axis, too many columns, or a row that fits nowhere */
#define PIVOT_COLUMNS_MAX 8

/* `summary`: rows of one sweep; `spec`: that sweep as submitted. 0 or PIVOT_IRREGULAR. */
int pivot_build(const json_t *summary, const json_t *spec, struct pivot *ret);
void pivot_clear(struct pivot *pivot);

/* Whether a value of a sweep and a value in a row of a view are the same: 0.1 and 0.1, true and 1,
 * [500, 400] and "500,400". */
bool pivot_same_value(const json_t *submitted, const json_t *stored);
