#include "worker/backoff.h"

uint32_t backoff_next(struct backoff *backoff, struct rng *rng)
{
    uint64_t whole_ms = backoff->first_ms;
    for (uint32_t i = 0; i < backoff->n_failures && whole_ms < backoff->most_ms; i++) {
        whole_ms *= 2;
    }
    if (whole_ms > backoff->most_ms) {
        whole_ms = backoff->most_ms;
    }
    backoff->n_failures++;
    uint32_t half_ms = (uint32_t)(whole_ms / 2);
    return half_ms + rng_below(rng, (uint32_t)(whole_ms - half_ms) + 1);
}

void backoff_reset(struct backoff *backoff)
{
    backoff->n_failures = 0;
}
