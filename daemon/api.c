/*
 * The round: every request finds its handler; at the end of a round of the loop the waiting claims
 * are served, everything is committed, and the answers leave.
 */
#include "daemon/api_internal.h"

#include "common/log.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RETURN_MS 120000
#define TURNED_AWAY_MS 2000
#define LONGEST_SLEEP_MS 1000 /* the clock wants to be read, and waiting claims end by it */

/* ---- requests ---- */

static void on_request(struct http_request *request, void *ctx)
{
    struct api *api = ctx;
    struct api_call *call = api_call_create(request, api);
    if (call == NULL) {
        return;
    }
    /* Its head was judged: there is a route. But its body was to come yet. */
    const struct api_route *route = api_find_route(http_method(request), http_path(request), call);
    if (api_has_fault(call, route)) {
        return;
    }
    if (api->read_only && route->method == HTTP_POST) {
        api_fail(call, 403, "read_only",
                 "this daemon only reads its database, which cannot be written where it is");
    } else if (route->access == API_KNOWN && queue_is_displaced(api->queue)) {
        answer_unavailable(request, queue_message(api->queue));
        api_call_free(call);
    } else {
        call->argument = route->argument;
        route->handler(call);
    }
}

const struct http_handlers api_handlers = {.on_head = api_on_head, .on_request = on_request};

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

/* A daemon that comes back into a flood of connections may be hard to reach for its workers: so
 * soon after the start no lease ends while any connection is turned away. Later it does, or whoever
 * floods would keep every lease alive. */
static void favour_returning_workers(struct api *api, const struct queue_time *now)
{
    if (now->mono_ms - api->start_mono_ms < RETURN_MS && api->server != NULL &&
        http_server_turned_away(api->server, TURNED_AWAY_MS)) {
        queue_renew_leases(api->queue, now);
    }
}

/* The end of a round: what the time brings, who waits, and then all of it to disk. */
static int commit(void *ctx)
{
    struct api *api = ctx;
    struct queue_time now = clock_now(&api->clock);
    favour_returning_workers(api, &now);
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
    refusals_tick(&api->refusals, (int64_t)uv_now(api->loop));
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
    api->read_only = options->read_only;
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
        id_map_clear(&api->waiters);
        free(api);
        return -ENOMEM;
    }
    clock_init(&api->clock, loop);
    struct queue_time start = clock_now(&api->clock);
    api->start_wall_ms = start.wall_ms;
    api->start_mono_ms = start.mono_ms;
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
        id_map_clear(&api->waiters);
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
