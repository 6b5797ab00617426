/*
 * The worker's side of its talk with the daemon: which of the four calls is due when, and what
 * their answers mean. Pure: time, randomness and the number of free slots come in as arguments.
 *
 *     register --201--> claim (while slots are free; long poll)
 *         ^             report (when the outbox has news, and as the heartbeat)
 *         '--404 unknown_worker--'
 *                   depart (told to stop, all is delivered: a claim that was under way when the
 *                           daemon granted it goes back at once) --> over
 *
 * Of each call at most one is on its way. A call that fails is due again after a back-off; the
 * leases and the outbox outlive every failure, only an answer about a lease ends it.
 */
#pragma once

#include "common/protocol.h"
#include "common/rng.h"
#include "worker/backoff.h"
#include "worker/outbox.h"
#include "worker/wire.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SESSION_NEVER UINT64_MAX
#define SESSION_MAX_CLAIMS 64 /* as the daemon's */

enum session_call {
    SESSION_REGISTER,
    SESSION_CLAIM,
    SESSION_REPORT,
    SESSION_DEPART,
    SESSION_CALLS
};

struct session {
    struct wire_identity identity;
    struct outbox *outbox;
    struct rng jitter;
    bool registered;           /* else to be registered (again) */
    struct worker_badge badge; /* what the daemon called us last; worker 0 = it never did */
    uint64_t heartbeat_ms;
    bool draining; /* claims nothing more */
    bool departed; /* the daemon knows that we stop */
    struct {
        bool in_flight;
        uint64_t not_before_ms;
        struct backoff backoff;
    } calls[SESSION_CALLS];
    uint64_t heartbeat_at_ms; /* when a report is due even without news */
    uint64_t news_at_ms;      /* when the outbox first had news; SESSION_NEVER = it has none */
    struct lease *batch;      /* the leases of the report on its way, in its order */
    size_t n_batch;
};

/* Borrows identity's texts and the outbox. */
void session_init(struct session *session, const struct wire_identity *identity,
                  struct outbox *outbox, uint64_t seed);
void session_finish(struct session *session);

/* Tell it when the outbox may have got news. */
void session_outbox_changed(struct session *session, uint64_t now_ms);

/* From when on the call may be begun; SESSION_NEVER while it makes no sense. */
uint64_t session_due_ms(const struct session *session, enum session_call call, int n_free_slots);

/* Begins the call: its body as JSON text, malloc'd, the caller frees; NULL when out of memory
 * (the call then counts as failed). `wait_s` is for a claim. */
char *session_begin(struct session *session, enum session_call call, uint64_t now_ms,
                    int n_free_slots, int wait_s);

/* What came back for a call. */
struct session_answer {
    int status;         /* HTTP; 0 = no answer */
    const json_t *body; /* NULL when it is not JSON */
    uint64_t retry_after_ms;
};

enum session_outcome {
    SESSION_OK,
    SESSION_UNAUTHORIZED,   /* the token is wrong or missing */
    SESSION_UNKNOWN_WORKER, /* the daemon has forgotten us: registering is due */
    SESSION_REFUSED,        /* the daemon does not like the call itself: 4xx */
    SESSION_AWAY,           /* no answer, or none that makes sense */
};

/* What an answer asks of the worker. */
struct session_verdict {
    enum session_outcome outcome;
    char message[512];         /* the daemon's, or what was wrong with the answer; "" if OK */
    struct wire_claim *claims; /* to start */
    size_t n_claims;
    struct lease *lost; /* to stop: lease lost, cancelled, or its report refused */
    size_t n_lost;
};

/* Takes the answer to the call in flight. Free the verdict's arrays with session_verdict_clear. */
void session_answered(struct session *session, enum session_call call, uint64_t now_ms,
                      const struct session_answer *answer, struct session_verdict *ret);
void session_verdict_clear(struct session_verdict *verdict);

/* The call in flight was given up by us: due again at once, no back-off. */
void session_aborted(struct session *session, enum session_call call, uint64_t now_ms);

/* Claims no more, hands every open lease back, and departs. */
void session_drain(struct session *session, uint64_t now_ms);
/* Whether nothing is left to be said after that. */
bool session_is_over(const struct session *session);
