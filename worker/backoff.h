/*
 * How long to wait before trying again: doubling from `first_ms` to `most_ms`, each time a random
 * share between a half and the whole of it, so that many workers do not come back in one moment.
 */
#pragma once

#include "common/rng.h"

#include <stdint.h>

struct backoff {
    uint32_t first_ms, most_ms;
    uint32_t n_failures; /* in a row */
};

/* Counts a failure and returns the milliseconds to wait. */
uint32_t backoff_next(struct backoff *backoff, struct rng *rng);
void backoff_reset(struct backoff *backoff);
