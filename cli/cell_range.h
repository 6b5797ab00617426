/*
 * Between which steps the trials of a cell, of all its seeds, reached their target.
 */
#pragma once

#include "cli/client.h"

#include <stdint.h>

#define CELL_RANGE_NEVER INT64_MAX /* for a trial that did not reach it */

struct cell_range {
    int64_t least, most;
    int n; /* trials with a result; with none the others say nothing */
};

/* Of the cell whose first trial (replicate 0) has that id; of very many the first thousand. What
 * cannot be had is no trial. */
void cell_range_read(struct client *client, int64_t sweep, int64_t first_trial,
                     struct cell_range *ret);
