#include "daemon/queue.h"

#include "daemon/queue_internal.h"
#include "daemon/store_place.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* After a failure, queue_tick is asked for again so soon. */
#define RETRY_MS 1000

void queue_options_init(struct queue_options *options)
{
    *options = (struct queue_options){
        .lease_ms = 30000,
        .worker_gone_ms = 90000,
        .backoff_ms = 1000,
        .backoff_max_ms = 60000,
        .slice = 2500,
    };
}

int queue_open(struct store *store, const struct queue_options *options,
               const struct queue_time *now, struct queue **ret, struct error *error)
{
    struct queue *queue = calloc(1, sizeof(*queue));
    if (!queue) {
        return -ENOMEM;
    }
    queue->store = store;
    queue->options = *options;
    queue->now = *now;
    queue->healthy = true;
    queue->due_ms = INT64_MAX;
    rng_init(&queue->jitter, options->seed, RNG_JITTER, 0);
    queue_memory_init(&queue->memory);
    if (error) {
        error->message[0] = '\0';
    }
    int rc = queue_load(queue, error);
    if (rc == 0) {
        rc = store_last_event(store, &queue->counts.last_event);
        queue->committed = queue->counts;
    }
    if (rc != 0) {
        if (error && error->message[0] == '\0') {
            error_set(error, NULL, "%s cannot be read: %s", store_path(store),
                      store_message(store));
        }
        queue_close(queue);
        return rc;
    }
    *ret = queue;
    return 0;
}

void queue_close(struct queue *queue)
{
    if (queue) {
        queue_memory_clear(&queue->memory);
        free(queue);
    }
}

bool queue_is_healthy(const struct queue *queue)
{
    return queue->healthy;
}

const char *queue_message(const struct queue *queue)
{
    return store_message(queue->store);
}

/* ---- what was done ---- */

int64_t queue_count(const struct queue *queue, enum queue_count count)
{
    return queue->committed.at[count];
}

int64_t queue_live_workers(const struct queue *queue)
{
    return (int64_t)queue->memory.workers.n;
}

int64_t queue_last_event(const struct queue *queue)
{
    return queue->committed.last_event;
}

/* ---- the frame of an operation ---- */

/* Trials whose back-off is over can be claimed again. */
static int end_backoffs(struct queue *queue)
{
    struct queue_memory *memory = &queue->memory;
    const struct waiting_trial *top;
    while ((top = heap_top(&memory->waiting)) && top->key.major <= queue->now.mono_ms) {
        struct waiting_trial waiting;
        heap_pop(&memory->waiting, &waiting);
        struct queue_sweep *sweep = id_map_get(&memory->sweeps, waiting.sweep);
        if (!sweep || sweep->epoch != waiting.epoch) {
            continue;
        }
        int rc = queue_make_ready(sweep, waiting.key.minor, waiting.attempt, waiting.spent);
        if (rc == 0) {
            rc = queue_recount(memory, sweep);
        }
        if (rc != 0) {
            return rc;
        }
    }
    return 0;
}

int queue_enter(struct queue *queue, const struct queue_time *now)
{
    queue->now = *now;
    queue->before = queue->counts;
    int rc = queue->stale ? queue_load(queue, NULL) : 0;
    if (rc == 0) {
        rc = end_backoffs(queue);
        queue->stale = rc != 0;
    }
    if (rc != 0) {
        queue->healthy = false;
    }
    return rc;
}

int queue_write(struct queue *queue)
{
    if (queue->writing) {
        return 0;
    }
    int rc = store_savepoint(queue->store);
    queue->writing = rc == 0;
    return rc;
}

int queue_leave(struct queue *queue, int rc)
{
    if (queue->writing && rc >= 0) {
        int released = store_release(queue->store);
        rc = released != 0 ? released : rc;
    }
    if (rc < 0) {
        queue->counts = queue->before;
        if (queue->writing) {
            store_undo(queue->store);
        }
        queue->stale |= queue->writing; /* memory changes only after the first write */
        queue->healthy = false;
    }
    queue->writing = false;
    return rc;
}

int queue_note(struct queue *queue, const struct store_event *event)
{
    return store_add_event(queue->store, event, queue->now.wall_ms, &queue->counts.last_event);
}

/* ---- the tick ---- */

static int expire_leases(struct queue *queue)
{
    struct queue_lease *lease;
    int rc = 0;
    while (rc == 0 && (lease = queue->memory.first_lease) &&
           lease->deadline_ms <= queue->now.mono_ms) {
        rc = queue_write(queue);
        if (rc == 0) {
            rc = queue_expire(queue, lease);
        }
    }
    return rc;
}

static int end_attempts(struct queue *queue)
{
    struct queue_memory *memory = &queue->memory;
    const struct attempt_end *top;
    int rc = 0;
    while (rc == 0 && (top = heap_top(&memory->ends)) && top->key.major <= queue->now.mono_ms) {
        struct attempt_end end;
        heap_pop(&memory->ends, &end);
        struct queue_lease *lease = id_map_get(&memory->leases, end.key.minor);
        if (!lease || lease->attempt != end.attempt) {
            continue; /* it has ended */
        }
        rc = queue_write(queue);
        if (rc == 0) {
            rc = queue_end_attempt(queue, lease);
        }
    }
    return rc;
}

/* One slice of one sweep, in turn. */
static int do_slice(struct queue *queue)
{
    struct queue_sweep *sweep, *next = NULL, *first = NULL;
    for (size_t at = 0; (sweep = id_map_next(&queue->memory.sweeps, &at));) {
        if (sweep->busy && (!first || sweep->row.id < first->row.id)) {
            first = sweep;
        }
        if (sweep->busy && sweep->row.id > queue->busy_after &&
            (!next || sweep->row.id < next->row.id)) {
            next = sweep;
        }
    }
    sweep = next ? next : first;
    queue->busy_after = sweep->row.id;
    int rc = queue_write(queue);
    return rc == 0 ? queue_slice(queue, sweep, queue->options.slice) : rc;
}

/* As if all workers had been heard just now. */
static void start_afresh(struct queue *queue)
{
    for (struct queue_lease *lease = queue->memory.first_lease; lease; lease = lease->later) {
        lease->deadline_ms = queue->now.mono_ms + queue->options.lease_ms;
        queue_note_end(&queue->memory, lease); /* without memory: with the next heartbeat */
    }
    struct queue_worker_state *worker = queue->memory.first_seen;
    for (; worker; worker = worker->later) {
        worker->seen_ms = queue->now.mono_ms;
    }
}

void queue_renew_leases(struct queue *queue, const struct queue_time *now)
{
    if (!queue->stale) { /* or they will be renewed as it is loaded */
        queue->now = *now;
        start_afresh(queue);
    }
}

/* As after a restart: whoever reports soon is still there. */
static void forgive_oversleeping(struct queue *queue)
{
    int64_t late_ms = queue->due_ms == INT64_MAX ? 0 : queue->now.mono_ms - queue->due_ms;
    if (late_ms >= QUEUE_OVERSLEPT_MS) {
        start_afresh(queue);
    }
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t next_due_ms(const struct queue *queue)
{
    const struct queue_memory *memory = &queue->memory;
    const struct waiting_trial *waiting = heap_top(&memory->waiting);
    const struct attempt_end *end = heap_top(&memory->ends);
    int64_t due = INT64_MAX;
    if (memory->n_busy > 0) {
        return queue->now.mono_ms;
    }
    if (memory->first_lease) {
        due = earlier(due, memory->first_lease->deadline_ms);
    }
    if (waiting) {
        due = earlier(due, waiting->key.major);
    }
    if (end) {
        due = earlier(due, end->key.major);
    }
    if (memory->first_seen) {
        due = earlier(due, memory->first_seen->seen_ms + queue_gone_after_ms(queue));
    }
    return memory->dirty_workers ? earlier(due, queue->workers_due_ms) : due;
}

/* Tries the disk again: an event that stands only if it can be committed. */
static int note_recovery(struct queue *queue)
{
    struct store_event event = {.kind = "database_recovered"};
    int rc = queue_write(queue);
    return rc == 0 ? queue_note(queue, &event) : rc;
}

static int tick(struct queue *queue)
{
    forgive_oversleeping(queue);
    int rc = expire_leases(queue);
    if (rc == 0) {
        rc = end_attempts(queue);
    }
    if (rc == 0) {
        rc = queue_drop_vanished(queue);
    }
    if (rc == 0 && queue->memory.n_busy > 0) {
        rc = do_slice(queue);
    }
    if (rc == 0 && queue->memory.dirty_workers && queue->workers_due_ms <= queue->now.mono_ms) {
        rc = queue_write_workers(queue);
    }
    if (rc == 0 && !queue->healthy) {
        rc = note_recovery(queue);
    }
    return rc;
}

int queue_tick(struct queue *queue, const struct queue_time *now, int64_t *ret_wait_ms)
{
    int rc = store_in_transaction(queue->store) || store_place_check(queue->store) ? 0 : -EIO;
    queue->healthy = queue->healthy && rc == 0;
    rc = rc == 0 ? queue_enter(queue, now) : rc;
    if (rc == 0) {
        rc = queue_leave(queue, tick(queue));
    }
    queue->due_ms = rc == 0 ? next_due_ms(queue) : now->mono_ms + RETRY_MS;
    int64_t wait_ms = queue->due_ms - now->mono_ms;
    *ret_wait_ms = queue->due_ms == INT64_MAX ? INT64_MAX : wait_ms > 0 ? wait_ms : 0;
    return rc;
}

bool queue_is_held(const struct queue *queue)
{
    return store_is_held(queue->store);
}

bool queue_is_displaced(const struct queue *queue)
{
    return store_is_displaced(queue->store);
}

bool queue_is_dirty(const struct queue *queue)
{
    return store_in_transaction(queue->store);
}

/* Writes the counts of every sweep that the tick has touched. */
static int write_sweeps(struct queue *queue)
{
    int rc = queue->stale ? queue_load(queue, NULL) : 0;
    struct queue_sweep *sweep = queue->memory.dirty_sweeps;
    for (; rc == 0 && sweep; sweep = sweep->next_dirty) {
        rc = queue_store_sweep(queue, sweep);
    }
    return rc;
}

/* The tick is durable: what it finished need not be remembered. */
static void forget_finished(struct queue_memory *memory)
{
    while (memory->dirty_sweeps) {
        struct queue_sweep *sweep = memory->dirty_sweeps;
        memory->dirty_sweeps = sweep->next_dirty;
        sweep->dirty = false;
        if (sweep->row.finished || sweep->deleted) {
            queue_drop_sweep(memory, sweep);
        }
    }
}

int queue_commit(struct queue *queue)
{
    if (!queue_is_dirty(queue)) {
        queue->committed = queue->counts;
        return 0;
    }
    int rc = write_sweeps(queue);
    if (rc == 0) {
        rc = store_commit(queue->store);
    } else {
        store_rollback(queue->store);
    }
    queue->healthy = rc == 0;
    if (rc != 0) {
        queue->stale = true;
        queue->counts = queue->committed;
        return rc;
    }
    queue->committed = queue->counts;
    forget_finished(&queue->memory);
    return 0;
}
