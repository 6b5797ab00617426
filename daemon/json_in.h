/*
 * JSON from strangers: parsed strictly, and taken apart member by member, so that whatever is
 * unknown or ill-typed is refused by name. Bounded in depth; memory is bounded by the text's size.
 */
#pragma once

#include "common/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JSON_IN_MAX_DEPTH 32

/* Parses a whole object. 0 with a new reference; ERROR_INVALID with *error filled (no field): not
 * JSON, no object, nested too deep, or a member given twice. */
int json_in_parse(const char *text, size_t size, json_t **ret, struct error *error);

/* One member that an object may have. */
struct json_in_member {
    const char *name;
    enum json_in_type { JSON_IN_INTEGER, JSON_IN_REAL, JSON_IN_STRING, JSON_IN_ARRAY } type;
    bool required;
    double min, max; /* of a number, or of a string's length in bytes; inclusive; a string is to
                        be fit to be shown in one line */
    void *ret; /* int64_t *, double *, const char ** or json_t ** (borrowed); untouched if absent */
};

/* Reads an object by a table of its members; anything else in it is an error. 0 or ERROR_INVALID
 * with the field's name. */
int json_in_members(const json_t *object, const struct json_in_member *members, size_t n_members,
                    struct error *error);
