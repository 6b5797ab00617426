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

/* A connection, with the one request that it can have at a time. */
struct http_request {
    struct http_server *server;
    struct MHD_Connection *connection;
    struct http_request *prev, *next; /* of the server's list */
    enum connection_state state;
    int fd;
    uint64_t deadline_ms; /* loop time by which the state must change; 0 = it is not the client's */
    uint64_t body_start_ms, body_received;

    enum http_method method;
    const char *path;
    char *body; /* kept from one request to the next if small */
    size_t body_size, body_capacity;
    bool body_too_large, bad_target;

    bool in_handler; /* inside libmicrohttpd's callback for this connection */
    bool suspended, watched;
    http_gone_fn on_gone;
    void *gone_ctx;
    struct http_stream *stream;
    char peer[INET6_ADDRSTRLEN + 8];
};

struct http_server {
    uv_loop_t *loop;
    struct MHD_Daemon *daemon;
    struct http_limits limits;
    http_request_fn on_request;
    void *ctx;

    uv_poll_t ready;    /* libmicrohttpd's epoll descriptor */
    uv_timer_t timeout; /* libmicrohttpd's time-out */
    uv_idle_t again;    /* active: it has data in hand */
    int hangup_fd;      /* an epoll set of the connections whose requests wait */
    uv_poll_t hangup;
    uv_timer_t guard; /* looks for clients that are too slow */
    int n_open_handles;

    struct http_request *connections;
    size_t n_connections, n_pending;
    uint64_t n_answers[HTTP_N_STATUSES];
    bool running; /* inside MHD_run */
    bool woken;   /* a connection was resumed since */
    bool moved;   /* something came or went since it was last run */
    unsigned n_still_rounds;
    bool closing;
};

/* Puts a connection to sleep, out of every poll; wakes it. Both are idempotent. */
void http_request_suspend(struct http_request *request);
void http_request_resume(struct http_request *request);
/* Ends the connection, whatever its client does. */
void http_request_cut_off(struct http_request *request);
/* Begins and ends listening for the client's hanging up. */
void http_request_watch(struct http_request *request);
void http_request_unwatch(struct http_request *request);

/* libmicrohttpd notices a resumed connection only when it is run: runs it in the next iteration. */
void http_server_wake(struct http_server *server);

/* Has the owner of a request or stream forget it: the client hung up, or the server ends. */
void http_request_gone(struct http_request *request);

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
