/*
 * The queue: which trial may be run by whom, and what became of it. Owns every write to the
 * database; keeps in memory only what can be read back from it (and the deadlines, which live on
 * the monotonic clock).
 *
 *     queued --claim--> running --done, reused--> succeeded
 *       ^                 |  \--failed--> failed      (max_attempts spent, or retry is false;
 *       |                 |                            else back to queued, after a back-off)
 *       |                 |-- lease expired, released --> queued   (released spends no attempt)
 *       |                 |-- max_seconds over --> as if failed
 *       |                 `-- sweep cancelled --> cancelled        (also straight from queued)
 *       `-- retry <-- failed | cancelled
 *
 * A sweep with `reuse` first has its cells compared with all earlier ones, in slices, and can be
 * claimed when that is done. A claim of its trial comes with offers: results of the same
 * configuration and seed. The worker that finds one made as it would make it reports which, and
 * the trial ends with a copy. What a worker has taken once it would take again: later claims of it
 * end such trials by themselves and go on to the next, a slice of them at a time.
 *
 * One tick, one transaction. Whoever runs the event loop calls the operations below while it
 * handles requests, and queue_commit once before it sends the answers:
 *
 *     queue_tick   queue_claim   queue_report   queue_submit ...   queue_commit -> send answers
 *
 * Each operation is one request and all or nothing: it runs in its own savepoint, and when it
 * fails nothing of it stays, neither in the database nor in memory, while the tick's other
 * operations stand. When queue_commit fails nothing of the whole tick is true: answer 503 to
 * every request that called an operation since the last commit. After any failure memory is read
 * from the database anew, before the next operation, just as after a restart: running trials have
 * fresh full leases, back-offs are forgotten. So the queue goes on by itself as soon as the disk
 * does, and no lease ends while reports cannot be kept.
 *
 * Operations return 0; positive = enum queue_outcome, nothing was changed; negative = -errno, the
 * database failed: answer 503, and expect queue_commit to fail too. Single-threaded. Time comes in
 * as an argument: leases, back-offs and pauses use mono_ms only, wall_ms is written for people.
 */
#pragma once

#include "common/config.h"
#include "common/error.h"
#include "common/hash.h"
#include "common/protocol.h"
#include "common/sweep.h"
#include "daemon/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct queue_time {
    int64_t mono_ms; /* never goes back, counts while the machine is awake */
    int64_t wall_ms; /* since 1970, UTC; may jump */
};

enum queue_outcome {
    QUEUE_UNKNOWN_SWEEP = 1,
    QUEUE_UNKNOWN_WORKER, /* or gone, and it claims: it shall register again */
    QUEUE_CONFLICT,       /* *error says the state that does not allow it */
    QUEUE_REPEATED,       /* the same submission was accepted before; its id is returned */
    QUEUE_KEY_MISMATCH,   /* the same key came with another body before */
    QUEUE_CANNOT_BE,      /* *error says what of a report */
};

/* Turns the stored text of a sweep, accepted before, into a sweep again; sweep_from_text. */
typedef int (*queue_parse_sweep)(const char *text, struct sweep **ret, struct error *error);

struct queue_options {
    int64_t lease_ms;       /* 30000: a lease ends this long after its last report */
    int64_t worker_gone_ms; /* 90000: a worker not heard of for so long is gone; > longest wait_s */
    int64_t backoff_ms;     /* 1000: after the first failure; doubles, +-25 % jitter */
    int64_t backoff_max_ms; /* 60000 */
    int64_t slice;          /* 2500: trials written per tick when a big sweep is expanded, ... */
    uint64_t seed;          /* of the jitter */
    queue_parse_sweep parse_sweep;
};
/* The numbers above; seed 0; no parser. */
void queue_options_init(struct queue_options *options);

struct queue;

/* Reads the state of all live sweeps; running trials get fresh full leases. The store must outlive
 * the queue. 0, or -errno with *error filled. */
int queue_open(struct store *store, const struct queue_options *options,
               const struct queue_time *now, struct queue **ret, struct error *error);
/* Does not commit. NULL is fine. */
void queue_close(struct queue *queue);

/* ---- the tick ---- */

/* Expires leases, ends attempts that have run too long, notes vanished workers, and does a slice of
 * pending bulk work (expanding, cancelling or retrying a big sweep). *ret_wait_ms, set in any case:
 * how long until it is needed next; 0 = there is more to do now, commit and call again; INT64_MAX =
 * only after other operations. When it is called much later than it asked for, the daemon itself
 * was asleep, and every lease starts afresh. */
int queue_tick(struct queue *queue, const struct queue_time *now, int64_t *ret_wait_ms);

/* Every lease starts afresh, as if its worker had been heard just now: for while workers cannot
 * come through to the daemon. */
void queue_renew_leases(struct queue *queue, const struct queue_time *now);

/* Whether there is anything to commit. */
bool queue_is_dirty(const struct queue *queue);

/* Makes the tick durable; 0 at once when nothing is dirty. Negative: nothing of the tick is true.
 */
int queue_commit(struct queue *queue);

/* As store_is_displaced and store_is_held. */
bool queue_is_displaced(const struct queue *queue);
bool queue_is_held(const struct queue *queue);
/* Whether the last attempt to write succeeded; for /healthz. While it did not, each queue_tick
 * tries again. */
bool queue_is_healthy(const struct queue *queue);
/* Why it did not, in the database's words. */
const char *queue_message(const struct queue *queue);

/* ---- what was done ---- */

enum queue_count {
    QUEUE_CLAIMS,  /* trials handed to workers */
    QUEUE_REPORTS, /* items, late ones too */
    QUEUE_MEASUREMENTS,
    QUEUE_LAYER_STATS,
    QUEUE_SUCCEEDED, /* trials, those that took over a result among them */
    QUEUE_FAILED,
    QUEUE_CANCELLED,
    QUEUE_REUSED,
    QUEUE_ATTEMPTS_FAILED,
    QUEUE_LEASES_EXPIRED,
    QUEUE_LEASES_RELEASED,
    QUEUE_SWEEPS,
    QUEUE_WORKERS,
    QUEUE_COUNT_COUNT,
};

/* Since the queue was opened, and all of it committed. */
int64_t queue_count(const struct queue *queue, enum queue_count count);

/* Now: workers that are alive, and the id of the last event that is committed (0 = none). */
int64_t queue_live_workers(const struct queue *queue);
int64_t queue_last_event(const struct queue *queue);

/* ---- sweeps ---- */

struct queue_submission {
    const char *spec;            /* the JSON as submitted, kept for people and for restarts */
    const char *idempotency_key; /* or NULL */
    char body_sha256[SHA256_HEX_SIZE];
};

/* Was it submitted before? QUEUE_REPEATED with *ret_id, QUEUE_KEY_MISMATCH, or 0 = it is new.
 * queue_submit looks again; this one is for before the work of parsing. */
int queue_find_submission(struct queue *queue, const struct queue_submission *submission,
                          int64_t *ret_id);

/* Stores a checked sweep and takes it over (also when it fails: *sweep is never the caller's
 * again). Its trials are written in slices, now and by queue_tick; until then they count as
 * queued. 0 or QUEUE_REPEATED with *ret_id; QUEUE_KEY_MISMATCH. */
int queue_submit(struct queue *queue, struct sweep *sweep,
                 const struct queue_submission *submission, const struct queue_time *now,
                 int64_t *ret_id);

enum queue_action { QUEUE_PAUSE, QUEUE_RESUME, QUEUE_CANCEL, QUEUE_RETRY, QUEUE_DELETE };

/* Repeating one is harmless. Only a sweep that is finished, or cancelled with no trial running, can
 * be deleted; it goes in slices, and its space is given back. *ret_moved: trials cancelled, queued
 * again or deleted (running ones of a
 * cancelled sweep not counted). 0, QUEUE_UNKNOWN_SWEEP, or QUEUE_CONFLICT with *error filled. */
int queue_act(struct queue *queue, int64_t sweep, enum queue_action action,
              const struct queue_time *now, int64_t *ret_moved, struct error *error);

/* ---- workers ---- */

struct queue_worker {
    char host[256], cpu[128], kernel[32], version[64];
    int64_t pid, slots;
    char secret_sha256[SHA256_HEX_SIZE]; /* of the secret that it will show; "" = none */
};

int queue_register(struct queue *queue, const struct queue_worker *worker,
                   const struct queue_time *now, int64_t *ret_id);

/* Whether a worker is who it says, also one that is gone: 0, or QUEUE_UNKNOWN_WORKER, also for a
 * wrong secret. The operations below do not ask: to be called before them. */
int queue_admit(struct queue *queue, const struct worker_badge *badge,
                const struct queue_time *now);

/* One that registered before and was told that it is unknown comes back as the same, with the
 * leases that it may still hold. 0 or QUEUE_UNKNOWN_WORKER. */
int queue_return(struct queue *queue, int64_t worker, const struct queue_time *now);

/* Says that the worker was heard of (an operation of it does so anyway): 0 or
 * QUEUE_UNKNOWN_WORKER. For a claim that is going to wait. */
int queue_touch(struct queue *queue, int64_t worker, const struct queue_time *now);

/* The worker stops: what it holds goes back to the queue at once, no attempt spent, and a claim of
 * it that is still on its way gets nothing. Repeating it is harmless. 0 or QUEUE_UNKNOWN_WORKER. */
int queue_depart(struct queue *queue, int64_t worker, const struct queue_time *now,
                 int64_t *ret_released);

struct queue_claim {
    int64_t trial, attempt;
    struct trial_config config;
    struct reuse_offers offers; /* earlier results, one of which may stand for this training */
};

/* How many trials could be claimed now. */
int64_t queue_claimable(const struct queue *queue);

/* How many more trials the worker may hold; 0 also when it is not known. */
int64_t queue_free_slots(const struct queue *queue, int64_t worker);

/* Leases up to `max` trials, and no more than the worker has free slots, highest priority first,
 * sweeps of equal priority in turn; *ret_n may be 0, also while more can be claimed: then it was
 * busy with copies. 0 or QUEUE_UNKNOWN_WORKER. */
int queue_claim(struct queue *queue, int64_t worker, size_t max, const struct queue_time *now,
                struct queue_claim *ret_claims, size_t *ret_n);

/* What a worker says in one call. */
struct queue_reports {
    int64_t worker;
    const struct report *items; /* at most one of a trial that runs */
    size_t n;
    enum report_status *ret_status; /* room for n */
};

/* Takes the items of one report, in order; an offer that has gone since gives the trial back; an
 * item extends the lease it names. Of another worker's lease the sender is told that it is lost,
 * and nothing else happens. Repeating one is harmless. 0,
 * QUEUE_UNKNOWN_WORKER, or QUEUE_CANNOT_BE with *error filled (reports[i]...): an item breaks the
 * rules of common/protocol_rules.h, and none is taken. */
int queue_report(struct queue *queue, const struct queue_reports *reports,
                 const struct queue_time *now, struct error *error);
