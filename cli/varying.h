/*
 * Which configuration columns of a view are worth a person's eyes: those in which rows differ.
 */
#pragma once

#include "cli/table.h"
#include "common/config.h"

#include <jansson.h>

#define VARYING_COLUMNS_MAX (CONFIG_FIELD_COUNT + 24)

/* The columns of configuration fields (and "sweep") whose values differ among `rows`, then those of
 * `fixed` (ended by a NULL key) that are not null throughout, then the NULL key. What follows from
 * another column is left out: hidden_units from depth and width, batch_norm_output from
 * batch_norm. */
void varying_columns(const json_t *rows, const struct column *fixed,
                     struct column ret[VARYING_COLUMNS_MAX]);
