#include "common/json_print.h"

#include "common/decimal.h"
#include "common/utf8.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct printer {
    FILE *out;
    enum json_print_style style;
    int depth;
};

static int print_value(struct printer *printer, const json_t *json);

static void new_line(const struct printer *printer)
{
    if (printer->style == JSON_PRINT_INDENTED) {
        fprintf(printer->out, "\n%*s", 2 * printer->depth, "");
    }
}

static void open_with(struct printer *printer, char bracket)
{
    fputc(bracket, printer->out);
    printer->depth++;
}

static void close_with(struct printer *printer, char bracket, bool empty)
{
    printer->depth--;
    if (!empty) {
        new_line(printer);
    }
    fputc(bracket, printer->out);
}

static int print_list(struct printer *printer, const json_t *list)
{
    int rc = 0;

    open_with(printer, '[');
    for (size_t i = 0; rc == 0 && i < json_array_size(list); i++) {
        fputs(i ? "," : "", printer->out);
        new_line(printer);
        rc = print_value(printer, json_array_get(list, i));
    }
    close_with(printer, ']', json_array_size(list) == 0);
    return rc;
}

static int print_member(struct printer *printer, const char *name, const json_t *value)
{
    json_t *text = json_string_nocheck(name); /* escaped in Jansson's way */

    if (!text) {
        return -ENOMEM;
    }
    new_line(printer);
    int rc = print_value(printer, text);
    json_decref(text);
    fputs(printer->style == JSON_PRINT_INDENTED ? ": " : ":", printer->out);
    return rc == 0 ? print_value(printer, value) : rc;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The names of an object's members in the order to print them; malloc'd, the strings are its. */
static const char **list_names(const struct printer *printer, const json_t *object)
{
    const char **names = calloc(json_object_size(object) + 1, sizeof(*names)), *name;
    json_t *value;
    size_t n = 0;

    if (!names) {
        return NULL;
    }
    json_object_foreach((json_t *)object, name, value)
    {
        names[n++] = name;
    }
    if (printer->style == JSON_PRINT_SORTED) {
        qsort(names, n, sizeof(*names), compare_names);
    }
    return names;
}

static int print_object(struct printer *printer, const json_t *object)
{
    const char **names = list_names(printer, object);
    int rc = names ? 0 : -ENOMEM;

    open_with(printer, '{');
    for (size_t i = 0; rc == 0 && names[i]; i++) {
        fputs(i ? "," : "", printer->out);
        rc = print_member(printer, names[i], json_object_get(object, names[i]));
    }
    close_with(printer, '}', json_object_size(object) == 0);
    free(names);
    return rc;
}

static int print_value(struct printer *printer, const json_t *json)
{
    char number[DECIMAL_SIZE];

    switch (json_typeof(json)) {
    case JSON_OBJECT:
        return print_object(printer, json);
    case JSON_ARRAY:
        return print_list(printer, json);
    case JSON_REAL:
        decimal_shortest(json_real_value(json), number);
        fputs(number, printer->out);
        return 0;
    default: /* fails when out of memory, and when the file does */
        return json_dumpf(json, printer->out, JSON_ENCODE_ANY) == 0 || ferror(printer->out)
                   ? 0
                   : -ENOMEM;
    }
}

int json_print_file(const json_t *json, enum json_print_style style, FILE *out)
{
    struct printer printer = {.out = out, .style = style};

    return json ? print_value(&printer, json) : -ENOMEM;
}

char *json_print_text(const json_t *json, enum json_print_style style)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    if (!out) {
        return NULL;
    }
    int rc = json_print_file(json, style, out);
    if (fclose(out) != 0 || rc != 0) {
        free(text);
        return NULL;
    }
    return text;
}

const char *json_print_short(const json_t *json, char text[JSON_PRINT_SHORT_SIZE])
{
    char *whole = json_print_text(json, JSON_PRINT_COMPACT);
    if (!whole || strlen(whole) < JSON_PRINT_SHORT_SIZE) {
        snprintf(text, JSON_PRINT_SHORT_SIZE, "%s", whole ? whole : "that");
    } else {
        int n = (int)utf8_cut(whole, JSON_PRINT_SHORT_SIZE - sizeof("..."));
        snprintf(text, JSON_PRINT_SHORT_SIZE, "%.*s...", n, whole);
    }
    free(whole);
    utf8_clean(text, UTF8_NAME);
    return text;
}

const char *json_print_remedy(const json_error_t *problem)
{
    return strstr(problem->text, "near 'NaN'") || strstr(problem->text, "near 'Infinity'") ||
                   strstr(problem->text, "near '-'")
               ? "; JSON has no NaN and no Infinity: leave out a number that does not exist"
               : "";
}
