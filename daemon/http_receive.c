/*
 * Receiving: from a new connection to a complete request, and what that says. libmicrohttpd calls,
 * in this order: on_connection, then for each request on_target, on_access (head), on_access
 * (pieces of the body), on_access (complete), on_completed.
 *
 * Failure modes: a body too large is dropped as it comes, or answered unread when its told length
 * is beyond all reason; a client too slow for the limits is cut off.
 */
#include "daemon/http_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A body too large but not larger than this is read to its end, for politeness. */
#define WORTH_DROPPING_BYTES (4ull * HTTP_MAX_BODY)
#define KEPT_BODY_BYTES 4096 /* a larger body buffer is freed after its request */
#define LEAST_BODY_BYTES 256

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
    request->body_received = 0;
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
    server->n_connections++;
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
    server->n_connections--;
    free(request->body);
    free(request);
}

void http_on_connection(void *cls, struct MHD_Connection *connection, void **socket_context,
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

void http_request_cut_off(struct http_request *request)
{
    /* libmicrohttpd sees the end of a connection that it polls, but there are some that it neither
     * polls nor reads: with a full buffer of which nothing can be used, say. They run out of time.
     */
    shutdown(request->fd, SHUT_RDWR);
    MHD_set_connection_option(request->connection, MHD_CONNECTION_OPTION_TIMEOUT, 1u);
    request->server->moved = true;
}

/* A client that feeds us drop by drop holds a connection only until its deadline. */
void http_on_guard(uv_timer_t *timer)
{
    struct http_server *server = timer->data;
    uint64_t now_ms = uv_now(server->loop);
    for (struct http_request *r = server->connections; r != NULL; r = r->next) {
        if (r->deadline_ms != 0 && r->deadline_ms < now_ms) {
            http_request_cut_off(r);
        }
    }
    http_server_run(server);
}

/* ---- receiving ---- */

static struct http_request *request_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info != NULL ? info->socket_context : NULL;
}

/* Called with the request line, before decoding. */
void *http_on_target(void *cls, const char *target, struct MHD_Connection *connection)
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
    size_t capacity = size + 1 < LEAST_BODY_BYTES ? LEAST_BODY_BYTES : size + 1;
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

/* For the next piece of a body, whatever length was told. */
static void set_body_deadline(struct http_request *request)
{
    const struct http_limits *limits = &request->server->limits;
    request->deadline_ms = request->body_start_ms + limits->head_ms +
                           request->body_received * 1000 / limits->body_bytes_per_s;
}

/* The head is complete. MHD_NO closes the connection. */
static enum MHD_Result receive_head(struct http_request *request, const char *path,
                                    const char *method)
{
    request->path = path;
    request->method = parse_method(method);
    request->state = CONNECTION_BODY;
    unsigned long long size = 0;
    const char *length = http_header(request, MHD_HTTP_HEADER_CONTENT_LENGTH);
    if (length != NULL) {
        size = strtoull(length, NULL, 10);
        request->body_too_large = size > HTTP_MAX_BODY;
    }
    if (size > WORTH_DROPPING_BYTES) {
        deliver(request); /* an answer before the body also ends the connection */
        return MHD_YES;
    }
    request->body_start_ms = uv_now(request->server->loop);
    set_body_deadline(request);
    bool stored = length != NULL && !request->body_too_large;
    return !stored || reserve_body(request, size) ? MHD_YES : MHD_NO;
}

static enum MHD_Result receive_body(struct http_request *request, const char *data, size_t size)
{
    request->body_received += size;
    set_body_deadline(request);
    if (request->body_size + size > HTTP_MAX_BODY) {
        request->body_too_large = true;
    }
    if (request->body_too_large) {
        return MHD_YES; /* dropped: most clients read our answer only after their last byte */
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

enum MHD_Result http_on_access(void *cls, struct MHD_Connection *connection, const char *path,
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
    request->server->moved = true;
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

void http_on_completed(void *cls, struct MHD_Connection *connection, void **request_context,
                       enum MHD_RequestTerminationCode code)
{
    (void)cls;
    (void)connection;
    (void)code;
    struct http_request *request = *request_context;
    if (request != NULL) {
        request->server->moved = true;
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
