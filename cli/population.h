/*
 * What a summary's figures are of: which trials count, which are left out, and whether those that
 * count can be compared at all. Said in a line each below a table, nothing where all is plain.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/* Whether a trial is in the figures: reached, censored or diverged. */
bool population_has(const json_t *trial);

/* `rows` of the view `summary`. */
void population_print(const json_t *rows, FILE *out);
