#include "worker/nn/block.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { FLOATS_PER_LINE = 16, LINE = 64 };

size_t block_reserve(struct block *block, size_t n)
{
    size_t offset = block->n;

    block->n += (n + FLOATS_PER_LINE - 1) / FLOATS_PER_LINE * FLOATS_PER_LINE;
    return offset;
}

int block_allocate(struct block *block)
{
    size_t size = block->n * sizeof(float);

    block->at = aligned_alloc(LINE, size ? size : LINE);
    if (!block->at) {
        return -ENOMEM;
    }
    memset(block->at, 0, size);
    return 0;
}

void block_free(struct block *block)
{
    free(block->at);
    *block = (struct block){0};
}
