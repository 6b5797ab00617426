#include "daemon/queue_internal.h"

#include <errno.h>
#include <math.h>
#include <string.h>

/* Workers' figures are written at most so often. */
#define WORKERS_PERIOD_MS 1000
#define WORKERS_AT_ONCE 1000

/* ---- figures, and those who vanish ---- */

int64_t queue_gone_after_ms(const struct queue *queue)
{
    int64_t least = queue->options.lease_ms + QUEUE_OVERSLEPT_MS;
    return queue->options.worker_gone_ms > least ? queue->options.worker_gone_ms : least;
}

static int write_worker(struct queue *queue, struct queue_worker_state *worker)
{
    if (worker->meter.started) {
        worker->row.trials_per_minute = meter_per_minute(&worker->meter, queue->now.mono_ms);
    }
    int rc = queue_write(queue);
    return rc == 0 ? store_update_worker(queue->store, &worker->row) : rc;
}

/* It is forgotten; `why` for people, or NULL. */
static int drop(struct queue *queue, struct queue_worker_state *worker, const char *why)
{
    struct store_event event = {.kind = "worker_gone", .worker = worker->row.id, .message = why};
    worker->row.alive = false;
    int rc = write_worker(queue, worker);
    if (rc == 0) {
        rc = queue_note(queue, &event);
    }
    queue_drop_worker(&queue->memory, worker);
    return rc;
}

int queue_drop_vanished(struct queue *queue)
{
    struct queue_worker_state *worker;
    int rc = 0;
    while (rc == 0 && (worker = queue->memory.first_seen) &&
           worker->seen_ms + queue_gone_after_ms(queue) <= queue->now.mono_ms) {
        rc = drop(queue, worker, NULL);
    }
    return rc;
}

int queue_write_workers(struct queue *queue)
{
    struct queue_memory *memory = &queue->memory;
    int rc = 0;
    for (int n = 0; rc == 0 && n < WORKERS_AT_ONCE && memory->dirty_workers; n++) {
        struct queue_worker_state *worker = memory->dirty_workers;
        memory->dirty_workers = worker->next_dirty;
        worker->dirty = false;
        rc = write_worker(queue, worker);
    }
    if (!memory->dirty_workers) {
        queue->workers_due_ms = queue->now.mono_ms + WORKERS_PERIOD_MS;
    }
    return rc;
}

/* ---- those who come ---- */

int queue_register(struct queue *queue, const struct queue_worker *worker,
                   const struct queue_time *now, int64_t *ret_id)
{
    struct store_worker_info info = {.host = worker->host,
                                     .cpu = worker->cpu,
                                     .kernel = worker->kernel,
                                     .version = worker->version,
                                     .secret_sha256 = worker->secret_sha256,
                                     .pid = worker->pid,
                                     .slots = worker->slots};
    struct store_worker row = {.alive = true,
                               .trials_per_minute = NAN,
                               .seen_wall_ms = now->wall_ms,
                               .slots = worker->slots};
    memcpy(row.secret_sha256, worker->secret_sha256, sizeof(row.secret_sha256));
    int rc = queue_enter(queue, now);
    if (rc != 0) {
        return rc;
    }
    rc = queue_write(queue);
    if (rc == 0) {
        rc = store_insert_worker(queue->store, &info, now->wall_ms, &row.id);
    }
    if (rc == 0) {
        struct store_event event = {
            .kind = "worker_registered", .worker = row.id, .message = worker->host};
        rc = queue_note(queue, &event);
    }
    if (rc == 0 && !queue_add_worker(&queue->memory, &row, now->mono_ms)) {
        rc = -ENOMEM;
    }
    queue->counts.at[QUEUE_WORKERS]++;
    rc = queue_leave(queue, rc);
    if (rc == 0) {
        *ret_id = row.id;
    }
    return rc;
}

/* One that had been gone, or is none of ours. */
static int revive(struct queue *queue, int64_t id, struct queue_worker_state **ret)
{
    struct store_worker row;
    int rc = store_find_worker(queue->store, id, &row);
    if (rc != 0) {
        return rc < 0 ? rc : QUEUE_UNKNOWN_WORKER;
    }
    row.alive = true;
    row.running = 0;
    row.seen_wall_ms = queue->now.wall_ms;
    rc = queue_write(queue);
    if (rc == 0) {
        rc = store_update_worker(queue->store, &row);
    }
    if (rc == 0) {
        struct store_event event = {.kind = "worker_back", .worker = id};
        rc = queue_note(queue, &event);
    }
    if (rc == 0) {
        *ret = queue_add_worker(&queue->memory, &row, queue->now.mono_ms);
        rc = *ret ? 0 : -ENOMEM;
    }
    return rc;
}

int queue_find_worker(struct queue *queue, int64_t id, struct queue_worker_state **ret)
{
    struct queue_worker_state *worker = id_map_get(&queue->memory.workers, id);
    if (!worker) {
        return QUEUE_UNKNOWN_WORKER;
    }
    queue_see_worker(&queue->memory, worker, &queue->now);
    *ret = worker;
    return 0;
}

int queue_hear(struct queue *queue, int64_t id, struct queue_worker_state **ret)
{
    int rc = queue_find_worker(queue, id, ret);
    return rc == QUEUE_UNKNOWN_WORKER ? revive(queue, id, ret) : rc;
}

int queue_return(struct queue *queue, int64_t worker, const struct queue_time *now)
{
    struct queue_worker_state *found;
    int rc = queue_enter(queue, now);
    return rc == 0 ? queue_leave(queue, queue_hear(queue, worker, &found)) : rc;
}

/* ---- who they are ---- */

/* In a time that does not tell how much of it is right. */
static bool is_same(const char *a, const char *b, size_t size)
{
    unsigned char difference = 0;
    for (size_t i = 0; i < size; i++) {
        difference |= (unsigned char)(a[i] ^ b[i]);
    }
    return difference == 0;
}

static bool is_secret_of(const struct store_worker *worker, const struct worker_badge *badge)
{
    char hash[SHA256_HEX_SIZE] = "";
    if (badge->secret[0]) {
        sha256_hex(badge->secret, strlen(badge->secret), hash);
    }
    return is_same(hash, worker->secret_sha256, sizeof(hash));
}

static int admit(struct queue *queue, const struct worker_badge *badge)
{
    struct queue_worker_state *worker = id_map_get(&queue->memory.workers, badge->worker);
    struct store_worker row;
    if (!worker) {
        int rc = store_find_worker(queue->store, badge->worker, &row);
        return rc < 0 ? rc : rc == 0 && is_secret_of(&row, badge) ? 0 : QUEUE_UNKNOWN_WORKER;
    }
    if (worker->secret[0] && is_same(worker->secret, badge->secret, sizeof(worker->secret))) {
        return 0;
    }
    if (!is_secret_of(&worker->row, badge)) {
        return QUEUE_UNKNOWN_WORKER;
    }
    memcpy(worker->secret, badge->secret, sizeof(worker->secret));
    return 0;
}

int queue_admit(struct queue *queue, const struct worker_badge *badge, const struct queue_time *now)
{
    int rc = queue_enter(queue, now);
    return rc == 0 ? queue_leave(queue, admit(queue, badge)) : rc;
}

int64_t queue_free_slots(const struct queue *queue, int64_t worker)
{
    const struct queue_worker_state *found = id_map_get(&queue->memory.workers, worker);
    return found && found->row.slots > found->row.running ? found->row.slots - found->row.running
                                                          : 0;
}

/* ---- those who are heard of ---- */

int queue_touch(struct queue *queue, int64_t worker, const struct queue_time *now)
{
    struct queue_worker_state *found;
    int rc = queue_enter(queue, now);
    return rc == 0 ? queue_leave(queue, queue_find_worker(queue, worker, &found)) : rc;
}

/* ---- leaving ---- */

/* Every lease of the worker goes back. */
static int give_back(struct queue *queue, int64_t worker, int64_t *ret_released)
{
    int rc = 0;
    struct queue_lease *lease = queue->memory.first_lease, *later;
    for (; rc == 0 && lease; lease = later) {
        later = lease->later;
        if (lease->worker == worker) {
            rc = queue_release(queue, lease);
            ++*ret_released;
        }
    }
    return rc;
}

static int depart(struct queue *queue, int64_t id, int64_t *ret_released)
{
    struct queue_worker_state *worker = id_map_get(&queue->memory.workers, id);
    struct store_worker row;
    if (!worker) {
        int rc = store_find_worker(queue->store, id, &row);
        return rc <= 0 ? rc : QUEUE_UNKNOWN_WORKER;
    }
    int rc = queue_write(queue);
    if (rc == 0) {
        rc = give_back(queue, id, ret_released);
    }
    return rc == 0 ? drop(queue, worker, "it has stopped") : rc;
}

int queue_depart(struct queue *queue, int64_t worker, const struct queue_time *now,
                 int64_t *ret_released)
{
    int64_t released = 0;
    int rc = queue_enter(queue, now);
    if (rc == 0) {
        rc = queue_leave(queue, depart(queue, worker, &released));
    }
    if (rc == 0) {
        *ret_released = released;
    }
    return rc;
}
