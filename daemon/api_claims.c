/*
 * Claims, and those who wait for one. Whoever finds nothing joins the end of the list; at the end
 * of every round the list is served from its head while there are trials, within the round's
 * transaction. Passed over is a worker without a free slot, until it has one, and a client known
 * to have hung up, so that no trial is lost on it; one that hangs up later leaves its lease to
 * expire. A worker waits once: a second claim of it ends the first.
 */
#include "daemon/api_internal.h"

#include <stdlib.h>

#define SERVED_PER_ROUND 1000 /* so that others are not kept waiting while thousands are woken */

struct waiter {
    struct api_call *call;
    int64_t worker, max;
    int64_t deadline_ms; /* monotonic */
    struct waiter *prev, *next;
};

/* ---- the list ---- */

static void remove_waiter(struct api *api, struct waiter *waiter)
{
    *(waiter->prev != NULL ? &waiter->prev->next : &api->first_waiter) = waiter->next;
    *(waiter->next != NULL ? &waiter->next->prev : &api->last_waiter) = waiter->prev;
    id_map_take(&api->waiters, waiter->worker);
    free(waiter);
}

static void on_waiter_gone(struct http_request *request, void *ctx)
{
    (void)request;
    struct waiter *waiter = ctx;
    struct api_call *call = waiter->call;
    remove_waiter(call->api, waiter);
    api_call_free(call);
}

static void answer_with_none(struct api_call *call)
{
    json_out_format(&call->text, "{\"claims\": []}\n");
    api_answer(call, 200);
}

/* A worker that comes again has lost its connection: the answer to its first claim would go to
 * nobody, with a trial in it. */
static void end_earlier(struct api *api, int64_t worker)
{
    struct waiter *earlier = id_map_get(&api->waiters, worker);
    if (earlier != NULL) {
        struct api_call *call = earlier->call;
        remove_waiter(api, earlier);
        answer_with_none(call);
    }
}

static struct waiter *add_waiter(struct api_call *call, int64_t worker, int64_t max,
                                 int64_t deadline_ms)
{
    struct api *api = call->api;
    struct waiter *waiter = calloc(1, sizeof *waiter);
    if (waiter == NULL || id_map_put(&api->waiters, worker, waiter) != 0) {
        free(waiter);
        return NULL;
    }
    *waiter = (struct waiter){call, worker, max, deadline_ms, api->last_waiter, NULL};
    *(waiter->prev != NULL ? &waiter->prev->next : &api->first_waiter) = waiter;
    api->last_waiter = waiter;
    return waiter;
}

/* ---- serving ---- */

static void write_offers(struct json_out *out, const struct reuse_offers *offers)
{
    json_t *list = reuse_offers_to_json(offers);
    char *text = list != NULL ? json_dumps(list, JSON_COMPACT) : NULL;
    json_decref(list);
    if (text == NULL) {
        out->failed = true;
    } else {
        json_out_format(out, ", \"reuse\": %s", text);
    }
    free(text);
}

static void write_claims(struct json_out *out, const struct queue_claim *claims, size_t n)
{
    json_out_text(out, "{\"claims\": [");
    for (size_t i = 0; i < n; i++) {
        char *config = config_to_text(&claims[i].config);
        if (config == NULL) {
            out->failed = true; /* the worker gets 500, and its leases expire */
            return;
        }
        json_out_text(out, i > 0 ? ", {\"trial\": " : "{\"trial\": ");
        json_out_integer(out, claims[i].trial);
        json_out_text(out, ", \"attempt\": ");
        json_out_integer(out, claims[i].attempt);
        json_out_text(out, ", \"config\": ");
        json_out_text(out, config);
        free(config);
        if (claims[i].offers.n > 0) {
            write_offers(out, &claims[i].offers);
        }
        json_out_text(out, "}");
    }
    json_out_text(out, "]}\n");
}

/* Claims for one caller, and parks the answer. False when there was nothing; the call goes on. */
static bool claim(struct api_call *call, int64_t worker, int64_t max, const struct queue_time *now)
{
    struct queue_claim claims[API_MAX_CLAIMS];
    size_t n = 0;
    int rc = queue_claim(call->api->queue, worker, (size_t)max, now, claims, &n);
    if (rc != 0) {
        api_fail_outcome(call, rc, NULL);
        return true;
    }
    if (n == 0) {
        return false;
    }
    write_claims(&call->text, claims, n);
    api_park(call, 200);
    return true;
}

void api_serve_waiters(struct api *api, const struct queue_time *now)
{
    int n_served = 0;
    if (queue_is_held(api->queue)) {
        return; /* they go on waiting: the lock may be free before they give up */
    }
    for (struct waiter *w = api->first_waiter, *next; w != NULL; w = next) {
        if (queue_claimable(api->queue) == 0) {
            return;
        }
        next = w->next;
        if (queue_free_slots(api->queue, w->worker) > 0 && http_is_alive(w->call->request)) {
            if (n_served++ == SERVED_PER_ROUND) {
                api->wait_ms = 0;
                return;
            }
            struct api_call *call = w->call;
            if (!claim(call, w->worker, w->max, now)) {
                /* It took over results, and there may be more: the next round goes on. */
                api->wait_ms = queue_claimable(api->queue) > 0 ? 0 : api->wait_ms;
                return;
            }
            remove_waiter(api, w);
        }
    }
}

void api_end_waiters(struct api *api, int64_t now_mono_ms)
{
    for (struct waiter *w = api->first_waiter, *next; w != NULL; w = next) {
        next = w->next;
        if (api->stopping || w->deadline_ms <= now_mono_ms) {
            struct api_call *call = w->call;
            remove_waiter(api, w);
            answer_with_none(call);
        }
    }
}

/* ---- the request ---- */

static void begin_claim(struct api_call *call, int64_t worker, int64_t max, double wait_s)
{
    struct api *api = call->api;
    struct queue_time now = clock_now(&api->clock);
    end_earlier(api, worker);
    /* Those who wait already come first: then this one joins them, and the round's end serves. */
    if (api->first_waiter == NULL && claim(call, worker, max, &now)) {
        return;
    }
    int rc = queue_touch(api->queue, worker, &now);
    if (rc != 0) {
        api_fail_outcome(call, rc, NULL);
        return;
    }
    tick_open(api->tick);
    bool nothing = queue_claimable(api->queue) == 0 || queue_free_slots(api->queue, worker) == 0;
    if (wait_s == 0 && nothing) {
        answer_with_none(call);
        return;
    }
    struct waiter *waiter = add_waiter(call, worker, max, now.mono_ms + (int64_t)(wait_s * 1000));
    if (waiter == NULL) {
        api_fail(call, 500, "internal", "out of memory");
        return;
    }
    http_wait(call->request, on_waiter_gone, waiter);
}

void api_post_claim(struct api_call *call)
{
    struct worker_badge badge = {0};
    int64_t max = 1;
    double wait_s = 0;
    const struct json_in_member members[] = {
        {"max", JSON_IN_INTEGER, false, 1, API_MAX_CLAIMS, &max},
        {"wait_s", JSON_IN_REAL, false, 0, API_MAX_WAIT_S, &wait_s},
    };
    if (!api_query(call, NULL, 0) || !api_worker_body(call, members, 2, &badge)) {
        return;
    }
    if (call->api->stopping) {
        answer_unavailable(call->request, "the daemon is stopping");
        api_call_free(call);
    } else {
        wait_s = wait_s < API_MOST_WAIT_S ? wait_s : API_MOST_WAIT_S;
        begin_claim(call, badge.worker, max, wait_s);
    }
}
