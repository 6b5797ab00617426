#include "cli/pivot.h"

#include "cli/memory.h"
#include "cli/table.h"
#include "common/json_print.h"

#include <stdlib.h>
#include <string.h>

/* ---- values ---- */

static double as_number(const json_t *value)
{
    return json_is_boolean(value) ? json_is_true(value) : json_number_value(value);
}

static bool is_number(const json_t *value)
{
    return json_is_number(value) || json_is_boolean(value);
}

/* "[500, 400]", "500,400" and the array itself as "500,400". */
static char *list_text(const json_t *value)
{
    char *text = json_is_string(value) ? must(strdup(json_string_value(value)))
                                       : must(json_print_text(value, JSON_PRINT_COMPACT));
    char *out = text;

    for (const char *in = text; *in; in++) {
        if (!strchr("[] ", *in)) {
            *out++ = *in;
        }
    }
    *out = '\0';
    return text;
}

bool pivot_same_value(const json_t *submitted, const json_t *stored)
{
    if (!submitted || !stored) {
        return false;
    }
    if (is_number(submitted) && is_number(stored)) {
        return as_number(submitted) == as_number(stored);
    }
    if (json_is_array(submitted)) {
        char *a = list_text(submitted), *b = list_text(stored);
        bool same = strcmp(a, b) == 0;
        free(a);
        free(b);
        return same;
    }
    return json_equal(submitted, stored);
}

static char *label_of(const json_t *value)
{
    json_t *row = must(json_object());

    must_do(json_object_set(row, "value", (json_t *)value));
    char *label = table_parameter(row, "value");
    json_decref(row);
    return label;
}

/* ---- axes ---- */

#define AXES_MAX 8

struct axis {
    const char *name;
    const json_t *values;
};

/* Those with more than one value, in their order; 0 if there are none or too many. */
static size_t find_axes(const json_t *spec, struct axis axes[AXES_MAX])
{
    json_t *parameters = json_object_get(spec, "parameters"), *values;
    const char *name;
    size_t n = 0;

    json_object_foreach(parameters, name, values)
    {
        if (json_array_size(values) < 2) {
            continue;
        }
        if (n == AXES_MAX) {
            return 0;
        }
        axes[n++] = (struct axis){name, values};
    }
    return n;
}

static size_t count_combinations(const struct axis *axes, size_t n_axes)
{
    size_t n = 1;

    for (size_t i = 0; i < n_axes; i++) {
        n *= json_array_size(axes[i].values);
        if (n > PIVOT_COLUMNS_MAX) {
            return 0;
        }
    }
    return n;
}

/* The index of a row's value among an axis's; the axis's size if it is none of them. */
static size_t index_on_axis(const struct axis *axis, const json_t *row)
{
    const json_t *stored = json_object_get(row, axis->name);
    size_t i = 0;

    while (i < json_array_size(axis->values) &&
           !pivot_same_value(json_array_get(axis->values, i), stored)) {
        i++;
    }
    return i;
}

/* The index of a row's combination; the last axis varies fastest. False if it is none. */
static bool index_of_combination(const struct axis *axes, size_t n_axes, const json_t *row,
                                 size_t *ret)
{
    size_t index = 0;

    for (size_t i = 0; i < n_axes; i++) {
        size_t size = json_array_size(axes[i].values);
        size_t at = index_on_axis(&axes[i], row);
        if (at == size) {
            return false;
        }
        index = index * size + at;
    }
    *ret = index;
    return true;
}

/* "batch_norm=none activation=relu" */
static char *combination_label(const struct axis *axes, size_t n_axes, size_t index)
{
    char *label = must(strdup(""));

    for (size_t i = n_axes; i-- > 0;) {
        size_t size = json_array_size(axes[i].values);
        char *value = label_of(json_array_get(axes[i].values, index % size));
        char *longer = text_format("%s=%s%s%s", axes[i].name, value, label[0] ? " " : "", label);
        free(value);
        free(label);
        label = longer;
        index /= size;
    }
    return label;
}

/* ---- the table ---- */

static void make_labels(const struct axis *axes, size_t n_axes, struct pivot *pivot)
{
    pivot->row_title = must(strdup(axes[0].name));
    pivot->row_labels = must(calloc(pivot->n_rows, sizeof(char *)));
    pivot->column_labels = must(calloc(pivot->n_columns, sizeof(char *)));
    pivot->ordered = pivot->n_rows > 2;
    for (size_t r = 0; r < pivot->n_rows; r++) {
        const json_t *value = json_array_get(axes[0].values, r);
        pivot->row_labels[r] = label_of(value);
        pivot->ordered = pivot->ordered && json_is_number(value);
    }
    for (size_t c = 0; c < pivot->n_columns; c++) {
        pivot->column_labels[c] = combination_label(axes + 1, n_axes - 1, c);
    }
}

static bool place_cells(const json_t *summary, const struct axis *axes, size_t n_axes,
                        struct pivot *pivot)
{
    size_t i;
    json_t *row;

    json_array_foreach(summary, i, row)
    {
        size_t r = index_on_axis(&axes[0], row), c;
        if (r == pivot->n_rows || !index_of_combination(axes + 1, n_axes - 1, row, &c)) {
            return false;
        }
        const json_t **cell = &pivot->cells[r * pivot->n_columns + c];
        if (*cell) {
            return false;
        }
        *cell = row;
    }
    return true;
}

int pivot_build(const json_t *summary, const json_t *spec, struct pivot *ret)
{
    struct axis axes[AXES_MAX];
    struct pivot pivot = {0};
    size_t n_axes = find_axes(spec, axes);

    if (n_axes == 0 || count_combinations(axes + 1, n_axes - 1) == 0) {
        return PIVOT_IRREGULAR;
    }
    pivot.n_rows = json_array_size(axes[0].values);
    pivot.n_columns = count_combinations(axes + 1, n_axes - 1);
    pivot.cells = must(calloc(pivot.n_rows * pivot.n_columns, sizeof(*pivot.cells)));
    make_labels(axes, n_axes, &pivot);
    if (!place_cells(summary, axes, n_axes, &pivot)) {
        pivot_clear(&pivot);
        return PIVOT_IRREGULAR;
    }
    *ret = pivot;
    return 0;
}

void pivot_clear(struct pivot *pivot)
{
    for (size_t r = 0; pivot->row_labels && r < pivot->n_rows; r++) {
        free(pivot->row_labels[r]);
    }
    for (size_t c = 0; pivot->column_labels && c < pivot->n_columns; c++) {
        free(pivot->column_labels[c]);
    }
    free(pivot->row_title);
    free(pivot->row_labels);
    free(pivot->column_labels);
    free(pivot->cells);
    *pivot = (struct pivot){0};
}
