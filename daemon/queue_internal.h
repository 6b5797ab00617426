/*
 * What the queue's own files share: its memory, which is a function of the database (queue_load.c
 * reads it), and the small moves on it. Operations change memory and database together; when one
 * fails, the queue becomes stale and memory is loaded anew before the next.
 *
 *     queue.c          the tick, the operations' frame
 *     queue_lease.c    claims and reports: a trial's life
 *     queue_sweeps.c   submit, pause, resume, cancel, retry, and their slices
 *     queue_check.c    whether what a report says can be
 *     queue_reuse.c    earlier results that stand for a training
 *     queue_workers.c  workers come, are heard of, and go
 *     queue_memory.c   sweeps, leases and workers in memory; what can be claimed, and in which turn
 *     queue_load.c     memory from the database
 */
#pragma once

#include "common/protocol_rules.h"
#include "common/rng.h"
#include "daemon/heap.h"
#include "daemon/id_map.h"
#include "daemon/queue.h"
#include "daemon/store_write.h"

/* queue_tick called so much later than asked: the daemon was asleep, not its workers. */
#define QUEUE_OVERSLEPT_MS 2000

/* How often something happens: exponentially weighted over the last minutes. */
struct meter {
    double per_ms; /* not yet corrected for the short time since since_ms */
    int64_t at_ms, since_ms;
    bool started;
};
void meter_start(struct meter *meter, int64_t now_ms);
void meter_add(struct meter *meter, int64_t now_ms);
/* NAN before the first. */
double meter_per_minute(const struct meter *meter, int64_t now_ms);

/* A queued trial that has had attempts, or lies before its sweep's next_fresh. */
struct ready_trial {
    struct heap_key key; /* (id, 0) */
    int32_t attempt, spent;
};

/* A queued trial that waits out its back-off. */
struct waiting_trial {
    struct heap_key key; /* (not before ms, id) */
    int64_t sweep, epoch;
    int32_t attempt, spent;
};

/* An attempt whose time is over before its lease would be, if no heartbeat came. Others are not
 * noted yet: most attempts end long before. */
struct attempt_end {
    struct heap_key key; /* (end_ms, trial) */
    int32_t attempt;
};

/* A sweep that may have something to claim. */
struct turn {
    struct heap_key key; /* (-priority, turn) */
    int64_t sweep;
};

struct queue_sweep {
    struct store_sweep row;
    struct sweep *spec; /* while it is being expanded or matched, else NULL */
    /* What can be claimed: the trials in `ready`, then those with index next_fresh and above. */
    struct heap ready;
    int64_t next_fresh;
    int64_t epoch;     /* unique; a new one makes the sweep's waiting trials void */
    int64_t claimable; /* its part of queue_memory.claimable */
    int64_t turn;      /* its place in the turns; 0 = none */
    bool busy;         /* slices of it are to be done: expanding, matching, cancelling, ... */
    bool deleted;      /* the last slice was done, and its row is gone */
    bool dirty;        /* its row is to be written before the commit */
    struct queue_sweep *next_dirty;
    struct meter meter;
    int64_t cached_cell; /* by its id; 0 = none */
    struct trial_config cached_config;
};

struct queue_lease {
    int64_t trial, worker;
    int32_t attempt, spent;
    struct queue_sweep *sweep;
    int64_t deadline_ms;
    int64_t end_ms;    /* when it has run for as long as it may; 0 = no limit */
    bool end_is_noted; /* in queue_memory.ends */
    struct report_terms terms;
    struct report_past past;
    bool past_known;   /* else it is to be read from the database: so it is after a restart */
    uint32_t reported; /* the number of the last report that said something of it */
    struct queue_lease *earlier, *later;
};

/* What a worker would train with, for trials on one data set. */
struct queue_vouch {
    char dataset[64];
    char trainer[64], kernel[32], data_sha256[SHA256_HEX_SIZE];
};

struct queue_worker_state {
    struct store_worker row;
    char secret[WORKER_SECRET_SIZE]; /* once it has been shown: it need not be hashed again */
    int64_t seen_ms;
    bool dirty;
    struct queue_vouch *vouch; /* since it took an offer; NULL = not known */
    struct meter meter;
    struct queue_worker_state *earlier, *later; /* by seen_ms */
    struct queue_worker_state *next_dirty;
};

struct queue_memory {
    struct id_map sweeps;  /* live ones */
    struct id_map leases;  /* by trial */
    struct id_map workers; /* alive ones */
    struct heap turns, waiting, ends;
    int64_t turn, epoch;        /* the last given out */
    struct queue_sweep *served; /* whose turn it was last; NULL = nobody's */
    int64_t turn_left;          /* trials it may be given before its turn ends */
    int64_t claimable;
    int64_t n_busy;                               /* sweeps with slices to do */
    struct queue_lease *first_lease, *last_lease; /* by deadline */
    struct queue_worker_state *first_seen, *last_seen;
    struct queue_sweep *dirty_sweeps;
    struct queue_worker_state *dirty_workers;
};

struct queue_counts {
    int64_t at[QUEUE_COUNT_COUNT];
    int64_t last_event;
};

struct queue {
    struct store *store;
    struct queue_options options;
    struct queue_memory memory;
    struct queue_time now; /* of the operation under way */
    bool stale;            /* memory is to be loaded anew */
    bool writing;          /* the operation under way has its savepoint */
    bool healthy;
    int64_t due_ms;         /* when queue_tick asked to be called again */
    int64_t workers_due_ms; /* when workers' figures may be written again */
    int64_t busy_after;     /* the busy sweep served last */
    uint32_t n_reports;     /* numbers them, for leases to know which was the last */
    struct rng jitter;
    struct queue_counts counts;    /* with what is not yet committed, */
    struct queue_counts committed; /* without it, */
    struct queue_counts before;    /* and before the operation under way */
};

/* ---- queue.c: the frame of an operation ---- */

/* Every operation: enter, work, leave. Enter loads stale memory and lets back-offs end. */
int queue_enter(struct queue *queue, const struct queue_time *now);
/* Before the operation's first write. */
int queue_write(struct queue *queue);
/* Releases or undoes; returns rc. */
int queue_leave(struct queue *queue, int rc);
int queue_note(struct queue *queue, const struct store_event *event);

/* ---- queue_workers.c ---- */

/* The worker if it is alive: 0 or QUEUE_UNKNOWN_WORKER. One that has left gets nothing, even when
 * a claim of it arrives late. */
int queue_find_worker(struct queue *queue, int64_t worker, struct queue_worker_state **ret);
/* The worker, also when it had been gone: 0, QUEUE_UNKNOWN_WORKER or -errno. */
int queue_hear(struct queue *queue, int64_t worker, struct queue_worker_state **ret);
/* After so long without a word a worker is gone. It holds no lease by then: leases end sooner. */
int64_t queue_gone_after_ms(const struct queue *queue);
int queue_drop_vanished(struct queue *queue);
int queue_write_workers(struct queue *queue);

/* ---- queue_load.c ---- */

int queue_load(struct queue *queue, struct error *error);

/* ---- queue_memory.c ---- */

void queue_memory_init(struct queue_memory *memory);
void queue_memory_clear(struct queue_memory *memory);

/* Adds a sweep with this row and nothing to claim yet. NULL when out of memory. */
struct queue_sweep *queue_add_sweep(struct queue_memory *memory, const struct store_sweep *row);
void queue_drop_sweep(struct queue_memory *memory, struct queue_sweep *sweep);
/* After any change of counts or of what can be claimed: what follows from it, a finished state
 * too. 0 or -ENOMEM. */
int queue_recount(struct queue_memory *memory, struct queue_sweep *sweep);
/* The state a trial counts in, which is the one that a move under way will give it. */
enum trial_state queue_counted_state(const struct queue_sweep *sweep, int64_t trial,
                                     enum trial_state state);
/* The sweep that is to give the next trial: of those with the highest priority each has its turn,
 * after which it goes to the end of their line. NULL = nothing can be claimed. */
struct queue_sweep *queue_next_turn(struct queue_memory *memory);
void queue_mark_sweep(struct queue_memory *memory, struct queue_sweep *sweep);

int queue_make_ready(struct queue_sweep *sweep, int64_t trial, int32_t attempt, int32_t spent);
/* Forgets everything that could be claimed of the rows written so far. */
void queue_void_ready(struct queue_memory *memory, struct queue_sweep *sweep);

/* After the lease was given or extended: its attempt's end is noted if it comes first. 0 or
 * -ENOMEM.
 */
int queue_note_end(struct queue_memory *memory, struct queue_lease *lease);
struct queue_lease *queue_add_lease(struct queue_memory *memory, const struct queue_lease *lease);
void queue_extend_lease(struct queue_memory *memory, struct queue_lease *lease,
                        int64_t deadline_ms);
void queue_drop_lease(struct queue_memory *memory, struct queue_lease *lease);

struct queue_worker_state *queue_add_worker(struct queue_memory *memory,
                                            const struct store_worker *row, int64_t now_ms);
void queue_see_worker(struct queue_memory *memory, struct queue_worker_state *worker,
                      const struct queue_time *now);
void queue_mark_worker(struct queue_memory *memory, struct queue_worker_state *worker);
void queue_drop_worker(struct queue_memory *memory, struct queue_worker_state *worker);

/* ---- queue_lease.c ---- */

/* When an attempt of the sweep that begins now has run for as long as it may; 0 = no limit. */
int64_t queue_end_ms(const struct queue *queue, const struct queue_sweep *sweep);

int queue_read_config(struct queue *queue, struct queue_sweep *sweep, int64_t trial,
                      struct trial_config *ret);
/* Ends an attempt that has run for longer than its sweep allows; frees the lease, as the next two.
 */
int queue_end_attempt(struct queue *queue, struct queue_lease *lease);
int queue_expire(struct queue *queue, struct queue_lease *lease);
int queue_release(struct queue *queue, struct queue_lease *lease);

/* ---- queue_check.c ---- */

/* Whether all that is said of trials that run can be: 0, QUEUE_CANNOT_BE with *error filled, or
 * -errno. Before any item is taken. */
int queue_check(struct queue *queue, const struct queue_reports *reports, struct error *error);

/* ---- queue_reuse.c ---- */

/* Compares up to `budget` earlier cells with those of a sweep whose cells are all written. */
int queue_match(struct queue *queue, struct queue_sweep *sweep, int64_t budget);
/* Results that a trial of the sweep may take over; none for most sweeps. */
int queue_find_offers(struct queue *queue, const struct queue_sweep *sweep, int64_t trial,
                      struct reuse_offers *ret);
/* Copies what was measured of trial `from` to the running attempt, and returns its result; 0, 1 =
 * there is none that it may take over. */
int queue_take_over(struct queue *queue, const struct queue_lease *lease, int64_t from,
                    struct store_reused *ret);

/* The worker took over this result. From now on it need not be asked about others like it ... */
void queue_vouch(struct queue_worker_state *worker, const char *dataset,
                 const struct trial_result *result);
/* ... until it trains with something else. */
void queue_check_vouch(struct queue_worker_state *worker, const struct trial_result *result);
/* The offer of a claim that the worker is known to take; NULL = none. */
const struct reuse_offer *queue_find_vouched(const struct queue_worker_state *worker,
                                             const struct queue_claim *claim);

/* ---- queue_sweeps.c ---- */

/* Writes up to `budget` trials of what is pending, and the sweep's row. */
int queue_slice(struct queue *queue, struct queue_sweep *sweep, int64_t budget);
/* Writes the row now; when every trial is final, the sweep is finished. */
int queue_store_sweep(struct queue *queue, struct queue_sweep *sweep);
