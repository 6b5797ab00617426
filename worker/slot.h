/*
 * One trainer process, kept running, and the trial it has in hand.
 *
 *     trainer:  DOWN --start--> STARTING --ready line--> READY --stop--> STOPPING --+
 *                 ^                `-- dies --+             `-- dies --+            |
 *                 '-- at once; with back-off when it dies again and again ----------'
 *     trial:    none --assign--> assigned --train--> in hand --done | failed--> none
 *
 * Whatever goes wrong while a trial is in hand (death, a line that is no line of the protocol, a
 * wrong trial, silence without work) comes out as that trial's TRAINER_FAILED, with the reason.
 * A trainer that dies without a trial costs nobody an attempt.
 */
#pragma once

#include "common/protocol.h"
#include "worker/lease.h"
#include "worker/orphans.h"

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct slot;

struct slot_options {
    uv_loop_t *loop;
    int index;                /* for the log */
    int core;                 /* to bind the trainer to; -1 = none */
    const char *const *argv;  /* the trainer's command; outlives the slot */
    char *const *environment; /* likewise */
    /* No line and no CPU time used for this long, or no line for twelve times as long: it hangs.
     * 0 = never. */
    uint64_t silence_ms;
    /* TRAINER_READY: the slot is free. The others are news of the trial in hand; after DONE and
     * FAILED it has none. */
    void (*on_event)(void *arg, struct slot *slot, const struct trainer_event *event);
    /* The first few starts of its trainer have all failed, the last for this reason. It goes on
     * trying; called once. */
    void (*on_hopeless)(void *arg, struct slot *slot, const char *reason);
    /* It has exited, after a wrong matrix product; with another kernel it may compute right ones,
     * or not (trainer_status.h). A trial in hand is not ended: hand it back. */
    void (*on_wrong_products)(void *arg, struct slot *slot, bool is_the_kernel);
    void (*on_closed)(void *arg, struct slot *slot); /* after slot_close; frees itself then */
    void *arg;
};

/* Copies the options and starts the trainer; events come from the loop only. NULL when out of
 * memory. */
struct slot *slot_create(const struct slot_options *options);

int slot_index(const struct slot *slot);
/* Whether its trainer is ready and has no trial. */
bool slot_is_free(const struct slot *slot);
/* Keeps a free slot for a lease whose data are not there yet. */
void slot_assign(struct slot *slot, struct lease lease);
bool slot_has(const struct slot *slot, struct lease lease);
/* Whether it has been assigned a lease and no job yet. */
bool slot_awaits_job(const struct slot *slot);
/* Hands the job of the assigned lease to the trainer, once that is ready. May fail the trial. */
void slot_train(struct slot *slot, const struct trainer_job *job);
/* Forgets the lease, without an event; a trainer at work on it is stopped. */
void slot_drop(struct slot *slot);

/* Stops the trainer for good: SIGTERM, SIGKILL a little later. */
void slot_close(struct slot *slot);
/* SIGKILL to the trainer, at once; for the way out. */
void slot_kill(struct slot *slot);

/* What a child of this process is to its trainer. */
enum orphans_kin slot_kin(const struct slot *slot, const struct orphans_child *child);
