#include "daemon/http.h"
#include "tests/http_client.h"
#include "tests/test.h"

#include <fcntl.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A server whose paths say how it answers. */
struct fixture {
    uv_loop_t loop;
    struct http_server *server;
    int port, n_requests, n_gone, n_closed;
    struct http_request *waiting[4];
    int n_waiting;
    struct http_stream *stream;
    int pieces_left;
    uint64_t until_ms;
    char seen[4096];
};

static void answer_text(struct http_request *request, int status, const char *text)
{
    http_answer(request, &(struct http_answer){.status = status,
                                               .type = "text/plain",
                                               .data = text,
                                               .size = strlen(text),
                                               .copy = true});
}

static void on_gone(struct http_request *request, void *ctx)
{
    struct fixture *f = ctx;
    f->n_gone++;
    for (int i = 0; i < f->n_waiting; i++) {
        if (f->waiting[i] == request) {
            f->waiting[i] = f->waiting[--f->n_waiting];
        }
    }
}

static void on_drain(struct http_stream *stream, void *ctx)
{
    struct fixture *f = ctx;
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
    struct fixture *f = ctx;
    assert_ptr_equal(stream, f->stream);
    f->stream = NULL;
    f->n_closed++;
}

static bool see_parameter(void *ctx, const char *name, const char *value)
{
    struct fixture *f = ctx;
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
    struct fixture *f = ctx;
    const char *path = http_path(request);
    f->n_requests++;
    if (http_fault(request) != HTTP_FAULT_NONE) {
        answer_text(request, http_fault(request) == HTTP_FAULT_TOO_LARGE ? 413 : 400, "fault");
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
    } else if (strcmp(path, "/query") == 0) {
        http_query(request, see_parameter, f);
        answer_text(request, 200, f->seen);
    } else if (strcmp(path, "/echo") == 0) {
        size_t size;
        const char *body = http_body(request, &size);
        assert_int_equal(strlen(body), size);
        answer_text(request, 200, body);
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

static struct fixture *start(const struct http_limits *limits)
{
    static struct fixture f;
    f = (struct fixture){0};
    uv_loop_init(&f.loop);
    int fd = http_client_listen(&f.port);
    assert_int_equal(http_server_create(&f.loop, fd, limits, on_request, &f, &f.server), 0);
    return &f;
}

static int setup(void **state)
{
    *state = start(&http_default_limits);
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    http_server_destroy(f->server);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    return 0;
}

static bool two_wait(void *ctx)
{
    return ((struct fixture *)ctx)->n_waiting == 2;
}

static bool one_waits(void *ctx)
{
    return ((struct fixture *)ctx)->n_waiting == 1;
}

/* A client whose request for /wait has come in, as `come` says. */
static struct http_client *connect_and_wait(struct fixture *f, bool (*come)(void *ctx))
{
    struct http_client *client = http_client_connect(&f->loop, f->port);
    http_client_request(client, "POST", "/wait", "{}", NULL);
    http_client_run_until(&f->loop, come, f);
    return client;
}

static bool one_is_gone(void *ctx)
{
    return ((struct fixture *)ctx)->n_gone == 1;
}

static bool stream_is_open(void *ctx)
{
    return ((struct fixture *)ctx)->stream != NULL;
}

static bool stream_is_closed(void *ctx)
{
    return ((struct fixture *)ctx)->n_closed == 1;
}

/* ---- plain requests ---- */

static void requests_on_one_connection_are_answered_one_after_the_other(void **state)
{
    struct fixture *f = *state;
    struct http_client *client = http_client_connect(&f->loop, f->port);
    for (int i = 0; i < 20; i++) {
        http_client_request(client, "GET", "/hello%20there", NULL, NULL);
        const struct http_client_answer *answer = http_client_answer(client, false);
        assert_int_equal(answer->status, 200);
        assert_string_equal(answer->body, "/hello there");
        assert_string_equal(http_client_field(client, "X-Method"), "get");
        assert_string_equal(http_client_field(client, "Content-Type"), "text/plain");
    }
    assert_int_equal(f->n_requests, 20);
    http_client_close(client);
}

static void pipelined_requests_are_answered_in_order(void **state)
{
    struct fixture *f = *state;
    struct http_client *client = http_client_connect(&f->loop, f->port);
    http_client_send_text(client, "GET /one HTTP/1.1\r\nHost: x\r\n\r\nGET /park HTTP/1.1\r\nHost: "
                                  "x\r\n\r\nGET /three HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_string_equal(http_client_answer(client, false)->body, "/one");
    http_client_run_until(&f->loop, one_waits, f);
    assert_false(http_client_has_answer(client));
    answer_text(f->waiting[0], 200, "two");
    assert_string_equal(http_client_answer(client, false)->body, "two");
    assert_string_equal(http_client_answer(client, false)->body, "/three");
    http_client_close(client);
}

static void head_has_the_length_but_no_body(void **state)
{
    struct fixture *f = *state;
    struct http_client *client = http_client_connect(&f->loop, f->port);
    http_client_request(client, "HEAD", "/four", NULL, NULL);
    assert_int_equal(http_client_answer(client, true)->status, 200);
    assert_string_equal(http_client_field(client, "Content-Length"), "5");
    http_client_request(client, "GET", "/next", NULL, NULL);
    assert_string_equal(http_client_answer(client, false)->body, "/next");
    http_client_close(client);
}

static void query_parameters_come_decoded_and_in_order(void **state)
{
    struct fixture *f = *state;
    struct http_client *client = http_client_connect(&f->loop, f->port);
    http_client_request(client, "GET", "/query?b=1%202&a=&c&b=%C3%A9", NULL, NULL);
    assert_string_equal(http_client_answer(client, false)->body, "[b=1 2][a=][c=][b=\xC3\xA9]");
    http_client_close(client);
}

static void a_nul_in_the_target_is_a_fault(void **state)
{
    struct fixture *f = *state;
    struct http_client *client = http_client_connect(&f->loop, f->port);
    http_client_request(client, "GET", "/echo%00x", NULL, NULL);
    assert_int_equal(http_client_answer(client, false)->status, 400);
    http_client_close(client);
}

static void garbage_is_refused_and_harms_nobody(void **state)
{
    struct fixture *f = *state;
    struct http_client *good = http_client_connect(&f->loop, f->port);
    static const char *const garbage[] = {
        "\r\n\r\n\x01\x02\x03\xff\xfe\r\n\r\n",
        "GET\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: minus\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "GET / HTTP/1.1\r\n\r\n", /* no Host */
    };
    for (size_t i = 0; i < sizeof garbage / sizeof *garbage; i++) {
        struct http_client *bad = http_client_connect(&f->loop, f->port);
        http_client_send_text(bad, garbage[i]);
        http_client_await_end(bad);
        http_client_close(bad);
        http_client_request(good, "GET", "/fine", NULL, NULL);
        assert_int_equal(http_client_answer(good, false)->status, 200);
    }
    http_client_close(good);
}

/* ---- bodies ---- */

static void bodies_arrive_whole_however_they_are_sent(void **state)
{
    struct fixture *f = *state;
    struct http_client *client = http_client_connect(&f->loop, f->port);
    http_client_request(client, "POST", "/echo", "", NULL);
    assert_string_equal(http_client_answer(client, false)->body, "");
    http_client_send_text(client, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\nabc");
    uv_run(&f->loop, UV_RUN_NOWAIT);
    http_client_send_text(client, "def");
    assert_string_equal(http_client_answer(client, false)->body, "abcdef");
    http_client_send_text(client, "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: "
                                  "chunked\r\n\r\n3\r\nxyz\r\n2\r\n12\r\n0\r\n\r\n");
    assert_string_equal(http_client_answer(client, false)->body, "xyz12");

    size_t size = 5000000;
    char *big = malloc(size + 1);
    memset(big, 'q', size);
    big[size] = '\0';
    http_client_request(client, "POST", "/echo", big, NULL);
    const struct http_client_answer *answer = http_client_answer(client, false);
    assert_int_equal(answer->size, size);
    assert_memory_equal(answer->body, big, size);
    free(big);
    http_client_close(client);
}

static void a_body_told_beyond_reason_is_refused_unread(void **state)
{
    struct fixture *f = *state;
    struct http_client *client = http_client_connect(&f->loop, f->port);
    http_client_send_text(client, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: "
                                  "99999999999\r\n\r\nbegin");
    assert_int_equal(http_client_answer(client, false)->status, 413);
    http_client_await_end(client);
    http_client_close(client);
}

static void a_chunked_body_too_large_is_refused(void **state)
{
    struct fixture *f = *state;
    struct http_client *client = http_client_connect(&f->loop, f->port);
    http_client_send_text(
        client, "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1000001\r\n");
    size_t size = 0x1000001;
    char *big = malloc(size);
    memset(big, 'q', size);
    http_client_send(client, big, size);
    free(big);
    http_client_send_text(client, "\r\n0\r\n\r\n");
    assert_int_equal(http_client_answer(client, false)->status, 413);
    http_client_close(client);
}

/* ---- later answers ---- */

static void waiting_requests_are_answered_later_in_any_order(void **state)
{
    struct fixture *f = *state;
    struct http_client *first = connect_and_wait(f, one_waits);
    struct http_client *second = connect_and_wait(f, two_wait);
    assert_int_equal(http_server_pending(f->server), 2);
    answer_text(f->waiting[1], 200, "to the second");
    assert_string_equal(http_client_answer(second, false)->body, "to the second");
    assert_false(http_client_has_answer(first));
    answer_text(f->waiting[0], 200, "to the first");
    assert_string_equal(http_client_answer(first, false)->body, "to the first");
    assert_int_equal(http_server_pending(f->server), 0);
    http_client_close(first);
    http_client_close(second);
}

static void a_client_that_hangs_up_while_waiting_is_noticed(void **state)
{
    struct fixture *f = *state;
    struct http_client *stays = connect_and_wait(f, one_waits);
    struct http_client *leaves = connect_and_wait(f, two_wait);
    http_client_close(leaves);
    http_client_run_until(&f->loop, one_is_gone, f);
    assert_int_equal(f->n_waiting, 1);
    answer_text(f->waiting[0], 200, "still here");
    assert_string_equal(http_client_answer(stays, false)->body, "still here");
    http_client_close(stays);
}

static void waiting_requests_get_503_when_the_server_ends(void **state)
{
    struct fixture *f = *state;
    struct http_client *client = connect_and_wait(f, one_waits);
    http_server_destroy(f->server);
    f->server = NULL;
    assert_int_equal(http_client_answer(client, false)->status, 503);
    assert_int_equal(f->n_gone, 1);
    http_client_close(client);
}

static void who_stopped_listening_still_serves_open_connections(void **state)
{
    struct fixture *f = *state;
    struct http_client *client = http_client_connect(&f->loop, f->port);
    http_client_request(client, "GET", "/before", NULL, NULL);
    http_client_answer(client, false);
    http_server_stop_listening(f->server);
    http_client_request(client, "GET", "/after", NULL, NULL);
    assert_string_equal(http_client_answer(client, false)->body, "/after");
    http_client_close(client);
}

/* ---- files and streams ---- */

static void files_are_sent_with_their_length(void **state)
{
    struct fixture *f = *state;
    struct http_client *client = http_client_connect(&f->loop, f->port);
    http_client_request(client, "GET", "/file", NULL, NULL);
    assert_string_equal(http_client_answer(client, false)->body, "0123456789");
    assert_string_equal(http_client_field(client, "Content-Length"), "10");
    http_client_request(client, "HEAD", "/file", NULL, NULL);
    http_client_answer(client, true);
    assert_string_equal(http_client_field(client, "Content-Length"), "10");
    http_client_close(client);
}

static void a_stream_sends_every_piece_in_order(void **state)
{
    struct fixture *f = *state;
    struct http_client *client = http_client_connect(&f->loop, f->port);
    f->pieces_left = 7;
    http_client_request(client, "GET", "/stream", NULL, NULL);
    const struct http_client_answer *answer = http_client_answer(client, false);
    assert_int_equal(answer->size, 700000);
    for (int i = 0; i < 700000; i++) {
        assert_int_equal(answer->body[i], 'g' - i / 100000);
    }
    assert_int_equal(f->n_closed, 1);
    http_client_request(client, "GET", "/next", NULL, NULL);
    assert_string_equal(http_client_answer(client, false)->body, "/next");
    http_client_close(client);
}

static void a_stream_can_pause_for_its_next_piece(void **state)
{
    struct fixture *f = *state;
    struct http_client *client = http_client_connect(&f->loop, f->port);
    f->pieces_left = -1;
    http_client_request(client, "GET", "/stream", NULL, NULL);
    http_client_run_until(&f->loop, stream_is_open, f);
    uv_run(&f->loop, UV_RUN_NOWAIT);
    http_stream_write(f->stream, strdup("one "), 4);
    uv_run(&f->loop, UV_RUN_NOWAIT);
    uv_run(&f->loop, UV_RUN_NOWAIT);
    http_stream_write(f->stream, strdup("two"), 3);
    http_stream_end(f->stream);
    assert_string_equal(http_client_answer(client, false)->body, "one two");
    http_client_close(client);
}

static void an_aborted_stream_ends_the_connection_without_its_end(void **state)
{
    struct fixture *f = *state;
    struct http_client *client = http_client_connect(&f->loop, f->port);
    f->pieces_left = -1;
    http_client_request(client, "GET", "/stream", NULL, NULL);
    http_client_run_until(&f->loop, stream_is_open, f);
    uv_run(&f->loop, UV_RUN_NOWAIT);
    http_stream_write(f->stream, strdup("half"), 4);
    http_stream_abort(f->stream);
    http_client_await_end(client);
    assert_false(http_client_has_answer(client));
    assert_int_equal(f->n_closed, 1);
    http_client_close(client);
}

static void a_client_that_leaves_a_paused_stream_is_noticed(void **state)
{
    struct fixture *f = *state;
    struct http_client *client = http_client_connect(&f->loop, f->port);
    f->pieces_left = -1;
    http_client_request(client, "GET", "/stream", NULL, NULL);
    http_client_run_until(&f->loop, stream_is_open, f);
    uv_run(&f->loop, UV_RUN_NOWAIT);
    http_client_close(client);
    http_client_run_until(&f->loop, stream_is_closed, f);
    assert_int_equal(http_server_pending(f->server), 0);
}

/* ---- limits ---- */

/* A chunk's extension that fills all the memory of its connection: libmicrohttpd can do nothing
 * with it, reads no further, and says for ever that it has data in hand. */
static struct http_client *connect_and_stall(struct fixture *f)
{
    char extension[12401];
    memset(extension, 'a', sizeof extension - 1);
    extension[sizeof extension - 1] = '\0';
    struct http_client *client = http_client_connect(&f->loop, f->port);
    http_client_send_text(client,
                          "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1;");
    http_client_send_text(client, extension);
    return client;
}

static bool after_300_ms(void *ctx)
{
    return uv_now(&((struct fixture *)ctx)->loop) >= ((struct fixture *)ctx)->until_ms;
}

static double cpu_s(void)
{
    uv_rusage_t usage;
    uv_getrusage(&usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           1e-6 * (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static void on_beat(uv_timer_t *timer)
{
    (void)timer; /* or the loop would sleep until something comes */
}

/* A1 */
static void a_body_that_leads_nowhere_stops_neither_others_nor_the_loop(void **state)
{
    struct fixture *f = *state;
    struct http_client *stalled = connect_and_stall(f);
    struct http_client *other = http_client_connect(&f->loop, f->port);
    for (int i = 0; i < 20; i++) {
        http_client_request(other, "GET", "/other", NULL, NULL);
        assert_int_equal(http_client_answer(other, false)->status, 200);
    }
    uv_timer_t beat;
    uv_timer_init(&f->loop, &beat);
    uv_timer_start(&beat, on_beat, 10, 10);
    f->until_ms = uv_now(&f->loop) + 300;
    double before_s = cpu_s();
    http_client_run_until(&f->loop, after_300_ms, f);
    assert_true(cpu_s() - before_s < 0.15); /* it takes no core meanwhile */
    uv_close((uv_handle_t *)&beat, NULL);
    http_client_close(stalled);
    http_client_close(other);
}

/* A1 */
static void a_body_that_leads_nowhere_holds_its_connection_no_longer_than_a_slow_one(void **state)
{
    struct http_limits limits = http_default_limits;
    limits.head_ms = 1;
    struct fixture *f = start(&limits);
    *state = f;
    struct http_client *stalled = connect_and_stall(f);
    f->until_ms = uv_now(&f->loop) + 4000;
    http_client_await_end(stalled);
    assert_true(uv_now(&f->loop) < f->until_ms);
    http_client_close(stalled);
}

static void a_client_slow_with_its_head_or_body_is_cut_off(void **state)
{
    static const char *const beginnings[] = {
        "GET /x HTTP/1.1\r\nHost: x\r\nX-Slow: ",
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc",
        "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nxyz\r\n",
        "GE",
    };
    struct http_limits limits = http_default_limits;
    limits.head_ms = limits.idle_ms = 1;
    limits.body_bytes_per_s = 1u << 30;
    struct fixture *f = start(&limits);
    *state = f;
    struct http_client *clients[4];
    for (int i = 0; i < 4; i++) {
        clients[i] = http_client_connect(&f->loop, f->port);
        http_client_send_text(clients[i], beginnings[i]);
    }
    for (int i = 0; i < 4; i++) {
        http_client_await_end(clients[i]);
        http_client_close(clients[i]);
    }
    assert_int_equal(f->n_requests, 0);
}

static void a_waiting_request_outlives_every_time_out(void **state)
{
    struct http_limits limits = http_default_limits;
    limits.head_ms = limits.idle_ms = 1;
    struct fixture *f = start(&limits);
    *state = f;
    struct http_client *waits = http_client_connect(&f->loop, f->port);
    http_client_request(waits, "GET", "/wait", NULL, NULL);
    http_client_run_until(&f->loop, one_waits, f);
    struct http_client *idle = http_client_connect(&f->loop, f->port);
    http_client_await_end(idle); /* so much time has passed */
    assert_int_equal(f->n_gone, 0);
    answer_text(f->waiting[0], 200, "patience");
    assert_string_equal(http_client_answer(waits, false)->body, "patience");
    http_client_close(waits);
    http_client_close(idle);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(requests_on_one_connection_are_answered_one_after_the_other),
        TEST(pipelined_requests_are_answered_in_order),
        TEST(head_has_the_length_but_no_body),
        TEST(query_parameters_come_decoded_and_in_order),
        TEST(a_nul_in_the_target_is_a_fault),
        TEST(garbage_is_refused_and_harms_nobody),
        TEST(bodies_arrive_whole_however_they_are_sent),
        TEST(a_body_told_beyond_reason_is_refused_unread),
        TEST(a_chunked_body_too_large_is_refused),
        TEST(waiting_requests_are_answered_later_in_any_order),
        TEST(a_client_that_hangs_up_while_waiting_is_noticed),
        TEST(waiting_requests_get_503_when_the_server_ends),
        TEST(who_stopped_listening_still_serves_open_connections),
        TEST(files_are_sent_with_their_length),
        TEST(a_stream_sends_every_piece_in_order),
        TEST(a_stream_can_pause_for_its_next_piece),
        TEST(an_aborted_stream_ends_the_connection_without_its_end),
        TEST(a_client_that_leaves_a_paused_stream_is_noticed),
        TEST(a_body_that_leads_nowhere_stops_neither_others_nor_the_loop),
        cmocka_unit_test_teardown(
            a_body_that_leads_nowhere_holds_its_connection_no_longer_than_a_slow_one, teardown),
        cmocka_unit_test_teardown(a_client_slow_with_its_head_or_body_is_cut_off, teardown),
        cmocka_unit_test_teardown(a_waiting_request_outlives_every_time_out, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
