#include "cli/summary.h"

#include "cli/chart.h"
#include "cli/memory.h"
#include "cli/pivot.h"
#include "cli/population.h"
#include "cli/spec.h"
#include "cli/table.h"
#include "cli/text.h"
#include "cli/varying.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- one cell ---- */

static int64_t integer_at(const json_t *row, const char *key)
{
    return json_integer_value(json_object_get(row, key));
}

/* A number of steps; null is "beyond every number". */
static double steps_at(const json_t *row, const char *key)
{
    const json_t *value = json_object_get(row, key);

    return json_is_number(value) ? json_number_value(value) : INFINITY;
}

/* "51", or ">2000" for a target that was not reached within max_steps. */
static void steps_text(const json_t *row, const char *key, char ret[TEXT_SIZE])
{
    double steps = steps_at(row, key);

    if (!isinf(steps)) {
        text_number(steps, ret);
    } else if (json_is_integer(json_object_get(row, "max_steps"))) {
        snprintf(ret, TEXT_SIZE, ">%lld", (long long)integer_at(row, "max_steps"));
    } else {
        snprintf(ret, TEXT_SIZE, "never");
    }
}

/* The parts of "51 [48, 60] 5/5", so that they can be aligned one below the other. */
enum part { PART_MEDIAN, PART_QUARTILES, PART_REACHED, PART_COUNT };

struct parts {
    char text[PART_COUNT][3 * TEXT_SIZE];
};

static void cell_parts(const json_t *row, struct parts *ret)
{
    char median[TEXT_SIZE], low[TEXT_SIZE], high[TEXT_SIZE];

    *ret = (struct parts){0};
    if (!row) {
        return;
    }
    if (integer_at(row, "n") == 0) {
        strcpy(ret->text[PART_MEDIAN], "-");
        return;
    }
    snprintf(ret->text[PART_REACHED], sizeof(ret->text[0]), "%lld/%lld",
             (long long)integer_at(row, "reached"), (long long)integer_at(row, "n"));
    steps_text(row, "median_steps", median);
    strcpy(ret->text[PART_MEDIAN], median);
    if (integer_at(row, "n") > 1) {
        steps_text(row, "q1_steps", low);
        steps_text(row, "q3_steps", high);
        snprintf(ret->text[PART_QUARTILES], sizeof(ret->text[0]), "[%s, %s]", low, high);
    }
}

/* ---- the table with two sides ---- */

/* The widest of each part in a column of cells. */
static void measure_column(const struct pivot *pivot, size_t column, int ret_width[PART_COUNT])
{
    for (int part = 0; part < PART_COUNT; part++) {
        ret_width[part] = 0;
        for (size_t r = 0; r < pivot->n_rows; r++) {
            struct parts parts;
            cell_parts(pivot->cells[r * pivot->n_columns + column], &parts);
            int width = (int)strlen(parts.text[part]);
            ret_width[part] = width > ret_width[part] ? width : ret_width[part];
        }
    }
}

static json_t *aligned_cell(const json_t *row, const int width[PART_COUNT])
{
    struct parts parts;

    cell_parts(row, &parts);
    char *quartiles = width[PART_QUARTILES] > 0
                          ? text_format(" %-*s", width[PART_QUARTILES], parts.text[PART_QUARTILES])
                          : must(strdup(""));
    char *text = text_format("%*s%s  %*s", width[PART_MEDIAN], parts.text[PART_MEDIAN], quartiles,
                             width[PART_REACHED], parts.text[PART_REACHED]);
    json_t *cell = must(json_string(text));
    free(text);
    free(quartiles);
    return cell;
}

/* Rows for table_print: member "0" is the label, "1".. the columns. */
static json_t *pivot_rows(const struct pivot *pivot)
{
    json_t *rows = must(json_array());

    for (size_t r = 0; r < pivot->n_rows; r++) {
        json_t *row = must(json_object());
        must_do(json_object_set_new(row, "0", must(json_string(pivot->row_labels[r]))));
        must_do(json_array_append_new(rows, row));
    }
    for (size_t c = 0; c < pivot->n_columns; c++) {
        int width[PART_COUNT];
        char key[TEXT_SIZE];
        measure_column(pivot, c, width);
        snprintf(key, sizeof(key), "%zu", c + 1);
        for (size_t r = 0; r < pivot->n_rows; r++) {
            must_do(
                json_object_set_new(json_array_get(rows, r), key,
                                    aligned_cell(pivot->cells[r * pivot->n_columns + c], width)));
        }
    }
    return rows;
}

/* The columns of pivot_rows; `keys` holds their names. */
static void pivot_columns(const struct pivot *pivot, char keys[PIVOT_COLUMNS_MAX][TEXT_SIZE],
                          struct column ret[PIVOT_COLUMNS_MAX + 2])
{
    ret[0] = (struct column){"0", pivot->row_title, NULL};
    for (size_t c = 0; c < pivot->n_columns; c++) {
        const char *label = pivot->column_labels[c];
        snprintf(keys[c], TEXT_SIZE, "%zu", c + 1);
        ret[c + 1] = (struct column){keys[c], label[0] ? label : "steps", NULL};
    }
    ret[pivot->n_columns + 1] = (struct column){NULL};
}

/* A row for each cell, the axes as columns: for a terminal that is too narrow for two sides. */
static void print_cells(const struct pivot *pivot, const json_t *axes,
                        const struct terminal *terminal, FILE *out)
{
    struct column columns[VARYING_COLUMNS_MAX] = {{NULL}};
    json_t *rows = must(json_array()), *axis;
    int width[PART_COUNT] = {0};
    size_t n = 0;

    json_array_foreach(axes, n, axis)
    {
        columns[n] = (struct column){json_string_value(axis), NULL, table_parameter};
    }
    columns[n] = (struct column){"steps", NULL, NULL};
    for (size_t c = 0; c < pivot->n_columns; c++) {
        int of_column[PART_COUNT];
        measure_column(pivot, c, of_column);
        for (int part = 0; part < PART_COUNT; part++) {
            width[part] = of_column[part] > width[part] ? of_column[part] : width[part];
        }
    }
    for (size_t i = 0; i < pivot->n_rows * pivot->n_columns; i++) {
        if (pivot->cells[i]) {
            json_t *row = must(json_copy((json_t *)pivot->cells[i]));
            must_do(json_object_set_new(row, "steps", aligned_cell(pivot->cells[i], width)));
            must_do(json_array_append_new(rows, row));
        }
    }
    table_print(rows, columns, terminal, out);
    json_decref(rows);
}

static void print_pivot(const struct pivot *pivot, const json_t *spec,
                        const struct terminal *terminal, FILE *out)
{
    char keys[PIVOT_COLUMNS_MAX][TEXT_SIZE];
    struct column columns[PIVOT_COLUMNS_MAX + 2];
    json_t *rows = pivot_rows(pivot), *axes = spec_axes(spec);

    pivot_columns(pivot, keys, columns);
    if (table_fits(rows, columns, terminal)) {
        table_print(rows, columns, terminal, out);
    } else {
        print_cells(pivot, axes, terminal, out);
    }
    json_decref(axes);
    json_decref(rows);
}

/* ---- the chart ---- */

static void print_chart(const struct pivot *pivot, const char *title,
                        const struct terminal *terminal, FILE *out)
{
    struct chart_point *points = must(calloc(pivot->n_columns * pivot->n_rows, sizeof(*points)));
    struct chart chart = {
        .y_title = title,
        .x_title = pivot->row_title,
        .x_labels = (const char **)pivot->row_labels,
        .n_x = pivot->n_rows,
        .series = (const char **)pivot->column_labels,
        .n_series = pivot->n_columns,
        .points = points,
    };

    for (size_t r = 0; r < pivot->n_rows; r++) {
        for (size_t c = 0; c < pivot->n_columns; c++) {
            const json_t *row = pivot->cells[r * pivot->n_columns + c];
            if (row && integer_at(row, "n") > 0) {
                points[c * pivot->n_rows + r] =
                    (struct chart_point){true, steps_at(row, "median_steps"),
                                         steps_at(row, "q1_steps"), steps_at(row, "q3_steps")};
            }
        }
    }
    if (pivot->ordered) {
        chart_print_lines(&chart, terminal, out);
    } else {
        chart_print_bars(&chart, terminal, out);
    }
    free(points);
}

/* ---- whole ---- */

/* "steps to 90 % test accuracy"; the target is left out where the cells differ in it. */
static char *measure_title(const json_t *rows)
{
    const json_t *first = json_object_get(json_array_get(rows, 0), "target_accuracy");
    char percent[TEXT_SIZE];
    size_t i;
    json_t *row;

    json_array_foreach(rows, i, row)
    {
        if (!first || !json_equal(first, json_object_get(row, "target_accuracy"))) {
            return must(strdup("steps to the target accuracy"));
        }
    }
    text_percent(json_number_value(first), percent);
    return text_format("steps to %s %% test accuracy", percent);
}

/* A copy in which what was not reached within the limit says so, as ">2000"; not where no trial
 * has ended. */
static json_t *with_limits(const json_t *rows)
{
    static const char *const keys[] = {"median_steps", "q1_steps", "q3_steps"};
    json_t *copy = must(json_deep_copy(rows)), *row;
    size_t i;

    json_array_foreach(copy, i, row)
    {
        for (size_t k = 0; integer_at(row, "n") > 0 && k < sizeof(keys) / sizeof(*keys); k++) {
            char text[TEXT_SIZE];
            steps_text(row, keys[k], text);
            must_do(json_object_set_new(row, keys[k], must(json_string(text))));
        }
    }
    return copy;
}

/* Set off from the table; nothing where there is nothing to say. */
static void print_population(const json_t *rows, FILE *out)
{
    char *text;
    size_t size;
    FILE *lines = must(open_memstream(&text, &size));

    population_print(rows, lines);
    must_do(fclose(lines));
    if (size > 0) {
        fprintf(out, "\n%s", text);
    }
    free(text);
}

void summary_print_list(const json_t *rows, const struct terminal *terminal, FILE *out)
{
    static const struct column measures[] = {
        {"n"},
        {"reached"},
        {"diverged"},
        {"failed"},
        {"pending", .spare = 1},
        {"median_steps", "median"},
        {"q1_steps", "q1", .spare = 2},
        {"q3_steps", "q3", .spare = 2},
        {"median_seconds", "seconds", .spare = 3},
        {"mean_ms_per_step", "ms/step", .spare = 4},
        {NULL},
    };
    struct column columns[VARYING_COLUMNS_MAX];

    json_t *shown = with_limits(rows);
    varying_columns(shown, measures, columns);
    table_print(shown, columns, terminal, out);
    json_decref(shown);
    print_population(rows, out);
}

void summary_print(const json_t *rows, const json_t *sweep, const struct terminal *terminal,
                   FILE *out)
{
    struct pivot pivot;

    if (json_array_size(rows) == 0) {
        fputs("no trial has ended yet\n", out);
        return;
    }
    if (pivot_build(rows, json_object_get(sweep, "spec"), &pivot) != 0) {
        summary_print_list(rows, terminal, out);
        return;
    }
    char *title = measure_title(rows);
    fprintf(out, "%s: median [quartiles], reached/n\n\n", title);
    print_pivot(&pivot, json_object_get(sweep, "spec"), terminal, out);
    print_population(rows, out);
    fputc('\n', out);
    print_chart(&pivot, title, terminal, out);
    free(title);
    pivot_clear(&pivot);
}
