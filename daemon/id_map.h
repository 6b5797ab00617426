/*
 * From an id (> 0) to a pointer: open addressing, linear probing. The map owns nothing it points
 * to.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct id_map {
    struct id_slot *slots;
    size_t size; /* a power of two, or 0 */
    size_t n;
};

/* Zeroed memory is an empty map. */
void id_map_clear(struct id_map *map);
/* NULL when it is not there. */
void *id_map_get(const struct id_map *map, int64_t id);
/* Adds or replaces. 0 or -ENOMEM. */
int id_map_put(struct id_map *map, int64_t id, void *value);
/* What was there, or NULL. */
void *id_map_take(struct id_map *map, int64_t id);
/* Walks all values in no order: start with *at = 0; NULL at the end. No changes meanwhile. */
void *id_map_next(const struct id_map *map, size_t *at);
