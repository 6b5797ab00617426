/*
 * The worker that the daemon starts and minds on its own machine: a ninety-worker, started again
 * with growing delay when it ends, stopped with the daemon.
 *
 *     running --ends--> waiting (0.5 s, doubling to 30 s) --> running
 *        |--cannot work here (its exit status), and somebody wants to know--> useless
 *        `--local_worker_stop--> stopping (SIGTERM: it hands its trials back) --ends--> stopped
 *
 * It gets the token by its environment, never by its arguments, and dies with the daemon.
 */
#pragma once

#include "common/error.h"

#include <uv.h>

struct local_worker;

struct local_worker_options {
    const char *url;     /* of the daemon */
    const char *token;   /* NULL: none */
    const char *data;    /* NULL, or where data sets lie */
    const char *trainer; /* NULL, or another trainer's command */
    int slots;
    /* NULL, or called when it ended because it cannot work here; it is not started again then. */
    void (*on_useless)(void *ctx);
    void *ctx;
};

/* Starts it. 0; ERROR_INVALID with one line when there is no such program; -ENOMEM. */
int local_worker_create(uv_loop_t *loop, const struct local_worker_options *options,
                        struct local_worker **ret, struct error *error);

/* Lets it hand back its trials and end; then on_stopped is called, perhaps at once. Once only. */
void local_worker_stop(struct local_worker *worker, void (*on_stopped)(void *ctx), void *ctx);

/* SIGKILL if it still runs. Freed in the loop's next rounds; NULL is fine. */
void local_worker_destroy(struct local_worker *worker);
