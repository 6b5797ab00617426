/*
 * Rows of JSON objects as an aligned table for people, as CSV (RFC 4180) or as JSON. A column is
 * named by the member that it shows; a table for people may print it in another way.
 */
#pragma once

#include "cli/args.h"
#include "cli/terminal.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/* A cell as text for people; malloc'd. NULL as a column's function prints the value as it is. */
typedef char *table_cell(const json_t *row, const char *key);

struct column {
    const char *key;
    const char *title; /* NULL: the key */
    table_cell *cell;  /* NULL: table_plain */
    int spare;         /* where width is wanting the highest goes first; 0: only after all others */
};

/* Texts as they are (fit for a terminal), numbers by text_number, null and absent as "-", arrays
 * as "500,400", booleans as yes and no. */
char *table_plain(const json_t *row, const char *key);
/* A parameter, which is what was asked for and not measured: a number in the fewest digits that
 * read back as it, a list of no hidden layers as "none". */
char *table_parameter(const json_t *row, const char *key);
char *table_duration(const json_t *row, const char *key); /* seconds */
char *table_percent(const json_t *row, const char *key);  /* 0..1 as "90.12 %" */
char *table_ago(const json_t *row, const char *key);      /* a time as "12 s ago" */

/* Whether table_print would show all as it is: also where no terminal is to be fitted. */
bool table_fits(const json_t *rows, const struct column *columns, const struct terminal *terminal);

/* Aligned columns: a column whose every cell is a number or "-" stands to the right. On a live
 * terminal it is made to fit: columns that can be spared are left out, the widest columns of words
 * shortened; a last line names what was left out. `columns` ends with a NULL key. */
void table_print(const json_t *rows, const struct column *columns, const struct terminal *terminal,
                 FILE *out);

/* Every member of the first row is a column; nested values are written as JSON. */
void table_print_csv(const json_t *rows, FILE *out);

/* Any JSON, indented. */
void table_print_json(const json_t *json, FILE *out);

/* Prints the rows on standard output in the format asked for; a table without rows is the line
 * `when_empty`. */
void table_print_as(const json_t *rows, const struct column *columns, enum format format,
                    const char *when_empty);
