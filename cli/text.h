/*
 * Numbers and words as people read them, and the width that a text takes on a terminal.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define TEXT_SIZE 32

/* "0.4 s", "42 s", "3 min 07 s", "2 h 05 min", "3 d 4 h"; "-" for NAN. */
void text_duration(double seconds, char ret[TEXT_SIZE]);

/* At most four significant digits and no trailing zeros: "51", "11.73", "1200"; "-" for NAN. */
void text_number(double number, char ret[TEXT_SIZE]);

/* A share as a percentage, with every digit that it was given with: "90", "99.999". */
void text_percent(double share, char ret[TEXT_SIZE]);

/* "" for one of a thing, "s" for any other number of them. */
const char *text_plural(int64_t n);

/* Columns of UTF-8 text on a terminal; a byte that is no UTF-8 counts as one. */
size_t text_width(const char *text);

/* A copy fit for a terminal: control characters, what turns the direction of text, and broken UTF-8
 * become "?". The caller frees. */
char *text_printable(const char *text);

/* `text` as one word of a shell's command line, quoted where it must be; a path that begins with a
 * dash gets "./" before it. The caller frees. */
char *text_shell_word(const char *text);

/* `text` in lines of at most `width` columns, broken at blanks where that is possible; those below
 * the first begin with `indent` blanks. */
void text_print_wrapped(const char *text, size_t indent, size_t width, FILE *out);

/* Shortens `text` in place to at most `width` columns; its end says so with "..". */
void text_shorten(char *text, size_t width);
