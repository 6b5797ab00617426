/*
 * The right to report on a trial: its number and which attempt at it this is.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct lease {
    int64_t trial, attempt;
};

static inline bool lease_equal(struct lease a, struct lease b)
{
    return a.trial == b.trial && a.attempt == b.attempt;
}
