#include "daemon/id_map.h"

#include <errno.h>
#include <stdlib.h>

struct id_slot {
    int64_t id; /* 0 = free */
    void *value;
};

/* Fibonacci hashing: consecutive ids spread well. */
static size_t home(const struct id_map *map, int64_t id)
{
    return (size_t)((uint64_t)id * 11400714819323198485u >> 32) & (map->size - 1);
}

static struct id_slot *find(const struct id_map *map, int64_t id)
{
    size_t at = home(map, id);
    while (map->slots[at].id != 0 && map->slots[at].id != id) {
        at = (at + 1) & (map->size - 1);
    }
    return &map->slots[at];
}

void id_map_clear(struct id_map *map)
{
    free(map->slots);
    *map = (struct id_map){0};
}

void *id_map_get(const struct id_map *map, int64_t id)
{
    return map->n > 0 && id > 0 ? find(map, id)->value : NULL;
}

static int grow(struct id_map *map)
{
    struct id_map bigger = {.size = map->size ? 2 * map->size : 16, .n = map->n};
    bigger.slots = calloc(bigger.size, sizeof(*bigger.slots));
    if (!bigger.slots) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < map->size; i++) {
        if (map->slots[i].id != 0) {
            *find(&bigger, map->slots[i].id) = map->slots[i];
        }
    }
    free(map->slots);
    *map = bigger;
    return 0;
}

int id_map_put(struct id_map *map, int64_t id, void *value)
{
    if (2 * (map->n + 1) > map->size) {
        int rc = grow(map);
        if (rc != 0) {
            return rc;
        }
    }
    struct id_slot *slot = find(map, id);
    map->n += slot->id == 0;
    *slot = (struct id_slot){id, value};
    return 0;
}

void *id_map_take(struct id_map *map, int64_t id)
{
    if (map->n == 0 || id <= 0) {
        return NULL;
    }
    struct id_slot *slot = find(map, id);
    void *value = slot->value;
    if (slot->id == 0) {
        return NULL;
    }
    /* Close the gap: move back whatever probed across it. */
    size_t hole = (size_t)(slot - map->slots);
    for (size_t at = (hole + 1) & (map->size - 1); map->slots[at].id != 0;
         at = (at + 1) & (map->size - 1)) {
        size_t distance = (at - home(map, map->slots[at].id)) & (map->size - 1);
        if (distance >= ((at - hole) & (map->size - 1))) {
            map->slots[hole] = map->slots[at];
            hole = at;
        }
    }
    map->slots[hole] = (struct id_slot){0};
    map->n--;
    return value;
}

void *id_map_next(const struct id_map *map, size_t *at)
{
    while (*at < map->size) {
        const struct id_slot *slot = &map->slots[(*at)++];
        if (slot->id != 0) {
            return slot->value;
        }
    }
    return NULL;
}
