/* What the files of http share; for nobody else. */
#pragma once

#include "daemon/http.h"

#include <microhttpd.h>
#include <netinet/in.h>

#define HTTP_N_STATUSES 600

enum connection_state {
    CONNECTION_IDLE,     /* between requests */
    CONNECTION_HEAD,     /* the request line was seen */
    CONNECTION_BODY,     /* the head is complete */
    CONNECTION_PENDING,  /* handed out, not yet answered */
    CONNECTION_SENDING,  /* answered */
    CONNECTION_STREAMING /* the answer is a stream */
};

/* http_admission.c tells of them. */
enum http_list_name { HTTP_STRANGERS, HTTP_IDLE, HTTP_BUSY, HTTP_CUT_OFF, HTTP_N_LISTS };

struct http_list {
    struct http_request *first, *last;
    size_t n;
};

/* Of a client, as far as it tells clients apart. */
struct http_address {
    sa_family_t family;
    unsigned char bytes[8];
};

/* A connection, with the one request that it can have at a time. */
struct http_request {
    struct http_server *server;
    struct MHD_Connection *connection;
    enum http_list_name list;
    struct http_request *prev, *next; /* of that list */
    struct http_address address;
    enum connection_state state;
    int fd;
    uint64_t idle_since_ms;
    uint64_t deadline_ms; /* loop time by which the state must change; 0 = it is not the client's */
    uint64_t body_start_ms, body_received, announced;
    size_t memory;     /* in the server's account */
    uint64_t taken_ms; /* loop time at which the client last took some of its answer */

    enum http_method method;
    const char *path;
    char *body; /* kept from one request to the next if small */
    size_t body_size, body_capacity, body_limit;
    enum http_fault fault;
    const char *malformed;
    size_t linger; /* bytes that its client may still send when it closes */

    bool in_handler; /* inside libmicrohttpd's callback for this connection */
    bool suspended, watched;
    http_gone_fn on_gone;
    void *gone_ctx;
    struct http_stream *stream;
    char peer[INET6_ADDRSTRLEN + 8];
};

#define HTTP_N_PLACES 1024
#define HTTP_GUARD_PERIOD_MS 1000

struct http_linger;

struct http_server {
    uv_loop_t *loop;
    struct MHD_Daemon *daemon;
    struct http_limits limits;
    struct http_handlers handlers;
    void *ctx;

    int listen_fd; /* -1: no more */
    uv_poll_t listening;
    bool listening_paused;
    uv_poll_t ready;    /* libmicrohttpd's epoll descriptor */
    uv_timer_t timeout; /* libmicrohttpd's time-out */
    uv_idle_t again;    /* active: it has data in hand */
    int hangup_fd;      /* an epoll set of the connections whose requests wait */
    uv_poll_t hangup;
    uv_timer_t guard; /* looks for clients that are too slow */
    int n_open_handles;

    struct http_list lists[HTTP_N_LISTS];
    uint64_t seed;
    uint16_t n_strangers_at[HTTP_N_PLACES]; /* by a hash of their address */
    struct http_linger *lingering;
    size_t n_connections, n_pending, n_lingering, memory;
    uint64_t n_answers[HTTP_N_STATUSES], n_turned_away, n_without_memory;
    uint64_t turned_away_ms; /* loop time of the last; 0: never */
    uint64_t search_ms;      /* loop time before which nobody is searched for who is mute */
    bool running;            /* inside MHD_run */
    bool woken;              /* a connection was resumed since */
    bool moved;              /* something came or went since it was last run */
    unsigned n_still_rounds;
    bool closing;
};

/* ---- http_accept.c ---- */

void http_accept_start(struct http_server *server);
/* A connection closed, or time went by: perhaps there is room now. */
void http_accept_resume(struct http_server *server);

/* ---- http_admission.c ---- */

void http_list_join(struct http_request *request, enum http_list_name name);
void http_list_leave(struct http_request *request);
/* Of one that was let in. */
void http_admission_set_busy(struct http_request *request, bool busy);
/* Whether one more is one too many. */
bool http_admission_is_full(const struct http_server *server);
/* Before one is accepted; false when it has to wait. */
bool http_admission_make_room(struct http_server *server);
/* Once it is known where it comes from. */
void http_admission_greet(struct http_server *server, const struct http_address *address);
void http_address_of(const struct sockaddr *from, struct http_address *ret);
/* How many may be open at once, those that are being closed among them. */
size_t http_admission_most_open(const struct http_limits *limits);
/* Ends the connection, whatever its client does. */
void http_request_cut_off(struct http_request *request);

/* ---- http_memory.c ---- */

/* Room for so many further bytes; false when there is none. */
bool http_memory_fits(struct http_request *request, size_t size);
bool http_memory_take(struct http_request *request, size_t size);
/* For what is there already. */
void http_memory_count(struct http_request *request, size_t size);
void http_memory_give(struct http_request *request, size_t size);

/* ---- http_linger.c ---- */

/* The connection of this descriptor is about to be closed; up to `size` bytes that still come are
 * read. */
void http_linger_begin(struct http_server *server, int fd, size_t size);
/* Ends what has lingered long enough by then. */
void http_linger_end(struct http_server *server, uint64_t now_ms);

/* ---- http_head.c ---- */

/* What is wrong with the head, in words; NULL: nothing. */
const char *http_head_fault(const struct http_request *request);

/* ---- http.c ---- */

void http_on_handle_closed(uv_handle_t *handle);
/* One of its handles is closed: with the last of them the server goes. */
void http_server_free_if_done(struct http_server *server);

/* ---- http_wait.c ---- */

/* Puts a connection to sleep, out of every poll; wakes it. Both are idempotent. */
void http_request_suspend(struct http_request *request);
void http_request_resume(struct http_request *request);
/* Begins and ends listening for the client's hanging up. */
void http_request_watch(struct http_request *request);
void http_request_unwatch(struct http_request *request);

/* libmicrohttpd notices a resumed connection only when it is run: runs it in the next iteration. */
void http_server_wake(struct http_server *server);

/* What requests get that come too late. */
extern const struct http_answer http_stopping;

/* Has the owner of a request or stream forget it: the client hung up, or the server ends, as the
 * answer says. */
void http_request_gone(struct http_request *request, const struct http_answer *answer);

/* ---- callbacks of libuv ---- */

void http_on_guard(uv_timer_t *timer);
void http_on_hangups(uv_poll_t *handle, int status, int events);

/* ---- callbacks of libmicrohttpd ---- */

void http_on_connection(void *cls, struct MHD_Connection *connection, void **socket_context,
                        enum MHD_ConnectionNotificationCode code);
void *http_on_target(void *cls, const char *target, struct MHD_Connection *connection);
enum MHD_Result http_on_access(void *cls, struct MHD_Connection *connection, const char *path,
                               const char *method, const char *version, const char *data,
                               size_t *size, void **request_context);
void http_on_completed(void *cls, struct MHD_Connection *connection, void **request_context,
                       enum MHD_RequestTerminationCode code);
