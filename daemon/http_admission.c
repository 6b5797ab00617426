/*
 * Who may have a connection. Each is in one of four lists, in the order in which it came there:
 *
 *     accepted -> strangers --let in--> busy <--> idle        cut off: any of them, until it closes
 *
 * A stranger has shown nothing yet: no token where one is asked for, else no whole head. There is
 * always room for one more: the oldest stranger goes, or where connections are full the oldest of
 * those between requests. One whose request waits stays.
 */
#include "daemon/http_internal.h"

#include <string.h>

#define CUT_OFF_AT_ONCE 64 /* connections that may be closing beside those that count */

/* ---- lists ---- */

/* So many strangers have this address, or one that shares its place in the table. */
static uint16_t *count_of(struct http_server *server, const struct http_address *address)
{
    uint64_t hash = server->seed + address->family;
    for (size_t i = 0; i < sizeof address->bytes; i++) {
        hash = (hash ^ address->bytes[i]) * 0x100000001b3u;
    }
    return &server->n_strangers_at[(hash >> 24) % HTTP_N_PLACES];
}

void http_list_leave(struct http_request *request)
{
    struct http_list *list = &request->server->lists[request->list];
    if (request->list == HTTP_STRANGERS) {
        --*count_of(request->server, &request->address);
    }
    *(request->prev != NULL ? &request->prev->next : &list->first) = request->next;
    *(request->next != NULL ? &request->next->prev : &list->last) = request->prev;
    list->n--;
}

void http_list_join(struct http_request *request, enum http_list_name name)
{
    struct http_list *list = &request->server->lists[name];
    request->list = name;
    request->next = NULL;
    request->prev = list->last;
    *(list->last != NULL ? &list->last->next : &list->first) = request;
    list->last = request;
    list->n++;
    if (name == HTTP_STRANGERS) {
        ++*count_of(request->server, &request->address);
    }
}

static void move(struct http_request *request, enum http_list_name name)
{
    http_list_leave(request);
    http_list_join(request, name);
}

void http_let_in(struct http_request *request)
{
    if (request->list == HTTP_STRANGERS) {
        move(request, HTTP_BUSY);
    }
}

void http_admission_set_busy(struct http_request *request, bool busy)
{
    if (request->list == HTTP_IDLE || request->list == HTTP_BUSY) {
        move(request, busy ? HTTP_BUSY : HTTP_IDLE);
    }
}

/* ---- ends ---- */

void http_request_cut_off(struct http_request *request)
{
    if (request->list == HTTP_CUT_OFF) {
        return;
    }
    move(request, HTTP_CUT_OFF);
    request->deadline_ms = 0;
    http_memory_give(request, request->memory);
    if (request->stream != NULL) {
        http_stream_abort(request->stream);
    }
    /* libmicrohttpd sees the end of a connection that it polls, but there are some that it neither
     * polls nor reads: with a full buffer of which nothing can be used, say. They run out of time.
     */
    shutdown(request->fd, SHUT_RDWR);
    MHD_set_connection_option(request->connection, MHD_CONNECTION_OPTION_TIMEOUT, 1u);
    request->server->moved = true;
}

static void turn_away(struct http_request *request)
{
    struct http_server *server = request->server;
    server->n_turned_away++;
    server->turned_away_ms = uv_now(server->loop);
    http_request_cut_off(request);
}

/* ---- room ---- */

static bool same_address(const struct http_address *a, const struct http_address *b)
{
    return a->family == b->family && memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

void http_address_of(const struct sockaddr *from, struct http_address *ret)
{
    static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};
    *ret = (struct http_address){.family = from->sa_family};
    if (from->sa_family == AF_INET) {
        memcpy(ret->bytes, &((const struct sockaddr_in *)from)->sin_addr, 4);
    } else if (from->sa_family == AF_INET6) {
        const unsigned char *v6 = ((const struct sockaddr_in6 *)from)->sin6_addr.s6_addr;
        bool is_v4 = memcmp(v6, mapped, sizeof mapped) == 0;
        ret->family = is_v4 ? AF_INET : AF_INET6;
        memcpy(ret->bytes, is_v4 ? v6 + 12 : v6, is_v4 ? 4 : 8); /* a client has all of a /64 */
    }
}

/* Not one whose request was handed out: its answer is about to come. */
static struct http_request *oldest_stranger(struct http_server *server,
                                            const struct http_address *address)
{
    struct http_request *r = server->lists[HTTP_STRANGERS].first;
    while (r != NULL && (r->state == CONNECTION_PENDING ||
                         (address != NULL && !same_address(&r->address, address)))) {
        r = r->next;
    }
    return r;
}

bool http_admission_is_full(const struct http_server *server)
{
    return server->n_connections - server->lists[HTTP_CUT_OFF].n >= server->limits.max_connections;
}

bool http_admission_make_room(struct http_server *server)
{
    if (server->lists[HTTP_CUT_OFF].n >= CUT_OFF_AT_ONCE) {
        return false; /* they are gone soon */
    }
    if (!http_admission_is_full(server)) {
        return true;
    }
    struct http_request *victim = oldest_stranger(server, NULL);
    if (victim == NULL) {
        victim = server->lists[HTTP_IDLE].first;
    }
    if (victim != NULL) {
        turn_away(victim);
    } else {
        server->turned_away_ms = uv_now(server->loop); /* whoever comes now waits */
    }
    return victim != NULL;
}

void http_admission_greet(struct http_server *server, const struct http_address *address)
{
    const struct http_list *strangers = &server->lists[HTTP_STRANGERS];
    const struct http_limits *limits = &server->limits;
    struct http_request *victim = NULL;
    if (limits->max_strangers_per_address > 0 &&
        *count_of(server, address) >= limits->max_strangers_per_address) {
        victim = oldest_stranger(server, address);
    } else if (strangers->n >= limits->max_strangers) {
        victim = oldest_stranger(server, NULL);
    }
    if (victim != NULL) {
        turn_away(victim);
    }
}

size_t http_admission_most_open(const struct http_limits *limits)
{
    return limits->max_connections + CUT_OFF_AT_ONCE + 1;
}
