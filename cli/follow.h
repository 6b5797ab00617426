/*
 * Following a sweep to its end: asks the daemon again and again, and shows the progress on standard
 * error, redrawn on a terminal, as occasional lines elsewhere.
 *
 *     ask --> show --> all final? --yes--> done
 *      ^        |no
 *      `- sleep-'      interrupted, or the daemon stays away: given up
 */
#pragma once

#include "cli/client.h"
#include "cli/terminal.h"
#include "common/error.h"

#include <jansson.h>
#include <stdint.h>

struct follow {
    struct client *client;
    int64_t sweep;
    int interval_ms;                 /* from one look to the next */
    int patience_ms;                 /* how long the daemon may be away */
    const struct terminal *terminal; /* of standard error */
    /* Called at every look; not 0 = give up, with *error filled. May be NULL. */
    int (*check)(void *arg, struct error *error);
    /* A line that `check` wants shown above the bar; malloc'd; NULL: none. May be NULL. */
    char *(*news)(void *arg);
    void *arg;
};

enum follow_outcome {
    FOLLOW_FINISHED = 0,
    FOLLOW_INTERRUPTED = 1, /* *ret_sweep is the last that was seen, or NULL */
    FOLLOW_FAILED = 2,      /* *error says why */
};

/* Interrupts must be caught (interrupt.h). *ret_sweep is a new reference or NULL. */
enum follow_outcome follow_sweep(const struct follow *follow, json_t **ret_sweep,
                                 struct error *error);
