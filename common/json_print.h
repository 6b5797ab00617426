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

/* What a person gave, for a message that says what it should be: the value as it is, cut short
 * where it is long. Returns `text`. */
#define JSON_PRINT_SHORT_SIZE 64
const char *json_print_short(const json_t *json, char text[JSON_PRINT_SHORT_SIZE]);

/* What to do about text that Jansson could not parse: the words to put behind its own; "" for most.
 * Many programs write NaN, which JSON does not have. */
const char *json_print_remedy(const json_error_t *problem);
