/*
 * The server's life. Happy path: a connection is accepted (http_accept.c) and handed to
 * libmicrohttpd, whose epoll descriptor becomes readable -> MHD_run -> http_on_access
 * (http_receive.c) -> on_head, on_request -> http_answer (http_answer.c). What was not
 * answered inside on_request is suspended (http_wait.c) and noticed again, once it is answered,
 * when libmicrohttpd is run next.
 *
 * A suspended connection must be resumed before the daemon may stop.
 */
#include "daemon/http_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <unistd.h>

#define LAST_ROUNDS 8
/* After so many rounds with data in hand in which nothing moved, one in so many ms. */
#define STILL_ROUNDS 8
#define STILL_MS 1
/* Of each connection: bounds a request's head, and memory for thousands of workers. */
#define POOL_BYTES (12 * 1024)

const struct http_limits http_default_limits = {
    .max_connections = 16384,
    .first_head_ms = 10 * 1000,
    .idle_ms = 120 * 1000,
    .head_ms = 20 * 1000,
    .body_bytes_per_s = 64 * 1024,
    .head_lets_in = true,
    .max_strangers = 1024,
    .max_memory = (size_t)256 << 20,
};

static void on_again(uv_idle_t *handle)
{
    http_server_run(handle->data);
}

static void on_timeout(uv_timer_t *timer)
{
    http_server_run(timer->data);
}

/* Has libmicrohttpd run once in the loop's next iteration, which then does not block. A timer of
 * 0 ms would not do: libuv runs one that its own callback starts within the same iteration, and
 * neither poll, commit nor signals would come between. */
static void run_again(struct http_server *server)
{
    uv_timer_stop(&server->timeout);
    uv_idle_start(&server->again, on_again);
}

/* Sees to it that libmicrohttpd is run when it wants to be: at once while it has data in hand. It
 * says so, too, of data that it can do nothing with before more comes, which its descriptor tells,
 * or the connection's time is over; so after rounds in which nothing moved it is run less often. */
static void set_timeout(struct http_server *server)
{
    MHD_UNSIGNED_LONG_LONG timeout_ms;
    bool timed = MHD_get_timeout(server->daemon, &timeout_ms) == MHD_YES;
    bool at_once = timed && timeout_ms == 0;
    server->n_still_rounds = at_once && !server->moved ? server->n_still_rounds + 1 : 0;
    server->moved = false;
    if (at_once && server->n_still_rounds <= STILL_ROUNDS) {
        run_again(server);
        return;
    }
    uv_idle_stop(&server->again);
    if (timed) {
        uv_timer_start(&server->timeout, on_timeout, at_once ? STILL_MS : timeout_ms, 0);
    } else {
        uv_timer_stop(&server->timeout);
    }
}

void http_server_wake(struct http_server *server)
{
    if (!server->woken && !server->closing) {
        server->woken = server->moved = true;
        run_again(server);
    }
}

void http_server_run(struct http_server *server)
{
    if (server->running || server->closing) {
        return; /* called from inside a handler: the round that is on will see to it */
    }
    server->running = true;
    server->woken = false;
    MHD_run(server->daemon);
    server->running = false;
    set_timeout(server);
    if (server->woken) {
        server->woken = false;
        http_server_wake(server); /* someone was answered after libmicrohttpd had looked for such */
    }
}

static void on_ready(uv_poll_t *handle, int status, int events)
{
    (void)status;
    (void)events;
    struct http_server *server = handle->data;
    server->moved = true;
    http_server_run(server);
}

static int start_polls(struct http_server *server)
{
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    const int fds[] = {info->epoll_fd, server->hangup_fd, server->listen_fd};
    uv_poll_t *polls[] = {&server->ready, &server->hangup, &server->listening};
    for (int i = 0; i < 3; i++) {
        int rc = uv_poll_init(server->loop, polls[i], fds[i]);
        if (rc != 0) {
            while (i-- > 0) {
                uv_close((uv_handle_t *)polls[i], NULL);
            }
            uv_run(server->loop, UV_RUN_NOWAIT);
            return rc;
        }
        polls[i]->data = server;
    }
    return 0;
}

static int start_handles(struct http_server *server)
{
    int rc = start_polls(server);
    if (rc != 0) {
        return rc;
    }
    uv_idle_init(server->loop, &server->again);
    uv_timer_init(server->loop, &server->timeout);
    uv_timer_init(server->loop, &server->guard);
    server->again.data = server->timeout.data = server->guard.data = server;
    server->n_open_handles = 6;
    uv_poll_start(&server->ready, UV_READABLE, on_ready);
    uv_poll_start(&server->hangup, UV_READABLE, http_on_hangups);
    http_accept_start(server);
    uv_timer_start(&server->guard, http_on_guard, HTTP_GUARD_PERIOD_MS, HTTP_GUARD_PERIOD_MS);
    return 0;
}

static struct MHD_Daemon *start_daemon(struct http_server *server)
{
    return MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_TURBO | MHD_USE_NO_LISTEN_SOCKET, 0,
        NULL, NULL, http_on_access, server, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)http_admission_most_open(&server->limits), MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)POOL_BYTES, MHD_OPTION_CONNECTION_TIMEOUT, server->limits.idle_ms / 1000 + 1,
        MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_URI_LOG_CALLBACK, http_on_target, server,
        MHD_OPTION_NOTIFY_CONNECTION, http_on_connection, server, MHD_OPTION_NOTIFY_COMPLETED,
        http_on_completed, server, MHD_OPTION_END);
}

static int start(struct http_server *server)
{
    server->hangup_fd = epoll_create1(EPOLL_CLOEXEC);
    if (server->hangup_fd < 0) {
        return -errno;
    }
    errno = 0;
    server->daemon = start_daemon(server);
    if (server->daemon == NULL) {
        return errno != 0 ? -errno : -ENOMEM;
    }
    return start_handles(server);
}

int http_server_create(uv_loop_t *loop, int listen_fd, const struct http_limits *limits,
                       const struct http_handlers *handlers, void *ctx, struct http_server **ret)
{
    struct http_server *server = calloc(1, sizeof *server);
    if (server == NULL) {
        close(listen_fd);
        return -ENOMEM;
    }
    server->loop = loop;
    server->limits = *limits;
    server->handlers = *handlers;
    server->ctx = ctx;
    server->listen_fd = listen_fd;
    server->hangup_fd = -1;
    if (getrandom(&server->seed, sizeof server->seed, GRND_NONBLOCK) < 0) {
        server->seed = uv_hrtime();
    }
    int rc = start(server);
    if (rc == 0) {
        *ret = server;
        return 0;
    }
    if (server->daemon != NULL) {
        MHD_stop_daemon(server->daemon);
    }
    if (server->hangup_fd >= 0) {
        close(server->hangup_fd);
    }
    close(listen_fd);
    free(server);
    return rc;
}

size_t http_server_pending(const struct http_server *server)
{
    return server->n_pending;
}

uint64_t http_server_answers(const struct http_server *server, int status)
{
    return server->n_answers[status];
}

struct http_figures http_server_figures(const struct http_server *server)
{
    return (struct http_figures){.n_connections = server->n_connections,
                                 .n_strangers = server->lists[HTTP_STRANGERS].n,
                                 .memory = server->memory,
                                 .n_turned_away = server->n_turned_away,
                                 .n_without_memory = server->n_without_memory};
}

bool http_server_turned_away(const struct http_server *server, uint64_t ms)
{
    return server->turned_away_ms != 0 && uv_now(server->loop) - server->turned_away_ms <= ms;
}

void http_on_handle_closed(uv_handle_t *handle)
{
    http_server_free_if_done(handle->data);
}

void http_server_free_if_done(struct http_server *server)
{
    if (--server->n_open_handles == 0) {
        MHD_stop_daemon(server->daemon);
        close(server->hangup_fd);
        free(server);
    }
}

/* libmicrohttpd refuses to stop while connections are suspended. */
static void end_all_pending(struct http_server *server)
{
    for (int list = 0; list < HTTP_N_LISTS; list++) {
        for (struct http_request *r = server->lists[list].first; r != NULL; r = r->next) {
            if (r->state == CONNECTION_PENDING || r->state == CONNECTION_STREAMING) {
                http_request_gone(r, &http_stopping);
            }
        }
    }
}

/* Answers and ends of streams take a round or two each. */
static void send_last(struct http_server *server)
{
    MHD_UNSIGNED_LONG_LONG timeout_ms;
    int n_rounds = 0;
    do {
        MHD_run(server->daemon);
    } while (++n_rounds < LAST_ROUNDS && MHD_get_timeout(server->daemon, &timeout_ms) == MHD_YES &&
             timeout_ms == 0);
}

void http_server_destroy(struct http_server *server)
{
    if (server == NULL || server->closing) {
        return;
    }
    server->closing = true;
    end_all_pending(server);
    send_last(server);
    http_linger_end(server, UINT64_MAX);
    http_server_stop_listening(server);
    uv_close((uv_handle_t *)&server->ready, http_on_handle_closed);
    uv_close((uv_handle_t *)&server->hangup, http_on_handle_closed);
    uv_close((uv_handle_t *)&server->again, http_on_handle_closed);
    uv_close((uv_handle_t *)&server->timeout, http_on_handle_closed);
    uv_close((uv_handle_t *)&server->guard, http_on_handle_closed);
}
