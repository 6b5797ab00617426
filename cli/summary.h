/*
 * A sweep's summary for people: steps to the target for every cell, as the table that the sweep's
 * axes suggest (or a plain list), and a chart of it.
 */
#pragma once

#include "cli/terminal.h"

#include <jansson.h>
#include <stdio.h>

/* `rows`: rows of the view `summary` of one sweep; `sweep`: as the daemon tells it, with "spec". */
void summary_print(const json_t *rows, const json_t *sweep, const struct terminal *terminal,
                   FILE *out);

/* Any rows of the view, of one sweep or several: one line each, with the columns that differ. */
void summary_print_list(const json_t *rows, const struct terminal *terminal, FILE *out);
