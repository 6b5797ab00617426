/*
 * What the layers of a sweep's networks look like at a step, for people: a row per cell, a column
 * per layer, from the input to the logits.
 */
#pragma once

#include "cli/terminal.h"

#include <jansson.h>
#include <stdio.h>

/* `rows`: of GET /v1/layers, in its order; `value`: what was asked for, "gradient_rms", ... */
void layers_print(const json_t *rows, const char *value, const struct terminal *terminal,
                  FILE *out);
