/*
 * A binary heap of small structs that begin with a struct heap_key; the least key is on top.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct heap_key {
    int64_t major, minor;
};

struct heap {
    size_t item_size;
    char *items;
    size_t n, room;
};

void heap_init(struct heap *heap, size_t item_size);
void heap_clear(struct heap *heap);
/* Copies the item in. 0 or -ENOMEM. */
int heap_push(struct heap *heap, const void *item);
/* The least, inside the heap; NULL when it is empty. */
const void *heap_top(const struct heap *heap);
/* Copies the least out (ret may be NULL) and removes it; the heap is not empty. */
void heap_pop(struct heap *heap, void *ret);
