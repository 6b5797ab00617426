#include "cli/varying.h"

#include <stdbool.h>
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

/* Two rows of the same depth with other units. */
static bool units_vary_beside_depth(const json_t *rows)
{
    const json_t *units_of_depth[CONFIG_MAX_LAYERS + 1] = {0};
    size_t i;
    json_t *row;

    json_array_foreach(rows, i, row)
    {
        json_int_t depth = json_integer_value(json_object_get(row, "depth"));
        const json_t *units = json_object_get(row, "hidden_units");
        if (depth < 0 || depth > CONFIG_MAX_LAYERS || !units) {
            return true;
        }
        if (units_of_depth[depth] && !json_equal(units_of_depth[depth], units)) {
            return true;
        }
        units_of_depth[depth] = units;
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
        if (varies(rows, name) && field != CONFIG_SEED &&
            (field != CONFIG_HIDDEN_UNITS || units_vary_beside_depth(rows))) {
            ret[n++] = (struct column){name, NULL, NULL};
        }
    }
    for (; fixed->key; fixed++) {
        ret[n++] = *fixed;
    }
    ret[n] = (struct column){NULL, NULL, NULL};
}
