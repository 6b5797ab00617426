#include "daemon/queue_internal.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct loading {
    struct queue *queue;
    struct queue_memory *memory;
    struct queue_sweep *sweep;
    int64_t fresh; /* from this index on every trial so far is queued and has had no attempt */
};

static int load_lease(struct loading *loading, const struct store_trial *trial)
{
    struct queue *queue = loading->queue;
    struct queue_lease lease = {
        .trial = trial->id,
        .attempt = (int32_t)trial->attempt,
        .spent = (int32_t)trial->spent,
        .sweep = loading->sweep,
        .deadline_ms = queue->now.mono_ms + queue->options.lease_ms,
        .end_ms = queue_end_ms(queue, loading->sweep),
    };
    struct store_attempt attempt;
    int rc = store_find_attempt(queue->store, trial->id, trial->attempt, &attempt);
    if (rc != 0) {
        return rc < 0 ? rc : -ESTALE;
    }
    lease.worker = attempt.worker;
    struct queue_worker_state *worker = id_map_get(&loading->memory->workers, lease.worker);
    if (worker) {
        worker->row.running++;
    }
    struct queue_lease *added = queue_add_lease(loading->memory, &lease);
    return added ? queue_note_end(loading->memory, added) : -ENOMEM;
}

static int load_trial(void *arg, const struct store_trial *trial)
{
    struct loading *loading = arg;
    struct queue_sweep *sweep = loading->sweep;
    enum trial_state counted = queue_counted_state(sweep, trial->id, trial->state);
    sweep->row.counts[counted]++;
    sweep->row.reached += trial->reached;
    if (counted == TRIAL_FAILED) {
        sweep->row.diverged += trial->divergence == DIVERGED_BEFORE_TARGET;
        sweep->row.crossed += trial->divergence == DIVERGED_AFTER_TARGET;
    }
    bool queued = counted == TRIAL_QUEUED && trial->state == TRIAL_QUEUED;
    if (queued && trial->attempt == 0) {
        return 0; /* one of the fresh run, if nothing breaks it */
    }
    int64_t index = trial->id - sweep->row.first_trial;
    for (int64_t i = loading->fresh; i < index; i++) {
        int rc = queue_make_ready(sweep, sweep->row.first_trial + i, 0, 0);
        if (rc != 0) {
            return rc;
        }
    }
    loading->fresh = index + 1;
    if (queued) {
        return queue_make_ready(sweep, trial->id, (int32_t)trial->attempt, (int32_t)trial->spent);
    }
    return trial->state == TRIAL_RUNNING ? load_lease(loading, trial) : 0;
}

static int load_spec(struct queue *queue, struct queue_sweep *sweep, struct error *error)
{
    /* What an earlier load has parsed is still good. */
    struct queue_sweep *old = id_map_get(&queue->memory.sweeps, sweep->row.id);
    if (old && old->spec) {
        sweep->spec = old->spec;
        old->spec = NULL;
        return 0;
    }
    char *text;
    int rc = store_read_spec(queue->store, sweep->row.id, &text);
    if (rc != 0) {
        return rc;
    }
    struct error why = {0};
    rc = queue->options.parse_sweep(text, &sweep->spec, &why);
    free(text);
    if (rc > 0) {
        error_set(error, NULL, "sweep %lld cannot be expanded further: %s: %s",
                  (long long)sweep->row.id, why.field, why.message);
        return -EINVAL;
    }
    return rc;
}

static int load_sweep(struct queue *queue, struct queue_memory *memory,
                      const struct store_sweep *row, struct error *error)
{
    struct queue_sweep *sweep = queue_add_sweep(memory, row);
    if (!sweep) {
        return -ENOMEM;
    }
    if (row->move == SWEEP_MOVE_DELETE) {
        return queue_recount(memory, sweep); /* only the rest of it is to go */
    }
    struct loading loading = {.queue = queue, .memory = memory, .sweep = sweep};
    memset(sweep->row.counts, 0, sizeof(sweep->row.counts));
    sweep->row.reached = sweep->row.diverged = sweep->row.crossed = 0;
    int rc = store_visit_trials(queue->store, row->first_trial, row->first_trial + row->expanded,
                                load_trial, &loading);
    if (rc == 0 && row->reuse) {
        rc = store_count_reused(queue->store, row->first_trial, row->first_trial + row->expanded,
                                &sweep->row.reused);
    }
    if (rc != 0) {
        return rc;
    }
    sweep->next_fresh = loading.fresh;
    sweep->row.counts[row->state == SWEEP_CANCELLED ? TRIAL_CANCELLED : TRIAL_QUEUED] +=
        row->n_trials - row->expanded;
    if (row->expanded < row->n_trials || row->unmatched > 0) {
        rc = load_spec(queue, sweep, error);
        if (rc != 0) {
            return rc;
        }
    }
    if (row->move == SWEEP_MOVE_CANCEL) {
        queue_void_ready(memory, sweep);
    }
    queue_mark_sweep(memory, sweep);
    return queue_recount(memory, sweep);
}

static int load_workers(struct queue *queue, struct queue_memory *memory)
{
    struct store_worker row = {0};
    int rc;
    while ((rc = store_next_live_worker(queue->store, row.id, &row)) == 0) {
        row.running = 0;
        row.seen_wall_ms = queue->now.wall_ms;
        if (!queue_add_worker(memory, &row, queue->now.mono_ms)) {
            return -ENOMEM;
        }
    }
    return rc == 1 ? 0 : rc;
}

int queue_load(struct queue *queue, struct error *error)
{
    struct queue_memory memory;
    queue_memory_init(&memory);
    int rc = load_workers(queue, &memory);
    struct store_sweep row = {0};
    while (rc == 0 && (rc = store_next_live_sweep(queue->store, row.id, &row)) == 0) {
        rc = load_sweep(queue, &memory, &row, error);
    }
    if (rc != 1) {
        queue_memory_clear(&memory);
        return rc;
    }
    queue_memory_clear(&queue->memory);
    queue->memory = memory;
    queue->stale = false;
    return 0;
}
