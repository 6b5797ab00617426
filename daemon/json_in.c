#include "daemon/json_in.h"

#include "common/json_number.h"
#include "common/json_print.h"
#include "common/utf8.h"

#include <string.h>

/* Looks no further than brackets and strings: the parser finds everything else. */
static bool is_too_deep(const char *text, size_t size)
{
    int depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < size; i++) {
        char c = text[i];
        if (in_string) {
            if (c == '\\') {
                i++;
            } else if (c == '"') {
                in_string = false;
            }
        } else if (c == '"') {
            in_string = true;
        } else if (c == '{' || c == '[') {
            if (++depth > JSON_IN_MAX_DEPTH) {
                return true;
            }
        } else if (c == '}' || c == ']') {
            depth--;
        }
    }
    return false;
}

int json_in_parse(const char *text, size_t size, json_t **ret, struct error *error)
{
    if (size == 0) {
        return error_set(error, NULL, "the body is empty; it must be a JSON object");
    }
    if (is_too_deep(text, size)) {
        return error_set(error, NULL, "the JSON is nested deeper than %d levels",
                         JSON_IN_MAX_DEPTH);
    }
    json_error_t where;
    json_t *json = json_loadb(text, size, JSON_REJECT_DUPLICATES, &where);
    if (json == NULL) {
        return error_set(error, NULL, "%s (line %d, column %d)%s", where.text, where.line,
                         where.column, json_print_remedy(&where));
    }
    if (!json_is_object(json)) {
        json_decref(json);
        return error_set(error, NULL, "the body must be a JSON object");
    }
    *ret = json;
    return 0;
}

static const struct json_in_member *find_member(const struct json_in_member *members, size_t n,
                                                const char *name)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(members[i].name, name) == 0) {
            return &members[i];
        }
    }
    return NULL;
}

static int read_number(const struct json_in_member *m, const json_t *value, struct error *error)
{
    bool integer = m->type == JSON_IN_INTEGER;
    double number = json_number_value(value);
    int64_t whole = 0;
    if ((integer ? !json_number_integral(value, &whole) : !json_is_number(value)) ||
        number < m->min || number > m->max) {
        return error_set(error, m->name, "%s must be %s from %.15g to %.15g", m->name,
                         integer ? "an integer" : "a number", m->min, m->max);
    }
    if (integer) {
        *(int64_t *)m->ret = whole;
    } else {
        *(double *)m->ret = number;
    }
    return 0;
}

static int read_member(const struct json_in_member *m, json_t *value, struct error *error)
{
    switch (m->type) {
    case JSON_IN_INTEGER:
    case JSON_IN_REAL:
        return read_number(m, value, error);
    case JSON_IN_STRING:
        if (!json_is_string(value) || (double)json_string_length(value) < m->min ||
            (double)json_string_length(value) > m->max) {
            return error_set(error, m->name, "%s must be a text of %.0f to %.0f bytes", m->name,
                             m->min, m->max);
        }
        if (!utf8_is_fit(json_string_value(value), UTF8_NAME)) {
            return error_set(error, m->name, "%s must be a text without control characters",
                             m->name);
        }
        *(const char **)m->ret = json_string_value(value);
        return 0;
    case JSON_IN_ARRAY:
        if (!json_is_array(value)) {
            return error_set(error, m->name, "%s must be a list", m->name);
        }
        *(json_t **)m->ret = value;
        return 0;
    }
    return 0;
}

int json_in_members(const json_t *object, const struct json_in_member *members, size_t n_members,
                    struct error *error)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)object, name, value)
    {
        const struct json_in_member *m = find_member(members, n_members, name);
        if (m == NULL) {
            return error_set(error, name, "there is no member \"%s\" here", name);
        }
        int rc = read_member(m, value, error);
        if (rc != 0) {
            return rc;
        }
    }
    for (size_t i = 0; i < n_members; i++) {
        if (members[i].required && json_object_get(object, members[i].name) == NULL) {
            return error_set(error, members[i].name, "%s is missing", members[i].name);
        }
    }
    return 0;
}
