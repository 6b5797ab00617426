#include "daemon/local_worker.h"

#include "common/log.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FIRST_DELAY_MS 500
#define LONGEST_DELAY_MS 30000
#define STEADY_MS 60000 /* who ran so long starts anew with the first delay */
#define N_ARGUMENTS 16
#define N_OWN 2

struct local_worker {
    uv_loop_t *loop;
    uv_process_t process;
    uv_timer_t timer;
    enum { WAITING, RUNNING, ENDED } state; /* ENDED: its handle is closing */
    bool stopping, useless, destroyed, timer_closed;
    uint64_t started_ms, delay_ms;
    void (*on_useless)(void *ctx);
    void *useless_ctx;
    void (*on_stopped)(void *ctx);
    void *ctx;
    char program[PATH_MAX];
    char slots[16];
    char *url, *data, *trainer;
    char **environment; /* the daemon's, with what is ours; only that is freed */
    char *own[N_OWN];   /* no_proxy, NINETY_TOKEN if there is one */
};

/* ---- what is started ---- */

static bool is_program(const char *path)
{
    return access(path, X_OK) == 0;
}

/* Beside this program, as installed, or in the folders of the build tree; else on PATH. */
static bool find_program(char ret[PATH_MAX])
{
    static const char *const places[] = {"", "../worker/"};
    char own[PATH_MAX];
    size_t size = sizeof own;
    char *slash = uv_exepath(own, &size) == 0 ? strrchr(own, '/') : NULL;
    for (size_t i = 0; slash != NULL && i < sizeof places / sizeof *places; i++) {
        int n = snprintf(ret, PATH_MAX, "%.*s/%sninety-worker", (int)(slash - own), own, places[i]);
        if (n < PATH_MAX && is_program(ret)) {
            return true;
        }
    }
    const char *path = getenv("PATH");
    while (path != NULL && *path != '\0') {
        size_t n = strcspn(path, ":");
        if (snprintf(ret, PATH_MAX, "%.*s/ninety-worker", (int)n, path) < PATH_MAX &&
            is_program(ret)) {
            return true;
        }
        path += n + (path[n] == ':');
    }
    return false;
}

/* Whether `variable` is one of those that the worker gets from us instead. */
static bool is_ours(const char *variable)
{
    static const char *const names[] = {"NINETY_TOKEN=", "no_proxy=", "NO_PROXY="};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strncmp(variable, names[i], strlen(names[i])) == 0) {
            return true;
        }
    }
    return false;
}

/* The worker's way to us leads through no proxy, whatever address we listen at. */
static bool make_own_variables(struct local_worker *worker, const char *token)
{
    const char *direct = getenv("no_proxy") != NULL ? getenv("no_proxy") : getenv("NO_PROXY");
    const char *host = strstr(worker->url, "://") + 3;
    size_t n_host = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":");
    bool bracket = host[0] == '[';
    if (asprintf(&worker->own[0], "no_proxy=%s%s%.*s", direct != NULL ? direct : "",
                 direct != NULL && direct[0] != '\0' ? "," : "", (int)n_host - 2 * bracket,
                 host + bracket) < 0) {
        worker->own[0] = NULL;
    }
    if (token != NULL && asprintf(&worker->own[1], "NINETY_TOKEN=%s", token) < 0) {
        worker->own[1] = NULL;
    }
    return worker->own[0] != NULL && (token == NULL || worker->own[1] != NULL);
}

/* This process's environment with what is ours put in. */
static bool make_environment(struct local_worker *worker, const char *token)
{
    size_t n = 0, n_kept = 0;
    while (environ[n] != NULL) {
        n++;
    }
    worker->environment = calloc(n + N_OWN + 1, sizeof *worker->environment);
    if (worker->environment == NULL || !make_own_variables(worker, token)) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (!is_ours(environ[i])) {
            worker->environment[n_kept++] = environ[i];
        }
    }
    for (size_t i = 0; i < N_OWN && worker->own[i] != NULL; i++) {
        worker->environment[n_kept++] = worker->own[i];
    }
    return true;
}

static void make_arguments(const struct local_worker *worker, const char *ret[N_ARGUMENTS])
{
    size_t n = 0;
    ret[n++] = worker->program;
    ret[n++] = "--daemon";
    ret[n++] = worker->url;
    ret[n++] = "--slots";
    ret[n++] = worker->slots;
    ret[n++] = "--die-with-parent";
    if (worker->data != NULL) {
        ret[n++] = "--data";
        ret[n++] = worker->data;
    }
    if (worker->trainer != NULL) {
        ret[n++] = "--trainer";
        ret[n++] = worker->trainer;
    }
    ret[n] = NULL;
}

/* ---- its life ---- */

static void on_ended(uv_process_t *process, int64_t status, int signal);
static void on_process_closed(uv_handle_t *handle);
static void free_if_closed(struct local_worker *worker);
static void on_timer(uv_timer_t *timer);

static void start_later(struct local_worker *worker)
{
    uv_timer_start(&worker->timer, on_timer, worker->delay_ms, 0);
    worker->delay_ms *= 2;
    if (worker->delay_ms > LONGEST_DELAY_MS) {
        worker->delay_ms = LONGEST_DELAY_MS;
    }
}

/* Detached: a Ctrl-C on the terminal is the daemon's to handle, which then stops its worker. */
static void start(struct local_worker *worker)
{
    const char *arguments[N_ARGUMENTS];
    make_arguments(worker, arguments);
    uv_stdio_container_t streams[3] = {
        {.flags = UV_IGNORE},
        {.flags = UV_INHERIT_FD, .data.fd = STDERR_FILENO},
        {.flags = UV_INHERIT_FD, .data.fd = STDERR_FILENO},
    };
    uv_process_options_t options = {.exit_cb = on_ended,
                                    .file = worker->program,
                                    .args = (char **)arguments,
                                    .env = worker->environment,
                                    .flags = UV_PROCESS_DETACHED,
                                    .stdio_count = 3,
                                    .stdio = streams};
    worker->started_ms = uv_now(worker->loop);
    worker->process.data = worker;
    int rc = uv_spawn(worker->loop, &worker->process, &options);
    if (rc != 0) {
        log_error("cannot start the local worker program=%s error=\"%s\"", worker->program,
                  uv_strerror(rc));
        worker->state = ENDED;
        uv_close((uv_handle_t *)&worker->process, on_process_closed);
        return;
    }
    worker->state = RUNNING;
    log_info("started the local worker pid=%d slots=%s", worker->process.pid, worker->slots);
}

static void on_timer(uv_timer_t *timer)
{
    start(timer->data);
}

static void on_process_closed(uv_handle_t *handle)
{
    struct local_worker *worker = handle->data;
    worker->state = WAITING;
    if (worker->destroyed) {
        free_if_closed(worker);
    } else if (worker->stopping) {
        worker->on_stopped(worker->ctx);
    } else if (worker->useless) {
        worker->on_useless(worker->useless_ctx);
    } else {
        start_later(worker);
    }
}

static void on_ended(uv_process_t *process, int64_t status, int signal)
{
    struct local_worker *worker = process->data;
    worker->state = ENDED;
    if (uv_now(worker->loop) - worker->started_ms >= STEADY_MS) {
        worker->delay_ms = FIRST_DELAY_MS;
    }
    /* A worker ends with a status of its own only when it cannot work; killed ones may be lucky. */
    worker->useless = worker->on_useless != NULL && signal == 0 && status != 0;
    if (!worker->stopping && !worker->useless) {
        log_warn("the local worker ended, starting another one pid=%d status=%d signal=%d "
                 "in_ms=%llu",
                 process->pid, (int)status, signal, (unsigned long long)worker->delay_ms);
    }
    uv_close((uv_handle_t *)process, on_process_closed);
}

static void worker_free(struct local_worker *worker)
{
    free(worker->url);
    free(worker->data);
    free(worker->trainer);
    for (size_t i = 0; i < N_OWN; i++) {
        free(worker->own[i]);
    }
    free(worker->environment);
    free(worker);
}

static bool copy_texts(struct local_worker *worker, const struct local_worker_options *options)
{
    worker->url = strdup(options->url);
    worker->data = options->data != NULL ? strdup(options->data) : NULL;
    worker->trainer = options->trainer != NULL ? strdup(options->trainer) : NULL;
    snprintf(worker->slots, sizeof worker->slots, "%d", options->slots);
    return worker->url != NULL && (options->data == NULL || worker->data != NULL) &&
           (options->trainer == NULL || worker->trainer != NULL) &&
           make_environment(worker, options->token);
}

int local_worker_create(uv_loop_t *loop, const struct local_worker_options *options,
                        struct local_worker **ret, struct error *error)
{
    struct local_worker *worker = calloc(1, sizeof *worker);
    if (worker == NULL || !copy_texts(worker, options)) {
        if (worker != NULL) {
            worker_free(worker);
        }
        return -ENOMEM;
    }
    if (!find_program(worker->program)) {
        worker_free(worker);
        return error_set(error, NULL,
                         "cannot find the program ninety-worker beside this one or on PATH");
    }
    worker->loop = loop;
    worker->on_useless = options->on_useless;
    worker->useless_ctx = options->ctx;
    worker->delay_ms = FIRST_DELAY_MS;
    uv_timer_init(loop, &worker->timer);
    worker->timer.data = worker;
    start(worker);
    *ret = worker;
    return 0;
}

void local_worker_stop(struct local_worker *worker, void (*on_stopped)(void *ctx), void *ctx)
{
    worker->stopping = true;
    worker->on_stopped = on_stopped;
    worker->ctx = ctx;
    uv_timer_stop(&worker->timer);
    if (worker->state == RUNNING) {
        uv_process_kill(&worker->process, SIGTERM);
    } else if (worker->state == WAITING) {
        on_stopped(ctx);
    }
}

static void free_if_closed(struct local_worker *worker)
{
    if (worker->timer_closed && worker->state == WAITING) {
        worker_free(worker);
    }
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct local_worker *worker = handle->data;
    worker->timer_closed = true;
    free_if_closed(worker);
}

void local_worker_destroy(struct local_worker *worker)
{
    if (worker == NULL) {
        return;
    }
    worker->destroyed = true;
    uv_close((uv_handle_t *)&worker->timer, on_timer_closed);
    if (worker->state == RUNNING) {
        uv_process_kill(&worker->process, SIGKILL);
        worker->state = ENDED;
        uv_close((uv_handle_t *)&worker->process, on_process_closed);
    }
}
