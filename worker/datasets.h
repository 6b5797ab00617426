/*
 * The data sets this worker has made ready, by name: prepare() of worker/data, off the loop and
 * once for all trials that wait for the same one.
 */
#pragma once

#include "worker/data/prepare.h"

#include <stdbool.h>
#include <uv.h>

struct datasets;

/* How preparing `name` ended. */
struct datasets_outcome {
    const char *name;
    const struct prepared *prepared; /* NULL = failed */
    const char *message;             /* why it failed */
    bool retry;                      /* another try may end better */
};

typedef void (*datasets_prepared_fn)(void *arg, const struct datasets_outcome *outcome);

/* Borrows what the options point to; their progress and abort are its own. NULL when out of
 * memory. */
struct datasets *datasets_create(uv_loop_t *loop, const struct prepare_options *options,
                                 datasets_prepared_fn on_prepared, void *arg);
/* What is under way is told to stop, and calls nobody; frees itself then. */
void datasets_close(struct datasets *datasets);

/* 0 and where the data set is, valid until it is forgotten; DATASETS_PREPARING: on_prepared will
 * be called; -ENOMEM. */
#define DATASETS_PREPARING 1
int datasets_get(struct datasets *datasets, const char *name, const struct prepared **ret);

/* Looks again the next time; for when something was wrong with it after all. */
void datasets_forget(struct datasets *datasets, const char *name);
