#include "cli/cell_range.h"

#include "cli/population.h"

#include <stdio.h>

static void widen(struct cell_range *range, const json_t *trial)
{
    const json_t *steps = json_object_get(trial, "steps_to_target");

    if (!population_has(trial)) {
        return; /* it says nothing about the network */
    }
    int64_t value = json_is_integer(steps) ? json_integer_value(steps) : CELL_RANGE_NEVER;
    range->least = range->n == 0 || value < range->least ? value : range->least;
    range->most = range->n == 0 || value > range->most ? value : range->most;
    range->n++;
}

/* A cell's trials have ids in a row, by replicate. */
void cell_range_read(struct client *client, int64_t sweep, int64_t first_trial,
                     struct cell_range *ret)
{
    char path[128];
    struct error error;
    json_t *page, *trial;
    size_t i;

    *ret = (struct cell_range){0};
    snprintf(path, sizeof(path), "/v1/trials?sweep=%lld&limit=1000&after=%lld", (long long)sweep,
             (long long)first_trial - 1);
    if (first_trial < 1 || client_get(client, path, &page, &error) != CLIENT_OK) {
        return;
    }
    json_array_foreach(json_object_get(page, "trials"), i, trial)
    {
        int64_t id = json_integer_value(json_object_get(trial, "id"));
        if (json_integer_value(json_object_get(trial, "replicate")) == id - first_trial) {
            widen(ret, trial);
        }
    }
    json_decref(page);
}
