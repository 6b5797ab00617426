#include "tests/http_fixture.h"
#include "tests/test.h"

#include <stdlib.h>
#include <string.h>

static bool one_is_gone(void *ctx)
{
    return ((struct http_fixture *)ctx)->n_gone == 1;
}

static bool stream_is_open(void *ctx)
{
    return ((struct http_fixture *)ctx)->stream != NULL;
}

static bool stream_is_closed(void *ctx)
{
    return ((struct http_fixture *)ctx)->n_closed == 1;
}

/* ---- plain requests ---- */

static void requests_on_one_connection_are_answered_one_after_the_other(void **state)
{
    struct http_fixture *f = *state;
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
    struct http_fixture *f = *state;
    struct http_client *client = http_client_connect(&f->loop, f->port);
    http_client_send_text(client, "GET /one HTTP/1.1\r\nHost: x\r\n\r\nGET /park HTTP/1.1\r\nHost: "
                                  "x\r\n\r\nGET /three HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_string_equal(http_client_answer(client, false)->body, "/one");
    http_fixture_await(f, 1);
    assert_false(http_client_has_answer(client));
    http_fixture_answer(f->waiting[0], 200, "two");
    assert_string_equal(http_client_answer(client, false)->body, "two");
    assert_string_equal(http_client_answer(client, false)->body, "/three");
    http_client_close(client);
}

static void head_has_the_length_but_no_body(void **state)
{
    struct http_fixture *f = *state;
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
    struct http_fixture *f = *state;
    struct http_client *client = http_client_connect(&f->loop, f->port);
    http_client_request(client, "GET", "/query?b=1%202&a=&c&b=%C3%A9", NULL, NULL);
    assert_string_equal(http_client_answer(client, false)->body, "[b=1 2][a=][c=][b=\xC3\xA9]");
    http_client_close(client);
}

static void a_nul_in_the_target_is_a_fault(void **state)
{
    struct http_fixture *f = *state;
    struct http_client *client = http_client_connect(&f->loop, f->port);
    http_client_request(client, "GET", "/echo%00x", NULL, NULL);
    assert_int_equal(http_client_answer(client, false)->status, 400);
    http_client_close(client);
}

static void garbage_is_refused_and_harms_nobody(void **state)
{
    struct http_fixture *f = *state;
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
    struct http_fixture *f = *state;
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
    struct http_fixture *f = *state;
    struct http_client *client = http_client_connect(&f->loop, f->port);
    http_client_send_text(client, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: "
                                  "99999999999\r\n\r\nbegin");
    assert_int_equal(http_client_answer(client, false)->status, 413);
    http_client_await_end(client);
    http_client_close(client);
}

static void a_chunked_body_too_large_is_refused(void **state)
{
    struct http_fixture *f = *state;
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
    struct http_fixture *f = *state;
    struct http_client *first = http_fixture_wait(f, 1);
    struct http_client *second = http_fixture_wait(f, 2);
    assert_int_equal(http_server_pending(f->server), 2);
    http_fixture_answer(f->waiting[1], 200, "to the second");
    assert_string_equal(http_client_answer(second, false)->body, "to the second");
    assert_false(http_client_has_answer(first));
    http_fixture_answer(f->waiting[0], 200, "to the first");
    assert_string_equal(http_client_answer(first, false)->body, "to the first");
    assert_int_equal(http_server_pending(f->server), 0);
    http_client_close(first);
    http_client_close(second);
}

static void a_client_that_hangs_up_while_waiting_is_noticed(void **state)
{
    struct http_fixture *f = *state;
    struct http_client *stays = http_fixture_wait(f, 1);
    struct http_client *leaves = http_fixture_wait(f, 2);
    http_client_close(leaves);
    http_client_run_until(&f->loop, one_is_gone, f);
    assert_int_equal(f->n_waiting, 1);
    http_fixture_answer(f->waiting[0], 200, "still here");
    assert_string_equal(http_client_answer(stays, false)->body, "still here");
    http_client_close(stays);
}

static void waiting_requests_get_503_when_the_server_ends(void **state)
{
    struct http_fixture *f = *state;
    struct http_client *client = http_fixture_wait(f, 1);
    http_server_destroy(f->server);
    f->server = NULL;
    const struct http_client_answer *answer = http_client_answer(client, false);
    assert_int_equal(answer->status, 503); /* A10: in JSON, or a worker takes us for a proxy */
    assert_non_null(strstr(answer->body, "\"the daemon is stopping\""));
    assert_int_equal(f->n_gone, 1);
    http_client_close(client);
}

static void who_stopped_listening_still_serves_open_connections(void **state)
{
    struct http_fixture *f = *state;
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
    struct http_fixture *f = *state;
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
    struct http_fixture *f = *state;
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
    struct http_fixture *f = *state;
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
    struct http_fixture *f = *state;
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
    struct http_fixture *f = *state;
    struct http_client *client = http_client_connect(&f->loop, f->port);
    f->pieces_left = -1;
    http_client_request(client, "GET", "/stream", NULL, NULL);
    http_client_run_until(&f->loop, stream_is_open, f);
    uv_run(&f->loop, UV_RUN_NOWAIT);
    http_client_close(client);
    http_client_run_until(&f->loop, stream_is_closed, f);
    assert_int_equal(http_server_pending(f->server), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, http_fixture_setup, http_fixture_teardown)

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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
