/*
 * The members of what is said about a trial, by table: name, type and place in the struct of
 * protocol.h. protocol.c and protocol_lines.c walk the tables with Jansson, protocol_scan.c over
 * bare text.
 */
#pragma once

#include "common/protocol.h"

enum member_type { MEMBER_INT, MEMBER_LAYER, MEMBER_REAL, MEMBER_TEXT, MEMBER_BOOL };

/* What a value must be, whatever else is said; the rules between values are in protocol_rules.h. */
enum member_rule {
    MEMBER_ANY,
    MEMBER_AMOUNT, /* a number from 0 */
    MEMBER_SHARE,  /* a number from 0 to 1 */
    MEMBER_NAME,   /* a text fit to be shown in one line */
    MEMBER_HASH,   /* 64 digits of 0-9 and a-f, or "" */
    MEMBER_PROSE,  /* a text that is cut when it is too long, not refused */
};

struct member {
    const char *name;
    size_t length; /* of the name */
    enum member_type type;
    bool required;
    size_t offset, size; /* size: of a MEMBER_TEXT's array */
    enum member_rule rule;
};

/* Each ends with a member without a name. */
extern const struct member measurement_members[];
extern const struct member layer_members[];
extern const struct member result_members[];
extern const struct member failure_members[];

/* Sets a field to what stands for a member that is not there. */
void member_set_absent(const struct member *member, void *field);

/* Whether a field that was given is as its member's rule says: 0, or ERROR_INVALID with the member
 * and the value named. */
int member_check(const struct member *member, const void *field, struct error *error);

/* Adds the members that exist to `object`; -1 when out of memory. */
int members_to_json(const struct member *members, const void *data, json_t *object);
/* Reads the members of `object` by the table; a null counts as absent, and unknown members are
 * passed over, so that a newer peer can say more. */
int members_from_json(const struct member *members, const json_t *object, void *data,
                      struct error *error);
/* The members trial and attempt. */
int lease_from_json(const json_t *object, int64_t *ret_trial, int64_t *ret_attempt,
                    struct error *error);

/* clang-format off */
#define INT(s, n, required) {#n, sizeof(#n) - 1, MEMBER_INT, required, offsetof(struct s, n), 0, MEMBER_ANY}
#define REAL(s, n, required, rule) {#n, sizeof(#n) - 1, MEMBER_REAL, required, offsetof(struct s, n), 0, rule}
#define TEXT(s, n, required, rule) {#n, sizeof(#n) - 1, MEMBER_TEXT, required, offsetof(struct s, n), sizeof(((struct s *)0)->n), rule}
#define END {0}
/* clang-format on */
