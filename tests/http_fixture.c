#include "tests/http_fixture.h"

#include "tests/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void http_fixture_answer(struct http_request *request, int status, const char *text)
{
    http_answer(request, &(struct http_answer){.status = status,
                                               .type = "text/plain",
                                               .data = text,
                                               .size = strlen(text),
                                               .copy = true});
}

static void on_gone(struct http_request *request, void *ctx)
{
    struct http_fixture *f = ctx;
    f->n_gone++;
    for (int i = 0; i < f->n_waiting; i++) {
        if (f->waiting[i] == request) {
            f->waiting[i] = f->waiting[--f->n_waiting];
        }
    }
}

static void on_drain(struct http_stream *stream, void *ctx)
{
    struct http_fixture *f = ctx;
    if (f->pieces_left == 0) {
        http_stream_end(stream);
        return;
    }
    if (f->pieces_left < 0) {
        return; /* the test goes on by hand */
    }
    f->pieces_left--;
    char *piece = malloc(100000);
    memset(piece, 'a' + f->pieces_left, 100000);
    http_stream_write(stream, piece, 100000);
}

static void on_close(struct http_stream *stream, void *ctx)
{
    struct http_fixture *f = ctx;
    assert_ptr_equal(stream, f->stream);
    f->stream = NULL;
    f->n_closed++;
}

static bool see_parameter(void *ctx, const char *name, const char *value)
{
    struct http_fixture *f = ctx;
    size_t n = strlen(f->seen);
    snprintf(f->seen + n, sizeof f->seen - n, "[%s=%s]", name, value);
    return true;
}

static void answer_file(struct http_request *request)
{
    char path[] = "/tmp/ninety-http-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    unlink(path);
    assert_int_equal(write(fd, "0123456789", 10), 10);
    http_answer_file(request, &(struct http_answer){.status = 200, .type = "text/plain"}, fd, 10);
}

static void on_request(struct http_request *request, void *ctx)
{
    struct http_fixture *f = ctx;
    const char *path = http_path(request);
    f->n_requests++;
    if (http_fault(request) != HTTP_FAULT_NONE) {
        http_fixture_answer(request, http_fault(request) == HTTP_FAULT_TOO_LARGE ? 413 : 400,
                            "fault");
    } else if (strcmp(path, "/wait") == 0) {
        f->waiting[f->n_waiting++] = request;
        http_wait(request, on_gone, f);
    } else if (strcmp(path, "/park") == 0) {
        f->waiting[f->n_waiting++] = request;
    } else if (strcmp(path, "/stream") == 0) {
        static const struct http_stream_events events = {on_drain, on_close};
        f->stream = http_stream_open(
            request, &(struct http_answer){.status = 200, .type = "text/plain"}, &events, f);
    } else if (strcmp(path, "/file") == 0) {
        answer_file(request);
    } else if (strcmp(path, "/large") == 0) {
        char *data = malloc(HTTP_FIXTURE_LARGE);
        memset(data, 'l', HTTP_FIXTURE_LARGE);
        http_answer(request, &(struct http_answer){.status = 200,
                                                   .type = "text/plain",
                                                   .data = data,
                                                   .size = HTTP_FIXTURE_LARGE,
                                                   .free_data = free});
    } else if (strcmp(path, "/query") == 0) {
        http_query(request, see_parameter, f);
        http_fixture_answer(request, 200, f->seen);
    } else if (strcmp(path, "/echo") == 0) {
        size_t size;
        const char *body = http_body(request, &size);
        assert_int_equal(strlen(body), size);
        http_fixture_answer(request, 200, body);
    } else {
        struct http_field field = {"X-Method", http_method(request) == HTTP_GET ? "get" : "other"};
        http_answer(request, &(struct http_answer){.status = 200,
                                                   .type = "text/plain",
                                                   .data = path,
                                                   .size = strlen(path),
                                                   .copy = true,
                                                   .fields = &field,
                                                   .n_fields = 1});
    }
}

static size_t on_head(struct http_request *request, void *ctx)
{
    (void)ctx;
    const char *path = http_path(request);
    if (http_header(request, "X-Let-In") != NULL) {
        http_let_in(request);
    }
    if (strcmp(path, "/refused") == 0) {
        http_fixture_answer(request, 401, "refused");
        return 0;
    }
    return strcmp(path, "/small") == 0 ? 16 : HTTP_MAX_BODY;
}

struct http_fixture *http_fixture_start(const struct http_limits *limits)
{
    static const struct http_handlers handlers = {on_head, on_request};
    static struct http_fixture f;
    f = (struct http_fixture){0};
    uv_loop_init(&f.loop);
    int fd = http_client_listen(&f.port);
    assert_int_equal(http_server_create(&f.loop, fd, limits, &handlers, &f, &f.server), 0);
    return &f;
}

int http_fixture_setup(void **state)
{
    *state = http_fixture_start(&http_default_limits);
    return 0;
}

int http_fixture_teardown(void **state)
{
    struct http_fixture *f = *state;
    http_server_destroy(f->server);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    return 0;
}

struct awaited {
    struct http_fixture *f;
    int n_waiting;
};

static bool so_many_wait(void *ctx)
{
    const struct awaited *awaited = ctx;
    return awaited->f->n_waiting == awaited->n_waiting;
}

void http_fixture_await(struct http_fixture *f, int n_waiting)
{
    struct awaited awaited = {f, n_waiting};
    http_client_run_until(&f->loop, so_many_wait, &awaited);
}

struct http_client *http_fixture_wait(struct http_fixture *f, int n_waiting)
{
    struct http_client *client = http_client_connect(&f->loop, f->port);
    http_client_request(client, "POST", "/wait", "{}", NULL);
    http_fixture_await(f, n_waiting);
    return client;
}

static void on_time_over(uv_timer_t *timer)
{
    *(bool *)timer->data = true;
}

static bool is_over(void *ctx)
{
    return *(bool *)ctx;
}

void http_fixture_run(struct http_fixture *f, uint64_t ms)
{
    bool over = false;
    uv_timer_t timer;
    uv_timer_init(&f->loop, &timer);
    timer.data = &over;
    uv_timer_start(&timer, on_time_over, ms, 0);
    http_client_run_until(&f->loop, is_over, &over);
    uv_close((uv_handle_t *)&timer, NULL);
    uv_run(&f->loop, UV_RUN_NOWAIT);
}
