/*
 * The happy path of a small answer: the question runs on a thread of the pool, its text gathers in
 * the job's buffer, and back on the loop the buffer becomes the answer.
 *
 *     on a thread --buffer full--> paused --the loop took the buffer--> on a thread ... finished
 *
 * When the buffer is full the query is paused, and the thread is free for others. The loop opens a
 * stream with the first buffer; when the stream has taken that, the query goes on, and from then on
 * whenever a buffer is under way: so two exist at most, one being sent, one being filled, and one
 * of a client that takes nothing. A query that is paused holds a snapshot: there are few at a time,
 * those that are paused for longest are broken off for others, and for STALL_MS all, and when the
 * pool ends.
 */
#include "daemon/read_pool.h"

#include "common/log.h"
#include "common/sweep_effect.h"
#include "daemon/answer.h"
#include "daemon/give_way.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define BUFFER_BYTES ((size_t)256 * 1024)
#define FETCH_BYTES ((size_t)1024 * 1024)
#define STALL_MS 20000
#define MINDER_MS 1000
#define MAX_PAUSED 16
#define MAX_WORKING 8 /* so that no more are paused before the loop sees it */
/* All that there can be: on libuv's eight threads and paused. None is closed meanwhile, since
 * SQLite keeps the descriptor of a closed connection while another has a lock on the file. */
#define MAX_IDLE_READERS 64
#define FEW_IDLE_READERS 8 /* keep the pages that they have read */

struct idle_reader {
    struct reader *reader;
    struct idle_reader *next;
};

/* The thread's while it works, else the loop's, but for `gone`. */
struct job {
    uv_work_t work;
    struct read_pool *pool;
    struct http_request *request; /* until it is answered, or the client is gone */
    struct http_stream *stream;   /* while it is open */
    read_fetched_fn fetched;      /* takes the place of a request */
    void *fetched_ctx;
    struct read_question question;
    struct reader *reader;    /* while its query runs or is paused */
    struct give_way give_way; /* of the thread */
    struct json_out buffer;
    int result;
    struct job *waits_before; /* while it waits for its turn: the next */
    bool working;             /* on a thread, or about to be */
    bool drained;             /* the stream asked for more */
    bool takes;               /* it has taken a buffer */
    uint64_t paused_ms;      /* loop time since which its stream takes nothing of the next buffer */
    atomic_bool gone;        /* nobody wants it any more */
    struct job *prev, *next; /* of the pool's jobs */
};

struct read_pool {
    uv_loop_t *loop;
    char *db_path;
    clockid_t loop_clock;
    uv_timer_t minder; /* active while there are jobs */
    struct job *jobs;
    struct job *first_waiting, **last_waiting; /* for their turn on a thread */
    int n_working;
    bool closing, minder_closed;

    pthread_mutex_t lock; /* of the readers */
    struct reader *idle[MAX_IDLE_READERS];
    int n_idle;
};

/* ---- readers ---- */

static int take_reader(struct read_pool *pool, struct reader **ret)
{
    *ret = NULL;
    pthread_mutex_lock(&pool->lock);
    if (pool->n_idle > 0) {
        *ret = pool->idle[--pool->n_idle];
    }
    pthread_mutex_unlock(&pool->lock);
    if (*ret != NULL) {
        return 0;
    }
    struct error error;
    int rc = reader_open(pool->db_path, ret, &error);
    if (rc > 0) {
        log_error("cannot read the database error=\"%s\"", error.message);
        rc = -EIO;
    }
    return rc;
}

static void give_reader(struct read_pool *pool, struct reader *reader)
{
    pthread_mutex_lock(&pool->lock);
    if (pool->n_idle >= FEW_IDLE_READERS) {
        reader_shrink(reader);
    }
    if (pool->n_idle < MAX_IDLE_READERS) {
        pool->idle[pool->n_idle++] = reader;
        reader = NULL;
    }
    pthread_mutex_unlock(&pool->lock);
    reader_close(reader);
}

/* ---- on the thread ---- */

void read_pool_put_warnings(struct json_out *out, uint32_t unread)
{
    const char *separator = "\"warnings\": [";
    for (int field = 0; field < CONFIG_FIELD_COUNT; field++) {
        if (unread & 1u << field) {
            char text[EFFECT_WARNING_SIZE];
            effect_warning(field, text);
            json_out_text(out, separator);
            json_out_string(out, text);
            separator = ", ";
        }
    }
    json_out_text(out, unread != 0 ? "], " : "");
}

static enum reader_wish gather(void *arg, const char *data, size_t size)
{
    struct job *job = arg;
    if (atomic_load(&job->gone)) {
        return READER_STOP;
    }
    if (job->buffer.size == 0 && size > 0 &&
        (job->question.members[0] != '\0' || job->question.unread != 0)) {
        json_out_format(&job->buffer, "{%s", job->question.members);
        read_pool_put_warnings(&job->buffer, job->question.unread);
        data++; /* the object's own brace */
        size--;
        job->question.members[0] = '\0';
        job->question.unread = 0;
    }
    json_out_add(&job->buffer, data, size);
    bool too_much = job->fetched != NULL && job->buffer.size >= FETCH_BYTES;
    if (job->buffer.failed || too_much) {
        return READER_STOP;
    }
    bool full = job->fetched == NULL && job->buffer.size >= BUFFER_BYTES;
    return full ? READER_PAUSE : READER_MORE;
}

/* Also ends a query that reads much and says nothing yet, when nobody wants it any more. */
static int on_progress(void *arg)
{
    struct job *job = arg;
    give_way(&job->give_way);
    return atomic_load(&job->gone);
}

static int begin(struct job *job)
{
    int rc = take_reader(job->pool, &job->reader);
    if (rc != 0) {
        return rc;
    }
    reader_on_progress(job->reader, on_progress, job);
    return reader_run(job->reader, job->question.query, &job->question.params, job->question.format,
                      gather, job);
}

static void on_work(uv_work_t *work)
{
    struct job *job = work->data;
    if (atomic_load(&job->gone)) {
        job->result = READER_STOPPED; /* given up before its turn came */
        return;
    }
    give_way_begin(&job->give_way, job->pool->loop_clock);
    job->result = job->reader == NULL ? begin(job) : reader_go_on(job->reader);
    if (job->result < 0) {
        log_error("a read failed query=%d error=\"%s\"", (int)job->question.query,
                  strerror(-job->result));
    }
    if (job->result != READER_PAUSED && job->reader != NULL) {
        give_reader(job->pool, job->reader);
        job->reader = NULL;
    }
}

/* ---- on the loop ---- */

static void on_worked(uv_work_t *work, int status);

static void start_next(struct read_pool *pool)
{
    while (pool->n_working < MAX_WORKING && pool->first_waiting != NULL) {
        struct job *job = pool->first_waiting;
        pool->first_waiting = job->waits_before;
        if (pool->first_waiting == NULL) {
            pool->last_waiting = &pool->first_waiting;
        }
        pool->n_working++;
        int rc = uv_queue_work(pool->loop, &job->work, on_work, on_worked);
        assert(rc == 0); /* fails for want of a callback only */
        (void)rc;
    }
}

/* On a thread, when it is its turn. */
static void go_on(struct job *job)
{
    struct read_pool *pool = job->pool;
    job->working = true;
    job->waits_before = NULL;
    *pool->last_waiting = job;
    pool->last_waiting = &job->waits_before;
    start_next(pool);
}

static void put_down(struct job *job)
{
    if (job->reader != NULL) {
        reader_abandon(job->reader);
        give_reader(job->pool, job->reader);
        job->reader = NULL;
    }
}

static void job_free(struct job *job)
{
    struct read_pool *pool = job->pool;
    *(job->prev != NULL ? &job->prev->next : &pool->jobs) = job->next;
    if (job->next != NULL) {
        job->next->prev = job->prev;
    }
    put_down(job);
    json_out_clear(&job->buffer);
    free(job);
}

static void pool_free_if_done(struct read_pool *pool)
{
    if (pool->jobs != NULL) {
        return;
    }
    if (!pool->closing) {
        uv_timer_stop(&pool->minder);
    } else if (pool->minder_closed) {
        while (pool->n_idle > 0) {
            reader_close(pool->idle[--pool->n_idle]);
        }
        pthread_mutex_destroy(&pool->lock);
        free(pool->db_path);
        free(pool);
    }
}

/* Nobody wants it any more: it goes now, or when its thread notices. */
static void forget(struct job *job)
{
    struct read_pool *pool = job->pool;
    atomic_store(&job->gone, true);
    if (!job->working) {
        job_free(job);
        pool_free_if_done(pool);
    }
}

static bool is_paused(const struct job *job)
{
    return !job->working && job->result == READER_PAUSED && job->stream != NULL &&
           !atomic_load(&job->gone);
}

static void break_off(struct job *job)
{
    atomic_store(&job->gone, true);
    job->result = READER_STOPPED;
    put_down(job);
    http_stream_abort(job->stream);
}

/* Of those that are too many. */
static struct job *longest_paused(struct read_pool *pool)
{
    struct job *found = NULL;
    int n = 0;
    for (struct job *job = pool->jobs; job != NULL; job = job->next) {
        if (is_paused(job)) {
            n++;
            found = found == NULL || job->paused_ms < found->paused_ms ? job : found;
        }
    }
    return n > MAX_PAUSED ? found : NULL;
}

static void on_minder(uv_timer_t *timer)
{
    struct read_pool *pool = timer->data;
    for (struct job *job = pool->jobs; job != NULL; job = job->next) {
        if (is_paused(job) && job->paused_ms + STALL_MS <= uv_now(pool->loop)) {
            break_off(job);
        }
    }
}

/* Gives the stream what it asked for, if it is there. */
static void feed(struct job *job)
{
    if (job->working || job->stream == NULL) {
        return;
    }
    bool paused = job->result == READER_PAUSED;
    if (!paused && job->result != 0) {
        http_stream_abort(job->stream);
        return;
    }
    if (!job->drained) {
        job->paused_ms = uv_now(job->pool->loop);
        return;
    }
    if (job->buffer.size == 0 && paused) {
        job->takes = true;
        go_on(job);
        return;
    }
    if (job->buffer.size == 0) {
        http_stream_end(job->stream);
        return;
    }
    char *data = job->buffer.text;
    size_t size = job->buffer.size;
    job->buffer = (struct json_out){0};
    job->drained = false;
    job->paused_ms = uv_now(job->pool->loop);
    if (paused && job->takes) {
        go_on(job);
    }
    http_stream_write(job->stream, data, size);
}

static void on_drain(struct http_stream *stream, void *ctx)
{
    struct job *job = ctx;
    job->stream = stream;
    job->drained = true;
    feed(job);
}

static void on_close(struct http_stream *stream, void *ctx)
{
    (void)stream;
    struct job *job = ctx;
    job->stream = NULL;
    forget(job);
}

static const char *type_of(enum reader_format format)
{
    static const char *const types[] = {"application/json", "application/x-ndjson",
                                        "text/csv; charset=utf-8", "text/event-stream"};
    return types[format];
}

static struct http_answer head_of(const struct job *job, struct http_field fields[2])
{
    bool placed = job->question.location[0] != '\0';
    fields[0] = (struct http_field){"Accept-Ranges", "none"}; /* exports are made anew each time */
    fields[1] = (struct http_field){"Location", job->question.location};
    return (struct http_answer){.status = job->question.status,
                                .type = type_of(job->question.format),
                                .fields = fields,
                                .n_fields = placed ? 2 : 1};
}

static void open_stream(struct job *job)
{
    static const struct http_stream_events events = {on_drain, on_close};
    struct http_field fields[2];
    struct http_answer head = head_of(job, fields);
    struct http_request *request = job->request;
    job->request = NULL;
    job->paused_ms = uv_now(job->pool->loop);
    job->stream = http_stream_open(request, &head, &events, job);
}

/* The client hung up before its answer began. */
static void on_gone(struct http_request *request, void *ctx)
{
    (void)request;
    struct job *job = ctx;
    job->request = NULL;
    atomic_store(&job->gone, true); /* its thread notices */
}

static void answer_whole(struct job *job)
{
    struct http_request *request = job->request;
    job->request = NULL;
    if (job->result == READER_NOT_FOUND) {
        const struct reader_params *params = &job->question.params;
        answer_error(request, 404, job->question.unknown_code, "there is no %s %lld",
                     job->question.unknown_code + strlen("unknown_"),
                     (long long)(params->id > 0 ? params->id : params->sweep));
    } else if (job->result != 0 || job->buffer.failed) {
        answer_unavailable(request, job->pool->closing ? "the daemon is stopping"
                                                       : "the database cannot be read");
    } else {
        struct http_field fields[2];
        struct http_answer answer = head_of(job, fields);
        answer.data = job->buffer.text;
        answer.size = job->buffer.size;
        answer.free_data = free;
        job->buffer = (struct json_out){0};
        http_answer(request, &answer);
    }
}

static void on_worked(uv_work_t *work, int status)
{
    (void)status;
    struct job *job = work->data;
    struct read_pool *pool = job->pool;
    job->working = false;
    pool->n_working--;
    if (job->fetched != NULL) {
        int result = job->buffer.failed ? -ENOMEM : job->result;
        job->fetched(job->fetched_ctx, result, &job->buffer);
    } else if (job->request != NULL && job->result == READER_PAUSED && !pool->closing) {
        open_stream(job);
    } else if (job->request != NULL) {
        answer_whole(job);
    } else {
        feed(job);
    }
    struct job *longest = longest_paused(pool);
    if (longest != NULL) {
        break_off(longest);
    }
    start_next(pool);
    if (job->stream == NULL) {
        job_free(job);
        pool_free_if_done(pool);
    }
}

/* ---- the pool's life ---- */

struct read_pool *read_pool_create(uv_loop_t *loop, const char *db_path)
{
    struct read_pool *pool = calloc(1, sizeof *pool);
    char *path = strdup(db_path);
    if (pool == NULL || path == NULL) {
        free(path);
        free(pool);
        return NULL;
    }
    pool->loop = loop;
    pool->last_waiting = &pool->first_waiting;
    pool->loop_clock = give_way_loop_clock();
    pool->db_path = path;
    uv_timer_init(loop, &pool->minder);
    pool->minder.data = pool;
    uv_unref((uv_handle_t *)&pool->minder);
    pthread_mutex_init(&pool->lock, NULL);
    return pool;
}

/* Begins to read, for the request or else for `fetched`. NULL when it cannot. */
static struct job *job_begin(struct read_pool *pool, const struct read_question *question,
                             struct http_request *request, read_fetched_fn fetched, void *ctx)
{
    struct job *job = pool->closing ? NULL : calloc(1, sizeof *job);
    if (job == NULL) {
        return NULL;
    }
    job->pool = pool;
    job->request = request;
    job->fetched = fetched;
    job->fetched_ctx = ctx;
    job->question = *question;
    job->work.data = job;
    job->next = pool->jobs;
    if (job->next != NULL) {
        job->next->prev = job;
    }
    pool->jobs = job;
    if (!uv_is_active((uv_handle_t *)&pool->minder)) {
        uv_timer_start(&pool->minder, on_minder, MINDER_MS, MINDER_MS);
    }
    go_on(job);
    return job;
}

void read_pool_answer(struct read_pool *pool, struct http_request *request,
                      const struct read_question *question)
{
    struct job *job = job_begin(pool, question, request, NULL, NULL);
    if (job == NULL) {
        answer_unavailable(request, "the daemon cannot read just now");
        return;
    }
    http_wait(request, on_gone, job);
}

bool read_pool_fetch(struct read_pool *pool, const struct read_question *question,
                     read_fetched_fn fetched, void *ctx)
{
    return job_begin(pool, question, NULL, fetched, ctx) != NULL;
}

static void on_minder_closed(uv_handle_t *handle)
{
    struct read_pool *pool = handle->data;
    pool->minder_closed = true;
    pool_free_if_done(pool);
}

void read_pool_destroy(struct read_pool *pool)
{
    if (pool == NULL) {
        return;
    }
    pool->closing = true;
    for (struct job *job = pool->jobs; job != NULL; job = job->next) {
        atomic_store(&job->gone, true); /* its thread notices, or its stream has ended */
    }
    uv_close((uv_handle_t *)&pool->minder, on_minder_closed);
}
