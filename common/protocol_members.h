/*
 * The members of what is said about a trial, by table: name, type and place in the struct of
 * protocol.h. protocol.c walks the tables with Jansson, protocol_scan.c over bare text.
 */
#pragma once

#include "common/protocol.h"

enum member_type { MEMBER_INT, MEMBER_LAYER, MEMBER_REAL, MEMBER_TEXT, MEMBER_BOOL };

struct member {
    const char *name;
    size_t length; /* of the name */
    enum member_type type;
    bool required;
    size_t offset, size; /* size: of a MEMBER_TEXT's array */
};

/* Each ends with a member without a name. */
extern const struct member measurement_members[];
extern const struct member layer_members[];
extern const struct member result_members[];
extern const struct member failure_members[];

/* Sets a field to what stands for a member that is not there. */
void member_set_absent(const struct member *member, void *field);

/* clang-format off */
#define INT(s, n, required) {#n, sizeof(#n) - 1, MEMBER_INT, required, offsetof(struct s, n), 0}
#define REAL(s, n, required) {#n, sizeof(#n) - 1, MEMBER_REAL, required, offsetof(struct s, n), 0}
#define TEXT(s, n, required) {#n, sizeof(#n) - 1, MEMBER_TEXT, required, offsetof(struct s, n), sizeof(((struct s *)0)->n)}
#define END {0}
/* clang-format on */
