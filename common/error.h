/*
 * What was wrong with a person's input, in words: which field or file, and why, with the value
 * and the remedy. Filled by parsers and readers, shown by whoever talks to the person (an HTTP
 * answer, a line on standard error). Not for our bugs (assert) and not for errno (negative int).
 */
#pragma once

#include <stdarg.h>

#define ERROR_INVALID 1 /* the code every parser returns beside a filled struct error */

struct error {
    char field[128];   /* dotted path, e.g. "parameters.depth[2]"; empty if no field is to blame */
    char message[512]; /* a sentence for a person */
};

/* Fills *error (which may be NULL) and returns ERROR_INVALID. `field` may be NULL. Both texts are
 * fit to be shown (utf8.h), whatever was put into them and wherever it had to be cut. */
int error_set(struct error *error, const char *field, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same, for functions that take a format themselves. */
int error_vset(struct error *error, const char *field, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));

/* Puts "outer." before the field; an empty field becomes `outer`; returns ERROR_INVALID. */
int error_prefix(struct error *error, const char *outer);
