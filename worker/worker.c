#include "worker/worker.h"

#include "common/log.h"
#include "common/start.h"
#include "common/utf8.h"
#include "worker/client.h"
#include "worker/machine.h"
#include "worker/orphans.h"
#include "worker/outbox.h"
#include "worker/seats.h"
#include "worker/session.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OUTBOX_ROWS 100000    /* some 8 MB */
#define CLAIM_WAIT_S 30       /* the long poll */
#define CLAIM_SLACK_MS 10000  /* how much longer than that its answer may take */
#define CALL_TIMEOUT_MS 10000 /* of the others */
#define DRAIN_WITHIN_MS 1500  /* for handing back what is held, once told to stop */
#define N_SIGNALS 3
#define ORPHANS_LOOK_MS 20

static const int stop_signals[N_SIGNALS] = {SIGTERM, SIGINT, SIGHUP};
static const char *const call_paths[SESSION_CALLS] = {"/v1/workers", "/v1/claims", "/v1/reports",
                                                      "/v1/departures"};

struct worker {
    const struct worker_options *options;
    uv_loop_t loop;
    uv_signal_t signals[N_SIGNALS];
    uv_timer_t timer;
    uv_signal_t child;
    uv_timer_t orphans_timer;
    struct outbox *outbox;
    struct session session;
    struct client *client;
    struct seats *seats;
    struct call {
        struct worker *worker;
        struct client_request *request;
    } calls[SESSION_CALLS];

    bool registered_once;
    enum session_outcome told; /* the daemon's state as last logged */
    char refusal[512];         /* what it refused with */
    uint64_t idle_since_ms;
    bool stopping, over;
    uint64_t stop_by_ms;
    enum worker_exit exit;
};

static void step(struct worker *worker);

static uint64_t now_ms(struct worker *worker)
{
    return uv_now(&worker->loop);
}

/* ---- what the daemon answers ---- */

/* A URL that leads to something else refuses everything, each time in the same words. */
static void tell_refusal(struct worker *worker, enum session_outcome told, const char *message)
{
    if (told == SESSION_REFUSED && strcmp(message, worker->refusal) == 0) {
        return;
    }
    snprintf(worker->refusal, sizeof worker->refusal, "%s", message);
    log_error("the daemon refused a request url=%s message=\"%s\"%s", worker->options->daemon_url,
              message, worker->registered_once ? "" : " remedy=\"is this URL that of a ninetyd?\"");
}

/* Says it once when the daemon goes, changes its mind or comes back. */
static void tell_daemon_state(struct worker *worker, const struct session_verdict *verdict)
{
    enum session_outcome told = worker->told;
    const char *url = worker->options->daemon_url;
    worker->told = verdict->outcome;
    switch (verdict->outcome) {
    case SESSION_OK:
        if (told != SESSION_OK) {
            log_info("the daemon answers again url=%s", url);
        }
        break;
    case SESSION_UNKNOWN_WORKER:
        log_info("the daemon does not know this worker any more: registering again");
        break;
    case SESSION_REFUSED:
        tell_refusal(worker, told, verdict->message);
        break;
    case SESSION_UNAUTHORIZED:
        if (told != SESSION_UNAUTHORIZED) {
            log_error("the daemon does not accept the token url=%s message=\"%s\" remedy=\"give "
                      "the daemon's token by --token-file or NINETY_TOKEN\"",
                      url, verdict->message);
        }
        break;
    case SESSION_AWAY:
        if (told != SESSION_AWAY) {
            log_warn("%s url=%s reason=\"%s\"",
                     worker->registered_once ? "the daemon is away: training goes on"
                                             : "waiting for the daemon",
                     url, verdict->message);
        }
        break;
    }
}

static void begin_stop(struct worker *worker, enum worker_exit exit);

static void follow_verdict(struct worker *worker, const struct session_verdict *verdict)
{
    for (size_t i = 0; i < verdict->n_lost; i++) {
        seats_drop(worker->seats, verdict->lost[i]);
    }
    for (size_t i = 0; i < verdict->n_claims; i++) {
        seats_take(worker->seats, &verdict->claims[i]);
    }
    session_outbox_changed(&worker->session, now_ms(worker));
    if (verdict->outcome == SESSION_UNAUTHORIZED && !worker->registered_once) {
        begin_stop(worker, WORKER_UNAUTHORIZED); /* a wrong token does not heal by itself */
    }
}

static void on_answer(void *arg, const struct client_answer *http)
{
    struct call *call = arg;
    struct worker *worker = call->worker;
    enum session_call which = (enum session_call)(call - worker->calls);
    call->request = NULL;
    struct session_answer answer = {
        .status = http->status, .body = http->body, .retry_after_ms = http->retry_after_ms};
    struct session_verdict verdict;
    session_answered(&worker->session, which, now_ms(worker), &answer, &verdict);
    if (http->error[0]) {
        snprintf(verdict.message, sizeof verdict.message, "%s", http->error);
    }
    tell_daemon_state(worker, &verdict);
    if (which == SESSION_REGISTER && verdict.outcome == SESSION_OK) {
        worker->registered_once = true;
        log_info("registered url=%s worker=%" PRId64 " slots=%d kernel=%s",
                 worker->options->daemon_url, worker->session.badge.worker,
                 worker->options->n_slots, worker->options->kernel);
    }
    follow_verdict(worker, &verdict);
    session_verdict_clear(&verdict);
    step(worker);
}

/* ---- calls ---- */

/* The long poll must not outlast the time after which an idle worker leaves. */
static int claim_wait_s(struct worker *worker)
{
    uint64_t idle_ms = worker->options->idle_ms;
    if (idle_ms == 0) {
        return CLAIM_WAIT_S;
    }
    uint64_t end_ms = worker->idle_since_ms + idle_ms;
    uint64_t left_s = end_ms > now_ms(worker) ? (end_ms - now_ms(worker)) / 1000 : 0;
    return left_s < 1 ? 1 : left_s < CLAIM_WAIT_S ? (int)left_s : CLAIM_WAIT_S;
}

static void begin_call(struct worker *worker, enum session_call which)
{
    struct call *call = &worker->calls[which];
    int wait_s = claim_wait_s(worker);
    char *body =
        session_begin(&worker->session, which, now_ms(worker), seats_n_free(worker->seats), wait_s);
    uint64_t timeout_ms =
        which == SESSION_CLAIM ? (uint64_t)wait_s * 1000 + CLAIM_SLACK_MS : CALL_TIMEOUT_MS;
    call->request =
        client_post(worker->client, call_paths[which], body, timeout_ms, on_answer, call);
    if (!call->request) {
        struct session_answer none = {0};
        struct session_verdict verdict;
        session_answered(&worker->session, which, now_ms(worker), &none, &verdict);
        session_verdict_clear(&verdict);
    }
}

/* ---- stopping ---- */

static void abort_call(struct worker *worker, enum session_call which)
{
    struct call *call = &worker->calls[which];
    if (call->request) {
        client_cancel(call->request);
        call->request = NULL;
        session_aborted(&worker->session, which, now_ms(worker));
    }
}

/* Gives every trial back and stops the trainers; step() ends it when that is delivered, or when it
 * has taken too long. */
static void begin_stop(struct worker *worker, enum worker_exit exit)
{
    if (worker->stopping) {
        return;
    }
    worker->stopping = true;
    worker->exit = exit;
    worker->stop_by_ms = now_ms(worker) + DRAIN_WITHIN_MS;
    session_drain(&worker->session, now_ms(worker));
    abort_call(worker, SESSION_CLAIM);
    seats_close(worker->seats);
}

/* The loop runs dry once the trainers are gone as well. */
static void end(struct worker *worker)
{
    worker->over = true;
    if (outbox_n_held(worker->outbox) > 0) {
        log_warn("the daemon could not be told of every trial trials=%zu remedy=\"none needed: "
                 "their leases run out\"",
                 outbox_n_held(worker->outbox));
    }
    client_close(worker->client);
    uv_close((uv_handle_t *)&worker->timer, NULL);
    uv_close((uv_handle_t *)&worker->child, NULL);
    uv_close((uv_handle_t *)&worker->orphans_timer, NULL);
    for (int i = 0; i < N_SIGNALS; i++) {
        uv_close((uv_handle_t *)&worker->signals[i], NULL);
    }
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct worker *worker = handle->data;
    if (worker->stopping) {
        seats_kill(worker->seats);
        orphans_kill_all();
        _exit(WORKER_BROKEN);
    }
    log_info("stopping signal=SIG%s trials=%zu", sigabbrev_np(number),
             outbox_n_held(worker->outbox));
    begin_stop(worker, WORKER_DONE);
    step(worker);
}

/* ---- the step ---- */

/* When an idle worker leaves: never while a claim is on its way, which may bring a trial. */
static uint64_t idle_end_ms(const struct worker *worker)
{
    if (worker->options->idle_ms == 0 || worker->calls[SESSION_CLAIM].request) {
        return SESSION_NEVER;
    }
    return worker->idle_since_ms + worker->options->idle_ms;
}

static uint64_t begin_due_calls(struct worker *worker)
{
    uint64_t next_ms = SESSION_NEVER;
    for (int which = 0; which < SESSION_CALLS; which++) {
        uint64_t due_ms = session_due_ms(&worker->session, which, seats_n_free(worker->seats));
        if (due_ms <= now_ms(worker)) {
            begin_call(worker, which);
            due_ms = session_due_ms(&worker->session, which, seats_n_free(worker->seats));
        }
        next_ms = due_ms < next_ms ? due_ms : next_ms;
    }
    return next_ms;
}

/* A batch system counts the status: who never met a daemon has not done the work. */
static void leave(struct worker *worker)
{
    uint64_t idle_s = worker->options->idle_ms / 1000;
    if (worker->registered_once) {
        log_info("stopping: no trial for a while idle_s=%" PRIu64, idle_s);
        begin_stop(worker, WORKER_DONE);
    } else {
        log_error("giving up: no daemon took this worker url=%s idle_s=%" PRIu64,
                  worker->options->daemon_url, idle_s);
        begin_stop(worker, WORKER_NO_DAEMON);
    }
}

static void on_timer(uv_timer_t *timer)
{
    step(timer->data);
}

static void step(struct worker *worker)
{
    if (worker->over) {
        return;
    }
    if (outbox_n_held(worker->outbox) > 0) {
        worker->idle_since_ms = now_ms(worker);
    }
    session_outbox_changed(&worker->session, now_ms(worker));
    if (!worker->stopping && now_ms(worker) >= idle_end_ms(worker)) {
        leave(worker);
    }
    if (worker->stopping &&
        (session_is_over(&worker->session) || now_ms(worker) >= worker->stop_by_ms)) {
        end(worker);
        return;
    }
    uint64_t next_ms = begin_due_calls(worker);
    uint64_t end_ms = worker->stopping ? worker->stop_by_ms : idle_end_ms(worker);
    next_ms = end_ms < next_ms ? end_ms : next_ms;
    if (next_ms == SESSION_NEVER) {
        uv_timer_stop(&worker->timer);
    } else {
        uint64_t wait_ms = next_ms > now_ms(worker) ? next_ms - now_ms(worker) : 0;
        uv_timer_start(&worker->timer, on_timer, wait_ms, 0);
    }
}

static void on_seats_changed(void *arg)
{
    step(arg);
}

static void on_seats_hopeless(void *arg, const char *reason)
{
    struct worker *worker = arg;
    log_error("giving up: no trainer starts command=\"%s\" reason=\"%s\"",
              worker->options->trainer_command, reason);
    begin_stop(worker, WORKER_NO_TRAINER);
    step(worker);
}

static void on_seats_wrong(void *arg, const char *kernel)
{
    struct worker *worker = arg;
    if (kernel) {
        log_error("a matrix product was wrong: every trial is handed back kernel=%s", kernel);
    } else {
        log_error("giving up: this machine computes wrong matrix products whatever the kernel");
    }
    begin_stop(worker, kernel ? WORKER_WRONG_KERNEL : WORKER_NO_TRAINER);
    step(worker);
}

/* ---- what trainers leave behind ---- */

static enum orphans_kin kin(void *arg, const struct orphans_child *child)
{
    return seats_kin(arg, child);
}

static void on_orphans_timer(uv_timer_t *timer)
{
    struct worker *worker = timer->data;
    if (orphans_kill(kin, worker->seats) > 0) {
        uv_timer_start(timer, on_orphans_timer, ORPHANS_LOOK_MS, 0);
    }
}

/* A trainer or an orphan has ended; its slot sees to a trainer in the meantime. */
static void on_child(uv_signal_t *handle, int number)
{
    struct worker *worker = handle->data;
    (void)number;
    uv_timer_start(&worker->orphans_timer, on_orphans_timer, ORPHANS_LOOK_MS, 0);
}

static void watch_orphans(struct worker *worker)
{
    orphans_adopt();
    uv_timer_init(&worker->loop, &worker->orphans_timer);
    uv_signal_init(&worker->loop, &worker->child);
    worker->orphans_timer.data = worker->child.data = worker;
    uv_signal_start(&worker->child, on_child, SIGCHLD);
}

/* ---- start and end ---- */

static int start(struct worker *worker, const struct wire_identity *identity)
{
    const struct worker_options *options = worker->options;
    worker->outbox = outbox_create(OUTBOX_ROWS);
    worker->client = client_create(&worker->loop, options->daemon_url, options->token);
    if (!worker->outbox || !worker->client) {
        return -ENOMEM;
    }
    session_init(&worker->session, identity, worker->outbox, uv_hrtime() ^ (uint64_t)getpid());
    for (int which = 0; which < SESSION_CALLS; which++) {
        worker->calls[which].worker = worker;
    }
    worker->idle_since_ms = now_ms(worker);
    worker->told = SESSION_OK;
    uv_timer_init(&worker->loop, &worker->timer);
    worker->timer.data = worker;
    for (int i = 0; i < N_SIGNALS; i++) {
        uv_signal_init(&worker->loop, &worker->signals[i]);
        worker->signals[i].data = worker;
        if (start_heeds(stop_signals[i])) {
            uv_signal_start(&worker->signals[i], on_signal, stop_signals[i]);
        }
    }
    watch_orphans(worker);
    const struct seats_handlers handlers = {.on_change = on_seats_changed,
                                            .on_hopeless = on_seats_hopeless,
                                            .on_wrong_products = on_seats_wrong,
                                            .arg = worker};
    worker->seats = seats_create(&worker->loop, options, worker->outbox, &handlers);
    return worker->seats ? 0 : -ENOMEM;
}

enum worker_exit worker_run(const struct worker_options *options)
{
    struct worker worker = {.options = options};
    char host[256] = "unknown", cpu[128];
    gethostname(host, sizeof host - 1);
    machine_cpu_model(cpu, sizeof cpu);
    utf8_clean(host, UTF8_NAME);
    utf8_clean(cpu, UTF8_NAME);
    const struct wire_identity identity = {.host = host,
                                           .cpu = cpu,
                                           .kernel = options->kernel,
                                           .version = NINETY_VERSION,
                                           .pid = getpid(),
                                           .n_slots = options->n_slots};
    signal(SIGPIPE, SIG_IGN);
    if (uv_loop_init(&worker.loop) < 0 || start(&worker, &identity) < 0) {
        log_error("cannot start: out of memory or descriptors");
        return WORKER_BROKEN; /* the process ends, and the system takes all of it back */
    }
    step(&worker);
    uv_run(&worker.loop, UV_RUN_DEFAULT);
    int r = uv_loop_close(&worker.loop);
    assert(r == 0);
    (void)r;
    orphans_kill_all();
    seats_destroy(worker.seats);
    session_finish(&worker.session);
    outbox_destroy(worker.outbox);
    return worker.exit;
}
