/*
 * Answering: whole bodies, files and streams. An answer inside on_request is queued at once; a
 * later one is queued on the suspended connection, which is then resumed. A large body is handed
 * over in pieces, so that it is known when its client last took some.
 *
 * A stream holds one piece at a time. When libmicrohttpd asks for more and there is none, the
 * connection is suspended and on_drain asks the owner; http_stream_write resumes it. The stream
 * lives as long as libmicrohttpd's response: until the client has it all, or is gone.
 */
#include "daemon/http_internal.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STREAM_BLOCK_BYTES (32 * 1024)

#define LARGE_BYTES ((size_t)64 * 1024)

static const char no_memory[] =
    "{\"error\": {\"code\": \"unavailable\", \"message\": \"too much is "
    "under way just now for this answer; try again\"}}\n";
static const char stopping[] =
    "{\"error\": {\"code\": \"unavailable\", \"message\": \"the daemon is stopping\"}}\n";
static const struct http_field retry_soon = {"Retry-After", "1"};
const struct http_answer http_stopping = {.status = MHD_HTTP_SERVICE_UNAVAILABLE,
                                          .type = "application/json",
                                          .data = stopping,
                                          .size = sizeof stopping - 1,
                                          .fields = &retry_soon,
                                          .n_fields = 1};

struct large_body {
    struct http_request *request;
    void (*free_data)(void *data);
    const char *data;
    size_t size;
};

struct http_stream {
    struct http_request *request;
    struct http_stream_events events;
    void *ctx;
    char *data;
    size_t size, sent;
    bool asked; /* on_drain was called, and nothing was written since */
    bool ended, aborted;
};

static void set_fields(struct MHD_Response *response, const struct http_answer *answer)
{
    if (answer->type != NULL) {
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, answer->type);
        MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    }
    bool says_what_to_store = false;
    for (size_t i = 0; i < answer->n_fields; i++) {
        const struct http_field *field = &answer->fields[i];
        says_what_to_store |= strcmp(field->name, MHD_HTTP_HEADER_CACHE_CONTROL) == 0;
        MHD_add_response_header(response, field->name, field->value);
    }
    if (!says_what_to_store) {
        MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    }
    if (answer->close) {
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
    }
}

/* Hands the response over; from here on the request is libmicrohttpd's. */
static void send_response(struct http_request *request, const struct http_answer *answer,
                          struct MHD_Response *response, enum connection_state state)
{
    request->state = state;
    request->taken_ms = uv_now(request->server->loop); /* from now on it may be mute */
    request->server->n_answers[answer->status]++;
    request->server->n_pending -= state == CONNECTION_SENDING;
    if (response == NULL) {
        shutdown(request->fd, SHUT_RDWR); /* out of memory: let the client try again */
    } else {
        set_fields(response, answer);
        if (MHD_queue_response(request->connection, (unsigned)answer->status, response) !=
            MHD_YES) {
            shutdown(request->fd, SHUT_RDWR);
        }
        MHD_destroy_response(response);
    }
    http_request_resume(request);
}

static ssize_t large_read(void *cls, uint64_t position, char *out, size_t max)
{
    struct large_body *body = cls;
    size_t left = body->size - (size_t)position;
    size_t n = left < max ? left : max;
    body->request->taken_ms = uv_now(body->request->server->loop);
    body->request->server->moved = true;
    memcpy(out, body->data + position, n);
    return (ssize_t)n;
}

static void large_free(void *cls)
{
    struct large_body *body = cls;
    body->free_data((void *)body->data);
    free(body);
}

/* Takes over the answer's data. */
static struct MHD_Response *large_response(struct http_request *request,
                                           const struct http_answer *answer)
{
    struct large_body *body = malloc(sizeof *body);
    if (body != NULL) {
        *body = (struct large_body){request, answer->free_data, answer->data, answer->size};
        struct MHD_Response *response = MHD_create_response_from_callback(
            answer->size, STREAM_BLOCK_BYTES, large_read, body, large_free);
        if (response != NULL) {
            http_memory_count(request, answer->size);
            return response;
        }
    }
    free(body);
    answer->free_data((void *)answer->data);
    return NULL;
}

static struct MHD_Response *whole_response(struct http_request *request,
                                           const struct http_answer *answer)
{
    void *data = (void *)answer->data;
    if (answer->copy) {
        return MHD_create_response_from_buffer(answer->size, data, MHD_RESPMEM_MUST_COPY);
    }
    if (answer->free_data == NULL) {
        return MHD_create_response_from_buffer(answer->size, data, MHD_RESPMEM_PERSISTENT);
    }
    if (answer->size > LARGE_BYTES) {
        return large_response(request, answer);
    }
    struct MHD_Response *response =
        MHD_create_response_from_buffer_with_free_callback(answer->size, data, answer->free_data);
    if (response == NULL) {
        answer->free_data(data);
    } else {
        http_memory_count(request, answer->size);
    }
    return response;
}

static void answer_without_memory(struct http_request *request)
{
    request->server->n_without_memory++;
    http_answer(request, &(struct http_answer){.status = MHD_HTTP_SERVICE_UNAVAILABLE,
                                               .type = "application/json",
                                               .data = no_memory,
                                               .size = sizeof no_memory - 1,
                                               .fields = &retry_soon,
                                               .n_fields = 1});
}

void http_answer(struct http_request *request, const struct http_answer *answer)
{
    if (answer->free_data != NULL && answer->size > LARGE_BYTES &&
        !http_memory_fits(request, answer->size)) {
        answer->free_data((void *)answer->data);
        answer_without_memory(request);
        return;
    }
    send_response(request, answer, whole_response(request, answer), CONNECTION_SENDING);
}

void http_answer_file(struct http_request *request, const struct http_answer *answer, int fd,
                      uint64_t size)
{
    struct MHD_Response *response = MHD_create_response_from_fd64(size, fd);
    if (response == NULL) {
        close(fd);
    }
    send_response(request, answer, response, CONNECTION_SENDING);
}

/* ---- streams ---- */

/* libmicrohttpd wants up to `max` bytes of the body. */
static ssize_t stream_read(void *cls, uint64_t position, char *out, size_t max)
{
    (void)position;
    struct http_stream *stream = cls;
    stream->request->server->moved = true;
    if (stream->aborted) {
        return MHD_CONTENT_READER_END_WITH_ERROR;
    }
    if (stream->sent == stream->size && !stream->ended && !stream->asked) {
        stream->asked = true;
        stream->events.on_drain(stream, stream->ctx); /* may write, end or abort */
    }
    size_t left = stream->size - stream->sent;
    if (left > 0) {
        size_t n = left < max ? left : max;
        stream->request->taken_ms = uv_now(stream->request->server->loop);
        memcpy(out, stream->data + stream->sent, n);
        stream->sent += n;
        return (ssize_t)n;
    }
    if (stream->aborted) {
        return MHD_CONTENT_READER_END_WITH_ERROR;
    }
    if (stream->ended) {
        return MHD_CONTENT_READER_END_OF_STREAM;
    }
    http_request_suspend(stream->request);
    http_request_watch(stream->request);
    return 0;
}

/* libmicrohttpd is done with the response: sent, or the client left. */
static void stream_free(void *cls)
{
    struct http_stream *stream = cls;
    http_memory_give(stream->request, stream->size);
    stream->request->stream = NULL;
    stream->request->server->n_pending--;
    if (stream->events.on_close != NULL) {
        stream->events.on_close(stream, stream->ctx);
    }
    free(stream->data);
    free(stream);
}

struct http_stream *http_stream_open(struct http_request *request, const struct http_answer *answer,
                                     const struct http_stream_events *events, void *ctx)
{
    if (!http_memory_fits(request, LARGE_BYTES)) {
        answer_without_memory(request);
        return NULL;
    }
    struct http_stream *stream = calloc(1, sizeof *stream);
    struct MHD_Response *response =
        stream == NULL ? NULL
                       : MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK_BYTES,
                                                           stream_read, stream, stream_free);
    if (response == NULL) {
        free(stream);
        http_answer(request, &(struct http_answer){.status = MHD_HTTP_INTERNAL_SERVER_ERROR});
        return NULL;
    }
    stream->request = request;
    request->stream = stream;
    send_response(request, answer, response, CONNECTION_STREAMING);
    if (request->stream == NULL) {
        return NULL; /* not accepted, and freed with its response */
    }
    stream->events = *events;
    stream->ctx = ctx;
    return stream;
}

void http_stream_write(struct http_stream *stream, char *data, size_t size)
{
    free(stream->data);
    http_memory_give(stream->request, stream->size);
    http_memory_count(stream->request, size);
    stream->request->taken_ms = uv_now(stream->request->server->loop);
    stream->data = data;
    stream->size = size;
    stream->sent = 0;
    stream->asked = false;
    http_request_resume(stream->request);
}

void http_stream_end(struct http_stream *stream)
{
    stream->ended = true;
    http_request_resume(stream->request);
}

void http_stream_abort(struct http_stream *stream)
{
    if (stream->ended) {
        return;
    }
    stream->aborted = true;
    shutdown(stream->request->fd, SHUT_RDWR); /* or it would be noticed at the next piece only */
    http_request_resume(stream->request);
}
