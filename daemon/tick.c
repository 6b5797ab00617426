/*
 * The happy path: handlers run in the poll phase and park; the check phase, right behind it in the
 * same round, commits and calls everyone back. A tick opened elsewhere in the round (a timer, a
 * callback of the check phase itself) keeps the loop from blocking by an idle handle, so that the
 * check phase comes at once.
 */
#include "daemon/tick.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

struct tick {
    tick_commit_fn commit;
    tick_after_fn after;
    void *ctx;
    uv_check_t check;
    uv_idle_t awake;
    int n_open_handles;
    bool open;
    struct tick_entry *first, **last;
};

static void on_awake(uv_idle_t *handle)
{
    (void)handle; /* its being active is its work */
}

static void on_check(uv_check_t *handle)
{
    tick_flush(handle->data);
}

int tick_create(uv_loop_t *loop, tick_commit_fn commit, tick_after_fn after, void *ctx,
                struct tick **ret)
{
    struct tick *tick = calloc(1, sizeof *tick);
    if (tick == NULL) {
        return -ENOMEM;
    }
    tick->commit = commit;
    tick->after = after;
    tick->ctx = ctx;
    tick->last = &tick->first;
    uv_check_init(loop, &tick->check);
    uv_idle_init(loop, &tick->awake);
    tick->check.data = tick->awake.data = tick;
    tick->n_open_handles = 2;
    uv_check_start(&tick->check, on_check);
    uv_unref((uv_handle_t *)&tick->check);
    *ret = tick;
    return 0;
}

void tick_open(struct tick *tick)
{
    if (!tick->open) {
        tick->open = true;
        uv_idle_start(&tick->awake, on_awake);
    }
}

void tick_park(struct tick *tick, struct tick_entry *entry)
{
    tick_open(tick);
    entry->next = NULL;
    *tick->last = entry;
    tick->last = &entry->next;
}

void tick_flush(struct tick *tick)
{
    if (!tick->open) {
        return;
    }
    int status = tick->commit(tick->ctx);
    struct tick_entry *entry = tick->first;
    tick->open = false; /* those called back may open it again: that is the next round */
    tick->first = NULL;
    tick->last = &tick->first;
    uv_idle_stop(&tick->awake);
    while (entry != NULL) {
        struct tick_entry *next = entry->next;
        entry->on_done(entry, status);
        entry = next;
    }
    if (tick->after != NULL) {
        tick->after(tick->ctx);
    }
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct tick *tick = handle->data;
    if (--tick->n_open_handles == 0) {
        free(tick);
    }
}

void tick_destroy(struct tick *tick)
{
    if (tick != NULL) {
        assert(!tick->open);
        uv_close((uv_handle_t *)&tick->check, on_handle_closed);
        uv_close((uv_handle_t *)&tick->awake, on_handle_closed);
    }
}
