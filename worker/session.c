#include "worker/session.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* News waits this long for company; an end does not wait. */
#define COALESCE_MS 100

/* Back-off of a call that fails: well under a lease, so that a daemon that comes back hears of
 * every lease in time. */
#define BACKOFF_FIRST_MS 200
#define BACKOFF_MOST_MS 5000
#define RETRY_AFTER_MOST_MS 10000

void session_init(struct session *session, const struct wire_identity *identity,
                  struct outbox *outbox, uint64_t seed)
{
    *session = (struct session){
        .identity = *identity,
        .outbox = outbox,
        .news_at_ms = SESSION_NEVER,
    };
    rng_init(&session->jitter, seed, RNG_JITTER, 0);
    for (int call = 0; call < SESSION_CALLS; call++) {
        session->calls[call].backoff =
            (struct backoff){.first_ms = BACKOFF_FIRST_MS, .most_ms = BACKOFF_MOST_MS};
    }
}

void session_finish(struct session *session)
{
    free(session->batch);
    session->batch = NULL;
}

void session_outbox_changed(struct session *session, uint64_t now_ms)
{
    if (!outbox_has_news(session->outbox)) {
        session->news_at_ms = SESSION_NEVER;
    } else if (session->news_at_ms == SESSION_NEVER) {
        session->news_at_ms = now_ms;
    }
}

/* ---- when ---- */

static bool is_failing(const struct session *session, enum session_call call)
{
    return session->calls[call].backoff.n_failures > 0;
}

/* Told to stop, and nothing is left to deliver. */
static bool has_delivered(const struct session *session)
{
    return session->draining && outbox_n_held(session->outbox) == 0;
}

/* Whether the call makes sense now or later without anything else happening. */
static bool is_wanted(const struct session *session, enum session_call call, int n_free_slots)
{
    switch (call) {
    case SESSION_REGISTER:
        return !session->registered && !has_delivered(session);
    case SESSION_CLAIM:
        /* Whoever cannot deliver takes no more: this bounds the outbox. */
        return session->registered && !session->draining && n_free_slots > 0 &&
               !is_failing(session, SESSION_REPORT);
    case SESSION_REPORT:
        return session->registered && !has_delivered(session);
    case SESSION_DEPART:
        return session->registered && !session->departed && has_delivered(session);
    case SESSION_CALLS:
        break;
    }
    assert(false);
    return false;
}

static uint64_t report_wish_ms(const struct session *session)
{
    if (outbox_has_ends(session->outbox) || is_failing(session, SESSION_REPORT)) {
        return 0;
    }
    if (session->news_at_ms != SESSION_NEVER &&
        session->news_at_ms + COALESCE_MS < session->heartbeat_at_ms) {
        return session->news_at_ms + COALESCE_MS;
    }
    return session->heartbeat_at_ms;
}

uint64_t session_due_ms(const struct session *session, enum session_call call, int n_free_slots)
{
    if (session->calls[call].in_flight || !is_wanted(session, call, n_free_slots)) {
        return SESSION_NEVER;
    }
    uint64_t wish_ms = call == SESSION_REPORT ? report_wish_ms(session) : 0;
    uint64_t not_before_ms = session->calls[call].not_before_ms;
    return wish_ms > not_before_ms ? wish_ms : not_before_ms;
}

/* ---- calls ---- */

/* Remembers whose items the report carries: its answer may blame one by its index. */
static int remember_batch(struct session *session, const struct report *reports, size_t n)
{
    free(session->batch);
    session->n_batch = 0;
    session->batch = calloc(n + 1, sizeof *session->batch);
    if (!session->batch) {
        return -1;
    }
    for (size_t i = 0; i < n; i++) {
        session->batch[i] = (struct lease){reports[i].trial, reports[i].attempt};
    }
    session->n_batch = n;
    return 0;
}

static char *begin_report(struct session *session, uint64_t now_ms)
{
    const struct report *reports;
    size_t n = outbox_batch(session->outbox, &reports);
    session->heartbeat_at_ms = now_ms + session->heartbeat_ms;
    session->news_at_ms = SESSION_NEVER;
    session_outbox_changed(session, now_ms);
    if (remember_batch(session, reports, n) < 0) {
        return NULL;
    }
    return wire_report_body(&session->badge, reports, n);
}

char *session_begin(struct session *session, enum session_call call, uint64_t now_ms,
                    int n_free_slots, int wait_s)
{
    assert(session_due_ms(session, call, n_free_slots) <= now_ms);
    session->calls[call].in_flight = true;
    switch (call) {
    case SESSION_REGISTER:
        return wire_registration_body(&session->identity, &session->badge);
    case SESSION_CLAIM:
        return wire_claim_body(
            &session->badge, n_free_slots < SESSION_MAX_CLAIMS ? n_free_slots : SESSION_MAX_CLAIMS,
            wait_s);
    case SESSION_REPORT:
        return begin_report(session, now_ms);
    case SESSION_DEPART:
        return wire_departure_body(&session->badge);
    case SESSION_CALLS:
        break;
    }
    assert(false);
    return NULL;
}

/* ---- answers ---- */

static void nonsense(struct session_verdict *verdict, int status, const char *what)
{
    verdict->outcome = SESSION_AWAY;
    snprintf(verdict->message, sizeof verdict->message, "answered %d without %s", status, what);
}

static void registered(struct session *session, uint64_t now_ms,
                       const struct session_answer *answer, struct session_verdict *verdict)
{
    struct wire_registration registration;
    if (wire_parse_registration(answer->body, &registration) != 0) {
        nonsense(verdict, answer->status, "a worker id, a secret and a heartbeat interval");
        return;
    }
    session->badge = registration.badge;
    session->registered = true;
    session->heartbeat_ms = registration.heartbeat_ms;
    /* Leases from before the daemon forgot us are to be vouched for at once. */
    bool holds = outbox_n_held(session->outbox) > 0;
    session->heartbeat_at_ms = holds ? now_ms : now_ms + session->heartbeat_ms;
}

static void claimed(const struct session_answer *answer, struct session_verdict *verdict)
{
    if (wire_parse_claims(answer->body, &verdict->claims, &verdict->n_claims) != 0) {
        nonsense(verdict, answer->status, "a list of claims");
    }
}

static void settle(struct session *session, struct lease lease, enum report_status status,
                   struct session_verdict *verdict)
{
    if (status != REPORT_OK && outbox_is_open(session->outbox, lease)) {
        verdict->lost[verdict->n_lost++] = lease;
    }
    outbox_settle(session->outbox, lease, status);
}

static bool in_batch(const struct session *session, struct lease lease)
{
    for (size_t i = 0; i < session->n_batch; i++) {
        if (lease_equal(session->batch[i], lease)) {
            return true;
        }
    }
    return false;
}

static void reported(struct session *session, const struct session_answer *answer,
                     struct session_verdict *verdict)
{
    struct wire_result *results = NULL;
    size_t n = 0;
    if (wire_parse_results(answer->body, &results, &n) != 0) {
        nonsense(verdict, answer->status, "a list of results");
        return;
    }
    verdict->lost = calloc(n + 1, sizeof *verdict->lost);
    if (!verdict->lost) {
        nonsense(verdict, answer->status, "memory left to read it"); /* the report is repeated */
        free(results);
        return;
    }
    size_t n_settled = 0;
    for (size_t i = 0; i < n; i++) {
        if (in_batch(session, results[i].lease)) {
            settle(session, results[i].lease, results[i].status, verdict);
            n_settled++;
        }
    }
    free(results);
    if (n_settled < session->n_batch) {
        nonsense(verdict, answer->status, "a result for each trial reported");
    }
}

/* The daemon will not take the report as it is, and would not the next time: the item to blame,
 * or every item where none is named, becomes a failure that says so. */
static void report_refused(struct session *session, const struct wire_error *error,
                           struct session_verdict *verdict)
{
    verdict->lost = calloc(session->n_batch + 1, sizeof *verdict->lost);
    if (!verdict->lost) {
        return;
    }
    char reason[512];
    snprintf(reason, sizeof reason, "the daemon refused the report: %s%s%s", error->field,
             error->field[0] ? ": " : "", error->message);
    long blamed = wire_blamed_report(error);
    for (size_t i = 0; i < session->n_batch; i++) {
        if (blamed >= 0 && blamed < (long)session->n_batch && i != (size_t)blamed) {
            continue;
        }
        if (outbox_is_open(session->outbox, session->batch[i])) {
            verdict->lost[verdict->n_lost++] = session->batch[i];
        }
        outbox_refused(session->outbox, session->batch[i], reason);
    }
}

static void read_refusal(struct session *session, enum session_call call,
                         const struct session_answer *answer, struct session_verdict *verdict)
{
    struct wire_error error;
    wire_parse_error(answer->body, &error);
    snprintf(verdict->message, sizeof verdict->message, "answered %d %s%s%s", answer->status,
             error.code, error.message[0] ? ": " : "", error.message);
    if (call == SESSION_REGISTER && strcmp(error.field, "protocol") == 0 &&
        strstr(error.message, "there is no member")) {
        snprintf(verdict->message, sizeof verdict->message,
                 "it is older than this worker, whose protocol it does not speak: upgrade the "
                 "daemon first");
    }
    if (answer->status == 401) {
        verdict->outcome = SESSION_UNAUTHORIZED;
    } else if (answer->status == 404 && strcmp(error.code, "unknown_worker") == 0) {
        verdict->outcome = SESSION_UNKNOWN_WORKER;
        session->registered = false;
    } else if (answer->status == 408 || answer->status == 429 || error.code[0] == '\0') {
        verdict->outcome = SESSION_AWAY; /* a proxy's word, not the daemon's */
    } else {
        verdict->outcome = SESSION_REFUSED;
        if (call == SESSION_REPORT) {
            report_refused(session, &error, verdict);
        }
    }
}

static void read_success(struct session *session, enum session_call call, uint64_t now_ms,
                         const struct session_answer *answer, struct session_verdict *verdict)
{
    verdict->outcome = SESSION_OK;
    switch (call) {
    case SESSION_REGISTER:
        registered(session, now_ms, answer, verdict);
        break;
    case SESSION_CLAIM:
        claimed(answer, verdict);
        break;
    case SESSION_REPORT:
        reported(session, answer, verdict);
        break;
    case SESSION_DEPART:
        session->departed = true;
        break;
    case SESSION_CALLS:
        assert(false);
    }
}

static void call_ended(struct session *session, enum session_call call, uint64_t now_ms)
{
    session->calls[call].in_flight = false;
    if (call == SESSION_REPORT) {
        outbox_unsent(session->outbox);
        session->n_batch = 0;
        session_outbox_changed(session, now_ms);
    }
}

void session_answered(struct session *session, enum session_call call, uint64_t now_ms,
                      const struct session_answer *answer, struct session_verdict *ret)
{
    assert(call < SESSION_CALLS && session->calls[call].in_flight);
    *ret = (struct session_verdict){.outcome = SESSION_AWAY};
    if (answer->status >= 200 && answer->status < 300) {
        read_success(session, call, now_ms, answer, ret);
    } else if (answer->status >= 400 && answer->status < 500) {
        read_refusal(session, call, answer, ret);
    } else if (answer->status != 0) {
        snprintf(ret->message, sizeof ret->message, "answered %d", answer->status);
    }
    call_ended(session, call, now_ms);
    if (ret->outcome == SESSION_OK) {
        backoff_reset(&session->calls[call].backoff);
        session->calls[call].not_before_ms = 0;
        return;
    }
    uint64_t wait_ms = backoff_next(&session->calls[call].backoff, &session->jitter);
    if (answer->retry_after_ms > wait_ms) {
        wait_ms = answer->retry_after_ms < RETRY_AFTER_MOST_MS ? answer->retry_after_ms
                                                               : RETRY_AFTER_MOST_MS;
    }
    session->calls[call].not_before_ms = now_ms + wait_ms;
}

void session_verdict_clear(struct session_verdict *verdict)
{
    free(verdict->claims);
    free(verdict->lost);
    verdict->claims = NULL;
    verdict->lost = NULL;
    verdict->n_claims = verdict->n_lost = 0;
}

void session_aborted(struct session *session, enum session_call call, uint64_t now_ms)
{
    call_ended(session, call, now_ms);
    session->calls[call].not_before_ms = 0;
}

void session_drain(struct session *session, uint64_t now_ms)
{
    session->draining = true;
    outbox_release_all(session->outbox);
    session_outbox_changed(session, now_ms);
}

bool session_is_over(const struct session *session)
{
    return has_delivered(session) && (!session->registered || session->departed);
}
