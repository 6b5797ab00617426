/*
 * The values a configuration flag names: `--depth 1..7`, `--batch-norm none,before`,
 * `--hidden-units '500,400;300'` (lists, separated by semicolons), `--learning-rate 0.01,0.001`.
 */
#pragma once

#include "common/config.h"
#include "common/error.h"

#include <jansson.h>

#define VALUES_MAX 10000 /* of one flag; a longer range is a slip of the finger */

/* Appends the values in `text` to the JSON array `values`, which is left as it was on error.
 * ERROR_INVALID blames the flag, by its name with dashes. */
int values_parse(enum config_field field, const char *text, json_t *values, struct error *error);
