/*
 * An HTTP/1.1 server inside a libuv loop: libmicrohttpd in epoll mode, without a thread of its own.
 * It knows no queue and no store: each head goes to one function, which refuses the request or says
 * how large its body may be, and each complete request to another, which answers it at once or
 * later, from the loop's thread.
 *
 *     head --on_head--> body --complete--> on_request --http_answer--> sending --keep-alive--> head
 *      |      |          |                   |     ^
 *      |      | refused  | too slow          |     | later: the connection sleeps, outside every
 *      v      v          v                   v     | poll
 *    too slow:      closed                http_wait: on_gone when the client hangs up meanwhile
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <uv.h>

#define HTTP_MAX_BODY (16u << 20)

enum http_method {
    HTTP_GET, /* HEAD counts as GET: the body is left out on the way */
    HTTP_POST,
    HTTP_PUT,
    HTTP_PATCH,
    HTTP_DELETE,
    HTTP_OPTIONS,
    HTTP_OTHER,
};

struct http_server;
struct http_request;
struct http_stream;

/* The head of a request, of which all but the body can be asked. Answers it (what was to come as
 * its body is dropped, and the connection closes), or returns how many bytes the body may have. */
typedef size_t (*http_head_fn)(struct http_request *request, void *ctx);
/* A complete request; it and everything read from it lives until it is answered. */
typedef void (*http_request_fn)(struct http_request *request, void *ctx);
/* The client hung up while its request waited, or the server ends: forget the request. */
typedef void (*http_gone_fn)(struct http_request *request, void *ctx);

struct http_handlers {
    http_head_fn on_head; /* NULL: every body may have HTTP_MAX_BODY */
    http_request_fn on_request;
};

struct http_limits {
    unsigned max_connections;  /* for more, others go; or they wait in the kernel's queue */
    unsigned first_head_ms;    /* a connection's first head must be whole so long after accept */
    unsigned idle_ms;          /* a connection between requests is closed after this */
    unsigned head_ms;          /* a request's head must be complete by then */
    unsigned body_bytes_per_s; /* and its body come at this rate or faster */
    bool head_lets_in;         /* a whole head makes a stranger known, else http_let_in does */
    unsigned max_strangers;    /* in all; for one more the oldest goes */
    unsigned max_strangers_per_address; /* IPv6: per /64; 0: as many as in all */
    size_t max_memory;                  /* bodies and answers together */
};

extern const struct http_limits http_default_limits;

/* ---- server ---- */

/* Serves `listen_fd`, a bound and listening socket without blocking, which it takes over. 0, or
 * -errno. */
int http_server_create(uv_loop_t *loop, int listen_fd, const struct http_limits *limits,
                       const struct http_handlers *handlers, void *ctx, struct http_server **ret);

/* Sends what was answered and takes what has come, now instead of in the loop's next round. */
void http_server_run(struct http_server *server);

/* Takes no further connections; those that are open go on. */
void http_server_stop_listening(struct http_server *server);

/* Requests handed out and not yet answered, and streams not yet ended. */
size_t http_server_pending(const struct http_server *server);

/* Answers of this status (100..599) so far, streams among them. HTTP_CLIENT_GONE: the client hung
 * up before its answer. */
#define HTTP_CLIENT_GONE 499
uint64_t http_server_answers(const struct http_server *server, int status);

struct http_figures {
    size_t n_connections, n_strangers; /* open now */
    size_t memory;                     /* bytes of bodies and answers now */
    uint64_t n_turned_away;            /* connections that went for the sake of others */
    uint64_t n_without_memory;         /* bodies and answers that there was no memory for */
};
struct http_figures http_server_figures(const struct http_server *server);

/* Whether a connection was turned away, or had to wait for room, within the last `ms`. */
bool http_server_turned_away(const struct http_server *server, uint64_t ms);

/* Closes everything; requests not yet answered get 503, and those that wait are told on_gone.
 * The handles close in the loop's next rounds, then the server is freed. NULL is fine. */
void http_server_destroy(struct http_server *server);

/* ---- request ---- */

/* What is wrong with a request as such; it must be answered at once, and accordingly. */
enum http_fault {
    HTTP_FAULT_NONE,
    /* Known in on_head. */
    HTTP_FAULT_MALFORMED, /* the head can be read in two ways; http_malformed says how: 400 */
    HTTP_FAULT_TARGET,    /* a NUL in the target: 404 */
    /* Known in either. */
    HTTP_FAULT_TOO_LARGE, /* the body is over what it may have, and was dropped: 413 */
    HTTP_FAULT_MEMORY,    /* there is no memory for the body just now; it was dropped: 503 */
};

enum http_fault http_fault(const struct http_request *request);
const char *http_malformed(const struct http_request *request);
/* The size of the body as its head tells it; 0 for a chunked one. */
uint64_t http_announced(const struct http_request *request);
/* The connection belongs to someone known: it counts among no strangers from now on. */
void http_let_in(struct http_request *request);
enum http_method http_method(const struct http_request *request);
/* Decoded, without the query; starts with '/'. */
const char *http_path(const struct http_request *request);
/* NULL if absent; the first one if repeated. */
const char *http_header(const struct http_request *request, const char *name);
/* Calls `fn` for each query parameter, decoded, in order, until it returns false. A parameter
 * without '=' has the value "". */
typedef bool (*http_query_fn)(void *ctx, const char *name, const char *value);
void http_query(const struct http_request *request, http_query_fn fn, void *ctx);
/* NUL-terminated beside its size; never NULL. */
const char *http_body(const struct http_request *request, size_t *ret_size);
/* The client's address as text, for the log. */
const char *http_peer(const struct http_request *request);

/* Says that the answer may take long: `on_gone` is called if the client hangs up before it. */
void http_wait(struct http_request *request, http_gone_fn on_gone, void *ctx);

/* Takes that back: the answer is about to come. */
void http_wait_end(struct http_request *request);

/* Whether the client was still there a moment ago; on_gone may not have been called yet. */
bool http_is_alive(const struct http_request *request);

/* ---- answer ---- */

struct http_field {
    const char *name, *value;
};

struct http_answer {
    int status;
    const char *type; /* Content-Type; NULL when there is no body */
    const void *data; /* the body, if any */
    size_t size;
    void (*free_data)(void *data);   /* NULL: static, or see `copy` */
    bool copy;                       /* `data` is only good during the call */
    const struct http_field *fields; /* further header fields */
    size_t n_fields;
    bool close; /* the connection ends with this answer */
};

/* Answers and so ends a request, whether inside on_request or later. What says nothing of
 * Cache-Control is not to be stored. */
void http_answer(struct http_request *request, const struct http_answer *answer);

/* Answers with `answer`'s head and the `size` bytes of an open file, which it closes (sendfile). */
void http_answer_file(struct http_request *request, const struct http_answer *answer, int fd,
                      uint64_t size);

/* ---- stream: a body of unknown length, sent in pieces ---- */

struct http_stream_events {
    void (*on_drain)(struct http_stream *stream, void *ctx); /* all written is on its way: more? */
    void (*on_close)(struct http_stream *stream, void *ctx); /* ended, or the client left; last */
};

/* Answers with `answer`'s head and begins a body; on_drain follows in a later round. Ends the
 * request. NULL when there is no memory: then it is answered so, and no callback follows. */
struct http_stream *http_stream_open(struct http_request *request, const struct http_answer *answer,
                                     const struct http_stream_events *events, void *ctx);
/* Takes over `data` (malloc'd). One piece at a time: the first at once, the next not before
 * on_drain. */
void http_stream_write(struct http_stream *stream, char *data, size_t size);
/* No more will come. */
void http_stream_end(struct http_stream *stream);
/* Breaks the connection, so that the client sees that the body is not whole; also with a client
 * that takes nothing any more. Nothing when the stream has ended. */
void http_stream_abort(struct http_stream *stream);
