/*
 * Receiving: from a new connection to a complete request. libmicrohttpd calls, in this order:
 * on_connection, then for each request on_target, on_access (head), on_access (pieces of the body),
 * on_access (complete), on_completed.
 *
 * Failure modes: a request refused by its head is answered unread; a chunked body that grows too
 * large, and one there is no memory for, is dropped as it comes; a client too slow for the limits
 * is cut off.
 */
#include "daemon/http_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* A body that is dropped is read as far as this, for politeness: most clients read our answer only
 * after their last byte. */
#define WORTH_DROPPING_BYTES (4ull * HTTP_MAX_BODY)
#define WORTH_DROPPING_OF_A_STRANGER (1ull << 20)
#define KEPT_BODY_BYTES 4096 /* a larger body buffer is freed after its request */
#define LEAST_BODY_BYTES 256

/* ---- connections ---- */

static void format_peer(struct http_request *request)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr *address = info != NULL ? info->client_addr : NULL;
    char host[INET6_ADDRSTRLEN] = "";
    if (address != NULL) {
        http_address_of(address, &request->address);
    }
    if (address != NULL && address->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const void *)address;
        inet_ntop(AF_INET, &in->sin_addr, host, sizeof host);
    } else if (address != NULL && address->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const void *)address;
        inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof host);
    }
    snprintf(request->peer, sizeof request->peer, "%s", host);
}

static void free_body(struct http_request *request)
{
    free(request->body);
    request->body = NULL;
    request->body_capacity = request->body_size = 0;
}

static void begin_idle(struct http_request *request)
{
    const struct http_limits *limits = &request->server->limits;
    bool stranger = request->list == HTTP_STRANGERS;
    request->state = CONNECTION_IDLE;
    request->idle_since_ms = uv_now(request->server->loop);
    request->deadline_ms =
        request->idle_since_ms + (stranger ? limits->first_head_ms : limits->idle_ms);
    request->on_gone = NULL;
    request->body_size = 0;
    request->body_received = request->announced = 0;
    request->fault = HTTP_FAULT_NONE;
    request->malformed = NULL;
    if (request->body_capacity > KEPT_BODY_BYTES) {
        free_body(request);
    }
    http_memory_give(request, request->memory);
    http_memory_count(request, request->body_capacity);
    http_admission_set_busy(request, false);
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
    http_list_join(request, HTTP_STRANGERS);
    begin_idle(request);
    server->n_connections++;
}

static void connection_close(struct http_server *server, struct http_request *request)
{
    if (request == NULL) {
        return;
    }
    if (request->linger > 0) {
        http_linger_begin(server, request->fd, request->linger);
    }
    http_request_unwatch(request);
    http_memory_give(request, request->memory);
    http_list_leave(request);
    server->n_connections--;
    free(request->body);
    free(request);
    http_accept_resume(server);
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

/* Whether it left together with the last bytes that it sent: libmicrohttpd, which got fewer than it
 * asked for, takes that as a sign that there is no more, and does not hear of the end. Of those
 * between requests only the latest are asked: there may be thousands. */
static bool has_left(const struct http_request *request, uint64_t now_ms)
{
    bool sends = request->state == CONNECTION_HEAD || request->state == CONNECTION_BODY;
    bool sent = request->state == CONNECTION_IDLE &&
                request->idle_since_ms + 2 * HTTP_GUARD_PERIOD_MS > now_ms;
    char byte;
    return (sends || sent) && recv(request->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

/* A client that feeds us drop by drop holds a connection only until its deadline. */
void http_on_guard(uv_timer_t *timer)
{
    struct http_server *server = timer->data;
    uint64_t now_ms = uv_now(server->loop);
    for (int list = 0; list < HTTP_CUT_OFF; list++) {
        for (struct http_request *r = server->lists[list].first, *next; r != NULL; r = next) {
            next = r->next;
            if ((r->deadline_ms != 0 && r->deadline_ms < now_ms) || has_left(r, now_ms)) {
                http_request_cut_off(r);
            }
        }
    }
    http_linger_end(server, now_ms);
    http_accept_resume(server);
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
        if (request->list != HTTP_STRANGERS) { /* whose deadline stands since it came */
            request->deadline_ms = uv_now(request->server->loop) + request->server->limits.head_ms;
        }
        http_admission_set_busy(request, true);
        /* A decoded NUL would cut the path short for everyone behind us. */
        request->fault = strstr(target, "%00") != NULL ? HTTP_FAULT_TARGET : HTTP_FAULT_NONE;
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

/* Its memory grows as the body comes, whatever was announced. */
static bool reserve_body(struct http_request *request, size_t size)
{
    if (size < request->body_capacity) {
        return true;
    }
    size_t capacity = size + 1 < LEAST_BODY_BYTES ? LEAST_BODY_BYTES : size * 2;
    if (request->announced > 0 && capacity > request->announced + 1) {
        capacity = request->announced + 1;
    }
    size_t more = capacity - request->body_capacity;
    if (!http_memory_take(request, more)) {
        return false;
    }
    char *body = realloc(request->body, capacity);
    if (body == NULL) {
        http_memory_give(request, more);
        return false;
    }
    request->body = body;
    request->body_capacity = capacity;
    return true;
}

static void drop_body(struct http_request *request, enum http_fault fault)
{
    request->fault = fault;
    http_memory_give(request, request->body_capacity);
    free_body(request);
}

static void deliver(struct http_request *request)
{
    struct http_server *server = request->server;
    request->state = CONNECTION_PENDING;
    request->deadline_ms = 0;
    server->n_pending++;
    request->in_handler = true;
    if (server->closing) {
        http_answer(request, &http_stopping);
    } else {
        server->handlers.on_request(request, server->ctx);
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

/* Whether the head was answered. */
static bool judge_head(struct http_request *request)
{
    struct http_server *server = request->server;
    request->body_limit = HTTP_MAX_BODY;
    if (server->handlers.on_head == NULL || server->closing) {
        return false;
    }
    request->state = CONNECTION_PENDING;
    server->n_pending++;
    request->in_handler = true;
    request->body_limit = server->handlers.on_head(request, server->ctx);
    request->in_handler = false;
    if (request->state != CONNECTION_PENDING) {
        return true;
    }
    server->n_pending--;
    return false;
}

/* Its answer comes before its body. */
static void linger(struct http_request *request, bool chunked)
{
    if (request->announced > 0 || chunked) {
        request->linger =
            request->list == HTTP_STRANGERS ? WORTH_DROPPING_OF_A_STRANGER : WORTH_DROPPING_BYTES;
    }
}

/* The head is complete. */
static enum MHD_Result receive_head(struct http_request *request, const char *path,
                                    const char *method)
{
    request->path = path;
    request->method = parse_method(method);
    const char *length = http_header(request, MHD_HTTP_HEADER_CONTENT_LENGTH);
    bool chunked = http_header(request, MHD_HTTP_HEADER_TRANSFER_ENCODING) != NULL;
    request->announced = length != NULL && !chunked ? strtoull(length, NULL, 10) : 0;
    request->malformed = http_head_fault(request);
    if (request->malformed != NULL) {
        request->fault = HTTP_FAULT_MALFORMED;
    } else if (request->fault == HTTP_FAULT_NONE && request->announced > 0 &&
               request->announced <= HTTP_MAX_BODY &&
               !http_memory_fits(request, (size_t)request->announced)) {
        request->fault = HTTP_FAULT_MEMORY;
        request->server->n_without_memory++;
    }
    if (request->server->limits.head_lets_in) {
        http_let_in(request);
    }
    if (judge_head(request)) {
        linger(request, chunked);
        return MHD_YES; /* an answer before the body also ends the connection */
    }
    request->state = CONNECTION_BODY;
    if (request->announced > request->body_limit && request->fault == HTTP_FAULT_NONE) {
        request->fault = HTTP_FAULT_TOO_LARGE;
    }
    if (request->fault != HTTP_FAULT_NONE && (request->announced > 0 || chunked)) {
        linger(request, chunked);
        deliver(request);
        return MHD_YES;
    }
    request->body_start_ms = uv_now(request->server->loop);
    set_body_deadline(request);
    return MHD_YES;
}

static enum MHD_Result receive_body(struct http_request *request, const char *data, size_t size)
{
    request->body_received += size;
    set_body_deadline(request);
    if (request->fault == HTTP_FAULT_NONE && request->body_received > request->body_limit) {
        drop_body(request, HTTP_FAULT_TOO_LARGE);
    }
    if (request->fault == HTTP_FAULT_NONE && !reserve_body(request, request->body_received)) {
        drop_body(request, HTTP_FAULT_MEMORY);
    }
    if (request->fault != HTTP_FAULT_NONE) {
        return request->body_received > WORTH_DROPPING_BYTES ? MHD_NO : MHD_YES;
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
