#include "daemon/queue_internal.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#define EXPANDED_AT_ONCE 64 /* rows of one statement */

int queue_store_sweep(struct queue *queue, struct queue_sweep *sweep)
{
    struct store_sweep *row = &sweep->row;
    if (sweep->deleted) {
        return 0; /* the row is gone */
    }
    bool final = row->counts[TRIAL_QUEUED] + row->counts[TRIAL_RUNNING] == 0;
    bool finished = final && !sweep->busy;
    if (sweep->meter.started) {
        row->trials_per_minute = meter_per_minute(&sweep->meter, queue->now.mono_ms);
    }
    if (finished && !row->finished) {
        struct store_event event = {.kind = "sweep_finished", .sweep = row->id};
        int rc = queue_note(queue, &event);
        if (rc != 0) {
            return rc;
        }
    }
    row->finished = finished;
    int rc = store_update_sweep(queue->store, row, queue->now.wall_ms);
    row->ended = false;
    return rc;
}

/* ---- slices ---- */

/* Writes the next n trials, and the cells that begin among them. */
static int expand_some(struct queue *queue, struct queue_sweep *sweep, size_t n)
{
    struct store_sweep *row = &sweep->row;
    struct store_trial trials[EXPANDED_AT_ONCE];
    struct store_cell cells[EXPANDED_AT_ONCE];
    size_t n_cells = 0;
    for (size_t i = 0; i < n; i++) {
        int64_t index = row->expanded + (int64_t)i;
        struct store_trial *trial = &trials[i];
        *trial = (struct store_trial){
            .id = row->first_trial + index,
            .sweep = row->id,
            .cell = index / row->replicates,
            .replicate = index % row->replicates,
            .state = row->state == SWEEP_CANCELLED ? TRIAL_CANCELLED : TRIAL_QUEUED,
        };
        if (trial->replicate == 0) {
            struct store_cell *cell = &cells[n_cells++];
            cell->id = trial->id;
            cell->sweep = trial->sweep;
            cell->cell = trial->cell;
            sweep_cell(sweep->spec, trial->cell, &cell->config);
        }
    }
    int rc = store_insert_cells(queue->store, cells, n_cells);
    if (rc == 0) {
        rc = store_insert_trials(queue->store, trials, n, queue->now.wall_ms);
    }
    row->expanded += (int64_t)n;
    return rc;
}

static int expand(struct queue *queue, struct queue_sweep *sweep, int64_t budget)
{
    struct store_sweep *row = &sweep->row;
    int64_t left = row->n_trials - row->expanded;
    int rc = 0;
    for (left = left < budget ? left : budget; rc == 0 && left > 0; left -= EXPANDED_AT_ONCE) {
        rc = expand_some(queue, sweep,
                         left < EXPANDED_AT_ONCE ? (size_t)left : (size_t)EXPANDED_AT_ONCE);
    }
    if (row->state == SWEEP_CANCELLED) {
        sweep->next_fresh = row->expanded;
    }
    return rc;
}

/* Writes what is not yet written, and then finds its twins. */
static int grow(struct queue *queue, struct queue_sweep *sweep, int64_t budget)
{
    struct store_sweep *row = &sweep->row;
    int64_t left = budget - (row->n_trials - row->expanded);
    int rc = expand(queue, sweep, budget);
    if (rc == 0 && row->unmatched > 0) {
        rc = queue_match(queue, sweep, left);
    }
    if (row->expanded == row->n_trials && row->unmatched == 0) {
        sweep_destroy(sweep->spec);
        sweep->spec = NULL;
    }
    return rc;
}

static int offer_retried(void *arg, const struct store_trial *trial)
{
    return trial->state == TRIAL_FAILED || trial->state == TRIAL_CANCELLED
               ? queue_make_ready(arg, trial->id, (int32_t)trial->attempt, 0)
               : 0;
}

/* From the last trial to the first, so that `expanded` stays true all the time. The row says first
 * what is about to go: the schema's guards ask for that. */
static int delete_some(struct queue *queue, struct queue_sweep *sweep, int64_t budget)
{
    struct store_sweep *row = &sweep->row;
    int64_t end = row->first_trial + row->expanded;
    int64_t n = row->expanded < budget ? row->expanded : budget;
    row->expanded -= n;
    sweep->next_fresh = row->expanded;
    int rc = queue_store_sweep(queue, sweep);
    if (rc == 0) {
        rc = store_delete_trials(queue->store, end - n, end);
    }
    sweep->deleted = row->expanded == 0;
    return rc == 0 && sweep->deleted ? store_delete_sweep(queue->store, row->id) : rc;
}

/* Moves the next trials that have rows; the rest is expanded into the right state anyway. */
static int move(struct queue *queue, struct queue_sweep *sweep, int64_t budget)
{
    struct store_sweep *row = &sweep->row;
    if (row->move == SWEEP_MOVE_DELETE) {
        return delete_some(queue, sweep, budget);
    }
    int64_t left = row->expanded - row->moved;
    int64_t first = row->first_trial + row->moved;
    int64_t end = first + (left < budget ? left : budget);
    int rc;
    if (row->move == SWEEP_MOVE_CANCEL) {
        rc = store_cancel_trials(queue->store, first, end, queue->now.wall_ms);
    } else {
        rc = store_visit_trials(queue->store, first, end, offer_retried, sweep);
        if (rc == 0) {
            rc = store_retry_trials(queue->store, first, end);
        }
    }
    row->moved += end - first;
    if (row->moved == row->expanded) {
        row->move = SWEEP_MOVE_NONE;
        row->moved = 0;
    }
    return rc;
}

int queue_slice(struct queue *queue, struct queue_sweep *sweep, int64_t budget)
{
    int rc = sweep->row.move != SWEEP_MOVE_NONE ? move(queue, sweep, budget)
                                                : grow(queue, sweep, budget);
    if (rc == 0) {
        rc = queue_recount(&queue->memory, sweep);
    }
    queue_mark_sweep(&queue->memory, sweep); /* so that the commit forgets it when it is finished */
    return rc == 0 ? queue_store_sweep(queue, sweep) : rc;
}

/* ---- submission ---- */

int queue_find_submission(struct queue *queue, const struct queue_submission *submission,
                          int64_t *ret_id)
{
    if (!submission->idempotency_key || !submission->idempotency_key[0]) {
        return 0;
    }
    int64_t id;
    char sha256[SHA256_HEX_SIZE];
    int rc = store_find_submission(queue->store, submission->idempotency_key, &id, sha256);
    if (rc != 0) {
        return rc < 0 ? rc : 0;
    }
    if (strcmp(sha256, submission->body_sha256) != 0) {
        return QUEUE_KEY_MISMATCH;
    }
    *ret_id = id;
    return QUEUE_REPEATED;
}

static int insert_sweep(struct queue *queue, struct sweep *sweep,
                        const struct queue_submission *submission, struct queue_sweep **ret)
{
    struct store_submission rows = {
        .sweep = sweep,
        .spec = submission->spec,
        .idempotency_key = submission->idempotency_key,
        .body_sha256 = submission->body_sha256,
    };
    struct store_sweep row = {
        .state = SWEEP_ACTIVE,
        .priority = sweep->priority,
        .max_running = sweep->max_running,
        .max_attempts = sweep->max_attempts,
        .max_seconds = sweep->max_seconds,
        .replicates = sweep->replicates,
        .seed = sweep->seed,
        .n_cells = sweep->n_cells,
        .n_trials = sweep->n_trials,
        .reuse = sweep->reuse,
        .counts[TRIAL_QUEUED] = sweep->n_trials,
        .trials_per_minute = NAN,
    };
    int rc = store_insert_sweep(queue->store, &rows, queue->now.wall_ms, &row.id, &row.first_trial);
    if (rc != 0) {
        return rc;
    }
    row.unmatched = sweep->reuse ? row.first_trial : 0;
    struct store_event event = {.kind = "sweep_submitted", .sweep = row.id, .message = sweep->name};
    rc = queue_note(queue, &event);
    if (rc != 0) {
        return rc;
    }
    *ret = queue_add_sweep(&queue->memory, &row);
    return *ret ? 0 : -ENOMEM;
}

int queue_submit(struct queue *queue, struct sweep *sweep,
                 const struct queue_submission *submission, const struct queue_time *now,
                 int64_t *ret_id)
{
    struct queue_sweep *added = NULL;
    int64_t id = 0;
    int rc = queue_enter(queue, now);
    if (rc != 0) {
        sweep_destroy(sweep);
        return rc;
    }
    rc = queue_find_submission(queue, submission, &id);
    if (rc == 0) {
        rc = queue_write(queue);
    }
    if (rc == 0) {
        rc = insert_sweep(queue, sweep, submission, &added);
    }
    if (rc == 0) {
        id = added->row.id;
        added->spec = sweep;
        queue->counts.at[QUEUE_SWEEPS]++;
        rc = queue_slice(queue, added, queue->options.slice);
    } else {
        sweep_destroy(sweep);
    }
    rc = queue_leave(queue, rc);
    if (rc == 0 || rc == QUEUE_REPEATED) {
        *ret_id = id;
    }
    return rc;
}

/* ---- pause, resume, cancel, retry ---- */

/* The sweep in memory, also when it was finished and forgotten. */
static int find_sweep(struct queue *queue, int64_t id, struct queue_sweep **ret)
{
    struct queue_sweep *sweep = id_map_get(&queue->memory.sweeps, id);
    if (!sweep) {
        struct store_sweep row;
        int rc = store_find_sweep(queue->store, id, &row);
        if (rc != 0) {
            return rc < 0 ? rc : QUEUE_UNKNOWN_SWEEP;
        }
        sweep = queue_add_sweep(&queue->memory, &row);
        if (!sweep) {
            return -ENOMEM;
        }
        queue_mark_sweep(&queue->memory, sweep); /* the commit forgets it again if it may */
    }
    *ret = sweep;
    return 0;
}

static int start_move(struct queue *queue, struct queue_sweep *sweep, enum sweep_move kind)
{
    sweep->row.move = kind;
    sweep->row.moved = 0;
    int rc = queue_recount(&queue->memory, sweep);
    if (rc == 0) {
        rc = queue_store_sweep(queue, sweep); /* before its trials move: the guards ask for it */
    }
    return rc != 0 ? rc : queue_slice(queue, sweep, queue->options.slice);
}

static int cancel(struct queue *queue, struct queue_sweep *sweep, int64_t *ret_moved)
{
    struct store_sweep *row = &sweep->row;
    *ret_moved = row->counts[TRIAL_QUEUED];
    queue->counts.at[QUEUE_CANCELLED] += *ret_moved;
    row->counts[TRIAL_CANCELLED] += row->counts[TRIAL_QUEUED];
    row->counts[TRIAL_QUEUED] = 0;
    row->state = SWEEP_CANCELLED;
    row->ended = true;
    queue_void_ready(&queue->memory, sweep);
    return start_move(queue, sweep, SWEEP_MOVE_CANCEL);
}

static int retry(struct queue *queue, struct queue_sweep *sweep, int64_t *ret_moved)
{
    struct store_sweep *row = &sweep->row;
    int64_t n = row->counts[TRIAL_FAILED] + row->counts[TRIAL_CANCELLED];
    *ret_moved = n;
    if (n == 0 && row->state != SWEEP_CANCELLED) {
        return 0;
    }
    row->counts[TRIAL_QUEUED] += n;
    row->counts[TRIAL_FAILED] = row->counts[TRIAL_CANCELLED] = 0;
    row->diverged = row->crossed = 0;
    row->state = row->state == SWEEP_PAUSED ? SWEEP_PAUSED : SWEEP_ACTIVE;
    return start_move(queue, sweep, SWEEP_MOVE_RETRY);
}

/* A move still under way is carried out first: counts and trials agree only at its end. */
static int end_move(struct queue *queue, struct queue_sweep *sweep)
{
    int rc = 0;
    while (rc == 0 && sweep->row.move != SWEEP_MOVE_NONE) {
        rc = queue_slice(queue, sweep, queue->options.slice);
    }
    return rc;
}

static const struct {
    const char *name, *event;
    bool allowed[SWEEP_STATE_COUNT]; /* in which states; the rest is a conflict */
    bool changes[SWEEP_STATE_COUNT]; /* in which it does something, when allowed */
} actions[] = {
    [QUEUE_PAUSE] = {"paused", "sweep_paused",
                     .allowed = {[SWEEP_ACTIVE] = true, [SWEEP_PAUSED] = true},
                     .changes = {[SWEEP_ACTIVE] = true}},
    [QUEUE_RESUME] =
        {"resumed", "sweep_resumed",
         .allowed = {[SWEEP_ACTIVE] = true, [SWEEP_PAUSED] = true, [SWEEP_FINISHED] = true},
         .changes = {[SWEEP_PAUSED] = true}},
    [QUEUE_CANCEL] =
        {"cancelled", "sweep_cancelled",
         .allowed = {[SWEEP_ACTIVE] = true, [SWEEP_PAUSED] = true, [SWEEP_CANCELLED] = true},
         .changes = {[SWEEP_ACTIVE] = true, [SWEEP_PAUSED] = true}},
    [QUEUE_DELETE] = {"deleted", "sweep_deleted",
                      .allowed = {[SWEEP_FINISHED] = true, [SWEEP_CANCELLED] = true},
                      .changes = {[SWEEP_FINISHED] = true, [SWEEP_CANCELLED] = true}},
    [QUEUE_RETRY] = {"retried", "sweep_retried", .allowed = {true, true, true, true},
                     .changes = {true, true, true, true}},
};

static int act(struct queue *queue, struct queue_sweep *sweep, enum queue_action action,
               int64_t *ret_moved)
{
    int rc = queue_write(queue);
    if (rc == 0) {
        struct store_event event = {.kind = actions[action].event, .sweep = sweep->row.id};
        rc = queue_note(queue, &event);
    }
    if (rc == 0) {
        rc = end_move(queue, sweep);
    }
    if (rc != 0) {
        return rc;
    }
    if (action == QUEUE_CANCEL) {
        return cancel(queue, sweep, ret_moved);
    }
    if (action == QUEUE_RETRY) {
        return retry(queue, sweep, ret_moved);
    }
    if (action == QUEUE_DELETE) {
        *ret_moved = sweep->row.n_trials;
        rc = store_forget_key(queue->store, sweep->row.id);
        return rc == 0 ? start_move(queue, sweep, SWEEP_MOVE_DELETE) : rc;
    }
    sweep->row.state = action == QUEUE_PAUSE ? SWEEP_PAUSED : SWEEP_ACTIVE;
    rc = queue_recount(&queue->memory, sweep);
    return rc == 0 ? queue_store_sweep(queue, sweep) : rc;
}

int queue_act(struct queue *queue, int64_t id, enum queue_action action,
              const struct queue_time *now, int64_t *ret_moved, struct error *error)
{
    struct queue_sweep *sweep;
    int64_t moved = 0;
    int rc = queue_enter(queue, now);
    if (rc != 0) {
        return rc;
    }
    rc = find_sweep(queue, id, &sweep);
    if (rc == 0 && sweep->row.move == SWEEP_MOVE_DELETE) {
        rc = QUEUE_UNKNOWN_SWEEP; /* on its way out */
    }
    if (rc == 0 && action == QUEUE_DELETE && sweep->row.counts[TRIAL_RUNNING] > 0) {
        error_set(
            error, NULL,
            "sweep %lld has %lld running trials: cancel it, and delete it when they have ended",
            (long long)id, (long long)sweep->row.counts[TRIAL_RUNNING]);
        rc = QUEUE_CONFLICT;
    }
    if (rc == 0 && !actions[action].allowed[sweep->row.state]) {
        error_set(error, NULL, "sweep %lld is %s and cannot be %s", (long long)id,
                  sweep_state_name(sweep->row.state), actions[action].name);
        rc = QUEUE_CONFLICT;
    }
    if (rc == 0 && actions[action].changes[sweep->row.state]) {
        rc = act(queue, sweep, action, &moved);
    }
    rc = queue_leave(queue, rc);
    if (rc == 0) {
        *ret_moved = moved;
    }
    return rc;
}
