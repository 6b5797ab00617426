#include "worker/nn/initializer.h"

#include "common/rng.h"

#include <math.h>

/* The standard deviation of a standard normal truncated to [-2, 2]. */
#define TRUNCATED_DEVIATION 0.87962566103423978

static double variance_of(enum initializer initializer, int n_in, int n_out)
{
    switch (initializer) {
    case INITIALIZER_HE_NORMAL:
    case INITIALIZER_HE_UNIFORM:
        return 2.0 / n_in;
    case INITIALIZER_GLOROT_NORMAL:
    case INITIALIZER_GLOROT_UNIFORM:
        return 2.0 / (n_in + n_out);
    default:
        return 1.0 / n_in;
    }
}

void initializer_fill(enum initializer initializer, uint64_t seed, int layer, int n_in, int n_out,
                      float *w)
{
    bool uniform =
        initializer == INITIALIZER_HE_UNIFORM || initializer == INITIALIZER_GLOROT_UNIFORM;
    double deviation = sqrt(variance_of(initializer, n_in, n_out));
    double limit = deviation * sqrt(3.0), scale = deviation / TRUNCATED_DEVIATION;
    size_t n = (size_t)n_in * (size_t)n_out;
    struct rng rng;

    rng_init(&rng, seed, RNG_INIT, (uint32_t)layer);
    for (size_t i = 0; i < n; i++) {
        w[i] = (float)(uniform ? limit * (2 * rng_uniform(&rng) - 1)
                               : scale * rng_truncated_normal(&rng));
    }
}
