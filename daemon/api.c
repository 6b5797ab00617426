/*
 * Routing, and the round: every request finds its handler in one table; at the end of a round of
 * the loop the waiting claims are served, everything is committed, and the answers leave.
 */
#include "daemon/api_internal.h"

#include "common/log.h"
#include "daemon/auth.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LONGEST_SLEEP_MS 1000 /* the clock wants to be read, and waiting claims end by it */

const struct api_route api_routes[] = {
    {HTTP_POST, false, "/v1/reports", api_post_report},
    {HTTP_POST, false, "/v1/claims", api_post_claim},
    {HTTP_POST, false, "/v1/workers", api_post_worker},
    {HTTP_GET, false, "/v1/workers", api_get_workers},
    {HTTP_POST, false, "/v1/departures", api_post_departure},
    {HTTP_POST, false, "/v1/sweeps", api_post_sweep},
    {HTTP_GET, false, "/v1/sweeps", api_get_sweeps},
    {HTTP_GET, false, "/v1/sweeps/{id}", api_get_sweep},
    {HTTP_POST, false, "/v1/sweeps/{id}/cancel", api_act, QUEUE_CANCEL},
    {HTTP_POST, false, "/v1/sweeps/{id}/pause", api_act, QUEUE_PAUSE},
    {HTTP_POST, false, "/v1/sweeps/{id}/resume", api_act, QUEUE_RESUME},
    {HTTP_POST, false, "/v1/sweeps/{id}/retry", api_act, QUEUE_RETRY},
    {HTTP_POST, false, "/v1/sweeps/{id}/delete", api_act, QUEUE_DELETE},
    {HTTP_GET, false, "/v1/trials", api_get_trials},
    {HTTP_GET, false, "/v1/trials/{id}", api_get_trial, READER_TRIAL},
    {HTTP_GET, false, "/v1/trials/{id}/measurements", api_get_trial, READER_MEASUREMENTS},
    {HTTP_GET, false, "/v1/trials/{id}/layers", api_get_trial, READER_LAYERS},
    {HTTP_GET, false, "/v1/results", api_get_view, READER_RESULTS},
    {HTTP_GET, false, "/v1/summary", api_get_view, READER_SUMMARY},
    {HTTP_GET, false, "/v1/curves", api_get_view, READER_CURVES},
    {HTTP_GET, false, "/v1/layers", api_get_layers},
    {HTTP_GET, false, "/v1/layers/steps", api_get_view, READER_LAYER_STEPS},
    {HTTP_GET, false, "/v1/events", api_get_events},
    {HTTP_GET, false, "/v1/datasets", api_get_datasets},
    {HTTP_GET, false, "/v1/datasets/{name}", api_get_dataset},
    {HTTP_GET, false, "/v1/datasets/{name}/{name}", api_get_dataset_file},
    {HTTP_GET, false, "/metrics", api_get_metrics},
    {HTTP_GET, false, "/openapi.json", api_get_openapi},
    {HTTP_GET, true, "/healthz", api_get_health},
    {HTTP_GET, true, "/", api_get_dashboard},
    {HTTP_GET, true, "/assets/{name}", api_get_asset},
};
enum { N_ROUTES = sizeof api_routes / sizeof *api_routes };
const size_t api_n_routes = N_ROUTES;

/* ---- routing ---- */

static bool parse_id(const char *text, size_t size, int64_t *ret)
{
    char digits[20];
    if (size == 0 || size >= sizeof digits || strspn(text, "0123456789") < size) {
        return false;
    }
    memcpy(digits, text, size);
    digits[size] = '\0';
    *ret = strtoll(digits, NULL, 10);
    return true;
}

/* Whether the path is of this form; fills id and names. */
static bool match(const char *pattern, const char *path, struct api_call *call)
{
    int n_names = 0;
    while (*pattern != '\0' && *path != '\0') {
        size_t n = strcspn(path, "/");
        if (strncmp(pattern, "{id}", 4) == 0) {
            if (!parse_id(path, n, &call->id)) {
                return false;
            }
            pattern += 4;
            path += n;
        } else if (strncmp(pattern, "{name}", 6) == 0) {
            if (n == 0 || n >= sizeof call->name[0]) {
                return false;
            }
            memcpy(call->name[n_names], path, n);
            call->name[n_names++][n] = '\0';
            pattern += 6;
            path += n;
        } else if (*pattern++ != *path++) {
            return false;
        }
    }
    return *pattern == '\0' && *path == '\0';
}

/* "GET, HEAD, OPTIONS, POST" for a path that has routes; empty for one that has none. */
static void list_methods(const char *path, struct api_call *call, char ret[64])
{
    bool get = false, post = false;
    for (int i = 0; i < N_ROUTES; i++) {
        if (match(api_routes[i].pattern, path, call)) {
            get = get || api_routes[i].method == HTTP_GET;
            post = post || api_routes[i].method == HTTP_POST;
        }
    }
    snprintf(ret, 64, "%s%s%s", get ? "GET, HEAD, " : "", post ? "POST, " : "",
             get || post ? "OPTIONS" : "");
}

static const struct api_route *find_route(enum http_method method, const char *path,
                                          struct api_call *call)
{
    for (int i = 0; i < N_ROUTES; i++) {
        if (api_routes[i].method == method && match(api_routes[i].pattern, path, call)) {
            return &api_routes[i];
        }
    }
    return NULL;
}

static void refuse_method(struct api_call *call, const char *path)
{
    struct http_request *request = call->request;
    char methods[64];
    list_methods(path, call, methods);
    struct http_field allow = {"Allow", methods};
    if (methods[0] == '\0') {
        api_fail(call, 404, "not_found", "there is nothing at %s; docs/http-api.md lists what is",
                 path);
    } else if (http_method(request) == HTTP_OPTIONS) {
        http_answer(request, &(struct http_answer){.status = 204, .fields = &allow, .n_fields = 1});
        api_call_free(call);
    } else {
        struct json_out out = {0};
        json_out_format(&out,
                        "{\"error\": {\"code\": \"method_not_allowed\", \"message\": \"this path "
                        "takes %s\"}}\n",
                        methods);
        answer_json(request, 405, &out, &allow, 1);
        api_call_free(call);
    }
}

static bool is_let_in(struct api_call *call, const struct api_route *route)
{
    struct http_request *request = call->request;
    const char *token = call->api->token;
    if (!auth_is_same_site(token != NULL, http_header(request, "Host"),
                           http_header(request, "Origin"))) {
        api_fail(call, 403, "forbidden_origin",
                 "the Host or Origin header names another site; without --token-file use a "
                 "loopback address");
        return false;
    }
    bool open = token == NULL || (route != NULL && route->open);
    if (!open && !auth_is_authorized(token, http_header(request, "Authorization"))) {
        api_fail(call, 401, "unauthorized", "this daemon wants Authorization: Bearer TOKEN");
        return false;
    }
    return true;
}

static bool has_fault(struct api_call *call)
{
    switch (http_fault(call->request)) {
    case HTTP_FAULT_NONE:
        return false;
    case HTTP_FAULT_TOO_LARGE:
        api_fail(call, 413, "too_large", "the body is over %u MiB", HTTP_MAX_BODY >> 20);
        return true;
    case HTTP_FAULT_TARGET:
        api_fail(call, 404, "not_found", "there is nothing at a path with a NUL in it");
        return true;
    }
    return true;
}

void api_on_request(struct http_request *request, void *ctx)
{
    struct api_call *call = calloc(1, sizeof *call);
    if (call == NULL) {
        answer_unavailable(request, "out of memory");
        return;
    }
    call->api = ctx;
    call->request = request;
    const char *path = http_path(request);
    const struct api_route *route = find_route(http_method(request), path, call);
    if (!is_let_in(call, route) || has_fault(call)) {
        return;
    }
    if (route == NULL) {
        refuse_method(call, path);
    } else if (!route->open && queue_is_displaced(call->api->queue)) {
        answer_unavailable(request, queue_message(call->api->queue));
        api_call_free(call);
    } else {
        call->argument = route->argument;
        route->handler(call);
    }
}

/* ---- the round ---- */

/* A disk that fails is tried every second; it is said once, and once more when it works again. */
static void log_health(struct api *api)
{
    bool healthy = queue_is_healthy(api->queue);
    if (api->healthy && !healthy) {
        log_error("the database cannot be written, requests that write get 503 error=\"%s\"",
                  queue_message(api->queue));
    } else if (!api->healthy && healthy) {
        log_info("the database can be written again");
    }
    api->healthy = healthy;
}

static int commit_queue(struct api *api)
{
    if (!queue_is_dirty(api->queue)) {
        return queue_commit(api->queue);
    }
    uint64_t start_ns = uv_hrtime();
    int rc = queue_commit(api->queue);
    metrics_observe(&api->commits, (double)(uv_hrtime() - start_ns) * 1e-9);
    api->n_failed_commits += rc != 0;
    return rc;
}

/* The end of a round: what the time brings, who waits, and then all of it to disk. */
static int commit(void *ctx)
{
    struct api *api = ctx;
    struct queue_time now = clock_now(&api->clock);
    if (queue_tick(api->queue, &now, &api->wait_ms) != 0) {
        api->wait_ms = LONGEST_SLEEP_MS;
    }
    api_serve_waiters(api, &now);
    int rc = commit_queue(api);
    events_committed(api->events, queue_last_event(api->queue));
    if (rc != 0) {
        api->wait_ms = LONGEST_SLEEP_MS;
    }
    log_health(api);
    return rc;
}

static void on_timer(uv_timer_t *timer)
{
    struct api *api = timer->data;
    api_end_waiters(api, clock_now(&api->clock).mono_ms);
    tick_open(api->tick);
}

static void after_commit(void *ctx)
{
    struct api *api = ctx;
    int64_t wait_ms = api->wait_ms < LONGEST_SLEEP_MS ? api->wait_ms : LONGEST_SLEEP_MS;
    if (wait_ms <= 0 && !api->stopping) {
        tick_open(api->tick); /* more to do: but whoever came meanwhile has his turn first */
    }
    uv_timer_start(&api->timer, on_timer, (uint64_t)(wait_ms > 0 ? wait_ms : LONGEST_SLEEP_MS), 0);
    if (api->server != NULL) {
        http_server_run(api->server);
    }
}

/* ---- life ---- */

static bool create_events(struct api *api, const struct api_options *options)
{
    int64_t keep_alive_ms =
        options->keep_alive_ms > 0 ? options->keep_alive_ms : EVENTS_KEEP_ALIVE_MS;
    api->events =
        events_create(api->loop, api->readers, keep_alive_ms, queue_last_event(api->queue));
    return api->events != NULL;
}

int api_create(uv_loop_t *loop, const struct api_options *options, struct api **ret)
{
    struct api *api = calloc(1, sizeof *api);
    if (api == NULL) {
        return -ENOMEM;
    }
    api->loop = loop;
    api->queue = options->queue;
    api->lease_ms = options->lease_ms;
    api->healthy = true;
    api->token = options->token != NULL ? strdup(options->token) : NULL;
    api->datasets = datasets_create(options->data_directory);
    api->db_path = strdup(options->db_path);
    api->readers = read_pool_create(loop, options->db_path);
    if ((options->token != NULL && api->token == NULL) || api->datasets == NULL ||
        api->db_path == NULL || api->readers == NULL || !create_events(api, options) ||
        tick_create(loop, commit, after_commit, api, &api->tick) != 0) {
        events_destroy(api->events);
        read_pool_destroy(api->readers);
        datasets_destroy(api->datasets);
        free(api->db_path);
        free(api->token);
        free(api);
        return -ENOMEM;
    }
    clock_init(&api->clock, loop);
    api->start_wall_ms = clock_now(&api->clock).wall_ms;
    uv_timer_init(loop, &api->timer);
    api->timer.data = api;
    uv_timer_start(&api->timer, on_timer, 0, 0);
    *ret = api;
    return 0;
}

void api_set_server(struct api *api, struct http_server *server)
{
    api->server = server;
}

void api_stop_claims(struct api *api)
{
    api->stopping = true;
    events_stop(api->events);
    api_end_waiters(api, 0);
}

static void free_if_done(struct api *api)
{
    if (api->timer_closed && api->n_jobs == 0) {
        datasets_destroy(api->datasets);
        free(api->db_path);
        free(api->token);
        free(api);
    }
}

void api_job_begin(struct api *api, uv_work_t *request, uv_work_cb work, uv_after_work_cb done)
{
    api->n_jobs++;
    int rc = uv_queue_work(api->loop, request, work, done);
    assert(rc == 0); /* fails for want of a callback only */
    (void)rc;
}

void api_job_end(struct api *api)
{
    api->n_jobs--;
    free_if_done(api);
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct api *api = handle->data;
    assert(api->first_waiter == NULL);
    api->timer_closed = true;
    free_if_done(api);
}

void api_flush(struct api *api)
{
    api->server = NULL; /* or sending would let in more requests */
    tick_flush(api->tick);
}

void api_destroy(struct api *api)
{
    if (api != NULL) {
        tick_destroy(api->tick);
        events_destroy(api->events);
        read_pool_destroy(api->readers);
        uv_close((uv_handle_t *)&api->timer, on_timer_closed);
    }
}
