#include "cli/values.h"

#include "cli/memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int append_value(enum config_field field, const char *text, json_t *values,
                        struct error *error)
{
    struct config_value value;

    int result = config_value_from_text(field, text, &value, error);
    if (result != 0) {
        return result;
    }
    must_do(json_array_append_new(values, must(config_value_to_json(field, &value))));
    return 0;
}

/* The whole of `text` as a number; false if it is none. */
static bool read_integer(const char *text, long long *ret)
{
    char *end;

    errno = 0;
    *ret = strtoll(text, &end, 10);
    return end != text && *end == '\0' && errno == 0;
}

static int append_range(enum config_field field, char *first, char *last, json_t *values,
                        struct error *error)
{
    long long from, to;
    char text[24];

    if (config_fields[field].type != CONFIG_INT) {
        return error_set(error, NULL, "only whole numbers can be a range, not '%s..%s'", first,
                         last);
    }
    if (!read_integer(first, &from) || !read_integer(last, &to)) {
        return error_set(error, NULL, "a range is FIRST..LAST, two whole numbers, not '%s..%s'",
                         first, last);
    }
    if (from > to) {
        return error_set(error, NULL, "the range %s..%s is empty; write %s..%s", first, last, last,
                         first);
    }
    if ((unsigned long long)to - (unsigned long long)from >= VALUES_MAX) {
        return error_set(error, NULL, "the range %s..%s names more than %d values", first, last,
                         VALUES_MAX);
    }
    for (long long number = from; number <= to; number++) {
        snprintf(text, sizeof(text), "%lld", number);
        int result = append_value(field, text, values, error);
        if (result != 0) {
            return result;
        }
    }
    return 0;
}

static char *trim(char *text)
{
    text += strspn(text, " \t");
    for (char *end = text + strlen(text); end > text && strchr(" \t", end[-1]); end--) {
        end[-1] = '\0';
    }
    return text;
}

static int append_item(enum config_field field, char *item, json_t *values, struct error *error)
{
    char *dots = strstr(item, "..");

    if (dots) {
        *dots = '\0';
        return append_range(field, trim(item), trim(dots + 2), values, error);
    }
    return append_value(field, trim(item), values, error);
}

static int append_all(enum config_field field, char *text, json_t *values, struct error *error)
{
    const char *separator = config_fields[field].type == CONFIG_INTS ? ";" : ",";
    char *rest = text;

    for (char *item = strsep(&rest, separator); item; item = strsep(&rest, separator)) {
        int result = append_item(field, item, values, error);
        if (result != 0) {
            return result;
        }
    }
    return 0;
}

/* "batch_norm" is "--batch-norm" where it was given as a flag. */
static void blame_flag(enum config_field field, struct error *error)
{
    if (!error) {
        return;
    }
    snprintf(error->field, sizeof(error->field), "--%s", config_fields[field].name);
    for (char *c = error->field; *c; c++) {
        *c = *c == '_' ? '-' : *c;
    }
}

int values_parse(enum config_field field, const char *text, json_t *values, struct error *error)
{
    char *copy = must(strdup(text));
    json_t *found = must(json_array());

    int result = append_all(field, copy, found, error);
    if (result == 0) {
        must_do(json_array_extend(values, found));
    } else {
        blame_flag(field, error);
    }
    json_decref(found);
    free(copy);
    return result;
}
