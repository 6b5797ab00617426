#include "daemon/queue_internal.h"

#include <errno.h>
#include <stdio.h>

/* Taking over a result without rows takes as long as copying so many. */
#define ROWS_PER_TRIAL 16

/* ---- the next trial ---- */

int64_t queue_claimable(const struct queue *queue)
{
    return queue->stale ? 0 : queue->memory.claimable;
}

int queue_read_config(struct queue *queue, struct queue_sweep *sweep, int64_t trial,
                      struct trial_config *ret)
{
    int64_t replicate = (trial - sweep->row.first_trial) % sweep->row.replicates;
    int64_t cell = trial - replicate;
    if (cell != sweep->cached_cell) {
        int rc = store_read_cell(queue->store, cell, &sweep->cached_config);
        if (rc != 0) {
            return rc;
        }
        sweep->cached_cell = cell;
    }
    *ret = sweep->cached_config;
    ret->seed = (uint64_t)(sweep->row.seed + replicate);
    return 0;
}

/* The trial that comes next: one that was tried before, else the first that never was. */
static struct ready_trial take_ready(struct queue_sweep *sweep)
{
    struct ready_trial next = {{sweep->row.first_trial + sweep->next_fresh, 0}, 0, 0};
    if (sweep->ready.n > 0) {
        heap_pop(&sweep->ready, &next);
    } else {
        sweep->next_fresh++;
    }
    return next;
}

int64_t queue_end_ms(const struct queue *queue, const struct queue_sweep *sweep)
{
    int64_t max_seconds = sweep->row.max_seconds;
    return max_seconds > 0 ? queue->now.mono_ms + 1000 * max_seconds : 0;
}

static int claim_one(struct queue *queue, struct queue_worker_state *worker,
                     struct queue_claim *ret)
{
    struct queue_memory *memory = &queue->memory;
    struct queue_sweep *sweep = queue_next_turn(memory);
    if (!sweep) {
        return -ENOMEM; /* something can be claimed, so only its turn can have got lost */
    }
    struct ready_trial next = take_ready(sweep);
    struct queue_lease lease = {
        .trial = next.key.major,
        .worker = worker->row.id,
        .attempt = next.attempt + 1,
        .spent = next.spent,
        .sweep = sweep,
        .deadline_ms = queue->now.mono_ms + queue->options.lease_ms,
        .end_ms = queue_end_ms(queue, sweep),
        .past = REPORT_NOTHING_PAST,
        .past_known = true,
    };
    int rc = store_start_attempt(queue->store, lease.trial, lease.attempt, lease.worker,
                                 queue->now.wall_ms);
    if (rc == 0) {
        rc = queue_read_config(queue, sweep, lease.trial, &ret->config);
    }
    if (rc == 0) {
        rc = queue_find_offers(queue, sweep, lease.trial, &ret->offers);
    }
    lease.terms = report_terms_of(&ret->config);
    if (rc == 0) {
        struct queue_lease *added = queue_add_lease(memory, &lease);
        rc = added ? queue_note_end(memory, added) : -ENOMEM;
    }
    if (rc != 0) {
        return rc;
    }
    ret->trial = lease.trial;
    ret->attempt = lease.attempt;
    sweep->row.counts[TRIAL_QUEUED]--;
    sweep->row.counts[TRIAL_RUNNING]++;
    worker->row.running++;
    meter_start(&sweep->meter, queue->now.mono_ms);
    meter_start(&worker->meter, queue->now.mono_ms);
    queue_mark_sweep(memory, sweep);
    return queue_recount(memory, sweep);
}

/* ---- the end of an attempt ---- */

/* What happened to an attempt; what becomes of the trial follows from it. */
struct ending {
    enum attempt_state attempt;
    bool retry; /* another attempt may do better */
    const char *error;
    const struct trial_result *result;
    int64_t reused_from; /* the trial that was trained for the result; 0 = this one */
};

/* Figures of speed are of what was trained. */
static bool is_trained(const struct ending *ending)
{
    return ending->attempt == ATTEMPT_SUCCEEDED && ending->reused_from == 0;
}

/* The one table of moves out of `running`. */
static enum trial_state next_state(const struct queue_lease *lease, const struct ending *ending,
                                   bool spends)
{
    const struct store_sweep *row = &lease->sweep->row;
    if (ending->attempt == ATTEMPT_SUCCEEDED) {
        return TRIAL_SUCCEEDED;
    }
    if (row->state == SWEEP_CANCELLED) {
        return TRIAL_CANCELLED;
    }
    if (!ending->retry || (spends && lease->spent + 1 >= row->max_attempts)) {
        return TRIAL_FAILED;
    }
    return TRIAL_QUEUED;
}

/* min(backoff * 2^(spent - 1), max), +-25 %. */
static int64_t backoff_ms(struct queue *queue, int32_t spent)
{
    const struct queue_options *options = &queue->options;
    int64_t ms = options->backoff_ms;
    for (int32_t i = 1; i < spent && ms < options->backoff_max_ms; i++) {
        ms *= 2;
    }
    ms = ms < options->backoff_max_ms ? ms : options->backoff_max_ms;
    return (int64_t)((double)ms * (0.75 + 0.5 * rng_uniform(&queue->jitter)));
}

static int requeue(struct queue *queue, const struct queue_lease *lease, enum attempt_state why,
                   int32_t spent)
{
    struct queue_sweep *sweep = lease->sweep;
    if (why != ATTEMPT_FAILED) {
        return queue_make_ready(sweep, lease->trial, lease->attempt, spent);
    }
    struct waiting_trial waiting = {
        .key = {queue->now.mono_ms + backoff_ms(queue, spent), lease->trial},
        .sweep = sweep->row.id,
        .epoch = sweep->epoch,
        .attempt = lease->attempt,
        .spent = spent,
    };
    return heap_push(&queue->memory.waiting, &waiting);
}

static int note_ending(struct queue *queue, const struct queue_lease *lease,
                       const struct ending *ending, enum trial_state state)
{
    const char *kind = state == TRIAL_FAILED                ? "trial_failed"
                       : ending->attempt == ATTEMPT_EXPIRED ? "lease_expired"
                       : ending->attempt == ATTEMPT_FAILED  ? "attempt_failed"
                                                            : NULL;
    struct store_event event = {.kind = kind,
                                .sweep = lease->sweep->row.id,
                                .trial = lease->trial,
                                .attempt = lease->attempt,
                                .worker = lease->worker,
                                .message = ending->error};
    return kind ? queue_note(queue, &event) : 0;
}

static void count_for_worker(struct queue *queue, const struct queue_lease *lease,
                             const struct ending *ending)
{
    struct queue_worker_state *worker = id_map_get(&queue->memory.workers, lease->worker);
    if (!worker) {
        return;
    }
    worker->row.running -= worker->row.running > 0;
    worker->row.succeeded += is_trained(ending);
    worker->row.failed += ending->attempt == ATTEMPT_FAILED || ending->attempt == ATTEMPT_EXPIRED;
    if (is_trained(ending)) {
        meter_add(&worker->meter, queue->now.mono_ms);
    }
    queue_mark_worker(&queue->memory, worker);
}

static void count_ending(struct queue *queue, const struct ending *ending, enum trial_state state)
{
    int64_t *counts = queue->counts.at;
    counts[QUEUE_SUCCEEDED] += state == TRIAL_SUCCEEDED;
    counts[QUEUE_FAILED] += state == TRIAL_FAILED;
    counts[QUEUE_CANCELLED] += state == TRIAL_CANCELLED;
    counts[QUEUE_REUSED] += ending->reused_from != 0;
    counts[QUEUE_ATTEMPTS_FAILED] += ending->attempt == ATTEMPT_FAILED;
    counts[QUEUE_LEASES_EXPIRED] += ending->attempt == ATTEMPT_EXPIRED;
    counts[QUEUE_LEASES_RELEASED] += ending->attempt == ATTEMPT_RELEASED;
}

/* Whether a trial that is failed now failed because its network diverged; else nothing is set. */
static int judge_divergence(struct queue *queue, struct store_end *end)
{
    if (end->trial_state != TRIAL_FAILED || end->attempt_state != ATTEMPT_FAILED ||
        !trial_failure_is_divergence(end->error)) {
        return 0;
    }
    int rc = store_find_crossing(queue->store, end->trial, end->attempt, &end->crossing_step,
                                 &end->crossing_seconds);
    end->divergence = rc == 0 ? DIVERGED_AFTER_TARGET : DIVERGED_BEFORE_TARGET;
    return rc < 0 ? rc : 0;
}

/* Ends the lease; it is freed in any case. */
static int end_lease(struct queue *queue, struct queue_lease *lease, const struct ending *ending)
{
    struct queue_sweep *sweep = lease->sweep;
    bool spends = ending->attempt == ATTEMPT_FAILED || ending->attempt == ATTEMPT_EXPIRED;
    struct store_end end = {
        .trial = lease->trial,
        .attempt = lease->attempt,
        .attempt_state = ending->attempt,
        .trial_state = next_state(lease, ending, spends),
        .spends = spends,
        .error = ending->error,
        .result = ending->result,
        .reused_from = ending->reused_from,
    };
    int rc = judge_divergence(queue, &end);
    if (rc == 0) {
        rc = store_end_attempt(queue->store, &end, queue->now.wall_ms);
    }
    if (rc == 0) {
        rc = note_ending(queue, lease, ending, end.trial_state);
    }
    if (rc == 0 && end.trial_state == TRIAL_QUEUED) {
        rc = requeue(queue, lease, ending->attempt, lease->spent + spends);
    }
    count_for_worker(queue, lease, ending);
    count_ending(queue, ending, end.trial_state);
    queue_drop_lease(&queue->memory, lease);
    sweep->row.counts[TRIAL_RUNNING]--;
    sweep->row.counts[queue_counted_state(sweep, end.trial, end.trial_state)]++;
    sweep->row.reached += ending->result && ending->result->steps_to_target >= 0;
    sweep->row.diverged += end.divergence == DIVERGED_BEFORE_TARGET;
    sweep->row.crossed += end.divergence == DIVERGED_AFTER_TARGET;
    sweep->row.reused += ending->reused_from != 0;
    if (end.trial_state != TRIAL_QUEUED && ending->reused_from == 0) {
        sweep->row.ended = true;
        meter_add(&sweep->meter, queue->now.mono_ms);
    }
    queue_mark_sweep(&queue->memory, sweep);
    return rc == 0 ? queue_recount(&queue->memory, sweep) : rc;
}

int queue_expire(struct queue *queue, struct queue_lease *lease)
{
    char error[128];
    snprintf(error, sizeof(error), "lease expired: nothing heard from worker %lld for %lld s",
             (long long)lease->worker, (long long)(queue->options.lease_ms / 1000));
    struct ending ending = {.attempt = ATTEMPT_EXPIRED, .retry = true, .error = error};
    return end_lease(queue, lease, &ending);
}

int queue_end_attempt(struct queue *queue, struct queue_lease *lease)
{
    char error[64];
    snprintf(error, sizeof(error), "ran longer than max_seconds = %lld",
             (long long)lease->sweep->row.max_seconds);
    struct ending ending = {.attempt = ATTEMPT_FAILED, .retry = true, .error = error};
    return end_lease(queue, lease, &ending);
}

int queue_release(struct queue *queue, struct queue_lease *lease)
{
    struct ending ending = {.attempt = ATTEMPT_RELEASED, .retry = true};
    return end_lease(queue, lease, &ending);
}

/* ---- taking over ---- */

/* An earlier result stands for this training; if it has gone meanwhile, the trial goes back.
 * 0, 1 = it went back. */
static int take_over(struct queue *queue, struct queue_lease *lease, int64_t from,
                     struct store_reused *ret)
{
    int found = queue_take_over(queue, lease, from, ret);
    if (found != 0) {
        int rc = found > 0 ? queue_release(queue, lease) : found;
        return rc == 0 ? found : rc;
    }
    struct ending ending = {
        .attempt = ATTEMPT_SUCCEEDED, .result = &ret->result, .reused_from = ret->trained};
    return end_lease(queue, lease, &ending);
}

/* ---- claims ---- */

/* Ends a trial just claimed if it is known that the worker would take over an earlier result.
 * 0, 1 = it did not, and the claim stands. */
static int spare(struct queue *queue, struct queue_worker_state *worker,
                 const struct queue_claim *claim, int64_t *budget)
{
    const struct reuse_offer *offer = queue_find_vouched(worker, claim);
    struct store_reused reused = {0};
    if (!offer) {
        return 1;
    }
    int rc =
        take_over(queue, id_map_get(&queue->memory.leases, claim->trial), offer->trial, &reused);
    *budget -= ROWS_PER_TRIAL + reused.n_rows;
    return rc == 1 ? -ESTALE : rc; /* it was offered a moment ago */
}

int queue_claim(struct queue *queue, int64_t worker, size_t max, const struct queue_time *now,
                struct queue_claim *ret_claims, size_t *ret_n)
{
    struct queue_worker_state *heard;
    int rc = queue_enter(queue, now);
    if (rc != 0) {
        return rc;
    }
    rc = queue_find_worker(queue, worker, &heard);
    int64_t free = rc == 0 ? queue_free_slots(queue, worker) : 0;
    max = (int64_t)max < free ? max : (size_t)free;
    size_t n = 0;
    int64_t budget = queue->options.slice;
    while (rc == 0 && n < max && queue->memory.claimable > 0 && budget > 0) {
        rc = queue_write(queue);
        if (rc == 0) {
            rc = claim_one(queue, heard, &ret_claims[n]);
        }
        if (rc == 0) {
            rc = spare(queue, heard, &ret_claims[n], &budget);
        }
        if (rc == 1) {
            n++;
            rc = 0;
        }
    }
    queue->counts.at[QUEUE_CLAIMS] += (int64_t)n;
    rc = queue_leave(queue, rc);
    if (rc == 0) {
        *ret_n = n;
    }
    return rc;
}

/* ---- reports ---- */

static int keep_measurements(struct queue *queue, const struct report *report)
{
    int rc = 0;
    if (report->n_measurements > 0 || report->n_layers > 0) {
        rc = queue_write(queue);
    }
    queue->counts.at[QUEUE_MEASUREMENTS] += (int64_t)report->n_measurements;
    queue->counts.at[QUEUE_LAYER_STATS] += (int64_t)report->n_layers;
    if (rc == 0) {
        rc = store_insert_measurements(queue->store, report);
    }
    return rc == 0 ? store_insert_layers(queue->store, report) : rc;
}

/* The worker has taken an offer. */
static int take_reused(struct queue *queue, struct queue_worker_state *worker,
                       struct queue_lease *lease, int64_t from)
{
    struct store_reused reused;
    struct trial_config config;
    int rc = queue_write(queue);
    if (rc == 0) {
        rc = queue_read_config(queue, lease->sweep, lease->trial, &config);
    }
    if (rc == 0) {
        rc = take_over(queue, lease, from, &reused);
    }
    if (rc == 0) {
        queue_vouch(worker, config.dataset, &reused.result);
    }
    return rc < 0 ? rc : 0;
}

/* An item of the attempt that holds the lease. */
static int take_current(struct queue *queue, struct queue_worker_state *worker,
                        struct queue_lease *lease, const struct report *report,
                        enum report_status *ret)
{
    bool cancelled = lease->sweep->row.state == SWEEP_CANCELLED;
    struct ending ending = {.attempt = ATTEMPT_CANCELLED};
    int rc = keep_measurements(queue, report);
    if (rc != 0) {
        return rc;
    }
    report_past_take(&lease->past, &lease->terms, report);
    if (report->end == REPORT_REUSED) {
        *ret = REPORT_OK;
        return take_reused(queue, worker, lease, report->reused_from);
    }
    if (report->end == REPORT_DONE) {
        queue_check_vouch(worker, &report->result);
        ending = (struct ending){.attempt = ATTEMPT_SUCCEEDED, .result = &report->result};
    } else if (report->end == REPORT_FAILED) {
        ending = (struct ending){.attempt = ATTEMPT_FAILED,
                                 .retry = report->failure.retry,
                                 .error = report->failure.reason};
    } else if (report->end == REPORT_RELEASED) {
        ending = (struct ending){.attempt = ATTEMPT_RELEASED, .retry = true};
    } else if (!cancelled) {
        queue_extend_lease(&queue->memory, lease, queue->now.mono_ms + queue->options.lease_ms);
        *ret = REPORT_OK;
        return queue_note_end(&queue->memory, lease);
    }
    *ret = report->end == REPORT_CONTINUES ? REPORT_CANCELLED : REPORT_OK;
    rc = queue_write(queue);
    return rc == 0 ? end_lease(queue, lease, &ending) : rc;
}

/* Whether the attempt has ended by the very report that is here again. */
static bool is_repetition(enum report_end end, enum attempt_state state)
{
    switch (end) {
    case REPORT_DONE:
        return state == ATTEMPT_SUCCEEDED;
    case REPORT_FAILED:
        return state == ATTEMPT_FAILED;
    case REPORT_RELEASED:
        return state == ATTEMPT_RELEASED;
    case REPORT_REUSED:
        return state == ATTEMPT_SUCCEEDED || state == ATTEMPT_RELEASED;
    case REPORT_CONTINUES:
        break;
    }
    return false;
}

/* An item of an attempt that has ended, said twice or too late; or of another worker's. */
static int take_late(struct queue *queue, int64_t worker, const struct report *report,
                     enum report_status *ret)
{
    struct store_attempt attempt = {0};
    int rc = store_find_attempt(queue->store, report->trial, report->attempt, &attempt);
    enum attempt_state state = attempt.state;
    if (rc != 0 || attempt.worker != worker) {
        *ret = REPORT_LEASE_LOST;
        return rc < 0 ? rc : 0;
    }
    if (is_repetition(report->end, state)) {
        *ret = REPORT_OK;
        return 0;
    }
    *ret = state == ATTEMPT_CANCELLED ? REPORT_CANCELLED : REPORT_LEASE_LOST;
    if (report->end != REPORT_DONE && report->end != REPORT_FAILED) {
        return 0;
    }
    rc = queue_write(queue);
    return rc == 0 ? store_keep_late(queue->store, report, queue->now.wall_ms) : rc;
}

int queue_report(struct queue *queue, const struct queue_reports *reports,
                 const struct queue_time *now, struct error *error)
{
    struct queue_worker_state *heard;
    int rc = queue_enter(queue, now);
    if (rc != 0) {
        return rc;
    }
    rc = queue_hear(queue, reports->worker, &heard);
    if (rc == 0) {
        rc = queue_check(queue, reports, error);
    }
    queue->counts.at[QUEUE_REPORTS] += rc == 0 ? (int64_t)reports->n : 0;
    for (size_t i = 0; rc == 0 && i < reports->n; i++) {
        const struct report *item = &reports->items[i];
        struct queue_lease *lease = id_map_get(&queue->memory.leases, item->trial);
        if (lease && lease->attempt == item->attempt && lease->worker == reports->worker) {
            rc = take_current(queue, heard, lease, item, &reports->ret_status[i]);
        } else {
            rc = take_late(queue, reports->worker, item, &reports->ret_status[i]);
        }
    }
    return queue_leave(queue, rc);
}
