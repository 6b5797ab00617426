#include "cli/varying.h"

#include "cli/memory.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static bool varies(const json_t *rows, const char *key)
{
    const json_t *first = json_object_get(json_array_get(rows, 0), key);
    size_t i;
    json_t *row;

    json_array_foreach(rows, i, row)
    {
        const json_t *value = json_object_get(row, key);
        if (first && value && !json_equal(first, value)) {
            return true;
        }
    }
    return false;
}

/* The row's values of up to two columns as one text. */
static char *group_of(const json_t *row, const char *const by[2])
{
    char *first = table_plain(row, by[0]);
    char *second = by[1] ? table_plain(row, by[1]) : must(strdup(""));
    char *group = text_format("%s/%s", first, second);

    free(first);
    free(second);
    return group;
}

/* Rows that are alike in the columns `by` are alike in `key` too. */
static bool follows_from(const json_t *rows, const char *key, const char *const by[2])
{
    json_t *value_of_group = must(json_object()), *row;
    bool follows = true;
    size_t i;

    json_array_foreach(rows, i, row)
    {
        char *group = group_of(row, by);
        json_t *value = json_object_get(row, key);
        const json_t *before = json_object_get(value_of_group, group);
        follows = follows && (!before || !value || json_equal(before, value));
        if (!before && value) {
            must_do(json_object_set(value_of_group, group, value));
        }
        free(group);
    }
    json_decref(value_of_group);
    return follows;
}

/* A column that another explains is noise: seven depths of the article's networks are seven lists
 * of units as well. */
static bool is_explained(const json_t *rows, enum config_field field)
{
    static const char *const depth[2] = {"depth", NULL};
    static const char *const depth_and_width[2] = {"depth", "width"};
    static const char *const batch_norm[2] = {"batch_norm", NULL};

    switch (field) {
    case CONFIG_WIDTH:
        return follows_from(rows, "width", depth);
    case CONFIG_HIDDEN_UNITS:
        return follows_from(rows, "hidden_units", depth_and_width);
    case CONFIG_BATCH_NORM_OUTPUT:
        return follows_from(rows, "batch_norm_output", batch_norm);
    default:
        return false;
    }
}

static bool says_something(const json_t *rows, const char *key)
{
    size_t i;
    json_t *row;

    json_array_foreach(rows, i, row)
    {
        const json_t *value = json_object_get(row, key);
        if (value && !json_is_null(value)) {
            return true;
        }
    }
    return false;
}

void varying_columns(const json_t *rows, const struct column *fixed,
                     struct column ret[VARYING_COLUMNS_MAX])
{
    size_t n = 0;

    if (varies(rows, "sweep")) {
        ret[n++] = (struct column){"sweep", NULL, NULL};
    }
    for (int field = 0; field < CONFIG_FIELD_COUNT; field++) {
        const char *name = config_fields[field].name;
        if (field != CONFIG_SEED && varies(rows, name) && !is_explained(rows, field)) {
            ret[n++] = (struct column){name, NULL, table_parameter};
        }
    }
    for (; fixed->key; fixed++) {
        if (says_something(rows, fixed->key)) {
            ret[n++] = *fixed;
        }
    }
    ret[n] = (struct column){NULL, NULL, NULL};
}
