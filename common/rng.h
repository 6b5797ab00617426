/*
 * Counter-based random numbers: Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy
 * as 1, 2, 3", SC 2011). A stream is named by (seed, purpose, index), so that each use of
 * randomness in a trial is independent of how much another one drew: two arms of a sweep with the
 * same seed see the same order of samples. Same numbers on every machine.
 */
#pragma once

#include <stdint.h>

enum rng_purpose {
    RNG_INIT = 1,    /* index = layer */
    RNG_SHUFFLE = 2, /* index = epoch */
    RNG_SYNTH = 3,   /* index = image; seed = the data set's */
    RNG_SEARCH = 4,  /* index = trial of a search */
    RNG_JITTER = 5,  /* back-off */
    RNG_CHECK = 6,   /* index = columns; seed = the rest of a product's shape */
};

struct rng {
    uint64_t seed;
    uint32_t purpose, index;
    uint64_t counter; /* blocks drawn */
    uint32_t block[4];
    int n_left;
};

/* The bare block function: 128 bits for (seed; counter, purpose, index). */
void rng_philox(uint64_t seed, uint64_t counter, uint32_t purpose, uint32_t index,
                uint32_t ret_block[4]);

void rng_init(struct rng *rng, uint64_t seed, enum rng_purpose purpose, uint32_t index);
uint32_t rng_u32(struct rng *rng);
uint64_t rng_u64(struct rng *rng);
double rng_uniform(struct rng *rng);             /* [0, 1), 53 bits */
uint32_t rng_below(struct rng *rng, uint32_t n); /* 0..n-1, unbiased (Lemire 2019); n > 0 */
/* Standard normal by inversion of the uniform (Acklam's rational approximation, |error| < 1.2e-9):
 * no rejection, one uniform each, no libm call in the central region. */
double rng_normal(struct rng *rng);
/* Standard normal truncated to [-2, 2] by redrawing, as Keras does. */
double rng_truncated_normal(struct rng *rng);
