/*
 * Connections and receiving. Happy path: libmicrohttpd's epoll descriptor becomes readable ->
 * MHD_run -> on_target, on_access (head), on_access (pieces of the body), on_access (complete) ->
 * on_request -> http_answer. What was not answered inside on_request is suspended: libmicrohttpd
 * then neither polls it nor times it out, so those that ask for it are watched for a hang-up in an
 * epoll set of our own.
 *
 * Failure modes: a body too large is answered 413 before it is read where its length is told, and
 * after it was read and dropped where it is chunked; a client too slow for the limits is cut off
 * by the guard; a suspended connection must be resumed before the daemon may stop.
 */
#include "daemon/http_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define GUARD_PERIOD_MS 1000
#define POOL_BYTES                                                                                 \
    (16 * 1024)              /* per connection: bounds a request's head, and memory for 10,000     \
                              */
#define KEPT_BODY_BYTES 4096 /* a larger body buffer is freed after its request */
#define HANGUPS_PER_ROUND 64

const struct http_limits http_default_limits = {
    .max_connections = 16384,
    .idle_ms = 120 * 1000,
    .head_ms = 20 * 1000,
    .body_bytes_per_s = 64 * 1024,
};

static void on_timeout(uv_timer_t *timer);

/* ---- sleeping and waiting ---- */

void http_request_suspend(struct http_request *request)
{
    if (!request->suspended) {
        request->suspended = true;
        MHD_suspend_connection(request->connection);
    }
}

/* libmicrohttpd notices a resumed connection only when it is run. */
static void wake(struct http_server *server)
{
    if (!server->woken && !server->closing) {
        server->woken = true;
        uv_timer_start(&server->timeout, on_timeout, 0, 0);
    }
}

void http_request_resume(struct http_request *request)
{
    http_request_unwatch(request);
    if (request->suspended) {
        request->suspended = false;
        MHD_resume_connection(request->connection);
        wake(request->server);
    }
}

void http_request_watch(struct http_request *request)
{
    struct epoll_event event = {.events = EPOLLRDHUP | EPOLLONESHOT, .data.ptr = request};
    if (!request->watched &&
        epoll_ctl(request->server->hangup_fd, EPOLL_CTL_ADD, request->fd, &event) == 0) {
        request->watched = true;
    }
}

void http_request_unwatch(struct http_request *request)
{
    if (request->watched) {
        epoll_ctl(request->server->hangup_fd, EPOLL_CTL_DEL, request->fd, NULL);
        request->watched = false;
    }
}

void http_wait(struct http_request *request, http_gone_fn on_gone, void *ctx)
{
    request->on_gone = on_gone;
    request->gone_ctx = ctx;
    http_request_watch(request);
}

void http_wait_end(struct http_request *request)
{
    request->on_gone = NULL;
    http_request_unwatch(request);
}

/* Its owner forgets it: the client hung up, or the server ends. */
static void request_gone(struct http_request *request)
{
    if (request->state == CONNECTION_STREAMING) {
        if (request->stream != NULL) {
            http_stream_abort(request->stream);
        }
        return;
    }
    if (request->state != CONNECTION_PENDING) {
        return;
    }
    http_gone_fn on_gone = request->on_gone;
    request->on_gone = NULL;
    if (on_gone != NULL) {
        on_gone(request, request->gone_ctx);
    }
    /* Perhaps nobody reads it, but libmicrohttpd ends a connection only with an answer. */
    http_answer(request, &(struct http_answer){.status = MHD_HTTP_SERVICE_UNAVAILABLE});
}

static void on_hangups(uv_poll_t *handle, int status, int events)
{
    (void)status;
    (void)events;
    struct http_server *server = handle->data;
    struct epoll_event hangups[HANGUPS_PER_ROUND];
    int n = epoll_wait(server->hangup_fd, hangups, HANGUPS_PER_ROUND, 0);
    for (int i = 0; i < n; i++) {
        struct http_request *request = hangups[i].data.ptr;
        /* One handled before it may have answered this one: then nobody watches it any more. */
        if (request->watched) {
            request_gone(request);
        }
    }
}

/* ---- connections ---- */

static void format_peer(struct http_request *request)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr *address = info != NULL ? info->client_addr : NULL;
    char host[INET6_ADDRSTRLEN] = "";
    if (address != NULL && address->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const void *)address;
        inet_ntop(AF_INET, &in->sin_addr, host, sizeof host);
    } else if (address != NULL && address->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const void *)address;
        inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof host);
    }
    snprintf(request->peer, sizeof request->peer, "%s", host);
}

static void begin_idle(struct http_request *request)
{
    request->state = CONNECTION_IDLE;
    request->deadline_ms = uv_now(request->server->loop) + request->server->limits.idle_ms;
    request->on_gone = NULL;
    request->body_size = 0;
    request->body_too_large = request->bad_target = false;
    if (request->body_capacity > KEPT_BODY_BYTES) {
        free(request->body);
        request->body = NULL;
        request->body_capacity = 0;
    }
}

static void connection_open(struct http_server *server, struct MHD_Connection *connection,
                            void **socket_context)
{
    struct http_request *request = calloc(1, sizeof *request);
    *socket_context = request;
    if (request == NULL) {
        return; /* its requests are refused by on_access */
    }
    request->server = server;
    request->connection = connection;
    request->fd =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    format_peer(request);
    begin_idle(request);
    request->next = server->connections;
    if (request->next != NULL) {
        request->next->prev = request;
    }
    server->connections = request;
}

static void connection_close(struct http_server *server, struct http_request *request)
{
    if (request == NULL) {
        return;
    }
    http_request_unwatch(request);
    *(request->prev != NULL ? &request->prev->next : &server->connections) = request->next;
    if (request->next != NULL) {
        request->next->prev = request->prev;
    }
    free(request->body);
    free(request);
}

static void on_connection(void *cls, struct MHD_Connection *connection, void **socket_context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct http_server *server = cls;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        connection_open(server, connection, socket_context);
    } else {
        connection_close(server, *socket_context);
        *socket_context = NULL;
    }
}

/* A client that feeds us drop by drop holds a connection only until its deadline. */
static void on_guard(uv_timer_t *timer)
{
    struct http_server *server = timer->data;
    uint64_t now_ms = uv_now(server->loop);
    for (struct http_request *r = server->connections; r != NULL; r = r->next) {
        if (r->deadline_ms != 0 && r->deadline_ms < now_ms) {
            shutdown(r->fd, SHUT_RDWR); /* libmicrohttpd sees the end and cleans up */
        }
    }
}

/* ---- receiving ---- */

static struct http_request *request_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info != NULL ? info->socket_context : NULL;
}

/* Called with the request line, before decoding. */
static void *on_target(void *cls, const char *target, struct MHD_Connection *connection)
{
    (void)cls;
    struct http_request *request = request_of(connection);
    if (request != NULL) {
        request->state = CONNECTION_HEAD;
        request->deadline_ms = uv_now(request->server->loop) + request->server->limits.head_ms;
        /* A decoded NUL would cut the path short for everyone behind us. */
        request->bad_target = strstr(target, "%00") != NULL;
    }
    return request;
}

static enum http_method parse_method(const char *method)
{
    static const char *const names[] = {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};
    if (strcmp(method, "HEAD") == 0) {
        return HTTP_GET;
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(method, names[i]) == 0) {
            return (enum http_method)i;
        }
    }
    return HTTP_OTHER;
}

static bool reserve_body(struct http_request *request, size_t size)
{
    if (size < request->body_capacity) {
        return true;
    }
    size_t capacity = size < KEPT_BODY_BYTES ? KEPT_BODY_BYTES : size + 1;
    char *body = realloc(request->body, capacity);
    if (body == NULL) {
        return false;
    }
    request->body = body;
    request->body_capacity = capacity;
    return true;
}

static void deliver(struct http_request *request)
{
    struct http_server *server = request->server;
    request->state = CONNECTION_PENDING;
    request->deadline_ms = 0;
    server->n_pending++;
    request->in_handler = true;
    if (server->closing) {
        http_answer(request, &(struct http_answer){.status = MHD_HTTP_SERVICE_UNAVAILABLE});
    } else {
        server->on_request(request, server->ctx);
    }
    request->in_handler = false;
    if (request->state == CONNECTION_PENDING) {
        http_request_suspend(request);
    }
}

/* The head is complete. MHD_NO closes the connection. */
static enum MHD_Result receive_head(struct http_request *request, const char *path,
                                    const char *method)
{
    const struct http_limits *limits = &request->server->limits;
    request->path = path;
    request->method = parse_method(method);
    request->state = CONNECTION_BODY;
    unsigned long long size = 0;
    const char *length = http_header(request, MHD_HTTP_HEADER_CONTENT_LENGTH);
    if (length != NULL) {
        size = strtoull(length, NULL, 10);
        request->body_too_large = size > HTTP_MAX_BODY;
    } else if (http_header(request, MHD_HTTP_HEADER_TRANSFER_ENCODING) != NULL) {
        size = HTTP_MAX_BODY; /* for the deadline */
    }
    if (request->body_too_large) {
        deliver(request); /* an answer before the body also ends the connection */
        return MHD_YES;
    }
    request->deadline_ms =
        uv_now(request->server->loop) + limits->head_ms + size * 1000 / limits->body_bytes_per_s;
    return length == NULL || reserve_body(request, size) ? MHD_YES : MHD_NO;
}

static enum MHD_Result receive_body(struct http_request *request, const char *data, size_t size)
{
    if (request->body_size + size > HTTP_MAX_BODY) {
        request->body_too_large = true; /* chunked: read on to be able to say so */
        return MHD_YES;
    }
    /* Doubling, for chunked bodies; otherwise receive_head has made room. */
    size_t wanted = request->body_size + size;
    if (wanted >= request->body_capacity && !reserve_body(request, wanted * 2)) {
        return MHD_NO;
    }
    memcpy(request->body + request->body_size, data, size);
    request->body_size += size;
    return MHD_YES;
}

static enum MHD_Result on_access(void *cls, struct MHD_Connection *connection, const char *path,
                                 const char *method, const char *version, const char *data,
                                 size_t *size, void **request_context)
{
    (void)cls;
    (void)connection;
    (void)version;
    struct http_request *request = *request_context;
    if (request == NULL) {
        return MHD_NO;
    }
    if (request->state == CONNECTION_HEAD) {
        return receive_head(request, path, method);
    }
    if (request->state != CONNECTION_BODY) {
        return MHD_NO; /* its answer could not be queued */
    }
    if (*size > 0) {
        size_t n = *size;
        *size = 0;
        return receive_body(request, data, n);
    }
    deliver(request);
    return MHD_YES;
}

static void on_completed(void *cls, struct MHD_Connection *connection, void **request_context,
                         enum MHD_RequestTerminationCode code)
{
    (void)cls;
    (void)connection;
    (void)code;
    struct http_request *request = *request_context;
    if (request != NULL) {
        begin_idle(request);
    }
}

/* ---- what a request says ---- */

enum http_method http_method(const struct http_request *request)
{
    return request->method;
}

const char *http_path(const struct http_request *request)
{
    return request->path;
}

const char *http_header(const struct http_request *request, const char *name)
{
    return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

struct query_call {
    http_query_fn fn;
    void *ctx;
};

static enum MHD_Result on_query_value(void *cls, enum MHD_ValueKind kind, const char *name,
                                      const char *value)
{
    (void)kind;
    const struct query_call *call = cls;
    return call->fn(call->ctx, name, value != NULL ? value : "") ? MHD_YES : MHD_NO;
}

void http_query(const struct http_request *request, http_query_fn fn, void *ctx)
{
    struct query_call call = {fn, ctx};
    MHD_get_connection_values(request->connection, MHD_GET_ARGUMENT_KIND, on_query_value, &call);
}

enum http_fault http_fault(const struct http_request *request)
{
    if (request->body_too_large) {
        return HTTP_FAULT_TOO_LARGE;
    }
    return request->bad_target ? HTTP_FAULT_TARGET : HTTP_FAULT_NONE;
}

const char *http_body(const struct http_request *request, size_t *ret_size)
{
    *ret_size = request->body_size;
    if (request->body_size == 0) {
        return "";
    }
    request->body[request->body_size] = '\0';
    return request->body;
}

const char *http_peer(const struct http_request *request)
{
    return request->peer;
}

bool http_is_alive(const struct http_request *request)
{
    char byte;
    ssize_t n = recv(request->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

/* ---- the server's life ---- */

/* Sets the timer to when libmicrohttpd wants to be run next; 0 while it has data in hand. */
static void set_timeout(struct http_server *server)
{
    MHD_UNSIGNED_LONG_LONG timeout_ms;
    if (MHD_get_timeout(server->daemon, &timeout_ms) == MHD_YES) {
        uv_timer_start(&server->timeout, on_timeout, timeout_ms, 0);
    } else {
        uv_timer_stop(&server->timeout);
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
        wake(server); /* someone was answered after libmicrohttpd had looked for such */
    }
}

static void on_ready(uv_poll_t *handle, int status, int events)
{
    (void)status;
    (void)events;
    http_server_run(handle->data);
}

static void on_timeout(uv_timer_t *timer)
{
    http_server_run(timer->data);
}

static int start_handles(struct http_server *server)
{
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    int rc = uv_poll_init(server->loop, &server->ready, info->epoll_fd);
    if (rc != 0) {
        return rc;
    }
    rc = uv_poll_init(server->loop, &server->hangup, server->hangup_fd);
    if (rc != 0) {
        uv_close((uv_handle_t *)&server->ready, NULL);
        uv_run(server->loop, UV_RUN_NOWAIT);
        return rc;
    }
    uv_timer_init(server->loop, &server->timeout);
    uv_timer_init(server->loop, &server->guard);
    server->ready.data = server->hangup.data = server;
    server->timeout.data = server->guard.data = server;
    server->n_open_handles = 4;
    uv_poll_start(&server->ready, UV_READABLE, on_ready);
    uv_poll_start(&server->hangup, UV_READABLE, on_hangups);
    uv_timer_start(&server->guard, on_guard, GUARD_PERIOD_MS, GUARD_PERIOD_MS);
    return 0;
}

static struct MHD_Daemon *start_daemon(struct http_server *server, int listen_fd)
{
    return MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_TURBO, 0, NULL, NULL,
                            on_access, server, MHD_OPTION_LISTEN_SOCKET, listen_fd,
                            MHD_OPTION_CONNECTION_LIMIT, server->limits.max_connections,
                            MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)POOL_BYTES,
                            MHD_OPTION_CONNECTION_TIMEOUT, server->limits.idle_ms / 1000 + 1,
                            MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_URI_LOG_CALLBACK, on_target,
                            server, MHD_OPTION_NOTIFY_CONNECTION, on_connection, server,
                            MHD_OPTION_NOTIFY_COMPLETED, on_completed, server, MHD_OPTION_END);
}

int http_server_create(uv_loop_t *loop, int listen_fd, const struct http_limits *limits,
                       http_request_fn on_request, void *ctx, struct http_server **ret)
{
    struct http_server *server = calloc(1, sizeof *server);
    if (server == NULL) {
        close(listen_fd);
        return -ENOMEM;
    }
    server->loop = loop;
    server->limits = *limits;
    server->on_request = on_request;
    server->ctx = ctx;
    int rc;
    server->hangup_fd = epoll_create1(EPOLL_CLOEXEC);
    if (server->hangup_fd < 0) {
        rc = -errno;
        close(listen_fd);
        goto out;
    }
    errno = 0;
    server->daemon = start_daemon(server, listen_fd);
    if (server->daemon == NULL) {
        rc = errno != 0 ? -errno : -ENOMEM;
        close(listen_fd);
        goto out;
    }
    rc = start_handles(server);
    if (rc == 0) {
        *ret = server;
        return 0;
    }
    MHD_stop_daemon(server->daemon);
out:
    if (server->hangup_fd >= 0) {
        close(server->hangup_fd);
    }
    free(server);
    return rc;
}

void http_server_stop_listening(struct http_server *server)
{
    MHD_socket listen_fd = MHD_quiesce_daemon(server->daemon);
    if (listen_fd != MHD_INVALID_SOCKET) {
        close(listen_fd);
    }
}

size_t http_server_pending(const struct http_server *server)
{
    return server->n_pending;
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct http_server *server = handle->data;
    if (--server->n_open_handles == 0) {
        MHD_stop_daemon(server->daemon);
        close(server->hangup_fd);
        free(server);
    }
}

/* libmicrohttpd refuses to stop while connections are suspended. */
static void end_all_pending(struct http_server *server)
{
    for (struct http_request *r = server->connections; r != NULL; r = r->next) {
        if (r->state == CONNECTION_PENDING || r->state == CONNECTION_STREAMING) {
            request_gone(r);
        }
    }
}

void http_server_destroy(struct http_server *server)
{
    if (server == NULL || server->closing) {
        return;
    }
    server->closing = true;
    end_all_pending(server);
    MHD_run(server->daemon);
    uv_close((uv_handle_t *)&server->ready, on_handle_closed);
    uv_close((uv_handle_t *)&server->hangup, on_handle_closed);
    uv_close((uv_handle_t *)&server->timeout, on_handle_closed);
    uv_close((uv_handle_t *)&server->guard, on_handle_closed);
}
