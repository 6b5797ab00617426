#include "common/sweep_json.h"
#include "common/json_number.h"
#include "common/json_print.h"
#include "common/utf8.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The members of a sweep that are bare integers. */
static const struct number {
    const char *name;
    size_t offset;
    int64_t min, max;
} numbers[] = {
    {"replicates", offsetof(struct sweep, replicates), 1, 100000},
    {"seed", offsetof(struct sweep, seed), 0, INT64_MAX},
    {"priority", offsetof(struct sweep, priority), -1000, 1000},
    {"max_running", offsetof(struct sweep, max_running), 0, 1000000},
    {"max_attempts", offsetof(struct sweep, max_attempts), 1, 100},
    {"max_seconds", offsetof(struct sweep, max_seconds), 0, 366 * 86400},
};
#define N_NUMBERS (sizeof(numbers) / sizeof(numbers[0]))

static int read_number(struct sweep *sweep, const struct number *number, const json_t *json,
                       struct error *error)
{
    int64_t value;
    if (!json_number_integral(json, &value) || value < number->min || value > number->max) {
        char text[JSON_PRINT_SHORT_SIZE];
        return error_set(error, number->name, "%s must be an integer from %lld to %lld, not %s",
                         number->name, (long long)number->min, (long long)number->max,
                         json_print_short(json, text));
    }
    memcpy((char *)sweep + number->offset, &value, sizeof(value));
    return 0;
}

static int read_name(struct sweep *sweep, const json_t *json, struct error *error)
{
    const char *name = json_string_value(json);
    size_t size = json_string_length(json), characters = 0;
    if (name && !utf8_is_fit(name, UTF8_NAME)) {
        return error_set(error, "name", "name must not contain control characters");
    }
    for (size_t i = 0; i < size; i++) {
        characters += ((unsigned char)name[i] & 0xc0) != 0x80;
    }
    if (characters < 1 || characters > SWEEP_MAX_NAME) {
        char text[JSON_PRINT_SHORT_SIZE];
        return error_set(error, "name", "name must be a text of 1 to %d characters, not %s",
                         SWEEP_MAX_NAME, json_print_short(json, text));
    }
    memcpy(sweep->name, name, size + 1);
    return 0;
}

static int read_search(struct sweep *sweep, const json_t *json, struct error *error)
{
    int search = json_is_string(json) ? sweep_search_by_name(json_string_value(json)) : -1;
    if (search < 0) {
        char text[JSON_PRINT_SHORT_SIZE];
        return error_set(error, "search", "search must be \"grid\", not %s",
                         json_print_short(json, text));
    }
    sweep->search = (enum sweep_search)search;
    return 0;
}

static int read_reuse(struct sweep *sweep, const json_t *json, struct error *error)
{
    if (!json_is_boolean(json)) {
        char text[JSON_PRINT_SHORT_SIZE];
        return error_set(error, "reuse", "reuse must be true or false, not %s",
                         json_print_short(json, text));
    }
    sweep->reuse = json_is_true(json);
    return 0;
}

static int refuse_seed(struct error *error, const char *where)
{
    char field[32];
    snprintf(field, sizeof(field), "%s.seed", where);
    return error_set(error, field,
                     "a trial's seed comes from the sweep: give seed and replicates beside base");
}

static int read_base(struct sweep *sweep, const json_t *json, struct error *error)
{
    if (!json_is_object(json)) {
        char text[JSON_PRINT_SHORT_SIZE];
        return error_set(error, "base", "base must be an object of configuration fields, not %s",
                         json_print_short(json, text));
    }
    int rc = config_draft_set_json(&sweep->base, json, error);
    if (rc != 0) {
        error_prefix(error, "base");
        return rc;
    }
    return sweep->base.given[CONFIG_SEED] ? refuse_seed(error, "base") : 0;
}

static int read_axis(struct sweep *sweep, const char *name, const json_t *list, struct error *error)
{
    char path[128];
    snprintf(path, sizeof(path), "parameters.%.100s", name);
    enum config_field field = config_field_by_name(name);
    if (field == CONFIG_FIELD_COUNT) {
        return config_unknown_field(name, path, error);
    }
    if (field == CONFIG_SEED) {
        return refuse_seed(error, "parameters");
    }
    if (sweep->base.given[field]) {
        return error_set(error, path, "%s stands in base as well: give it in one of the two", path);
    }
    if (!json_is_array(list)) {
        char text[JSON_PRINT_SHORT_SIZE];
        return error_set(error, path, "%s must be a list of values, not %s", path,
                         json_print_short(list, text));
    }
    int rc = sweep_add_axis(sweep, field, json_array_size(list));
    for (size_t i = 0; rc == 0 && i < json_array_size(list); i++) {
        struct config_value value = {0};
        rc = config_value_from_json(field, json_array_get(list, i), &value, error);
        if (rc == 0) {
            sweep_axis_set(&sweep->axes[sweep->n_axes - 1], i, &value);
        } else if (error) {
            snprintf(error->field, sizeof(error->field), "%.100s[%zu]", path, i);
        }
    }
    return rc;
}

static int read_parameters(struct sweep *sweep, const json_t *json, struct error *error)
{
    if (!json_is_object(json)) {
        char text[JSON_PRINT_SHORT_SIZE];
        return error_set(error, "parameters",
                         "parameters must be an object: a list of values for each field, not %s",
                         json_print_short(json, text));
    }
    const char *name;
    json_t *list;
    json_object_foreach((json_t *)json, name, list)
    {
        int rc = read_axis(sweep, name, list, error);
        if (rc != 0) {
            return rc;
        }
    }
    return 0;
}

static int read_member(struct sweep *sweep, const char *name, const json_t *json,
                       struct error *error)
{
    for (size_t i = 0; i < N_NUMBERS; i++) {
        if (strcmp(name, numbers[i].name) == 0) {
            return read_number(sweep, &numbers[i], json, error);
        }
    }
    if (strcmp(name, "name") == 0) {
        return read_name(sweep, json, error);
    }
    if (strcmp(name, "search") == 0) {
        return read_search(sweep, json, error);
    }
    if (strcmp(name, "reuse") == 0) {
        return read_reuse(sweep, json, error);
    }
    if (strcmp(name, "base") == 0 || strcmp(name, "parameters") == 0) {
        return 0; /* read after the rest, base first */
    }
    if (config_field_by_name(name) != CONFIG_FIELD_COUNT) {
        return error_set(error, name, "%s belongs into base, or as a list into parameters", name);
    }
    return error_set(
        error, name,
        "there is no member '%.60s' in a sweep: it has name, base, parameters, search, "
        "replicates, seed, priority, max_running, max_attempts, max_seconds and reuse",
        name);
}

static int read_sweep(struct sweep *sweep, const json_t *json, struct error *error)
{
    if (!json_is_object(json)) {
        return error_set(error, NULL, "a sweep must be a JSON object");
    }
    const char *name;
    json_t *member;
    json_object_foreach((json_t *)json, name, member)
    {
        int rc = read_member(sweep, name, member, error);
        if (rc != 0) {
            return rc;
        }
    }
    const json_t *base = json_object_get(json, "base");
    const json_t *parameters = json_object_get(json, "parameters");
    int rc = base ? read_base(sweep, base, error) : 0;
    if (rc == 0 && parameters) {
        rc = read_parameters(sweep, parameters, error);
    }
    return rc == 0 ? sweep_check(sweep, error) : rc;
}

int sweep_from_json(const json_t *json, struct sweep **ret, struct error *error)
{
    struct sweep *sweep = sweep_create();
    if (!sweep) {
        return -ENOMEM;
    }
    int rc = read_sweep(sweep, json, error);
    if (rc != 0) {
        sweep_destroy(sweep);
        return rc;
    }
    *ret = sweep;
    return 0;
}

int sweep_from_text(const char *text, struct sweep **ret, struct error *error)
{
    json_error_t why;
    json_t *json = json_loads(text, SWEEP_JSON_FLAGS, &why);
    if (!json) {
        return error_set(error, NULL, "line %d: %s", why.line, why.text);
    }
    int rc = sweep_from_json(json, ret, error);
    json_decref(json);
    return rc;
}
