/*
 * JSON values as text: as Jansson prints them, but every number in the fewest digits that read
 * back as the same one (0.27, where Jansson writes 0.27000000000000002).
 */
#pragma once

#include <jansson.h>
#include <stdio.h>

enum json_print_style {
    JSON_PRINT_COMPACT, /* in one line, without blanks */
    JSON_PRINT_SORTED,  /* the same, members of objects in the alphabet's order */
    JSON_PRINT_INDENTED /* for people: a line for each item, two blanks for each level */
};

/* Any value, objects and lists or not. malloc'd; NULL when out of memory, and for NULL. */
char *json_print_text(const json_t *json, enum json_print_style style);

/* The same into a file; 0, or -ENOMEM. What went wrong with the file ferror(out) tells. */
int json_print_file(const json_t *json, enum json_print_style style, FILE *out);
