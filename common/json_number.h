/*
 * Which JSON numbers are integers: one rule for all that is read. 5, 5.0 and 5e2 are; most
 * languages write some whole numbers with a point.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* Whether it is a number without a fraction, written as an integer or below 2^53 in size. */
bool json_number_integral(const json_t *json, int64_t *ret);
