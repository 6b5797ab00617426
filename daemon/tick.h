/*
 * One tick, one transaction: what is written in one round of the loop shares one COMMIT.
 *
 *     first tick_join of a round --begin--> open --end of the round--> commit --> every on_done
 *
 * A handler that wants to write joins the tick, does its write within a savepoint of its own and
 * parks its answer; the answers go out when the COMMIT has told whether they are true.
 */
#pragma once

#include <stdbool.h>
#include <uv.h>

struct tick;

struct tick_transaction {
    int (*begin)(void *ctx);  /* 0, or negative: then nothing joins */
    int (*commit)(void *ctx); /* 0, or negative: nothing of the round is true */
    void (*sent)(void *ctx);  /* after the last on_done of a round; may be NULL */
    void *ctx;
};

/* Embedded by whoever waits for the COMMIT; untouched memory until on_done is called. */
struct tick_entry {
    void (*on_done)(struct tick_entry *entry, int status); /* 0, or what commit returned */
    struct tick_entry *next;
};

/* 0, or -errno. */
int tick_create(uv_loop_t *loop, const struct tick_transaction *transaction, struct tick **ret);

/* Opens the round's transaction if it is not open. 0, or what begin returned. */
int tick_join(struct tick *tick);

/* Asks for on_done at the end of this round; only after a tick_join that succeeded. Order kept. */
void tick_park(struct tick *tick, struct tick_entry *entry);

/* Ends the round now: for the last words before the process ends. */
void tick_flush(struct tick *tick);

/* The transaction must not be open. Freed in the loop's next round. NULL is fine. */
void tick_destroy(struct tick *tick);
