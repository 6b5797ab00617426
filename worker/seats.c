#include "worker/seats.h"

#include "common/log.h"
#include "worker/datasets.h"
#include "worker/machine.h"
#include "worker/slot.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A slot, and what it is to train. */
struct seat {
    struct slot *slot; /* NULL once it is closed */
    struct lease lease;
    struct trial_config config;
    struct reuse_offers offers;
    char data_sha256[SHA256_HEX_SIZE];
    char trainer[64], kernel[32]; /* as its trainer introduced itself */
};

struct seats {
    struct outbox *outbox;
    struct datasets *datasets;
    struct seats_handlers handlers;
    bool was_ready; /* any trainer, ever */
    int n;
    struct seat at[];
};

static struct seat *find_free(struct seats *seats)
{
    for (int i = 0; i < seats->n; i++) {
        struct seat *seat = &seats->at[i];
        if (seat->slot && slot_is_free(seat->slot)) {
            return seat;
        }
    }
    return NULL;
}

int seats_n_free(const struct seats *seats)
{
    int n = 0;
    for (int i = 0; i < seats->n; i++) {
        n += seats->at[i].slot && slot_is_free(seats->at[i].slot);
    }
    return n;
}

static void fail(struct seats *seats, struct lease lease, const char *reason, bool retry)
{
    struct trial_failure failure = {.retry = retry};
    snprintf(failure.reason, sizeof failure.reason, "%s", reason);
    outbox_fail(seats->outbox, lease, &failure);
    log_warn("trial failed trial=%" PRId64 " attempt=%" PRId64 " reason=\"%s\"", lease.trial,
             lease.attempt, reason);
}

/* ---- from the claim to the trainer ---- */

static void hand_over(struct seats *seats, struct seat *seat, const struct prepared *prepared)
{
    const struct reuse_makers makers = {seat->trainer, seat->kernel, prepared->data_sha256};
    const struct reuse_offer *offer = reuse_offers_find(&seat->offers, &seat->config, &makers);
    if (offer) {
        slot_drop(seat->slot);
        outbox_reuse(seats->outbox, seat->lease, offer->trial);
        log_debug("trial not trained again trial=%" PRId64 " attempt=%" PRId64
                  " reused_from=%" PRId64,
                  seat->lease.trial, seat->lease.attempt, offer->trial);
        return;
    }
    struct trainer_job job = {
        .trial = seat->lease.trial, .attempt = seat->lease.attempt, .config = seat->config};
    snprintf(job.data_dir, sizeof job.data_dir, "%s", prepared->directory);
    snprintf(job.data_sha256, sizeof job.data_sha256, "%s", prepared->data_sha256);
    snprintf(seat->data_sha256, sizeof seat->data_sha256, "%s", prepared->data_sha256);
    slot_train(seat->slot, &job);
}

static void give_up(struct seats *seats, struct seat *seat, const char *reason, bool retry)
{
    slot_drop(seat->slot);
    fail(seats, seat->lease, reason, retry);
}

static void on_prepared(void *arg, const struct datasets_outcome *outcome)
{
    struct seats *seats = arg;
    for (int i = 0; i < seats->n; i++) {
        struct seat *seat = &seats->at[i];
        if (!seat->slot || !slot_awaits_job(seat->slot) ||
            strcmp(seat->config.dataset, outcome->name) != 0) {
            continue;
        }
        if (outcome->prepared) {
            hand_over(seats, seat, outcome->prepared);
        } else {
            give_up(seats, seat, outcome->message, outcome->retry);
        }
    }
    seats->handlers.on_change(seats->handlers.arg);
}

static void take_seat(struct seats *seats, struct seat *seat, const struct wire_claim *claim)
{
    seat->lease = claim->lease;
    seat->config = claim->config;
    seat->offers = claim->offers;
    slot_assign(seat->slot, claim->lease);
    const struct prepared *prepared;
    int r = datasets_get(seats->datasets, seat->config.dataset, &prepared);
    if (r == 0) {
        hand_over(seats, seat, prepared);
    } else if (r < 0) {
        give_up(seats, seat, "the worker is out of memory", true);
    }
}

void seats_take(struct seats *seats, const struct wire_claim *claim)
{
    if (outbox_hold(seats->outbox, claim->lease, claim->config.target_accuracy) < 0) {
        return; /* held already; or no memory, and the lease runs out */
    }
    if (claim->error.message[0]) {
        fail(seats, claim->lease, claim->error.message, true);
        return;
    }
    struct seat *seat = find_free(seats);
    if (!seat) {
        outbox_release(seats->outbox, claim->lease); /* its trainer died meanwhile */
        return;
    }
    log_debug("trial claimed trial=%" PRId64 " attempt=%" PRId64 " slot=%d", claim->lease.trial,
              claim->lease.attempt, slot_index(seat->slot));
    take_seat(seats, seat, claim);
}

void seats_drop(struct seats *seats, struct lease lease)
{
    for (int i = 0; i < seats->n; i++) {
        struct slot *slot = seats->at[i].slot;
        if (slot && slot_has(slot, lease)) {
            log_debug("trial stopped trial=%" PRId64 " attempt=%" PRId64
                      " reason=\"the daemon took it back\"",
                      lease.trial, lease.attempt);
            slot_drop(slot);
        }
    }
}

/* ---- from the trainer to the outbox ---- */

/* A trainer need not say what the worker knows. */
static void complete_result(const struct seat *seat, struct trial_result *result)
{
    if (!result->data_sha256[0]) {
        memcpy(result->data_sha256, seat->data_sha256, sizeof result->data_sha256);
    }
    if (!result->trainer[0]) {
        memcpy(result->trainer, seat->trainer, sizeof result->trainer);
    }
    if (!result->kernel[0]) {
        memcpy(result->kernel, seat->kernel, sizeof result->kernel);
    }
}

static void finish(struct seats *seats, const struct seat *seat, struct lease lease,
                   const struct trial_result *result)
{
    struct trial_result completed = *result;
    complete_result(seat, &completed);
    outbox_finish(seats->outbox, lease, &completed);
    log_debug("trial done trial=%" PRId64 " attempt=%" PRId64 " steps=%" PRId64
              " steps_to_target=%" PRId64 " accuracy=%.4f",
              lease.trial, lease.attempt, result->steps, result->steps_to_target,
              result->final_accuracy);
}

static void add_row(struct seats *seats, struct lease lease, const struct trainer_event *event)
{
    int r = event->type == TRAINER_MEASUREMENT
                ? outbox_add_measurement(seats->outbox, lease, &event->measurement)
                : outbox_add_layer(seats->outbox, lease, &event->layer);
    if (r < 0) {
        log_warn("row lost trial=%" PRId64 " error=\"%s\"", lease.trial, strerror(-r));
    }
}

static void on_slot_event(void *arg, struct slot *slot, const struct trainer_event *event)
{
    struct seats *seats = arg;
    struct seat *seat = &seats->at[slot_index(slot)];
    struct lease lease = {event->trial, event->attempt};
    switch (event->type) {
    case TRAINER_READY:
        seats->was_ready = true;
        memcpy(seat->trainer, event->trainer, sizeof seat->trainer);
        memcpy(seat->kernel, event->kernel, sizeof seat->kernel);
        break;
    case TRAINER_MEASUREMENT:
    case TRAINER_LAYER:
        add_row(seats, lease, event);
        break;
    case TRAINER_DONE:
        finish(seats, seat, lease, &event->result);
        break;
    case TRAINER_FAILED:
        /* Maybe the data were at fault: look at them again before the next trial. */
        datasets_forget(seats->datasets, seat->config.dataset);
        fail(seats, lease, event->failure.reason, event->failure.retry);
        break;
    case TRAINER_STEP:
        break; /* the slot has taken note */
    }
    seats->handlers.on_change(seats->handlers.arg);
}

/* ---- start and end ---- */

/* Where one trainer starts, others may want for something that comes back: memory, a device. */
static void on_slot_hopeless(void *arg, struct slot *slot, const char *reason)
{
    struct seats *seats = arg;
    (void)slot;
    if (!seats->was_ready) {
        seats->handlers.on_hopeless(seats->handlers.arg, reason);
    }
}

static void on_slot_wrong(void *arg, struct slot *slot, bool is_the_kernel)
{
    struct seats *seats = arg;
    const struct seat *seat = &seats->at[slot_index(slot)];
    seats->handlers.on_wrong_products(seats->handlers.arg, is_the_kernel ? seat->kernel : NULL);
}

static void on_slot_closed(void *arg, struct slot *slot)
{
    struct seats *seats = arg;
    seats->at[slot_index(slot)].slot = NULL;
}

/* A core for each slot if there are as many; with fewer slots the kernel knows better which cores
 * are idle, and another worker on this machine may have the same idea. */
static void choose_cores(const struct worker_options *options, int *ret_cores)
{
    int cores[MACHINE_MAX_CORES];
    int n_cores = machine_cores(cores);
    for (int i = 0; i < options->n_slots; i++) {
        ret_cores[i] = options->pin && options->n_slots == n_cores ? cores[i] : -1;
    }
}

static int start_slots(struct seats *seats, uv_loop_t *loop, const struct worker_options *options)
{
    int cores[WORKER_MAX_SLOTS];
    choose_cores(options, cores);
    for (int i = 0; i < options->n_slots; i++) {
        const struct slot_options slot_options = {
            .loop = loop,
            .index = i,
            .core = cores[i],
            .argv = options->trainer_argv,
            .environment = options->trainer_environment,
            .silence_ms = options->silence_ms,
            .on_event = on_slot_event,
            .on_hopeless = on_slot_hopeless,
            .on_wrong_products = on_slot_wrong,
            .on_closed = on_slot_closed,
            .arg = seats,
        };
        seats->at[i].slot = slot_create(&slot_options);
        if (!seats->at[i].slot) {
            return -1;
        }
        seats->n++;
    }
    return 0;
}

struct seats *seats_create(uv_loop_t *loop, const struct worker_options *options,
                           struct outbox *outbox, const struct seats_handlers *handlers)
{
    const struct prepare_options prepare_options = {
        .directories = options->data_directories,
        .daemon_url = options->daemon_url,
        .token = options->token,
        .cache_directory = options->cache_directory,
    };
    struct seats *seats = calloc(1, sizeof *seats + (size_t)options->n_slots * sizeof seats->at[0]);
    if (!seats) {
        return NULL;
    }
    seats->outbox = outbox;
    seats->handlers = *handlers;
    seats->datasets = datasets_create(loop, &prepare_options, on_prepared, seats);
    if (!seats->datasets || start_slots(seats, loop, options) < 0) {
        free(seats);
        return NULL;
    }
    return seats;
}

void seats_close(struct seats *seats)
{
    datasets_close(seats->datasets);
    for (int i = 0; i < seats->n; i++) {
        if (seats->at[i].slot) {
            slot_close(seats->at[i].slot);
        }
    }
}

void seats_kill(struct seats *seats)
{
    for (int i = 0; i < seats->n; i++) {
        if (seats->at[i].slot) {
            slot_kill(seats->at[i].slot);
        }
    }
}

enum orphans_kin seats_kin(const struct seats *seats, const struct orphans_child *child)
{
    enum orphans_kin nearest = ORPHANS_LEFT;
    for (int i = 0; i < seats->n; i++) {
        enum orphans_kin kin =
            seats->at[i].slot ? slot_kin(seats->at[i].slot, child) : ORPHANS_LEFT;
        nearest = kin > nearest ? kin : nearest;
    }
    return nearest;
}

void seats_destroy(struct seats *seats)
{
    free(seats);
}
