/*
 * One allocation for many arrays of floats. First every array is reserved, then the block is
 * allocated, then offsets become addresses:
 *
 *     size_t weights = block_reserve(&block, n_in * n_out);
 *     block_allocate(&block);
 *     float *w = block.at + weights;
 *
 * Each array starts on a 64-byte boundary; the gaps are zero and stay so.
 */
#pragma once

#include <stddef.h>

struct block {
    float *at; /* NULL before block_allocate */
    size_t n;  /* floats, gaps included */
};

/* The offset of `n` further floats. Only before block_allocate. */
size_t block_reserve(struct block *block, size_t n);

/* Zeroed memory for all that was reserved. 0 or -ENOMEM. */
int block_allocate(struct block *block);

/* Frees the memory; an empty or freed block is fine. */
void block_free(struct block *block);
