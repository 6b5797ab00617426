/*
 * One tick, one transaction: what is written in one round of the loop shares one COMMIT.
 *
 *     first tick_open or tick_park of a round -> open -> end of the round: commit -> every on_done
 *
 * A handler does its write within the queue's transaction and parks its answer; the answers go out
 * when the COMMIT has told whether they are true.
 */
#pragma once

#include <uv.h>

struct tick;

/* Makes the round durable. 0, or negative: nothing of the round is true. */
typedef int (*tick_commit_fn)(void *ctx);
/* After the last on_done of a round. */
typedef void (*tick_after_fn)(void *ctx);

/* Embedded by whoever waits for the COMMIT. */
struct tick_entry {
    void (*on_done)(struct tick_entry *entry, int status); /* 0, or what commit returned */
    struct tick_entry *next;
};

/* 0, or -ENOMEM. */
int tick_create(uv_loop_t *loop, tick_commit_fn commit, tick_after_fn after, void *ctx,
                struct tick **ret);

/* Asks for a commit at the end of this round. */
void tick_open(struct tick *tick);

/* The same, and for on_done after it. Entries are called in the order in which they came. */
void tick_park(struct tick *tick, struct tick_entry *entry);

/* Ends the round now: for the last words before the process ends. */
void tick_flush(struct tick *tick);

/* The tick must not be open. Freed in the loop's next round. NULL is fine. */
void tick_destroy(struct tick *tick);
