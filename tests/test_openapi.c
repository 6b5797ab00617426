#include "common/config.h"
#include "daemon/api_internal.h"
#include "daemon/openapi.h"
#include "tests/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int setup(void **state)
{
    json_error_t error;
    json_t *json =
        json_loadb((const char *)openapi[0].data, openapi[0].size, JSON_REJECT_DUPLICATES, &error);
    if (json == NULL) {
        fail_msg("line %d: %s", error.line, error.text);
    }
    *state = json;
    return 0;
}

static int teardown(void **state)
{
    json_decref(*state);
    return 0;
}

/* ---- routes ---- */

/* "/a/{name}/{file}" and "/a/{name}/{name}" are of one form. */
static bool same_form(const char *a, const char *b)
{
    while (*a == *b && *a != '\0') {
        if (*a == '{') {
            bool number = strncmp(a, "{id}", 4) == 0;
            if (number != (strncmp(b, "{id}", 4) == 0)) {
                return false;
            }
            a = strchr(a, '}');
            b = strchr(b, '}');
        }
        a++;
        b++;
    }
    return *a == *b;
}

static json_t *find_operation(json_t *paths, const struct api_route *route)
{
    const char *path;
    json_t *item;
    json_object_foreach(paths, path, item)
    {
        if (same_form(path, route->pattern)) {
            return json_object_get(item, route->method == HTTP_GET ? "get" : "post");
        }
    }
    return NULL;
}

static void every_route_is_described_and_nothing_else(void **state)
{
    json_t *paths = json_object_get(*state, "paths"), *item;
    size_t n_described = 0;
    const char *path;
    for (size_t i = 0; i < api_n_routes; i++) {
        json_t *operation = find_operation(paths, &api_routes[i]);
        if (operation == NULL) {
            fail_msg("%s is not described", api_routes[i].pattern);
        }
        json_t *security = json_object_get(operation, "security");
        assert_int_equal(security != NULL && json_array_size(security) == 0,
                         api_routes[i].access != API_KNOWN);
    }
    json_object_foreach(paths, path, item)
    {
        n_described += json_object_size(item);
    }
    assert_int_equal(n_described, api_n_routes);
}

/* Each {part} of a path is among the operation's parameters, and every operation has its own id. */
static void parameters_of_paths_are_declared_and_ids_unique(void **state)
{
    json_t *paths = json_object_get(*state, "paths"), *item, *operation, *parameter;
    json_t *ids = json_object();
    const char *path, *method;
    size_t i, n = 0;
    json_object_foreach(paths, path, item)
    {
        json_object_foreach(item, method, operation)
        {
            json_t *parameters = json_object_get(operation, "parameters");
            size_t n_parts = 0, n_declared = 0;
            for (const char *at = path; (at = strchr(at, '{')) != NULL; at++) {
                n_parts++;
            }
            json_array_foreach(parameters, i, parameter)
            {
                char part[64];
                snprintf(part, sizeof part, "{%s}",
                         json_string_value(json_object_get(parameter, "name")));
                bool in_path =
                    strcmp(json_string_value(json_object_get(parameter, "in")), "path") == 0;
                n_declared += in_path && strstr(path, part) != NULL;
            }
            assert_int_equal(n_parts, n_declared);
            json_object_set(ids, json_string_value(json_object_get(operation, "operationId")),
                            operation);
            n++;
        }
    }
    assert_int_equal(json_object_size(ids), n);
    json_decref(ids);
}

/* ---- the configuration ---- */

static void expect_type(const char *name, json_t *schema, const char *type)
{
    const char *got = json_string_value(json_object_get(schema, "type"));
    if (got == NULL || strcmp(got, type) != 0) {
        fail_msg("%s is of type %s, not %s", name, type, got);
    }
}

static void expect_range(const struct config_field_info *info, json_t *schema)
{
    json_t *min = json_object_get(schema, "minimum"), *max = json_object_get(schema, "maximum");
    if (!json_is_number(min) || !json_is_number(max) || json_number_value(min) != info->min ||
        json_number_value(max) != info->max) {
        fail_msg("%s goes from %g to %g", info->name, info->min, info->max);
    }
}

static void expect_choices(const struct config_field_info *info, json_t *schema)
{
    json_t *words = json_object_get(schema, "enum");
    size_t n = 0;
    for (; info->choices[n] != NULL; n++) {
        const char *word = json_string_value(json_array_get(words, n));
        if (word == NULL || strcmp(word, info->choices[n]) != 0) {
            fail_msg("%s lacks %s", info->name, info->choices[n]);
        }
    }
    assert_int_equal(json_array_size(words), n);
}

static void expect_field(const struct config_field_info *info, json_t *schema)
{
    if (schema == NULL) {
        fail_msg("%s is not described", info->name);
    }
    switch (info->type) {
    case CONFIG_INT:
        expect_type(info->name, schema, "integer");
        expect_range(info, schema);
        break;
    case CONFIG_DOUBLE:
        expect_type(info->name, schema, "number");
        expect_range(info, schema);
        break;
    case CONFIG_BOOL:
        expect_type(info->name, schema, "boolean");
        break;
    case CONFIG_CHOICE:
        expect_type(info->name, schema, "string");
        expect_choices(info, schema);
        break;
    case CONFIG_NAME:
        expect_type(info->name, schema, "string");
        assert_int_equal(json_integer_value(json_object_get(schema, "minLength")), info->min);
        assert_int_equal(json_integer_value(json_object_get(schema, "maxLength")), info->max);
        break;
    case CONFIG_INTS:
        expect_type(info->name, schema, "array");
        expect_range(info, json_object_get(schema, "items"));
        assert_int_equal(json_integer_value(json_object_get(schema, "maxItems")),
                         CONFIG_MAX_LAYERS);
        break;
    }
}

static json_t *properties_of(json_t *spec, const char *schema)
{
    json_t *schemas = json_object_get(json_object_get(spec, "components"), "schemas");
    json_t *properties = json_object_get(json_object_get(schemas, schema), "properties");
    assert_non_null(properties);
    return properties;
}

static void fields_of_the_configuration_are_those_of_the_code(void **state)
{
    json_t *properties = properties_of(*state, "TrialConfiguration");
    json_t *canonical = properties_of(*state, "CanonicalConfiguration");
    json_t *axes = json_object_get(
        json_object_get(properties_of(*state, "SweepRequest"), "parameters"), "properties");
    for (int i = 0; i < CONFIG_FIELD_COUNT; i++) {
        const struct config_field_info *info = &config_fields[i];
        expect_field(info, json_object_get(properties, info->name));
        if (i != CONFIG_DEPTH && i != CONFIG_WIDTH) {
            expect_field(info, json_object_get(canonical, info->name));
        }
        if (i != CONFIG_SEED) {
            expect_field(info, json_object_get(json_object_get(axes, info->name), "items"));
        }
    }
    assert_int_equal(json_object_size(properties), CONFIG_FIELD_COUNT);
    assert_int_equal(json_object_size(canonical), CONFIG_FIELD_COUNT - 2);
    assert_int_equal(json_object_size(axes), CONFIG_FIELD_COUNT - 1);
}

/* The value in "Default: 0.9.", as a new reference; NULL where a description tells none. It is not
 * the schema's own `default`: clients that are generated from that send it (E3). */
static json_t *default_of(json_t *schema)
{
    static const char word[] = "Default: ";
    assert_null(json_object_get(schema, "default"));
    const char *text = json_string_value(json_object_get(schema, "description"));
    const char *at = text != NULL ? strstr(text, word) : NULL;
    if (at == NULL) {
        return NULL;
    }
    at += sizeof word - 1;
    assert_int_equal(at[strlen(at) - 1], '.');
    return json_loadb(at, strlen(at) - 1, JSON_DECODE_ANY, NULL);
}

static void defaults_are_those_of_the_code(void **state)
{
    json_t *properties = properties_of(*state, "TrialConfiguration"), *schema;
    json_t *empty = json_pack("{s:i}", "depth", 1);
    struct trial_config config;
    assert_int_equal(config_from_json(empty, &config, NULL), 0);
    json_t *canonical = config_to_json(&config);
    const char *name;
    size_t n = 0;
    json_object_foreach(properties, name, schema)
    {
        json_t *given = default_of(schema);
        json_t *real = json_object_get(canonical, name);
        if (given == NULL || real == NULL) {
            json_decref(given);
            continue; /* measure_every is left out where it is 0 */
        }
        bool same = json_is_number(given) ? json_number_value(given) == json_number_value(real)
                                          : json_equal(given, real);
        if (!same) {
            fail_msg("the default of %s is another", name);
        }
        json_decref(given);
        n++;
    }
    assert_true(n >= 14);
    json_decref(canonical);
    json_decref(empty);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_route_is_described_and_nothing_else),
        cmocka_unit_test(parameters_of_paths_are_declared_and_ids_unique),
        cmocka_unit_test(fields_of_the_configuration_are_those_of_the_code),
        cmocka_unit_test(defaults_are_those_of_the_code),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
