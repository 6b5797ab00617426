/* What the parts of the API share; for nobody else. */
#pragma once

#include "daemon/answer.h"
#include "daemon/api.h"
#include "daemon/clock.h"
#include "daemon/datasets.h"
#include "daemon/events.h"
#include "daemon/id_map.h"
#include "daemon/json_in.h"
#include "daemon/json_out.h"
#include "daemon/metrics.h"
#include "daemon/read_pool.h"
#include "daemon/refusals.h"
#include "daemon/tick.h"

#include <stdbool.h>

#define API_MAX_WAIT_S 60  /* that may be asked for */
#define API_MOST_WAIT_S 50 /* that is waited: proxies give up after 60 */
#define API_MAX_CLAIMS 64

struct waiter;

struct api {
    uv_loop_t *loop;
    struct queue *queue;
    struct http_server *server;
    struct tick *tick;
    struct clock clock;
    uv_timer_t timer; /* when the queue is needed next, and the waiting claims looked through */
    int64_t wait_ms;  /* what queue_tick said last */
    struct read_pool *readers;
    struct events *events;
    struct datasets *datasets;
    char *token; /* NULL: none */
    struct refusals refusals;
    int64_t lease_ms;
    char *db_path;
    bool read_only;
    int64_t start_wall_ms, start_mono_ms;
    struct metrics_histogram commits;
    uint64_t n_failed_commits;
    bool stopping, healthy;
    bool timer_closed;
    int n_jobs; /* on the thread pool; they hold the api */

    struct waiter *first_waiter, *last_waiter;
    struct id_map waiters; /* by worker: each has one at most */
};

/* A request on its way through the API. Freed when it is answered. */
struct api_call {
    struct tick_entry entry;
    struct api *api;
    struct http_request *request;
    int argument;     /* the route's */
    int64_t id;       /* {id} of the path */
    char name[2][64]; /* {name}s of the path */

    /* What to answer once it is committed: a text, or what is then read. */
    int status;
    struct json_out text;
    bool reads;
    struct read_question question;
};

/* ---- api_call.c: what every handler needs; each of these but the parsers ends the call ---- */

/* NULL, with the request answered, when out of memory. */
struct api_call *api_call_create(struct http_request *request, struct api *api);

void api_fail(struct api_call *call, int status, const char *code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void api_fail_with(struct api_call *call, int status, const char *code, const struct error *error);
/* For what a queue operation returned, other than 0; *error is for those that fill it. */
void api_fail_outcome(struct api_call *call, int outcome, const struct error *error);
/* Answers at once with call->text. */
void api_answer(struct api_call *call, int status);
void api_read(struct api_call *call, const struct read_question *question);
/* The same, after the round's COMMIT. */
void api_park(struct api_call *call, int status);
void api_park_read(struct api_call *call, const struct read_question *question);
void api_call_free(struct api_call *call);

/* The body as a JSON object; false when it is none, and the call has ended. */
bool api_body(struct api_call *call, json_t **ret);

/* One query parameter that a route takes: an integer in a range, or one of some words. */
struct api_parameter {
    const char *name;
    int64_t *ret_integer;
    int64_t min, max;
    int *ret_word;            /* the index of the word given */
    const char *const *words; /* ended by NULL */
};

struct api_parameter api_integer(const char *name, int64_t min, int64_t max, int64_t *ret);
struct api_parameter api_word(const char *name, const char *const *words, int *ret);

/* Reads the query; false when there is something else in it, and the call has ended. */
bool api_query(struct api_call *call, const struct api_parameter *parameters, size_t n);

struct read_question api_question(enum reader_query query, int status, const char *unknown_code);

/* Runs `work` on the thread pool and then `done` on the loop, which must call api_job_end last. */
void api_job_begin(struct api *api, uv_work_t *request, uv_work_cb work, uv_after_work_cb done);
void api_job_end(struct api *api);

/* ---- handlers, by file ---- */

typedef void (*api_handler)(struct api_call *call);

enum api_access {
    API_KNOWN,  /* to who shows the token, where one is asked for */
    API_OPEN,   /* to all; not to web pages of other sites */
    API_PUBLIC, /* to web pages of other sites, too: it is the same for everyone */
};

enum api_body {
    API_NONE, /* whatever comes is ignored */
    API_SMALL,
    API_LARGE,
};

struct api_route {
    enum http_method method;
    enum api_access access;
    enum api_body body; /* other than API_NONE: JSON */
    const char *pattern;
    api_handler handler;
    int argument; /* for handlers that serve several routes */
};

/* api_routes.c: every route there is; for tests, too. */
extern const struct api_route api_routes[];
extern const size_t api_n_routes;
/* Finds the route and fills the call's id and names; NULL when there is none. */
const struct api_route *api_find_route(enum http_method method, const char *path,
                                       struct api_call *call);
/* "GET, HEAD, OPTIONS, POST" for a path that has routes; empty for one that has none. */
void api_list_methods(const char *path, struct api_call *call, char ret[64]);

/* api_head.c: judges a request by its head (http_head_fn). */
size_t api_on_head(struct http_request *request, void *ctx);
/* Whether something is wrong with the request as such; then the call has ended. */
bool api_has_fault(struct api_call *call, const struct api_route *route);

/* api_sweeps.c */
void api_post_sweep(struct api_call *call);
void api_get_sweeps(struct api_call *call);
void api_get_sweep(struct api_call *call);
void api_act(struct api_call *call); /* argument: enum queue_action */

/* api_results.c */
void api_get_trials(struct api_call *call);
void api_get_trial(struct api_call *call); /* argument: enum reader_query, of one trial */
void api_get_view(struct api_call *call);  /* argument: enum reader_query, of a view */
void api_get_layers(struct api_call *call);

/* api_workers.c */
void api_get_workers(struct api_call *call);
void api_post_worker(struct api_call *call);
void api_post_report(struct api_call *call);
void api_post_departure(struct api_call *call);

/* The body of a known worker: who it is, and up to API_MAX_MEMBERS more, which are all numbers.
 * False when it is none, or not known, and the call has ended. */
#define API_MAX_MEMBERS 4
bool api_worker_body(struct api_call *call, const struct json_in_member *more, size_t n,
                     struct worker_badge *ret);

/* api_claims.c */
void api_post_claim(struct api_call *call);
/* Hands trials to those who wait, in order; parks their answers. */
void api_serve_waiters(struct api *api, const struct queue_time *now);
/* Answers those whose time is over; all of them when the api is stopping. */
void api_end_waiters(struct api *api, int64_t now_mono_ms);

/* api_data.c */
void api_get_datasets(struct api_call *call);
void api_get_dataset(struct api_call *call);
void api_get_dataset_file(struct api_call *call);

/* api_events.c */
void api_get_events(struct api_call *call);

/* api_metrics.c */
void api_get_metrics(struct api_call *call);

/* api_pages.c */
void api_get_health(struct api_call *call);
void api_get_openapi(struct api_call *call);
void api_get_dashboard(struct api_call *call);
void api_get_asset(struct api_call *call);
