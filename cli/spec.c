#include "cli/spec.h"

#include "cli/command.h"
#include "cli/memory.h"
#include "cli/options.h"
#include "cli/values.h"
#include "common/config.h"
#include "common/hash.h"
#include "common/json_print.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- reading ---- */

/* "examples/depth.json" names its sweep "depth"; a pipe, or /dev/fd/63 of a shell's <(...), names
 * none. */
static void name_after_file(json_t *spec, FILE *file, const char *path)
{
    struct stat status;
    const char *slash = strrchr(path, '/');
    const char *base = slash ? slash + 1 : path;
    const char *dot = strrchr(base, '.');
    int length = dot && dot > base ? (int)(dot - base) : (int)strlen(base);

    if (fstat(fileno(file), &status) != 0 || !S_ISREG(status.st_mode) ||
        strncmp(path, "/dev/", 5) == 0 || strncmp(path, "/proc/", 6) == 0) {
        return;
    }
    if (!json_object_get(spec, "name")) {
        json_t *name = json_stringn(base, (size_t)length);
        if (name) { /* a file name need not be UTF-8 */
            must_do(json_object_set_new(spec, "name", name));
        }
    }
}

static int read_json(FILE *file, const char *shown, json_t **ret, struct error *error)
{
    json_error_t at;
    json_t *json = json_loadf(file, JSON_REJECT_DUPLICATES, &at);

    if (!json) {
        if (ferror(file)) {
            return error_set(error, NULL, "cannot read %s: %s", shown, strerror(errno));
        }
        return error_set(error, NULL, "%s is not valid JSON: line %d, column %d: %s", shown,
                         at.line, at.column, at.text);
    }
    if (!json_is_object(json)) {
        json_decref(json);
        return error_set(error, NULL, "%s must hold a JSON object that describes a sweep", shown);
    }
    *ret = json;
    return 0;
}

int spec_read(const char *path, json_t **ret, struct error *error)
{
    if (strcmp(path, "-") == 0) {
        return read_json(stdin, "standard input", ret, error);
    }
    FILE *file = fopen(path, "r");
    if (!file) {
        return error_set(error, NULL, "cannot read %s: %s", path, strerror(errno));
    }
    int result = read_json(file, path, ret, error);
    if (result == 0) {
        name_after_file(*ret, file, path);
    }
    fclose(file);
    return result;
}

/* ---- flags ---- */

/* The object under `key`, made if it is absent; NULL if the file has something else there. */
static json_t *object_at(json_t *spec, const char *key)
{
    json_t *object = json_object_get(spec, key);

    if (!object) {
        object = must(json_object());
        must_do(json_object_set_new(spec, key, object));
    }
    return json_is_object(object) ? object : NULL;
}

static void remove_if_empty(json_t *spec, const char *key)
{
    if (json_object_size(json_object_get(spec, key)) == 0) {
        json_object_del(spec, key);
    }
}

static int set_field(json_t *spec, enum config_field field, json_t *values, struct error *error)
{
    const char *name = config_fields[field].name;
    json_t *base = object_at(spec, "base");
    json_t *parameters = object_at(spec, "parameters");

    if (!base || !parameters) {
        return error_set(error, base ? "parameters" : "base", "must be an object");
    }
    if (json_array_size(values) == 1) {
        json_object_del(parameters, name);
        must_do(json_object_set(base, name, json_array_get(values, 0)));
    } else {
        json_object_del(base, name);
        must_do(json_object_set(parameters, name, values));
    }
    remove_if_empty(spec, "base");
    remove_if_empty(spec, "parameters");
    return 0;
}

/* All values of a field, from every time that its flag was given. */
static int collect_values(const struct args *args, const char *option, json_t *values,
                          struct error *error)
{
    enum config_field field = options_config_field(option);

    for (size_t i = 0; i < args->n_given; i++) {
        if (strcmp(args->given[i].name, option) != 0) {
            continue;
        }
        int result = values_parse(field, args->given[i].value, values, error);
        if (result != 0) {
            return result;
        }
    }
    return 0;
}

static bool given_before(const struct args *args, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (strcmp(args->given[i].name, args->given[index].name) == 0) {
            return true;
        }
    }
    return false;
}

static int apply_fields(json_t *spec, const struct args *args, struct error *error)
{
    for (size_t i = 0; i < args->n_given; i++) {
        enum config_field field = options_config_field(args->given[i].name);
        if (field == CONFIG_FIELD_COUNT || given_before(args, i)) {
            continue;
        }
        json_t *values = must(json_array());
        int result = collect_values(args, args->given[i].name, values, error);
        if (result == 0) {
            result = set_field(spec, field, values, error);
        }
        json_decref(values);
        if (result != 0) {
            return result;
        }
    }
    return 0;
}

static int apply_numbers(json_t *spec, const struct args *args, struct error *error)
{
    static const struct {
        const char *option, *member;
        struct args_range range;
    } numbers[] = {
        {"replicates", "replicates", {1, 100000}},
        {"seed", "seed", {0, INT64_MAX}},
        {"priority", "priority", {-1000, 1000}},
        {"max-running", "max_running", {0, 1000000}},
        {"max-attempts", "max_attempts", {1, 100}},
        {"max-seconds", "max_seconds", {0, 366 * 86400}},
    };

    for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
        int64_t value;
        if (!args_has(args, numbers[i].option)) {
            continue;
        }
        int result = args_integer(args, numbers[i].option, numbers[i].range, &value, error);
        if (result != 0) {
            return result;
        }
        must_do(json_object_set_new(spec, numbers[i].member, must(json_integer(value))));
    }
    return 0;
}

int spec_apply(json_t *spec, const struct args *args, struct error *error)
{
    const char *name = args_value(args, "name");

    if (name) {
        json_t *text = json_string(name);
        if (!text) {
            return error_set(error, "--name", "must be UTF-8 text");
        }
        must_do(json_object_set_new(spec, "name", text));
    }
    if (args_has(args, "reuse")) {
        must_do(json_object_set_new(spec, "reuse", json_true()));
    }
    int result = apply_numbers(spec, args, error);
    return result != 0 ? result : apply_fields(spec, args, error);
}

/* A sweep built of flags alone is named by what varies in it: "depth-batch_norm". */
static void name_after_axes(json_t *spec)
{
    json_t *axes = spec_axes(spec);
    char name[200] = "";
    size_t i;
    json_t *axis;

    json_array_foreach(axes, i, axis)
    {
        size_t length = strlen(name);
        snprintf(name + length, sizeof(name) - length, "%s%s", i ? "-" : "",
                 json_string_value(axis));
    }
    json_decref(axes);
    if (name[0] && !json_object_get(spec, "name")) {
        must_do(json_object_set_new(spec, "name", must(json_string(name))));
    }
}

int spec_from_args(const struct args *args, json_t **ret, struct error *error)
{
    const char *path = args_positional(args, 0);
    json_t *spec = NULL;
    int result = 0;

    if (path) {
        result = spec_read(path, &spec, error);
    } else {
        spec = must(json_object());
    }
    if (result == 0 && spec_apply(spec, args, error) != 0) {
        result = SPEC_USAGE;
    }
    if (result == 0 && !path && json_object_size(spec) == 0) {
        error_set(error, NULL,
                  "nothing to train: name a sweep's file or give flags such as "
                  "--depth 1..7 --batch-norm none,before");
        result = SPEC_USAGE;
    }
    if (result != 0) {
        json_decref(spec);
        return result;
    }
    name_after_axes(spec);
    *ret = spec;
    return 0;
}

/* ---- text and key ---- */

/* A copy with `parameters` left out, and the order of members made the alphabet's. */
static char *text_without_parameters(const json_t *spec)
{
    json_t *rest = must(json_copy((json_t *)spec));

    json_object_del(rest, "parameters");
    char *text = must(json_print_text(rest, JSON_PRINT_SORTED));
    json_decref(rest);
    return text;
}

char *spec_text(const json_t *spec)
{
    const json_t *parameters = json_object_get(spec, "parameters");
    char *rest = text_without_parameters(spec);

    if (!parameters) {
        return rest;
    }
    char *axes = must(json_print_text(parameters, JSON_PRINT_COMPACT));
    const char *comma = strcmp(rest, "{}") == 0 ? "" : ",";
    char *text = text_format("%.*s%s\"parameters\":%s}", (int)strlen(rest) - 1, rest, comma, axes);
    free(axes);
    free(rest);
    return text;
}

void spec_key(const json_t *spec, const char *trainer, char ret_key[SPEC_KEY_SIZE])
{
    char *sweep = spec_text(spec);
    char *text = text_format("%s%s%s", sweep, trainer ? "\n" : "", trainer ? trainer : "");
    char digest[SHA256_HEX_SIZE];

    free(sweep);
    sha256_hex(text, strlen(text), digest);
    snprintf(ret_key, SPEC_KEY_SIZE, "run-%s", digest);
    free(text);
}

json_t *spec_axes(const json_t *spec)
{
    json_t *axes = must(json_array());
    const char *name;
    json_t *values;

    json_object_foreach(json_object_get(spec, "parameters"), name, values)
    {
        if (json_array_size(values) != 1) { /* ranges of a search are objects */
            must_do(json_array_append_new(axes, must(json_string(name))));
        }
    }
    return axes;
}
