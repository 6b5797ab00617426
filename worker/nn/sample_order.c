#include "worker/nn/sample_order.h"

#include "common/rng.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Fisher-Yates from the identity, so that an epoch's order depends on its number alone. */
static void shuffle(struct sample_order *samples)
{
    struct rng rng;

    for (int i = 0; i < samples->n; i++) {
        samples->order[i] = samples->first + i;
    }
    rng_init(&rng, samples->seed, RNG_SHUFFLE, samples->epoch);
    for (int i = samples->n - 1; i > 0; i--) {
        uint32_t k = rng_below(&rng, (uint32_t)i + 1);
        int32_t t = samples->order[i];
        samples->order[i] = samples->order[k];
        samples->order[k] = t;
    }
    samples->taken = 0;
}

int sample_order_init(struct sample_order *samples, uint64_t seed, int first, int n)
{
    int32_t *order = malloc((size_t)n * sizeof(*order));

    if (!order) {
        return -ENOMEM;
    }
    *samples = (struct sample_order){.seed = seed, .first = first, .n = n, .order = order};
    shuffle(samples);
    return 0;
}

void sample_order_free(struct sample_order *samples)
{
    free(samples->order);
    samples->order = NULL;
}

void sample_order_replace(struct sample_order *samples, int32_t *indices, int n)
{
    sample_order_free(samples);
    *samples = (struct sample_order){.n = n, .order = indices};
}

void sample_order_next(struct sample_order *samples, int batch, int32_t *ret_indices)
{
    while (batch > 0) {
        if (samples->taken == samples->n) {
            samples->epoch++;
            shuffle(samples);
        }
        int left = samples->n - samples->taken;
        int n = batch < left ? batch : left;

        memcpy(ret_indices, samples->order + samples->taken, (size_t)n * sizeof(*ret_indices));
        samples->taken += n;
        ret_indices += n;
        batch -= n;
    }
}
