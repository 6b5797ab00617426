#include "daemon/heap.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

void heap_init(struct heap *heap, size_t item_size)
{
    *heap = (struct heap){.item_size = item_size};
}

void heap_clear(struct heap *heap)
{
    free(heap->items);
    heap_init(heap, heap->item_size);
}

static char *item(const struct heap *heap, size_t at)
{
    return heap->items + at * heap->item_size;
}

static bool less(const void *a, const void *b)
{
    const struct heap_key *key_a = a, *key_b = b;
    return key_a->major != key_b->major ? key_a->major < key_b->major : key_a->minor < key_b->minor;
}

int heap_push(struct heap *heap, const void *new_item)
{
    if (heap->n == heap->room) {
        size_t room = heap->room ? 2 * heap->room : 16;
        char *items = realloc(heap->items, room * heap->item_size);
        if (!items) {
            return -ENOMEM;
        }
        heap->items = items;
        heap->room = room;
    }
    size_t at = heap->n++;
    while (at > 0 && less(new_item, item(heap, (at - 1) / 2))) {
        memcpy(item(heap, at), item(heap, (at - 1) / 2), heap->item_size);
        at = (at - 1) / 2;
    }
    memcpy(item(heap, at), new_item, heap->item_size);
    return 0;
}

const void *heap_top(const struct heap *heap)
{
    return heap->n > 0 ? heap->items : NULL;
}

void heap_pop(struct heap *heap, void *ret)
{
    assert(heap->n > 0);
    if (ret) {
        memcpy(ret, heap->items, heap->item_size);
    }
    const char *last = item(heap, --heap->n);
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= heap->n) {
            break;
        }
        child += child + 1 < heap->n && less(item(heap, child + 1), item(heap, child));
        if (!less(item(heap, child), last)) {
            break;
        }
        memcpy(item(heap, at), item(heap, child), heap->item_size);
        at = child;
    }
    if (item(heap, at) != last) {
        memcpy(item(heap, at), last, heap->item_size);
    }
}
