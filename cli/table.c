#include "cli/table.h"

#include "cli/memory.h"
#include "cli/text.h"
#include "common/csv.h"
#include "common/decimal.h"
#include "common/json_print.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define GAP 2          /* blanks between columns */
#define LEAST_WIDTH 8  /* what a shortened column keeps */
#define WORDS_WIDTH 16 /* to keep so much of its words, another is left out */

/* ---- cells ---- */

static char *plain_array(const json_t *array)
{
    char *text = must(strdup(""));
    size_t i;
    json_t *item;

    json_array_foreach(array, i, item)
    {
        char number[TEXT_SIZE];
        text_number(json_number_value(item), number);
        char *longer = text_format("%s%s%s", text, i ? "," : "", number);
        free(text);
        text = longer;
    }
    return text;
}

char *table_plain(const json_t *row, const char *key)
{
    const json_t *value = json_object_get(row, key);
    char number[TEXT_SIZE];

    if (json_is_string(value)) {
        return text_printable(json_string_value(value));
    }
    if (json_is_integer(value)) {
        return text_format("%lld", (long long)json_integer_value(value));
    }
    if (json_is_real(value)) {
        text_number(json_real_value(value), number);
        return must(strdup(number));
    }
    if (json_is_boolean(value)) {
        return must(strdup(json_is_true(value) ? "yes" : "no"));
    }
    return json_is_array(value) ? plain_array(value) : must(strdup("-"));
}

char *table_parameter(const json_t *row, const char *key)
{
    const json_t *value = json_object_get(row, key);
    char number[DECIMAL_SIZE];

    if (json_is_real(value)) {
        decimal_shortest(json_real_value(value), number);
        return must(strdup(number));
    }
    if ((json_is_array(value) && json_array_size(value) == 0) ||
        (json_is_string(value) && json_string_length(value) == 0)) {
        return must(strdup("none"));
    }
    return table_plain(row, key);
}

static double number_at(const json_t *row, const char *key)
{
    const json_t *value = json_object_get(row, key);

    return json_is_number(value) ? json_number_value(value) : NAN;
}

char *table_duration(const json_t *row, const char *key)
{
    char text[TEXT_SIZE];

    text_duration(number_at(row, key), text);
    return must(strdup(text));
}

char *table_percent(const json_t *row, const char *key)
{
    double share = number_at(row, key);

    return isnan(share) ? must(strdup("-")) : text_format("%.2f %%", 100 * share);
}

char *table_ago(const json_t *row, const char *key)
{
    const char *stamp = json_string_value(json_object_get(row, key));
    struct tm when = {0};
    char text[TEXT_SIZE];

    if (!stamp || !strptime(stamp, "%Y-%m-%dT%H:%M:%S", &when)) {
        return must(strdup("-"));
    }
    double seconds = difftime(time(NULL), timegm(&when));
    if (seconds < 60) { /* the other clock may be a little ahead: nothing is negative */
        return text_format("%.0f s ago", seconds > 0 ? seconds : 0);
    }
    text_duration(seconds, text);
    return text_format("%s ago", text);
}

/* ---- the aligned table ---- */

struct layout {
    size_t n_rows, n_columns;
    char **cells; /* n_rows x n_columns */
    size_t *width;
    bool *to_right, *left_out;
};

static bool is_numeric(const char *cell)
{
    return strcmp(cell, "-") == 0 ||
           (strspn(cell, "0123456789.+-e%/> ") == strlen(cell) && strpbrk(cell, "0123456789"));
}

static size_t count_columns(const struct column *columns)
{
    size_t n = 0;

    while (columns[n].key) {
        n++;
    }
    return n;
}

static const char *title_of(const struct column *column)
{
    return column->title ? column->title : column->key;
}

static size_t layout_width(const struct layout *layout)
{
    size_t width = 0;

    for (size_t c = 0; c < layout->n_columns; c++) {
        width += layout->left_out[c] ? 0 : layout->width[c] + (c > 0 ? GAP : 0);
    }
    return width;
}

static void layout_measure(struct layout *layout, const struct column *columns)
{
    for (size_t c = 0; c < layout->n_columns; c++) {
        layout->width[c] = text_width(title_of(&columns[c]));
        layout->to_right[c] = layout->n_rows > 0;
        for (size_t r = 0; r < layout->n_rows; r++) {
            const char *cell = layout->cells[r * layout->n_columns + c];
            size_t width = text_width(cell);
            layout->width[c] = width > layout->width[c] ? width : layout->width[c];
            layout->to_right[c] = layout->to_right[c] && is_numeric(cell);
        }
    }
}

static void layout_fill(struct layout *layout, const json_t *rows, const struct column *columns)
{
    layout->n_rows = json_array_size(rows);
    layout->n_columns = count_columns(columns);
    layout->cells = must(calloc(layout->n_rows * layout->n_columns + 1, sizeof(char *)));
    layout->width = must(calloc(layout->n_columns + 1, sizeof(*layout->width)));
    layout->to_right = must(calloc(layout->n_columns + 1, sizeof(*layout->to_right)));
    layout->left_out = must(calloc(layout->n_columns + 1, sizeof(*layout->left_out)));
    for (size_t r = 0; r < layout->n_rows; r++) {
        for (size_t c = 0; c < layout->n_columns; c++) {
            table_cell *cell = columns[c].cell ? columns[c].cell : table_plain;
            layout->cells[r * layout->n_columns + c] =
                cell(json_array_get(rows, r), columns[c].key);
        }
    }
    layout_measure(layout, columns);
}

static void layout_clear(struct layout *layout)
{
    for (size_t i = 0; i < layout->n_rows * layout->n_columns; i++) {
        free(layout->cells[i]);
    }
    free(layout->cells);
    free(layout->width);
    free(layout->to_right);
    free(layout->left_out);
}

/* ---- fitting it to a terminal ---- */

static size_t least_width(const struct column *column, size_t least)
{
    size_t title = text_width(title_of(column));

    return title > least ? title : least;
}

/* What the shown columns take when each of words is cut to `words` columns. */
static size_t width_with_words_of(const struct layout *layout, const struct column *columns,
                                  size_t words)
{
    size_t width = layout_width(layout);

    for (size_t c = 0; c < layout->n_columns; c++) {
        size_t least = least_width(&columns[c], words);
        if (!layout->left_out[c] && !layout->to_right[c] && layout->width[c] > least) {
            width -= layout->width[c] - least;
        }
    }
    return width;
}

/* The column to spare next: the highest `spare`, the last of these; n_columns if there is none.
 * Those of 0 go from the right, but for the first column. */
static size_t next_to_spare(const struct layout *layout, const struct column *columns)
{
    size_t next = layout->n_columns;

    for (size_t c = 1; c < layout->n_columns; c++) {
        if (!layout->left_out[c] &&
            (next == layout->n_columns || columns[c].spare >= columns[next].spare)) {
            next = c;
        }
    }
    return next;
}

/* The widest column of words that can still be narrower than `width`; n_columns if there is none.
 */
static size_t widest_column(const struct layout *layout, const struct column *columns)
{
    size_t widest = layout->n_columns, width = LEAST_WIDTH;

    for (size_t c = 0; c < layout->n_columns; c++) {
        if (!layout->left_out[c] && !layout->to_right[c] && layout->width[c] > width &&
            layout->width[c] > text_width(title_of(&columns[c]))) {
            widest = c;
            width = layout->width[c];
        }
    }
    return widest;
}

static void shorten_words(struct layout *layout, const struct column *columns, size_t room)
{
    size_t c;

    while (layout_width(layout) > room &&
           (c = widest_column(layout, columns)) < layout->n_columns) {
        size_t least = least_width(&columns[c], LEAST_WIDTH);
        size_t excess = layout_width(layout) - room;
        layout->width[c] = layout->width[c] > least + excess ? layout->width[c] - excess : least;
        for (size_t r = 0; r < layout->n_rows; r++) {
            text_shorten(layout->cells[r * layout->n_columns + c], layout->width[c]);
        }
    }
}

/* Spares columns while words would have to be cut short, those of little interest first. */
static void layout_fit(struct layout *layout, const struct column *columns,
                       const struct terminal *terminal)
{
    size_t room = (size_t)terminal->width, c;

    if (!terminal->live) {
        return;
    }
    while ((c = next_to_spare(layout, columns)) < layout->n_columns &&
           width_with_words_of(layout, columns, columns[c].spare > 0 ? WORDS_WIDTH : LEAST_WIDTH) >
               room) {
        layout->left_out[c] = true;
    }
    shorten_words(layout, columns, room);
}

/* Names what was left out, in lines that fit themselves. */
static void print_left_out(const struct layout *layout, const struct column *columns,
                           const struct terminal *terminal, FILE *out)
{
    char *text = must(strdup("left out for want of width:"));
    bool any = false;

    for (size_t c = 0; c < layout->n_columns; c++) {
        if (layout->left_out[c]) {
            char *longer = text_format("%s%s %s", text, any ? "," : "", title_of(&columns[c]));
            free(text);
            text = longer;
            any = true;
        }
    }
    if (any) {
        char *line = text_format("%s; --format csv has all", text);
        text_print_wrapped(line, 0, (size_t)terminal->width, out);
        free(line);
    }
    free(text);
}

static size_t last_shown(const struct layout *layout)
{
    size_t last = layout->n_columns - 1;

    while (last > 0 && layout->left_out[last]) {
        last--;
    }
    return last;
}

static void print_padded(const struct layout *layout, size_t column, const char *cell, FILE *out)
{
    size_t width = text_width(cell);

    if (layout->left_out[column]) {
        return;
    }
    int blanks = width < layout->width[column] ? (int)(layout->width[column] - width) : 0;
    bool last = column == last_shown(layout);

    if (layout->to_right[column]) {
        fprintf(out, "%*s%s", blanks, "", cell);
    } else {
        fprintf(out, "%s%*s", cell, last ? 0 : blanks, "");
    }
    fprintf(out, "%*s", last ? 0 : GAP, "");
}

void table_print(const json_t *rows, const struct column *columns, const struct terminal *terminal,
                 FILE *out)
{
    struct layout layout;

    layout_fill(&layout, rows, columns);
    layout_fit(&layout, columns, terminal);
    fputs(terminal->colour ? "\033[1m" : "", out);
    for (size_t c = 0; c < layout.n_columns; c++) {
        print_padded(&layout, c, title_of(&columns[c]), out);
    }
    fputs(terminal->colour ? "\033[0m\n" : "\n", out);
    for (size_t r = 0; r < layout.n_rows; r++) {
        for (size_t c = 0; c < layout.n_columns; c++) {
            print_padded(&layout, c, layout.cells[r * layout.n_columns + c], out);
        }
        fputc('\n', out);
    }
    print_left_out(&layout, columns, terminal, out);
    layout_clear(&layout);
}

bool table_fits(const json_t *rows, const struct column *columns, const struct terminal *terminal)
{
    struct layout layout;

    if (!terminal->live) {
        return true;
    }
    layout_fill(&layout, rows, columns);
    bool fits = layout_width(&layout) <= (size_t)terminal->width;
    layout_clear(&layout);
    return fits;
}

/* ---- CSV and JSON ---- */

static void print_csv_text(const char *text, FILE *out)
{
    if (!strpbrk(text, ",\"\r\n")) {
        fputs(text, out);
        return;
    }
    fputc('"', out);
    for (; *text; text++) {
        fputs(*text == '"' ? "\"\"" : (char[]){*text, '\0'}, out);
    }
    fputc('"', out);
}

static void print_csv_value(const json_t *value, FILE *out)
{
    if (json_is_string(value)) {
        const char *text = json_string_value(value);
        char *cell = text_format("%s%s", csv_is_formula(text) ? "'" : "", text);
        print_csv_text(cell, out);
        free(cell);
    } else if (value && !json_is_null(value)) {
        char *text = must(json_print_text(value, JSON_PRINT_COMPACT));
        print_csv_text(text, out);
        free(text);
    }
}

void table_print_csv(const json_t *rows, FILE *out)
{
    json_t *first = json_array_get(rows, 0), *row, *value;
    const char *key, *separator = "";
    size_t i;

    json_object_foreach(first, key, value)
    {
        fputs(separator, out);
        print_csv_text(key, out);
        separator = ",";
    }
    fputs(first ? "\r\n" : "", out);
    json_array_foreach(rows, i, row)
    {
        separator = "";
        json_object_foreach(first, key, value)
        {
            fputs(separator, out);
            print_csv_value(json_object_get(row, key), out);
            separator = ",";
        }
        fputs("\r\n", out);
    }
}

void table_print_json(const json_t *json, FILE *out)
{
    must_do(json_print_file(json, JSON_PRINT_INDENTED, out));
    fputc('\n', out);
}

void table_print_as(const json_t *rows, const struct column *columns, enum format format,
                    const char *when_empty)
{
    struct terminal terminal;

    terminal_inspect(stdout, &terminal);
    if (format == FORMAT_CSV) {
        table_print_csv(rows, stdout);
    } else if (format == FORMAT_JSON) {
        table_print_json(rows, stdout);
    } else if (json_array_size(rows) == 0) {
        puts(when_empty);
    } else {
        table_print(rows, columns, &terminal, stdout);
    }
}
