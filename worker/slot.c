#include "worker/slot.h"

#include "common/log.h"
#include "common/protocol_rules.h"
#include "common/utf8.h"
#include "worker/backoff.h"
#include "worker/log_share.h"
#include "worker/machine.h"
#include "worker/process.h"
#include "worker/trainer_status.h"

#include <assert.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#define READY_WITHIN_MS 120000 /* a framework may take its time to load */
#define STOP_GRACE_MS 1000
#define ALSO_US_MS 500 /* whoever stops all of a job's processes has told us too within this */
#define RESTART_FIRST_MS 500
#define RESTART_MOST_MS 30000
#define SILENCES_AT_WORK 12    /* so many in a row are no training, whatever the CPU does */
#define SHORT_OF_SILENCE 10000 /* CPU time of less than this part of the silence is no work */
#define N_LAST_WORDS 3
#define HOPELESS_STARTS 5  /* none of them got ready, and none before: some four seconds */
#define STARTS_PER_TRIAL 3 /* a trainer that cannot start may keep a trial waiting this often */

enum trainer_state { DOWN, STARTING, READY, STOPPING };
enum trial_state { NONE, ASSIGNED, IN_HAND };

struct slot {
    struct slot_options options;
    enum trainer_state trainer;
    struct process *process; /* NULL when DOWN */
    bool was_ready;          /* ever */
    int n_false_starts;      /* before it was */
    char reason[512];        /* why the last one ended */
    bool suspect;            /* it has died since a trial last ended in order */
    struct backoff restart;
    struct rng jitter;
    bool blameless;  /* STOPPING: not for anything it did */
    int wait_status; /* DOWN, asked to end by somebody else: as from waitpid */
    bool closing;

    enum trial_state trial;
    struct lease lease;
    struct report_terms terms; /* of the trial IN_HAND, */
    struct report_past past;   /* and what the trainer has said of it */
    char *job; /* ASSIGNED: the line to write once the trainer is ready; else NULL */

    uv_timer_t timer;     /* DOWN: restart; STARTING: ready in time; IN_HAND: silence */
    int64_t cpu_ms;       /* at the last check for silence */
    int n_silences;       /* since its last line */
    int64_t oom_kills;    /* when the trainer was started */
    struct log_share log; /* how much more of what trainers say is logged */
    char last_words[N_LAST_WORDS][160];
    unsigned n_words;
};

static void emit(struct slot *slot, const struct trainer_event *event)
{
    slot->options.on_event(slot->options.arg, slot, event);
}

/* ---- the trial's end ---- */

static void forget_trial(struct slot *slot)
{
    slot->trial = NONE;
    slot->lease = (struct lease){0};
    free(slot->job);
    slot->job = NULL;
}

static void fail_trial(struct slot *slot, const char *reason)
{
    if (slot->trial == NONE) {
        return;
    }
    struct trainer_event event = {
        .type = TRAINER_FAILED, .trial = slot->lease.trial, .attempt = slot->lease.attempt};
    event.failure.retry = true;
    snprintf(event.failure.reason, sizeof event.failure.reason, "%s", reason);
    utf8_clean(event.failure.reason, UTF8_PROSE);
    forget_trial(slot);
    emit(slot, &event);
}

static void stop_trainer(struct slot *slot, bool blameless)
{
    if (slot->process) {
        slot->trainer = STOPPING;
        slot->blameless = blameless;
        uv_timer_stop(&slot->timer);
        process_stop(slot->process, STOP_GRACE_MS);
    }
}

/* The trainer did what no trainer may: the trial fails, and a new one takes its place. */
static void reject_trainer(struct slot *slot, const char *reason)
{
    log_warn("trainer stopped slot=%d reason=\"%s\"", slot->options.index, reason);
    snprintf(slot->reason, sizeof slot->reason, "%s", reason);
    stop_trainer(slot, false);
    if (slot->trial == IN_HAND) {
        fail_trial(slot, reason);
    }
}

/* ---- silence ---- */

static void on_silence(uv_timer_t *timer)
{
    struct slot *slot = timer->data;
    int64_t cpu_ms = machine_cpu_ms(process_pid(slot->process));
    int64_t worked_ms = cpu_ms - slot->cpu_ms;
    slot->cpu_ms = cpu_ms;
    slot->n_silences++;
    bool works = worked_ms > (int64_t)(slot->options.silence_ms / SHORT_OF_SILENCE);
    if (works && slot->n_silences < SILENCES_AT_WORK) {
        return;
    }
    char reason[128];
    snprintf(reason, sizeof reason, "the trainer hangs: no line%s for %" PRIu64 " s%s",
             works ? "" : " and no work",
             (works ? SILENCES_AT_WORK : 1) * slot->options.silence_ms / 1000,
             works ? ", though it uses the CPU" : "");
    reject_trainer(slot, reason);
}

static void watch_silence(struct slot *slot)
{
    if (slot->options.silence_ms > 0) {
        slot->cpu_ms = machine_cpu_ms(process_pid(slot->process));
        slot->n_silences = 0;
        uv_timer_start(&slot->timer, on_silence, slot->options.silence_ms,
                       slot->options.silence_ms);
    }
}

/* ---- lines ---- */

static void send_job(struct slot *slot)
{
    slot->trial = IN_HAND;
    process_write(slot->process, slot->job);
    slot->job = NULL;
    watch_silence(slot);
}

static void on_ready(struct slot *slot, const struct trainer_event *event)
{
    if (event->protocol != PROTOCOL_VERSION) {
        char reason[128];
        snprintf(reason, sizeof reason, "the trainer speaks protocol %" PRId64 ", not %d",
                 event->protocol, PROTOCOL_VERSION);
        reject_trainer(slot, reason);
        return;
    }
    slot->trainer = READY;
    slot->was_ready = true;
    uv_timer_stop(&slot->timer);
    log_debug("trainer ready slot=%d pid=%d trainer=\"%s\" kernel=%s", slot->options.index,
              (int)process_pid(slot->process), event->trainer, event->kernel);
    if (slot->job) {
        send_job(slot);
    }
    emit(slot, event);
}

/* Whether what the trainer says can be, after all that it has said. */
static int check_event(struct slot *slot, const struct trainer_event *event, struct error *error)
{
    switch (event->type) {
    case TRAINER_MEASUREMENT:
        return report_check_measurement(&event->measurement, &slot->terms, &slot->past, error);
    case TRAINER_LAYER:
        return report_check_layer(&event->layer, &slot->terms, &slot->past, error);
    case TRAINER_DONE:
        return report_check_result(&event->result, &slot->terms, &slot->past, error);
    case TRAINER_READY:
    case TRAINER_FAILED:
    case TRAINER_STEP:
        break;
    }
    return 0;
}

static void on_trial_event(struct slot *slot, struct trainer_event *event)
{
    struct lease lease = {event->trial, event->attempt};
    if (slot->trial != IN_HAND || !lease_equal(lease, slot->lease)) {
        char reason[160];
        snprintf(reason, sizeof reason,
                 "the trainer spoke of trial %" PRId64 " attempt %" PRId64
                 ", which it has not in hand",
                 lease.trial, lease.attempt);
        reject_trainer(slot, reason);
        return;
    }
    struct error error;
    if (check_event(slot, event, &error) != 0) {
        char reason[400];
        snprintf(reason, sizeof reason, "the trainer said what cannot be: %.300s", error.message);
        reject_trainer(slot, reason);
        return;
    }
    utf8_clean(event->failure.reason, UTF8_PROSE);
    if (event->type == TRAINER_DONE || event->type == TRAINER_FAILED) {
        uv_timer_stop(&slot->timer);
        slot->suspect = false;
        backoff_reset(&slot->restart);
        forget_trial(slot);
    } else if (slot->options.silence_ms > 0) {
        slot->n_silences = 0;
        uv_timer_again(&slot->timer);
    }
    if (event->type != TRAINER_STEP) {
        emit(slot, event);
    }
}

static void on_output(struct slot *slot, const char *line)
{
    struct trainer_event event;
    struct error error;
    if (slot->trainer == STOPPING) {
        return;
    }
    if (!line || trainer_event_from_line(line, &event, &error) != 0) {
        char reason[400];
        snprintf(reason, sizeof reason, "the trainer wrote no line of the protocol: %.300s",
                 line ? error.message : "it has no end");
        reject_trainer(slot, reason);
    } else if (slot->trainer == STARTING) {
        if (event.type == TRAINER_READY) {
            on_ready(slot, &event);
        } else {
            reject_trainer(slot, "the trainer did not say that it is ready first");
        }
    } else if (event.type == TRAINER_READY) {
        reject_trainer(slot, "the trainer said twice that it is ready");
    } else {
        on_trial_event(slot, &event);
    }
}

static void log_left_out(struct slot *slot)
{
    uint64_t n = log_share_take_left_out(&slot->log);
    if (n > 0) {
        log_warn("trainer said more than is logged slot=%d bytes_left_out=%" PRIu64,
                 slot->options.index, n);
    }
}

static void log_words(struct slot *slot, const char *line)
{
    if (log_share_take(&slot->log, uv_now(slot->options.loop), strlen(line))) {
        log_left_out(slot);
        log_info("trainer says slot=%d \"%s\"", slot->options.index, line);
    }
}

static void on_line(void *arg, enum process_stream stream, char *line)
{
    struct slot *slot = arg;
    if (stream == PROCESS_OUT) {
        on_output(slot, line);
    } else if (line && line[0]) {
        utf8_clean(line, UTF8_NAME);
        log_words(slot, line);
        char *words = slot->last_words[slot->n_words++ % N_LAST_WORDS];
        snprintf(words, sizeof slot->last_words[0], "%.159s", line);
    }
}

/* ---- its death, and the next one ---- */

static void append_last_words(const struct slot *slot, char *reason, size_t size)
{
    unsigned n = slot->n_words < N_LAST_WORDS ? slot->n_words : N_LAST_WORDS;
    for (unsigned i = slot->n_words - n; i != slot->n_words; i++) {
        size_t used = strlen(reason);
        snprintf(reason + used, size - used, "%s%s", i == slot->n_words - n ? "; it said: " : " | ",
                 slot->last_words[i % N_LAST_WORDS]);
    }
}

static void describe_death(const struct slot *slot, int wait_status, char *ret, size_t size)
{
    if (WIFSIGNALED(wait_status)) {
        int number = WTERMSIG(wait_status);
        const char *name = sigabbrev_np(number);
        bool oom = number == SIGKILL && machine_oom_kills() > slot->oom_kills;
        snprintf(ret, size, "the trainer was killed by SIG%s%s", name ? name : "?",
                 oom ? ": out of memory, says the kernel's count of such kills" : "");
    } else {
        snprintf(ret, size, "the trainer exited with code %d and no result",
                 WEXITSTATUS(wait_status));
    }
    append_last_words(slot, ret, size);
}

static void on_closed(uv_handle_t *handle)
{
    struct slot *slot = handle->data;
    slot->options.on_closed(slot->options.arg, slot);
    free(slot);
}

static void start(struct slot *slot);

static void on_restart(uv_timer_t *timer)
{
    start(timer->data);
}

/* The trainer is gone, for a reason of its own unless `blameless`. */
static void restart(struct slot *slot, bool blameless)
{
    if (slot->closing) {
        uv_close((uv_handle_t *)&slot->timer, on_closed);
        return;
    }
    if (!slot->was_ready && ++slot->n_false_starts == HOPELESS_STARTS) {
        slot->options.on_hopeless(slot->options.arg, slot, slot->reason);
        if (slot->closing) {
            return; /* it was closed in there */
        }
    }
    /* The first death in a row may be anything; a second is likely to be followed by a third. */
    uint64_t wait_ms = 0;
    if (!blameless) {
        wait_ms = slot->suspect ? backoff_next(&slot->restart, &slot->jitter) : 0;
        slot->suspect = true;
    }
    uv_timer_start(&slot->timer, on_restart, wait_ms, 0);
}

static void judge_death(struct slot *slot, int wait_status)
{
    describe_death(slot, wait_status, slot->reason, sizeof slot->reason);
    log_warn("trainer died slot=%d reason=\"%s\"", slot->options.index, slot->reason);
    if (slot->trial == IN_HAND || slot->restart.n_failures >= STARTS_PER_TRIAL) {
        fail_trial(slot, slot->reason);
    }
    restart(slot, false);
}

static void on_not_also_us(uv_timer_t *timer)
{
    struct slot *slot = timer->data;
    judge_death(slot, slot->wait_status);
}

/* A batch system or an init that stops us may have told our trainers as well, and first. That is
 * no failure of the trial: slot_close hands it back if it comes in a moment. */
static bool was_asked_to_end(int wait_status)
{
    return WIFSIGNALED(wait_status) &&
           (WTERMSIG(wait_status) == SIGTERM || WTERMSIG(wait_status) == SIGINT ||
            WTERMSIG(wait_status) == SIGHUP);
}

static bool has_status(int wait_status, enum trainer_status status)
{
    return WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == (int)status;
}

static void tell_wrong_products(struct slot *slot, bool is_the_kernel)
{
    slot->options.on_wrong_products(slot->options.arg, slot, is_the_kernel);
    if (!slot->closing) { /* else it was closed in there */
        restart(slot, false);
    }
}

static void on_exit_of_trainer(void *arg, int wait_status)
{
    struct slot *slot = arg;
    bool stopped = slot->trainer == STOPPING;
    slot->trainer = DOWN; /* before anybody asks whether the slot is free */
    slot->process = NULL;
    log_left_out(slot);
    uv_timer_stop(&slot->timer);
    if (stopped) {
        restart(slot, slot->blameless);
    } else if (!slot->closing && (has_status(wait_status, TRAINER_WRONG_KERNEL) ||
                                  has_status(wait_status, TRAINER_WRONG_MACHINE))) {
        tell_wrong_products(slot, has_status(wait_status, TRAINER_WRONG_KERNEL));
    } else if (was_asked_to_end(wait_status)) {
        slot->wait_status = wait_status;
        uv_timer_start(&slot->timer, on_not_also_us, ALSO_US_MS, 0);
    } else {
        judge_death(slot, wait_status);
    }
}

static void on_never_ready(uv_timer_t *timer)
{
    reject_trainer(timer->data, "the trainer did not get ready in time");
}

static void start(struct slot *slot)
{
    const struct spawn_request request = {
        .argv = slot->options.argv,
        .environment = slot->options.environment,
        .core = slot->options.core,
    };
    const struct process_handlers handlers = {
        .on_line = on_line, .on_exit = on_exit_of_trainer, .arg = slot};
    slot->n_words = 0;
    slot->oom_kills = machine_oom_kills();
    int r = process_start(slot->options.loop, &request, &handlers, &slot->process);
    if (r < 0) {
        log_error("cannot start the trainer slot=%d command=\"%s\" error=\"%s\"",
                  slot->options.index, slot->options.argv[0], strerror(-r));
        snprintf(slot->reason, sizeof slot->reason, "%s", strerror(-r));
        restart(slot, false);
        return;
    }
    slot->trainer = STARTING;
    uv_timer_start(&slot->timer, on_never_ready, READY_WITHIN_MS, 0);
}

struct slot *slot_create(const struct slot_options *options)
{
    struct slot *slot = calloc(1, sizeof *slot);
    if (!slot) {
        return NULL;
    }
    slot->options = *options;
    slot->restart = (struct backoff){.first_ms = RESTART_FIRST_MS, .most_ms = RESTART_MOST_MS};
    rng_init(&slot->jitter, uv_hrtime(), RNG_JITTER, (uint32_t)options->index);
    log_share_init(&slot->log, uv_now(options->loop));
    uv_timer_init(options->loop, &slot->timer);
    slot->timer.data = slot;
    start(slot);
    return slot;
}

/* ---- what the worker asks of it ---- */

int slot_index(const struct slot *slot)
{
    return slot->options.index;
}

bool slot_is_free(const struct slot *slot)
{
    return slot->trainer == READY && slot->trial == NONE;
}

void slot_assign(struct slot *slot, struct lease lease)
{
    assert(slot_is_free(slot));
    slot->trial = ASSIGNED;
    slot->lease = lease;
}

bool slot_has(const struct slot *slot, struct lease lease)
{
    return slot->trial != NONE && lease_equal(slot->lease, lease);
}

bool slot_awaits_job(const struct slot *slot)
{
    return slot->trial == ASSIGNED && !slot->job;
}

void slot_train(struct slot *slot, const struct trainer_job *job)
{
    assert(slot_awaits_job(slot));
    slot->terms = report_terms_of(&job->config);
    slot->past = REPORT_NOTHING_PAST;
    slot->job = trainer_job_to_line(job);
    if (!slot->job) {
        fail_trial(slot, "the worker is out of memory");
    } else if (slot->trainer == READY) {
        send_job(slot);
    }
}

void slot_drop(struct slot *slot)
{
    if (slot->trial == IN_HAND) {
        stop_trainer(slot, true);
    }
    forget_trial(slot);
}

void slot_close(struct slot *slot)
{
    if (slot->closing) {
        return;
    }
    slot->closing = true;
    forget_trial(slot);
    if (slot->process) {
        stop_trainer(slot, true);
    } else {
        uv_close((uv_handle_t *)&slot->timer, on_closed);
    }
}

void slot_kill(struct slot *slot)
{
    if (slot->process) {
        process_kill(slot->process);
    }
}

enum orphans_kin slot_kin(const struct slot *slot, const struct orphans_child *child)
{
    return slot->process ? process_kin(slot->process, child) : ORPHANS_LEFT;
}
