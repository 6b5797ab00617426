/*
 * What a summary's figures are of: which trials count, which are left out, and whether those that
 * count can be compared at all. Said in a line each below a table, nothing where all is plain.
 */
#pragma once

#include <jansson.h>
#include <stdio.h>

/* `rows` of the view `summary`. */
void population_print(const json_t *rows, FILE *out);
