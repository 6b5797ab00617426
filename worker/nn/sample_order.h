/*
 * Which samples the next batch holds: without replacement within an epoch, reshuffled for each
 * epoch from the stream (seed, RNG_SHUFFLE, epoch), so that trials with the same seed see the same
 * order whatever else differs. Every batch is full: where an epoch does not divide, a batch takes
 * the rest of it and the start of the next one (as TensorFlow's MNIST loader does).
 */
#pragma once

#include <stdint.h>

struct sample_order {
    uint64_t seed;
    uint32_t epoch; /* of the samples in `order` */
    int first, n;   /* draws from first..first+n-1 */
    int taken;      /* of this epoch */
    int32_t *order; /* n */
};

/* 0 or -ENOMEM; free with sample_order_free. */
int sample_order_init(struct sample_order *samples, uint64_t seed, int first, int n);
void sample_order_free(struct sample_order *samples);

/* Another order instead: these n indices, once; no more may be asked for. Takes the malloc'd array
 * over. */
void sample_order_replace(struct sample_order *samples, int32_t *indices, int n);

/* The next `batch` <= n indices. */
void sample_order_next(struct sample_order *samples, int batch, int32_t *ret_indices);
