/*
 * The store's writes, one function per operation, for the queue alone. Everything runs on the one
 * writing connection, inside a transaction that the first savepoint of a tick opens:
 *
 *     store_savepoint ... operations ... store_release     a request that stays
 *     store_savepoint ... operations ... store_undo        a request that does not
 *     store_commit                                         the tick; durable when it returns 0
 *
 * An UPDATE is guarded by the state it leaves, and its row count is checked: -ESTALE says that the
 * row is not in that state. Other negative codes are the disk's or SQLite's; store_message says
 * more. When SQLite has had to drop the whole transaction, every operation fails with -EIO until
 * store_commit (which fails too) or store_rollback clears the way for the next tick.
 *
 * wall_ms is written as text for people.
 */
#pragma once

#include "common/config.h"
#include "common/hash.h"
#include "common/protocol.h"
#include "common/sweep.h"
#include "daemon/store.h"

#include <stdbool.h>
#include <stdint.h>

/* ---- transactions ---- */

int store_savepoint(struct store *store);
int store_release(struct store *store);
/* Leaves the transaction as it was at the savepoint. */
void store_undo(struct store *store);
bool store_in_transaction(const struct store *store);
/* 0, or the transaction is rolled back. */
int store_commit(struct store *store);
void store_rollback(struct store *store);
/* Whether another program holds the write lock: until it is tried again, every first savepoint
 * fails at once with -EBUSY. */
bool store_is_held(const struct store *store);
/* Whether the file was removed or replaced, as was last seen (store_place.h): nothing can be
 * written any more, and what is read is in no file that could be found. */
bool store_is_displaced(const struct store *store);
/* What SQLite said when an operation last failed. */
const char *store_message(const struct store *store);

/* ---- sweeps ---- */

enum sweep_state { SWEEP_ACTIVE, SWEEP_PAUSED, SWEEP_FINISHED, SWEEP_CANCELLED, SWEEP_STATE_COUNT };
const char *sweep_state_name(enum sweep_state state);

enum trial_state {
    TRIAL_QUEUED,
    TRIAL_RUNNING,
    TRIAL_SUCCEEDED,
    TRIAL_FAILED,
    TRIAL_CANCELLED,
    TRIAL_STATE_COUNT,
};
const char *trial_state_name(enum trial_state state);

/* Of a failed trial: did its network diverge, and before or after it had reached the target? */
enum divergence { NOT_DIVERGED, DIVERGED_BEFORE_TARGET, DIVERGED_AFTER_TARGET };

/* A move of all trials of a sweep that is carried out in slices. */
enum sweep_move { SWEEP_MOVE_NONE, SWEEP_MOVE_CANCEL, SWEEP_MOVE_RETRY, SWEEP_MOVE_DELETE };

struct store_sweep {
    int64_t id;
    enum sweep_state state;
    int64_t priority, max_running, max_attempts, max_seconds, replicates, seed, n_cells, n_trials,
        first_trial;
    int64_t expanded; /* trials whose rows are written */
    enum sweep_move move;
    int64_t moved; /* trials the move has passed */
    int64_t counts[TRIAL_STATE_COUNT];
    int64_t reached;           /* of the succeeded ones */
    int64_t diverged, crossed; /* of the failed ones: diverged before and after the target */
    bool reuse;
    int64_t unmatched; /* earlier cells below this id have still to be compared with its own */
    int64_t reused;    /* of the succeeded ones */
    double trials_per_minute; /* NAN = unknown */
    bool ended, finished;     /* a trial ended since the last update; every trial is final */
};

struct store_submission {
    const struct sweep *sweep;
    const char *spec;
    const char *idempotency_key; /* or NULL */
    const char *body_sha256;
};

/* Writes sweep and spec and reserves the ids of its trials; none of them is written yet. With
 * `reuse` every cell before those is unmatched. */
int store_insert_sweep(struct store *store, const struct store_submission *submission,
                       int64_t wall_ms, int64_t *ret_id, int64_t *ret_first_trial);
/* Everything in the row that changes; finished says whether finished_at is set. */
int store_update_sweep(struct store *store, const struct store_sweep *sweep, int64_t wall_ms);
/* The sweep, or the first live one (not finished) with an id above `after`.
 * 0; 1 = there is none. counts and reached are those of the row. */
int store_find_sweep(struct store *store, int64_t id, struct store_sweep *ret);
int store_next_live_sweep(struct store *store, int64_t after, struct store_sweep *ret);
/* By idempotency key: 0 or 1 = none. */
int store_find_submission(struct store *store, const char *key, int64_t *ret_id,
                          char ret_body_sha256[SHA256_HEX_SIZE]);
/* Its idempotency key may be used again. */
int store_forget_key(struct store *store, int64_t sweep);
/* The row and the spec of a sweep that has no trials any more. */
int store_delete_sweep(struct store *store, int64_t sweep);
/* malloc'd; the caller frees. */
int store_read_spec(struct store *store, int64_t sweep, char **ret);

/* ---- cells and trials ---- */

struct store_trial {
    int64_t id, sweep, cell, replicate;
    enum trial_state state;
    int64_t attempt, spent;
    bool reached;
    enum divergence divergence;
};

struct store_cell {
    int64_t id; /* of its first trial, replicate 0 */
    int64_t sweep, cell;
    struct trial_config config;
};
int store_insert_cells(struct store *store, const struct store_cell *cells, size_t n);
/* All but the seed, which is 0; by the id of its first trial. */
int store_read_cell(struct store *store, int64_t first_trial, struct trial_config *ret);

/* At least one; all of them queued, or all cancelled. */
int store_insert_trials(struct store *store, const struct store_trial *trials, size_t n,
                        int64_t wall_ms);
/* 0; 1 = there is none. */
int store_find_trial(struct store *store, int64_t id, struct store_trial *ret);

/* Called for each trial with first <= id < end, in order; not 0 stops and is returned. */
typedef int (*store_visit_trial)(void *arg, const struct store_trial *trial);
int store_visit_trials(struct store *store, int64_t first, int64_t end, store_visit_trial visit,
                       void *arg);

/* queued -> cancelled, or failed | cancelled -> queued with nothing spent, for first <= id < end.
 */
int store_cancel_trials(struct store *store, int64_t first, int64_t end, int64_t wall_ms);
int store_retry_trials(struct store *store, int64_t first, int64_t end);
/* With all that hangs on them and the cells that begin there; gives free pages back to the disk. */
int store_delete_trials(struct store *store, int64_t first, int64_t end);

/* ---- attempts ---- */

enum attempt_state {
    ATTEMPT_RUNNING,
    ATTEMPT_SUCCEEDED,
    ATTEMPT_FAILED,
    ATTEMPT_EXPIRED,
    ATTEMPT_RELEASED,
    ATTEMPT_CANCELLED,
    ATTEMPT_STATE_COUNT,
};
const char *attempt_state_name(enum attempt_state state);

/* The trial goes from queued to running with its next attempt, which must have this number. */
int store_start_attempt(struct store *store, int64_t trial, int64_t attempt, int64_t worker,
                        int64_t wall_ms);

/* How an attempt ends and what becomes of its trial, which must be running with this attempt. */
struct store_end {
    int64_t trial, attempt;
    enum attempt_state attempt_state;
    enum trial_state trial_state;
    bool spends;                       /* it counts towards max_attempts */
    const char *error;                 /* or NULL */
    const struct trial_result *result; /* of a succeeded attempt, else NULL */
    int64_t reused_from;               /* the trial that was trained for it; 0 = this one */
    enum divergence divergence;        /* of a trial that is failed now */
    int64_t crossing_step;             /* first measured at or above the target; with
                                          DIVERGED_AFTER_TARGET only */
    double crossing_seconds;           /* CPU seconds of training up to there; NAN = unknown */
};
int store_end_attempt(struct store *store, const struct store_end *end, int64_t wall_ms);

/* An attempt's first measurement at or above the target of its trial. 0; 1 = there is none. */
int store_find_crossing(struct store *store, int64_t trial, int64_t attempt, int64_t *ret_step,
                        double *ret_seconds);

struct store_attempt {
    enum attempt_state state;
    int64_t worker;
};
/* 0; 1 = there is no such attempt. */
int store_find_attempt(struct store *store, int64_t trial, int64_t attempt,
                       struct store_attempt *ret);
/* Keeps what an attempt reported after it had lost its lease. */
int store_keep_late(struct store *store, const struct report *report, int64_t wall_ms);

/* What is there already stays as it is. */
int store_insert_measurements(struct store *store, const struct report *report);
int store_insert_layers(struct store *store, const struct report *report);

/* What an attempt has measured so far, in the order of steps; not 0 stops and is returned. Of a
 * measurement only step and accuracy are set. */
typedef int (*store_visit_measurement)(void *arg, const struct measurement *measurement);
int store_visit_measurements(struct store *store, int64_t trial, int64_t attempt,
                             store_visit_measurement visit, void *arg);
/* Its last layer statistics, of which step and layer are set; 0; 1 = there are none. */
int store_last_layer(struct store *store, int64_t trial, int64_t attempt, struct layer_stat *ret);
/* Whether a row of the report is there already, as it is: 0; 1 = no. */
int store_has_measurement(struct store *store, const struct report *report, size_t i);
int store_has_layer(struct store *store, const struct report *report, size_t i);

/* ---- reuse ---- */

/* Called for up to `limit` cells with ids below `below`, the highest first; not 0 stops and is
 * returned. */
typedef int (*store_visit_cell)(void *arg, int64_t id, const struct trial_config *config);
int store_visit_cells(struct store *store, int64_t below, int64_t limit, store_visit_cell visit,
                      void *arg);

/* Notes that an earlier cell is the same configuration; only the first STORE_MAX_TWINS of a cell
 * are kept, or a sweep submitted for the thousandth time would have a thousand. */
#define STORE_MAX_TWINS 64
int store_insert_twin(struct store *store, int64_t cell, int64_t twin);

/* One trial of a cell, named as a twin of it has it. */
struct store_seeded {
    int64_t cell, seed;
};

/* Results of the same configuration and seed, the latest first; one for each way in which they were
 * made, and none of which that is not known whole. */
int store_find_offers(struct store *store, const struct store_seeded *which,
                      struct reuse_offers *ret);

/* How many trials with first <= id < end have taken over a result. */
int store_count_reused(struct store *store, int64_t first, int64_t end, int64_t *ret);

struct store_reused {
    int64_t trial, attempt; /* whose rows are to be copied */
    int64_t trained;        /* the trial that was trained for it */
    int64_t n_rows;         /* copied */
    struct trial_result result;
};
/* What may be taken over from `trial`; 0; 1 = there is no such result (any more). */
int store_find_reused(struct store *store, const struct store_seeded *which, int64_t trial,
                      struct store_reused *ret);
/* Its measurements and layer statistics, to a running attempt; adds how many to from->n_rows. */
int store_copy_rows(struct store *store, struct store_reused *from, int64_t trial, int64_t attempt);

/* ---- workers and events ---- */

struct store_worker_info {
    const char *host, *cpu, *kernel, *version;
    const char *secret_sha256; /* "" = none */
    int64_t pid, slots;
};

struct store_worker {
    int64_t id;
    bool alive;
    int64_t running, succeeded, failed;
    double trials_per_minute; /* NAN = unknown */
    int64_t seen_wall_ms;
    int64_t slots;
    char secret_sha256[SHA256_HEX_SIZE]; /* "" = none */
};

int store_insert_worker(struct store *store, const struct store_worker_info *info, int64_t wall_ms,
                        int64_t *ret_id);
int store_update_worker(struct store *store, const struct store_worker *worker);
/* The worker, or the first that is alive with an id above `after`; 0; 1 = there is none. */
int store_find_worker(struct store *store, int64_t id, struct store_worker *ret);
int store_next_live_worker(struct store *store, int64_t after, struct store_worker *ret);

struct store_event {
    const char *kind;
    int64_t sweep, trial, attempt, worker; /* 0 = none */
    const char *message;                   /* or NULL */
};
/* The oldest are dropped. */
int store_add_event(struct store *store, const struct store_event *event, int64_t wall_ms,
                    int64_t *ret_id);
/* The id of the last one; 0 = none. */
int store_last_event(struct store *store, int64_t *ret);
