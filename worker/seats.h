/*
 * A worker's slots, and the way of each trial through them: claimed, its data made ready, trained,
 * its news put into the outbox. Not trained is what an offer stands for: a result that the slot's
 * own trainer has made before, with the same kernel on the same data. Knows nothing of the daemon.
 */
#pragma once

#include "worker/lease.h"
#include "worker/orphans.h"
#include "worker/outbox.h"
#include "worker/wire.h"
#include "worker/worker.h"

#include <uv.h>

struct seats;

/* Called from the loop. */
struct seats_handlers {
    void (*on_change)(void *arg); /* a slot has become free, or the outbox has news */
    /* No trainer has ever got ready, and one of them has failed to again and again. */
    void (*on_hopeless)(void *arg, const char *reason);
    /* A trainer has computed a wrong matrix product; `kernel` as it introduced itself, NULL = it
     * was none of the kernel's. Everything is to be handed back. */
    void (*on_wrong_products)(void *arg, const char *kernel);
    void *arg;
};

/* Starts the trainers. Borrows the options and the outbox. NULL when out of memory. */
struct seats *seats_create(uv_loop_t *loop, const struct worker_options *options,
                           struct outbox *outbox, const struct seats_handlers *handlers);

/* How many trials could start now. */
int seats_n_free(const struct seats *seats);

/* Enters a granted claim into the outbox and starts it; whatever prevents that ends it there. */
void seats_take(struct seats *seats, const struct wire_claim *claim);
/* The lease is no longer ours: whoever trains it is stopped. */
void seats_drop(struct seats *seats, struct lease lease);

/* Stops all trainers and whatever else is under way; the loop runs dry when they are gone. */
void seats_close(struct seats *seats);
/* SIGKILL to all trainers. */
/* What a child of this process is, for orphans_kill. */
enum orphans_kin seats_kin(const struct seats *seats, const struct orphans_child *child);
void seats_kill(struct seats *seats);
/* After seats_close and the end of the loop. */
void seats_destroy(struct seats *seats);
