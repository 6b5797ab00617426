#include "daemon/queue_internal.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

/* ---- meters ---- */

#define METER_TAU_MS 120000.0
#define METER_LEAST_MS 5000 /* one event a moment after the start is no rate of thousands */

void meter_start(struct meter *meter, int64_t now_ms)
{
    if (!meter->started) {
        *meter = (struct meter){.at_ms = now_ms, .since_ms = now_ms, .started = true};
    }
}

void meter_add(struct meter *meter, int64_t now_ms)
{
    meter_start(meter, now_ms);
    meter->per_ms *= exp((double)(meter->at_ms - now_ms) / METER_TAU_MS);
    meter->per_ms += 1 / METER_TAU_MS;
    meter->at_ms = now_ms;
}

double meter_per_minute(const struct meter *meter, int64_t now_ms)
{
    /* A meter that has run for t has seen only 1 - exp(-t / tau) of its window. */
    int64_t run_ms = now_ms - meter->since_ms;
    double seen =
        -expm1(-(double)(run_ms > METER_LEAST_MS ? run_ms : METER_LEAST_MS) / METER_TAU_MS);
    if (!meter->started || meter->per_ms == 0) {
        return NAN;
    }
    return 60000 * meter->per_ms * exp((double)(meter->at_ms - now_ms) / METER_TAU_MS) / seen;
}

/* ---- the whole ---- */

void queue_memory_init(struct queue_memory *memory)
{
    *memory = (struct queue_memory){0};
    heap_init(&memory->turns, sizeof(struct turn));
    heap_init(&memory->waiting, sizeof(struct waiting_trial));
    heap_init(&memory->ends, sizeof(struct attempt_end));
}

static void free_sweep(struct queue_sweep *sweep)
{
    heap_clear(&sweep->ready);
    sweep_destroy(sweep->spec);
    free(sweep);
}

static void free_worker(struct queue_worker_state *worker)
{
    free(worker->vouch);
    free(worker);
}

void queue_memory_clear(struct queue_memory *memory)
{
    void *value;
    for (size_t at = 0; (value = id_map_next(&memory->sweeps, &at));) {
        free_sweep(value);
    }
    for (size_t at = 0; (value = id_map_next(&memory->leases, &at));) {
        free(value);
    }
    for (size_t at = 0; (value = id_map_next(&memory->workers, &at));) {
        free_worker(value);
    }
    id_map_clear(&memory->sweeps);
    id_map_clear(&memory->leases);
    id_map_clear(&memory->workers);
    heap_clear(&memory->turns);
    heap_clear(&memory->waiting);
    heap_clear(&memory->ends);
    queue_memory_init(memory);
}

/* ---- sweeps ---- */

struct queue_sweep *queue_add_sweep(struct queue_memory *memory, const struct store_sweep *row)
{
    struct queue_sweep *sweep = calloc(1, sizeof(*sweep));
    if (!sweep) {
        return NULL;
    }
    sweep->row = *row;
    sweep->next_fresh = row->expanded;
    sweep->epoch = ++memory->epoch;
    heap_init(&sweep->ready, sizeof(struct ready_trial));
    if (id_map_put(&memory->sweeps, row->id, sweep) != 0) {
        free_sweep(sweep);
        return NULL;
    }
    return sweep;
}

void queue_drop_sweep(struct queue_memory *memory, struct queue_sweep *sweep)
{
    id_map_take(&memory->sweeps, sweep->row.id);
    memory->served = memory->served == sweep ? NULL : memory->served;
    memory->claimable -= sweep->claimable;
    memory->n_busy -= sweep->busy;
    free_sweep(sweep);
}

static int64_t count_claimable(const struct queue_sweep *sweep)
{
    const struct store_sweep *row = &sweep->row;
    if (row->state != SWEEP_ACTIVE || row->unmatched > 0) {
        return 0;
    }
    int64_t n = (int64_t)sweep->ready.n + row->expanded - sweep->next_fresh;
    int64_t allowed = row->max_running > 0 ? row->max_running - row->counts[TRIAL_RUNNING] : n;
    return allowed < 0 ? 0 : n < allowed ? n : allowed;
}

static int push_turn(struct queue_memory *memory, struct queue_sweep *sweep)
{
    struct turn turn = {{-sweep->row.priority, ++memory->turn}, sweep->row.id};
    int rc = heap_push(&memory->turns, &turn);
    sweep->turn = rc == 0 ? turn.key.minor : 0;
    return rc;
}

int queue_recount(struct queue_memory *memory, struct queue_sweep *sweep)
{
    struct store_sweep *row = &sweep->row;
    if (row->counts[TRIAL_QUEUED] + row->counts[TRIAL_RUNNING] == 0 &&
        row->state != SWEEP_CANCELLED) {
        row->state = SWEEP_FINISHED;
    }
    bool busy = !sweep->deleted && (row->move != SWEEP_MOVE_NONE || row->expanded < row->n_trials ||
                                    row->unmatched > 0);
    memory->n_busy += busy - sweep->busy;
    sweep->busy = busy;
    int64_t claimable = count_claimable(sweep);
    memory->claimable += claimable - sweep->claimable;
    sweep->claimable = claimable;
    return claimable > 0 && sweep->turn == 0 ? push_turn(memory, sweep) : 0;
}

/* A turn is a trial for every two that run. Where few run, sweeps alternate; where hundreds do,
 * most claims of a round are neighbours in the database: it writes half as many pages for them. */
#define RUNNING_PER_TURN 2

/* Whether the sweep that was served last still has its turn. */
static bool turn_goes_on(const struct queue_memory *memory)
{
    const struct queue_sweep *sweep = memory->served;
    const struct turn *next = heap_top(&memory->turns);
    return sweep && sweep->claimable > 0 && memory->turn_left > 0 &&
           !(next && next->key.major < -sweep->row.priority);
}

struct queue_sweep *queue_next_turn(struct queue_memory *memory)
{
    if (turn_goes_on(memory)) {
        memory->turn_left--;
        return memory->served;
    }
    while (memory->turns.n > 0) {
        struct turn turn;
        heap_pop(&memory->turns, &turn);
        struct queue_sweep *sweep = id_map_get(&memory->sweeps, turn.sweep);
        if (!sweep || sweep->turn != turn.key.minor) {
            continue; /* of a sweep that was forgotten since */
        }
        sweep->turn = 0;
        /* There is room: one was just popped. */
        if (sweep->claimable > 0 && push_turn(memory, sweep) == 0) {
            memory->served = sweep;
            memory->turn_left = (int64_t)memory->leases.n / RUNNING_PER_TURN - 1;
            return sweep;
        }
    }
    return NULL;
}

enum trial_state queue_counted_state(const struct queue_sweep *sweep, int64_t trial,
                                     enum trial_state state)
{
    const struct store_sweep *row = &sweep->row;
    bool ahead = trial - row->first_trial >= row->moved;
    if (row->move == SWEEP_MOVE_CANCEL && ahead && state == TRIAL_QUEUED) {
        return TRIAL_CANCELLED;
    }
    if (row->move == SWEEP_MOVE_RETRY && ahead &&
        (state == TRIAL_FAILED || state == TRIAL_CANCELLED)) {
        return TRIAL_QUEUED;
    }
    return state;
}

void queue_mark_sweep(struct queue_memory *memory, struct queue_sweep *sweep)
{
    if (!sweep->dirty) {
        sweep->dirty = true;
        sweep->next_dirty = memory->dirty_sweeps;
        memory->dirty_sweeps = sweep;
    }
}

int queue_make_ready(struct queue_sweep *sweep, int64_t trial, int32_t attempt, int32_t spent)
{
    struct ready_trial ready = {{trial, 0}, attempt, spent};
    return heap_push(&sweep->ready, &ready);
}

void queue_void_ready(struct queue_memory *memory, struct queue_sweep *sweep)
{
    heap_clear(&sweep->ready);
    sweep->next_fresh = sweep->row.expanded;
    sweep->epoch = ++memory->epoch;
}

/* ---- leases, ordered by deadline: each new or extended one goes last ---- */

static void link_lease(struct queue_memory *memory, struct queue_lease *lease)
{
    lease->earlier = memory->last_lease;
    lease->later = NULL;
    *(lease->earlier ? &lease->earlier->later : &memory->first_lease) = lease;
    memory->last_lease = lease;
}

static void unlink_lease(struct queue_memory *memory, struct queue_lease *lease)
{
    *(lease->earlier ? &lease->earlier->later : &memory->first_lease) = lease->later;
    *(lease->later ? &lease->later->earlier : &memory->last_lease) = lease->earlier;
}

struct queue_lease *queue_add_lease(struct queue_memory *memory, const struct queue_lease *lease)
{
    struct queue_lease *copy = malloc(sizeof(*copy));
    if (!copy) {
        return NULL;
    }
    *copy = *lease;
    if (id_map_put(&memory->leases, lease->trial, copy) != 0) {
        free(copy);
        return NULL;
    }
    link_lease(memory, copy);
    return copy;
}

int queue_note_end(struct queue_memory *memory, struct queue_lease *lease)
{
    if (lease->end_ms == 0 || lease->end_is_noted || lease->end_ms > lease->deadline_ms) {
        return 0;
    }
    struct attempt_end end = {.key = {lease->end_ms, lease->trial}, .attempt = lease->attempt};
    int rc = heap_push(&memory->ends, &end);
    lease->end_is_noted = rc == 0;
    return rc;
}

void queue_extend_lease(struct queue_memory *memory, struct queue_lease *lease, int64_t deadline_ms)
{
    lease->deadline_ms = deadline_ms;
    unlink_lease(memory, lease);
    link_lease(memory, lease);
}

void queue_drop_lease(struct queue_memory *memory, struct queue_lease *lease)
{
    id_map_take(&memory->leases, lease->trial);
    unlink_lease(memory, lease);
    free(lease);
}

/* ---- workers, ordered by when they were last heard of ---- */

static void link_worker(struct queue_memory *memory, struct queue_worker_state *worker)
{
    worker->earlier = memory->last_seen;
    worker->later = NULL;
    *(worker->earlier ? &worker->earlier->later : &memory->first_seen) = worker;
    memory->last_seen = worker;
}

static void unlink_worker(struct queue_memory *memory, struct queue_worker_state *worker)
{
    *(worker->earlier ? &worker->earlier->later : &memory->first_seen) = worker->later;
    *(worker->later ? &worker->later->earlier : &memory->last_seen) = worker->earlier;
}

struct queue_worker_state *queue_add_worker(struct queue_memory *memory,
                                            const struct store_worker *row, int64_t now_ms)
{
    struct queue_worker_state *worker = calloc(1, sizeof(*worker));
    if (!worker) {
        return NULL;
    }
    worker->row = *row;
    worker->seen_ms = now_ms;
    if (id_map_put(&memory->workers, row->id, worker) != 0) {
        free(worker);
        return NULL;
    }
    link_worker(memory, worker);
    return worker;
}

void queue_see_worker(struct queue_memory *memory, struct queue_worker_state *worker,
                      const struct queue_time *now)
{
    worker->seen_ms = now->mono_ms;
    worker->row.seen_wall_ms = now->wall_ms;
    unlink_worker(memory, worker);
    link_worker(memory, worker);
    queue_mark_worker(memory, worker);
}

void queue_mark_worker(struct queue_memory *memory, struct queue_worker_state *worker)
{
    if (!worker->dirty) {
        worker->dirty = true;
        worker->next_dirty = memory->dirty_workers;
        memory->dirty_workers = worker;
    }
}

void queue_drop_worker(struct queue_memory *memory, struct queue_worker_state *worker)
{
    if (worker->dirty) {
        struct queue_worker_state **link = &memory->dirty_workers;
        while (*link != worker) {
            link = &(*link)->next_dirty;
        }
        *link = worker->next_dirty;
    }
    id_map_take(&memory->workers, worker->row.id);
    unlink_worker(memory, worker);
    free_worker(worker);
}
