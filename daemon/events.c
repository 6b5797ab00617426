#include "daemon/events.h"

#include "daemon/answer.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define MAX_LISTENERS 1000
#define EVENTS_PER_READ 256
#define GATHER_MS 20 /* what happens within this time is read at once */
#define RETRY                                                                                      \
    ":\nretry: 2000\n\n" /* a comment first: a field alone is an event to some clients             \
                          */
#define KEEP_ALIVE ":\n\n"

/* A read for all that stand at one place. */
struct batch {
    struct events *events;
    int64_t after, sweep;
    int64_t until; /* the last event that it must have seen */
    struct batch *next;
};

struct listener {
    struct events *events;
    struct http_request *request; /* while it is opening */
    struct http_stream *stream;   /* while it is open */
    int64_t after, sweep;
    bool writing;        /* a piece is under way */
    uint64_t written_ms; /* loop time of its beginning */
    struct batch *batch; /* that it waits for */
    struct listener *prev, *next;
};

struct events {
    struct read_pool *readers;
    int64_t last_id, keep_alive_ms;
    uv_timer_t gather; /* active while someone is to be told something */
    uv_timer_t minder; /* active while there are listeners */
    struct listener *listeners;
    struct batch *batches;
    size_t n_listeners;
    uint64_t n_cut_off;
    bool stopped, closing;
    int n_open_handles;
};

static void free_if_done(struct events *events)
{
    if (events->closing && events->n_open_handles == 0 && events->batches == NULL &&
        events->listeners == NULL) {
        free(events);
    }
}

/* ---- listeners ---- */

static void remove_listener(struct listener *listener)
{
    struct events *events = listener->events;
    *(listener->prev != NULL ? &listener->prev->next : &events->listeners) = listener->next;
    if (listener->next != NULL) {
        listener->next->prev = listener->prev;
    }
    if (--events->n_listeners == 0) {
        uv_timer_stop(&events->gather);
        uv_timer_stop(&events->minder);
    }
    free(listener);
    free_if_done(events);
}

static void write_piece(struct listener *listener, const char *text, size_t size)
{
    char *copy = malloc(size);
    if (copy == NULL) {
        http_stream_abort(listener->stream); /* it comes back by its last id */
        return;
    }
    memcpy(copy, text, size);
    listener->writing = true;
    listener->written_ms = uv_now(listener->events->gather.loop);
    http_stream_write(listener->stream, copy, size);
}

static void on_drain(struct http_stream *stream, void *ctx);
static void on_close(struct http_stream *stream, void *ctx);

/* The first read was good. */
static void open_listener(struct listener *listener)
{
    static const struct http_stream_events stream_events = {on_drain, on_close};
    static const struct http_field fields[] = {
        {"Cache-Control", "no-cache"},
        {"X-Accel-Buffering", "no"}, /* nginx is to pass on each event as it comes */
    };
    static const struct http_answer head = {
        .status = 200, .type = "text/event-stream", .fields = fields, .n_fields = 2};
    struct http_request *request = listener->request;
    listener->request = NULL;
    http_wait_end(request);
    listener->stream = http_stream_open(request, &head, &stream_events, listener);
    if (listener->stream == NULL) {
        remove_listener(listener);
        return;
    }
    write_piece(listener, RETRY, sizeof RETRY - 1);
}

static void refuse_listener(struct listener *listener, int result)
{
    struct http_request *request = listener->request;
    int64_t sweep = listener->sweep;
    remove_listener(listener);
    if (result == READER_NOT_FOUND) {
        answer_error(request, 404, "unknown_sweep", "there is no sweep %lld", (long long)sweep);
    } else {
        answer_unavailable(request, "the database cannot be read");
    }
}

/* ---- reading ---- */

/* Of a text that ends with an empty line, as every event does. */
static int64_t last_id_of(const struct json_out *text)
{
    size_t at = text->size - 2;
    while (at > 0 && (text->text[at] != '\n' || text->text[at - 1] != '\n')) {
        at--;
    }
    return strtoll(text->text + at + (at > 0) + strlen("id: "), NULL, 10);
}

static void deliver(struct listener *listener, const struct batch *batch, int result,
                    const struct json_out *text)
{
    listener->batch = NULL;
    if (listener->request != NULL && result == 0) {
        open_listener(listener); /* it reads again when that is sent */
    } else if (listener->request != NULL) {
        refuse_listener(listener, result);
    } else if (result == READER_NOT_FOUND) {
        http_stream_end(listener->stream);
    } else if (result == 0 && text->size > 0) {
        listener->after = last_id_of(text);
        write_piece(listener, text->text, text->size);
    } else if (result == 0) {
        listener->after = batch->until;
    }
}

static bool is_behind(const struct listener *listener)
{
    return listener->request != NULL || listener->after < listener->events->last_id;
}

static void on_gather(uv_timer_t *timer);

static void tell_soon(struct events *events)
{
    if (events->n_listeners > 0 && !uv_is_active((uv_handle_t *)&events->gather)) {
        uv_timer_start(&events->gather, on_gather, GATHER_MS, 0);
    }
}

static void on_fetched(void *ctx, int result, struct json_out *text)
{
    struct batch *batch = ctx;
    struct events *events = batch->events;
    for (struct listener *l = events->listeners, *next; l != NULL; l = next) {
        next = l->next;
        if (l->batch == batch) {
            deliver(l, batch, result, text);
        }
    }
    struct batch **link = &events->batches;
    while (*link != batch) {
        link = &(*link)->next;
    }
    *link = batch->next;
    free(batch);
    if (result == 0) {
        tell_soon(events); /* there may be more; after a failure the minder tries again */
    }
    free_if_done(events);
}

/* NULL when it cannot begin. */
static struct batch *begin_batch(struct events *events, int64_t after, int64_t sweep)
{
    struct batch *batch = calloc(1, sizeof *batch);
    struct read_question question = {.query = READER_EVENTS, .format = READER_EVENT_STREAM};
    reader_params_init(&question.params);
    question.params.after = after;
    question.params.sweep = sweep;
    question.params.limit = EVENTS_PER_READ;
    if (batch == NULL || !read_pool_fetch(events->readers, &question, on_fetched, batch)) {
        free(batch);
        return NULL;
    }
    *batch = (struct batch){events, after, sweep, events->last_id, events->batches};
    events->batches = batch;
    return batch;
}

static struct batch *find_batch(struct events *events, int64_t after, int64_t sweep)
{
    struct batch *batch = events->batches;
    while (batch != NULL && (batch->after != after || batch->sweep != sweep)) {
        batch = batch->next;
    }
    return batch != NULL ? batch : begin_batch(events, after, sweep);
}

static void on_gather(uv_timer_t *timer)
{
    struct events *events = timer->data;
    for (struct listener *l = events->listeners; l != NULL; l = l->next) {
        if (l->batch == NULL && !l->writing && is_behind(l)) {
            l->batch = find_batch(events, l->after, l->sweep);
        }
    }
}

void events_committed(struct events *events, int64_t last_id)
{
    if (last_id != events->last_id) {
        events->last_id = last_id;
        tell_soon(events);
    }
}

/* ---- the stream's callbacks, and those who say nothing ---- */

static void on_drain(struct http_stream *stream, void *ctx)
{
    (void)stream;
    struct listener *listener = ctx;
    listener->writing = false;
    if (is_behind(listener)) {
        tell_soon(listener->events);
    }
}

static void on_close(struct http_stream *stream, void *ctx)
{
    (void)stream;
    remove_listener(ctx);
}

static void on_minder(uv_timer_t *timer)
{
    struct events *events = timer->data;
    uint64_t now_ms = uv_now(timer->loop);
    bool behind = false;
    for (struct listener *l = events->listeners; l != NULL; l = l->next) {
        int64_t quiet_ms = (int64_t)(now_ms - l->written_ms);
        behind = behind || (is_behind(l) && l->batch == NULL);
        if (l->stream == NULL) {
            continue;
        }
        if (l->writing && quiet_ms >= 2 * events->keep_alive_ms) {
            l->written_ms = now_ms;
            events->n_cut_off++;
            http_stream_abort(l->stream);
        } else if (!l->writing && quiet_ms >= events->keep_alive_ms) {
            write_piece(l, KEEP_ALIVE, sizeof KEEP_ALIVE - 1);
        }
    }
    if (behind) {
        tell_soon(events);
    }
}

/* ---- requests ---- */

static void on_gone(struct http_request *request, void *ctx)
{
    (void)request;
    remove_listener(ctx);
}

static struct listener *add_listener(struct events *events)
{
    struct listener *listener = calloc(1, sizeof *listener);
    if (listener == NULL) {
        return NULL;
    }
    listener->events = events;
    listener->next = events->listeners;
    if (listener->next != NULL) {
        listener->next->prev = listener;
    }
    events->listeners = listener;
    if (events->n_listeners++ == 0) {
        int64_t period_ms = events->keep_alive_ms / 5 < 1000 ? events->keep_alive_ms / 5 : 1000;
        uv_timer_start(&events->minder, on_minder, (uint64_t)period_ms, (uint64_t)period_ms);
    }
    return listener;
}

void events_follow(struct events *events, struct http_request *request, int64_t after,
                   int64_t sweep)
{
    if (events->stopped) {
        answer_unavailable(request, "the daemon is stopping");
        return;
    }
    if (events->n_listeners >= MAX_LISTENERS) {
        answer_unavailable(request, "too many follow the events already");
        return;
    }
    struct listener *listener = add_listener(events);
    if (listener == NULL) {
        answer_unavailable(request, "out of memory");
        return;
    }
    /* An id that is still to come is of a database that was put back: then as from now on. */
    bool known = after != EVENTS_FROM_NOW_ON && after <= events->last_id;
    listener->after = known ? after : events->last_id;
    listener->sweep = sweep;
    listener->request = request;
    http_wait(request, on_gone, listener);
    tell_soon(events);
}

/* ---- life ---- */

struct events *events_create(uv_loop_t *loop, struct read_pool *readers, int64_t keep_alive_ms,
                             int64_t last_id)
{
    struct events *events = calloc(1, sizeof *events);
    if (events == NULL) {
        return NULL;
    }
    events->readers = readers;
    events->keep_alive_ms = keep_alive_ms;
    events->last_id = last_id;
    uv_timer_init(loop, &events->gather);
    uv_timer_init(loop, &events->minder);
    events->gather.data = events->minder.data = events;
    events->n_open_handles = 2;
    return events;
}

size_t events_n_listeners(const struct events *events)
{
    return events->n_listeners;
}

uint64_t events_n_cut_off(const struct events *events)
{
    return events->n_cut_off;
}

void events_stop(struct events *events)
{
    events->stopped = true;
    for (struct listener *l = events->listeners, *next; l != NULL; l = next) {
        next = l->next;
        if (l->stream != NULL) {
            http_stream_end(l->stream);
        } else {
            struct http_request *request = l->request;
            remove_listener(l);
            answer_unavailable(request, "the daemon is stopping");
        }
    }
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct events *events = handle->data;
    events->n_open_handles--;
    free_if_done(events);
}

void events_destroy(struct events *events)
{
    if (events != NULL) {
        events->closing = true;
        uv_close((uv_handle_t *)&events->gather, on_handle_closed);
        uv_close((uv_handle_t *)&events->minder, on_handle_closed);
    }
}
