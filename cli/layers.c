#include "cli/layers.h"

#include "cli/memory.h"
#include "cli/varying.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define LAYERS_MAX (CONFIG_MAX_LAYERS + 1)

/* Cells as rows of a table: a layer's median is the member that is named by its number. */
struct cells {
    json_t *rows;
    int64_t n_layers; /* of the deepest */
    bool one_depth;
    char names[LAYERS_MAX][8];
};

static int64_t integer_at(const json_t *row, const char *key)
{
    return json_integer_value(json_object_get(row, key));
}

static bool same_cell(const json_t *a, const json_t *b)
{
    return a && integer_at(a, "sweep") == integer_at(b, "sweep") &&
           integer_at(a, "cell") == integer_at(b, "cell");
}

/* Two digits are as much as the seeds agree on; a share of units in percent. */
static json_t *median_text(const json_t *row, const char *value)
{
    const json_t *median = json_object_get(row, "median");

    if (!json_is_number(median)) {
        return must(json_null());
    }
    bool share = strcmp(value, "saturated") == 0 || strcmp(value, "dead") == 0;
    double number = json_number_value(median);
    char *text =
        share ? table_percent(row, "median") : text_format(number == 0 ? "%.0f" : "%.1e", number);
    json_t *cell = must(json_string(text));
    free(text);
    return cell;
}

static void gather(const json_t *rows, const char *value, struct cells *ret)
{
    json_t *cell = NULL, *row;
    size_t i;

    *ret = (struct cells){.rows = must(json_array()), .one_depth = true};
    for (int layer = 0; layer < LAYERS_MAX; layer++) {
        snprintf(ret->names[layer], sizeof(ret->names[0]), "%d", layer);
    }
    json_array_foreach(rows, i, row)
    {
        int64_t layer = integer_at(row, "layer"), n_layers = integer_at(row, "depth") + 1;
        if (layer < 0 || layer >= LAYERS_MAX || n_layers > LAYERS_MAX) {
            continue; /* no row of a daemon that this client knows */
        }
        if (!same_cell(cell, row)) {
            ret->one_depth = ret->one_depth && (!cell || n_layers == ret->n_layers);
            ret->n_layers = n_layers > ret->n_layers ? n_layers : ret->n_layers;
            cell = must(json_copy(row));
            must_do(json_array_append_new(ret->rows, cell));
        }
        must_do(json_object_set_new(cell, ret->names[layer], median_text(row, value)));
    }
}

static void choose_columns(const struct cells *cells,
                           struct column columns[VARYING_COLUMNS_MAX + LAYERS_MAX])
{
    static const struct column trials[] = {{"trials"}, {NULL}};
    size_t n = 0;

    varying_columns(cells->rows, trials, columns);
    while (columns[n].key) {
        n++;
    }
    for (int64_t layer = 0; layer < cells->n_layers; layer++) {
        bool logits = cells->one_depth && layer == cells->n_layers - 1;
        columns[n++] = (struct column){cells->names[layer], logits ? "logits" : NULL, NULL};
    }
    columns[n] = (struct column){NULL};
}

/* A row for each cell and layer, for a terminal that is too narrow for a column for each layer. */
static void print_long(const struct cells *cells, const char *value,
                       const struct terminal *terminal, FILE *out)
{
    const struct column of_layer[] = {{"trials", .spare = 1}, {"layer"}, {"median", value}, {NULL}};
    struct column columns[VARYING_COLUMNS_MAX];
    json_t *rows = must(json_array()), *cell;
    size_t i;

    json_array_foreach(cells->rows, i, cell)
    {
        int64_t n_layers = integer_at(cell, "depth") + 1;
        for (int64_t layer = 0; layer < n_layers; layer++) {
            json_t *row = must(json_copy(cell));
            json_t *median = json_object_get(cell, cells->names[layer]);
            must_do(json_object_set_new(row, "layer", must(json_integer(layer))));
            must_do(json_object_set(row, "median", median ? median : json_null()));
            must_do(json_array_append_new(rows, row));
        }
    }
    varying_columns(rows, of_layer, columns);
    table_print(rows, columns, terminal, out);
    json_decref(rows);
}

void layers_print(const json_t *rows, const char *value, const struct terminal *terminal, FILE *out)
{
    struct column columns[VARYING_COLUMNS_MAX + LAYERS_MAX];
    struct cells cells;

    if (json_array_size(rows) == 0) {
        fputs("no trial has statistics of its layers at this step\n", out);
        return;
    }
    gather(rows, value, &cells);
    choose_columns(&cells, columns);
    fprintf(out, "%s at step %lld, by layer from the input: median over the seeds\n\n", value,
            (long long)integer_at(json_array_get(rows, 0), "step"));
    if (table_fits(cells.rows, columns, terminal)) {
        table_print(cells.rows, columns, terminal, out);
    } else {
        print_long(&cells, value, terminal, out);
    }
    json_decref(cells.rows);
}
