/*
 * The happy path of a small answer: the question runs on a thread of the pool, its text gathers in
 * the job's buffer, and back on the loop the buffer becomes the answer.
 *
 * When the buffer is full the thread asks the loop to take it (uv_async) and waits. The loop opens
 * a stream with the first buffer; each later one goes out when the stream asks for more. So two
 * buffers exist at most: one being sent, one being filled. A stream that takes none for STALL_S is
 * broken off, and so is every one when the pool ends.
 */
#include "daemon/read_pool.h"

#include "common/log.h"
#include "common/sweep_effect.h"
#include "daemon/answer.h"
#include "daemon/give_way.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BUFFER_BYTES (1024 * 1024)
#define STALL_S 20
#define MAX_IDLE_READERS 8

struct idle_reader {
    struct reader *reader;
    struct idle_reader *next;
};

struct job {
    uv_work_t work;
    struct read_pool *pool;
    struct http_request *request; /* until it is answered, or the client is gone */
    struct http_stream *stream;   /* while it is open */
    read_fetched_fn fetched;      /* takes the place of a request */
    void *fetched_ctx;
    struct read_question question;
    struct give_way give_way; /* of the thread */
    struct job *prev, *next;  /* of the pool's jobs */

    pthread_mutex_t lock; /* of the rest */
    pthread_cond_t taken;
    struct json_out buffer;
    bool full;     /* the thread waits for the loop to take the buffer */
    bool gone;     /* nobody wants it any more */
    bool finished; /* the thread is done with it; result is set */
    bool drained;  /* the stream asked for more */
    int result;
};

struct read_pool {
    uv_loop_t *loop;
    char *db_path;
    clockid_t loop_clock;
    uv_async_t full; /* some job's buffer is full */
    struct job *jobs;
    bool closing, async_closed;

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
    if (pool->n_idle < MAX_IDLE_READERS) {
        pool->idle[pool->n_idle++] = reader;
        reader = NULL;
    }
    pthread_mutex_unlock(&pool->lock);
    reader_close(reader);
}

/* ---- on the thread ---- */

/* Waits until the loop has taken the full buffer. False when nobody wants more. */
static bool wait_until_taken(struct job *job)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += STALL_S;
    job->full = true;
    uv_async_send(&job->pool->full);
    while (job->full && !job->gone) {
        if (pthread_cond_timedwait(&job->taken, &job->lock, &until) == ETIMEDOUT) {
            job->gone = true;
        }
    }
    return !job->gone;
}

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

static int gather(void *arg, const char *data, size_t size)
{
    struct job *job = arg;
    pthread_mutex_lock(&job->lock);
    bool go_on = !job->gone;
    if (go_on && job->buffer.size > 0 && job->buffer.size + size > BUFFER_BYTES) {
        go_on = job->fetched == NULL && wait_until_taken(job);
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
    go_on = go_on && !job->buffer.failed;
    pthread_mutex_unlock(&job->lock);
    return go_on ? 0 : 1;
}

/* Also ends a query that reads much and says nothing yet, when nobody wants it any more. */
static int on_progress(void *arg)
{
    struct job *job = arg;
    give_way(&job->give_way);
    pthread_mutex_lock(&job->lock);
    bool gone = job->gone;
    pthread_mutex_unlock(&job->lock);
    return gone;
}

static void on_work(uv_work_t *work)
{
    struct job *job = work->data;
    struct reader *reader;
    int rc = take_reader(job->pool, &reader);
    if (rc == 0) {
        give_way_begin(&job->give_way, job->pool->loop_clock);
        reader_on_progress(reader, on_progress, job);
        rc = reader_run(reader, job->question.query, &job->question.params, job->question.format,
                        gather, job);
        give_reader(job->pool, reader);
        if (rc < 0) {
            log_error("a read failed query=%d error=\"%s\"", (int)job->question.query,
                      strerror(-rc));
        }
    }
    pthread_mutex_lock(&job->lock);
    job->result = rc;
    pthread_mutex_unlock(&job->lock);
}

/* ---- on the loop ---- */

static void job_free(struct job *job)
{
    struct read_pool *pool = job->pool;
    *(job->prev != NULL ? &job->prev->next : &pool->jobs) = job->next;
    if (job->next != NULL) {
        job->next->prev = job->prev;
    }
    json_out_clear(&job->buffer);
    pthread_cond_destroy(&job->taken);
    pthread_mutex_destroy(&job->lock);
    free(job);
}

static void pool_free_if_done(struct read_pool *pool)
{
    if (pool->closing && pool->async_closed && pool->jobs == NULL) {
        while (pool->n_idle > 0) {
            reader_close(pool->idle[--pool->n_idle]);
        }
        pthread_mutex_destroy(&pool->lock);
        free(pool->db_path);
        free(pool);
    }
}

/* Gives the stream what it asked for, if it is there. Called with the lock held. */
static void feed(struct job *job)
{
    if (job->stream == NULL || !job->drained || (!job->full && !job->finished)) {
        return;
    }
    if (job->finished && job->result != 0) {
        http_stream_abort(job->stream);
    } else if (job->buffer.size > 0) {
        char *data = job->buffer.text;
        size_t size = job->buffer.size;
        job->buffer = (struct json_out){0};
        job->full = job->drained = false;
        pthread_cond_signal(&job->taken);
        http_stream_write(job->stream, data, size);
    } else {
        http_stream_end(job->stream);
    }
}

static void on_drain(struct http_stream *stream, void *ctx)
{
    struct job *job = ctx;
    pthread_mutex_lock(&job->lock);
    job->stream = stream;
    job->drained = true;
    feed(job);
    pthread_mutex_unlock(&job->lock);
}

static void on_close(struct http_stream *stream, void *ctx)
{
    (void)stream;
    struct job *job = ctx;
    struct read_pool *pool = job->pool;
    pthread_mutex_lock(&job->lock);
    job->stream = NULL;
    job->gone = true;
    pthread_cond_signal(&job->taken);
    bool finished = job->finished;
    pthread_mutex_unlock(&job->lock);
    if (finished) {
        job_free(job);
        pool_free_if_done(pool);
    }
}

static const char *type_of(enum reader_format format)
{
    static const char *const types[] = {"application/json", "application/x-ndjson",
                                        "text/csv; charset=utf-8", "text/event-stream"};
    return types[format];
}

static struct http_answer head_of(const struct job *job, struct http_field *field)
{
    *field = (struct http_field){"Location", job->question.location};
    return (struct http_answer){.status = job->question.status,
                                .type = type_of(job->question.format),
                                .fields = field,
                                .n_fields = job->question.location[0] != '\0'};
}

static void open_stream(struct job *job)
{
    static const struct http_stream_events events = {on_drain, on_close};
    struct http_field field;
    struct http_answer head = head_of(job, &field);
    struct http_request *request = job->request;
    job->request = NULL;
    job->stream = http_stream_open(request, &head, &events, job);
    if (job->stream == NULL) {
        job->gone = true;
        pthread_cond_signal(&job->taken);
    }
}

/* The client hung up before its answer began. */
static void on_gone(struct http_request *request, void *ctx)
{
    (void)request;
    struct job *job = ctx;
    pthread_mutex_lock(&job->lock);
    job->request = NULL;
    job->gone = true;
    pthread_cond_signal(&job->taken);
    pthread_mutex_unlock(&job->lock);
}

static void on_full(uv_async_t *async)
{
    struct read_pool *pool = async->data;
    for (struct job *job = pool->jobs; job != NULL; job = job->next) {
        pthread_mutex_lock(&job->lock);
        if (job->full && job->request != NULL) {
            open_stream(job);
        } else if (job->full) {
            feed(job);
        }
        pthread_mutex_unlock(&job->lock);
    }
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
        struct http_field field;
        struct http_answer answer = head_of(job, &field);
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
    pthread_mutex_lock(&job->lock);
    job->finished = true;
    if (job->fetched != NULL) {
        int result = job->buffer.failed ? -ENOMEM : job->result;
        job->fetched(job->fetched_ctx, result, &job->buffer);
    } else if (job->request != NULL) {
        answer_whole(job);
    } else if (job->result != 0 && job->stream != NULL) {
        http_stream_abort(job->stream);
    } else {
        feed(job);
    }
    bool over = job->stream == NULL;
    pthread_mutex_unlock(&job->lock);
    if (over) {
        job_free(job);
        pool_free_if_done(pool);
    }
}

/* ---- the pool's life ---- */

struct read_pool *read_pool_create(uv_loop_t *loop, const char *db_path)
{
    struct read_pool *pool = calloc(1, sizeof *pool);
    char *path = strdup(db_path);
    if (pool == NULL || path == NULL || uv_async_init(loop, &pool->full, on_full) != 0) {
        free(path);
        free(pool);
        return NULL;
    }
    pool->loop = loop;
    pool->loop_clock = give_way_loop_clock();
    pool->db_path = path;
    pool->full.data = pool;
    uv_unref((uv_handle_t *)&pool->full);
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
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&job->taken, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&job->lock, NULL);
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
    if (uv_queue_work(pool->loop, &job->work, on_work, on_worked) != 0) {
        job_free(job);
        return NULL;
    }
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

static void on_async_closed(uv_handle_t *handle)
{
    struct read_pool *pool = handle->data;
    pool->async_closed = true;
    pool_free_if_done(pool);
}

void read_pool_destroy(struct read_pool *pool)
{
    if (pool == NULL) {
        return;
    }
    pool->closing = true;
    for (struct job *job = pool->jobs; job != NULL; job = job->next) {
        pthread_mutex_lock(&job->lock);
        job->gone = true;
        pthread_cond_signal(&job->taken);
        pthread_mutex_unlock(&job->lock);
    }
    uv_close((uv_handle_t *)&pool->full, on_async_closed);
}
