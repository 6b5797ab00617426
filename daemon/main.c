/*
 * ninetyd: puts the parts together, and takes them apart in order.
 *
 *     running --SIGTERM, SIGINT, SIGHUP--> stopping: no more work is handed out, the local worker
 *     hands its trials back --it ended, or STOP_MS--> finished: last COMMIT, last answers,
 *     everything closed
 */
#include "common/database_lock.h"
#include "common/log.h"
#include "common/output_file.h"
#include "common/start.h"
#include "common/sweep_json.h"
#include "common/token.h"
#include "daemon/api.h"
#include "daemon/http.h"
#include "daemon/listen.h"
#include "daemon/local_worker.h"
#include "daemon/notify.h"
#include "daemon/options.h"
#include "daemon/queue.h"
#include "daemon/store.h"
#include "daemon/wal_watch.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define EXIT_USAGE 2
#define STOP_MS 800  /* for the local worker to hand its trials back */
#define LAST_MS 1000 /* for reads on the thread pool to notice that they are not wanted */
#define WORKER_GONE_MS 90000
#define SPARE_DESCRIPTORS 256 /* for all but connections, and for those that are being closed */
/* Connections that have shown no token yet. */
#define MAX_STRANGERS_PER_ADDRESS 256
#define LEAST_CONNECTIONS 64
#define N_SIGNALS 3

static const int stop_signals[N_SIGNALS] = {SIGTERM, SIGINT, SIGHUP};

struct daemon {
    struct options options;
    char token[TOKEN_SIZE];
    uv_loop_t loop;
    struct store *store;
    struct queue *queue;
    struct api *api;
    struct http_server *server;
    struct local_worker *worker;
    uv_signal_t signals[N_SIGNALS];
    uv_timer_t timer;
    struct wal_watch wal_watch;
    struct notify notify;
    bool stopping, finished;
    int status; /* to exit with */
};

/* ---- stopping ---- */

static void on_last_timer(uv_timer_t *timer)
{
    struct daemon *d = timer->data;
    /* All that was answered is on disk; what still reads for nobody may be cut off. */
    _exit(d->status);
}

static void finish(struct daemon *d)
{
    if (d->finished) {
        return;
    }
    d->finished = true;
    local_worker_destroy(d->worker);
    http_server_stop_listening(d->server);
    api_flush(d->api);
    http_server_destroy(d->server);
    api_destroy(d->api);
    for (int i = 0; i < N_SIGNALS; i++) {
        uv_close((uv_handle_t *)&d->signals[i], NULL);
    }
    wal_watch_stop(&d->wal_watch);
    notify_close(&d->notify);
    uv_timer_start(&d->timer, on_last_timer, LAST_MS, 0);
    uv_unref((uv_handle_t *)&d->timer);
}

static void on_stop_timer(uv_timer_t *timer)
{
    finish(timer->data);
}

static void on_worker_stopped(void *ctx)
{
    finish(ctx);
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct daemon *d = handle->data;
    if (d->stopping) {
        finish(d);
        return;
    }
    d->stopping = true;
    log_info("stopping signal=%d", number);
    notify_stopping(&d->notify);
    api_stop_claims(d->api);
    if (d->worker == NULL) {
        finish(d);
        return;
    }
    uv_timer_start(&d->timer, on_stop_timer, STOP_MS, 0);
    local_worker_stop(d->worker, on_worker_stopped, d);
}

/* The local worker has said why. */
static void on_worker_useless(void *ctx)
{
    struct daemon *d = ctx;
    notify_stopping(&d->notify);
    log_info("stopping: the local worker cannot work here");
    d->status = EXIT_FAILURE;
    api_stop_claims(d->api);
    finish(d);
}

/* ---- starting ---- */

/* Thousands of workers may wait in as many connections. */
static unsigned raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return http_default_limits.max_connections;
    }
    rlim_t wanted = http_default_limits.max_connections + SPARE_DESCRIPTORS;
    if (limit.rlim_cur < wanted) {
        limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
        setrlimit(RLIMIT_NOFILE, &limit);
        getrlimit(RLIMIT_NOFILE, &limit);
    }
    return limit.rlim_cur < wanted ? (unsigned)limit.rlim_cur - SPARE_DESCRIPTORS
                                   : http_default_limits.max_connections;
}

static struct queue_time now(void)
{
    struct timespec mono, wall;
    clock_gettime(CLOCK_MONOTONIC, &mono);
    clock_gettime(CLOCK_REALTIME, &wall);
    return (struct queue_time){.mono_ms = mono.tv_sec * 1000 + mono.tv_nsec / 1000000,
                               .wall_ms = wall.tv_sec * 1000 + wall.tv_nsec / 1000000};
}

static void log_start(const struct daemon *d)
{
    const struct store_start *start = store_start(d->store);
    if (start->unclean && start->whole) {
        log_info("the last stop was not in order: the database was checked and is sound file=%s "
                 "mib=%lld seconds=%.1f",
                 d->options.db, (long long)start->mib, start->seconds);
    } else if (start->unclean) {
        log_warn("the last stop was not in order, and the database is too large to be checked in "
                 "full at a start: 'ninety check' reads all of it file=%s mib=%lld seconds=%.1f",
                 d->options.db, (long long)start->mib, start->seconds);
    }
    if (start->n_names > 1) {
        log_warn("the database has other names (hard links), and SQLite keeps its log by name: use "
                 "one name only file=%s names=%lld",
                 d->options.db, (long long)start->n_names);
    }
}

static int open_queue(struct daemon *d, struct error *error)
{
    int rc = d->options.read_only ? store_open_copy(d->options.db, &d->store, error)
                                  : store_open(d->options.db, &d->store, error);
    if (rc != 0) {
        return rc;
    }
    log_start(d);
    struct queue_options options;
    queue_options_init(&options);
    options.lease_ms = d->options.lease_ms;
    options.worker_gone_ms =
        3 * options.lease_ms > WORKER_GONE_MS ? 3 * options.lease_ms : WORKER_GONE_MS;
    options.parse_sweep = sweep_from_text;
    if (getrandom(&options.seed, sizeof options.seed, 0) < 0) {
        options.seed = (uint64_t)getpid(); /* of the back-off's jitter only */
    }
    struct queue_time time = now();
    return queue_open(d->store, &options, &time, &d->queue, error);
}

static int open_api(struct daemon *d)
{
    struct api_options options = {.queue = d->queue,
                                  .db_path = store_read_name(d->store),
                                  .read_only = d->options.read_only,
                                  .data_directory = d->options.data,
                                  .token = d->options.token_file != NULL ? d->token : NULL,
                                  .lease_ms = d->options.lease_ms};
    return api_create(&d->loop, &options, &d->api);
}

static int open_server(struct daemon *d, int listen_fd)
{
    struct http_limits limits = http_default_limits;
    limits.max_connections = raise_descriptor_limit();
    limits.max_memory = d->options.max_memory;
    if (d->options.token_file != NULL) {
        limits.head_lets_in = false;
        limits.max_strangers_per_address = MAX_STRANGERS_PER_ADDRESS;
    }
    int rc = http_server_create(&d->loop, listen_fd, &limits, &api_handlers, d->api, &d->server);
    if (rc == 0) {
        api_set_server(d->api, d->server);
    }
    return rc;
}

/* Whole or not at all: whoever waits for it reads a complete line. */
static int write_port_file(const char *path, int port, struct error *error)
{
    struct output_file file;
    if (output_file_open(path, OUTPUT_WHOLE, &file, error) != 0) {
        return ERROR_INVALID;
    }
    fprintf(file.stream, "%d\n", port);
    int rc = output_file_commit(&file);
    return rc == 0 ? 0 : error_set(error, NULL, "cannot write %s: %s", path, strerror(-rc));
}

/* The name under which the daemon itself can be reached: a wildcard is no name. */
static void make_url(const char *name, int port, char ret[128])
{
    if (strncmp(name, "0.0.0.0:", 8) == 0) {
        snprintf(ret, 128, "http://127.0.0.1:%d", port);
    } else if (strncmp(name, "[::]:", 5) == 0) {
        snprintf(ret, 128, "http://[::1]:%d", port);
    } else {
        snprintf(ret, 128, "http://%s", name);
    }
}

static int open_worker(struct daemon *d, const char *url, struct error *error)
{
    struct local_worker_options options = {
        .url = url,
        .token = d->options.token_file != NULL ? d->token : NULL,
        .data = d->options.data,
        .trainer = d->options.trainer,
        .slots = d->options.workers,
        .on_useless = d->options.end_with_worker ? on_worker_useless : NULL,
        .ctx = d};
    return local_worker_create(&d->loop, &options, &d->worker, error);
}

static int announce(struct daemon *d, const char *name, int port, struct error *error)
{
    char url[128];
    make_url(name, port, url);
    log_info("ninetyd " NINETY_VERSION " listens url=%s db=%s data=%s", url, d->options.db,
             d->options.data != NULL ? d->options.data : "-");
    int rc = store_announce(d->store, url);
    if (rc == 0 && d->options.port_file != NULL) {
        rc = write_port_file(d->options.port_file, port, error);
    }
    if (rc == 0 && d->options.workers > 0) {
        rc = open_worker(d, url, error);
    }
    return rc;
}

static void catch_signals(struct daemon *d)
{
    uv_timer_init(&d->loop, &d->timer);
    d->timer.data = d;
    for (int i = 0; i < N_SIGNALS; i++) {
        uv_signal_init(&d->loop, &d->signals[i]);
        d->signals[i].data = d;
        if (start_heeds(stop_signals[i])) {
            uv_signal_start(&d->signals[i], on_signal, stop_signals[i]);
        }
    }
}

/* 0 with everything running; else ERROR_INVALID or -errno, and the process is to end. */
static int start(struct daemon *d, struct error *error)
{
    int listen_fd, rc = 0;
    if (d->options.token_file != NULL) {
        rc = token_read(d->options.token_file, d->token, error);
    }
    if (rc == 0) {
        rc = listen_open(&d->options.listen, &listen_fd, error);
    }
    if (rc != 0) {
        return rc;
    }
    char name[80];
    int port = listen_name(listen_fd, name);
    rc = open_queue(d, error);
    if (rc == 0) {
        rc = open_api(d);
    }
    if (rc == 0) {
        rc = open_server(d, listen_fd);
        wal_watch_start(&d->wal_watch, &d->loop, d->options.db);
    }
    return rc == 0 ? announce(d, name, port, error) : rc;
}

int main(int argc, char **argv)
{
    static struct daemon d;
    start_program("ninetyd", SPARE_DESCRIPTORS + LEAST_CONNECTIONS);
    switch (options_parse(argc, argv, &d.options)) {
    case OPTIONS_RUN:
        break;
    case OPTIONS_SHOWN:
        return EXIT_SUCCESS;
    case OPTIONS_WRONG:
        return EXIT_USAGE;
    }
    log_init("ninetyd");
    umask(077); /* database, log and port file are their owner's */
    if (d.options.die_with_parent) {
        prctl(PR_SET_PDEATHSIG, SIGTERM);
    }
    signal(SIGPIPE, SIG_IGN);
    setenv("UV_THREADPOOL_SIZE", "8", 0);
    uv_loop_init(&d.loop);
    catch_signals(&d);
    notify_init(&d.notify, &d.loop);

    struct error error = {0};
    int rc = start(&d, &error);
    if (rc != 0) {
        fprintf(stderr, "ninetyd: %s\n", rc > 0 ? error.message : strerror(-rc));
        store_close(d.store);
        return rc == STORE_IN_USE ? DATABASE_LOCK_EXIT_STATUS : EXIT_FAILURE;
    }
    notify_ready(&d.notify);
    uv_run(&d.loop, UV_RUN_DEFAULT);
    queue_close(d.queue);
    store_close(d.store);
    log_info("stopped");
    return d.status;
}
