/* What is judged when a request's head is there, before any of its body. */
#include "tests/api_fixture.h"
#include "tests/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOKEN API_FIXTURE_TOKEN
#define AUTHORIZATION "Authorization: Bearer " TOKEN "\r\n"
#define JSON "Content-Type: application/json\r\n"

struct refusal {
    const char *head;
    int status;
    const char *code;
};

/* Each on a connection of its own, of which nothing is sent but this head, and which is closed
 * then. */
static void expect_refusals(struct api_fixture *f, const struct refusal *refusals, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct http_client *client = http_client_connect(&f->loop, f->port);
        http_client_send_text(client, refusals[i].head);
        int status = api_fixture_receive(f, client);
        if (status != refusals[i].status) {
            fail_msg("%d: %s", status, refusals[i].head);
        }
        assert_string_equal(api_fixture_text(f, "error.code"), refusals[i].code);
        assert_string_equal(http_client_field(client, "Cache-Control"), "no-store");
        http_client_await_end(client);
        assert_false(http_client_has_answer(client));
        http_client_close(client);
    }
}

/* A2 */
static void a_body_is_refused_by_its_head_alone(void **state)
{
    static const struct refusal refusals[] = {
        {"POST /v1/reports HTTP/1.1\r\nHost: localhost\r\n" JSON "Content-Length: 16000000\r\n\r\n",
         401, "unauthorized"},
        {"POST /v1/sweeps HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", 401,
         "unauthorized"},
        {"POST /v1/reports HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\n" JSON
             AUTHORIZATION "Content-Length: 9\r\n\r\n",
         403, "forbidden_origin"},
        {"POST /v1/nothing HTTP/1.1\r\nHost: x\r\n" AUTHORIZATION "Content-Length: 9\r\n\r\n", 404,
         "not_found"},
        {"PUT /v1/sweeps HTTP/1.1\r\nHost: x\r\n" AUTHORIZATION "Content-Length: 9\r\n\r\n", 405,
         "method_not_allowed"},
        {"POST /v1/reports HTTP/1.1\r\nHost: x\r\n" JSON AUTHORIZATION
         "Content-Length: 16777217\r\n\r\n",
         413, "too_large"},
        {"POST /v1/claims HTTP/1.1\r\nHost: x\r\n" JSON AUTHORIZATION
         "Content-Length: 8193\r\n\r\n",
         413, "too_large"},
        {"GET /v1/sweeps HTTP/1.1\r\nHost: x\r\n" AUTHORIZATION "Content-Length: 8193\r\n\r\n", 413,
         "too_large"},
        {"POST /v1/sweeps HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\n" AUTHORIZATION
         "Content-Length: 9\r\n\r\n",
         415, "unsupported_media_type"},
    };
    expect_refusals(*state, refusals, sizeof refusals / sizeof *refusals);
}

/* A13 */
static void a_refused_token_ends_the_connection_and_a_valid_one_keeps_it(void **state)
{
    struct api_fixture *f = *state;
    struct http_client *client = http_client_connect(&f->loop, f->port);
    http_client_request(client, "GET", "/v1/sweeps", NULL, AUTHORIZATION);
    assert_int_equal(api_fixture_receive(f, client), 200);
    http_client_request(client, "GET", "/v1/sweeps", NULL, AUTHORIZATION);
    assert_int_equal(api_fixture_receive(f, client), 200);
    http_client_request(client, "GET", "/v1/sweeps", NULL, "Authorization: Bearer wrong\r\n");
    assert_int_equal(api_fixture_receive(f, client), 401);
    http_client_await_end(client);
    http_client_close(client);
}

#define AMBIGUOUS(fields) "POST /v1/claims HTTP/1.1\r\n" fields "\r\n"

/* A10 */
static void a_head_that_can_be_read_in_two_ways_is_malformed(void **state)
{
    static const struct refusal refusals[] = {
        {AMBIGUOUS("Host: localhost\r\nHost: localhost\r\nContent-Length: 2\r\n"), 400,
         "malformed_request"},
        {AMBIGUOUS("Host: localhost\r\nContent-Length: 2\r\nContent-Length: 2\r\n"), 400,
         "malformed_request"},
        {AMBIGUOUS("Host: localhost\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n"), 400,
         "malformed_request"},
        {AMBIGUOUS("Host: localhost\r\nTransfer-Encoding: gzip\r\n"), 400, "malformed_request"},
        {AMBIGUOUS("Host: localhost\r\nTransfer-Encoding: chunked, chunked\r\n"), 400,
         "malformed_request"},
        {AMBIGUOUS("Host: localhost\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n"),
         400, "malformed_request"},
        {AMBIGUOUS("Host: localhost\r\nContent-Length : 2\r\n"), 400, "malformed_request"},
        {AMBIGUOUS("Host: localhost\r\nX-Bell: a\x07z\r\nContent-Length: 2\r\n"), 400,
         "malformed_request"},
        {AMBIGUOUS("Host: localhost\r\nX-Delete: \x7f\r\nContent-Length: 2\r\n"), 400,
         "malformed_request"},
        {"GET /v1/sweeps HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n", 400,
         "malformed_request"},
    };
    expect_refusals(*state, refusals, sizeof refusals / sizeof *refusals);
}

struct smuggled {
    const char *head;
    size_t size;
};
#define SMUGGLED "GET /v1/nothing-smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"
#define BEFORE(text)                                                                               \
    {                                                                                              \
        text SMUGGLED, sizeof(text SMUGGLED) - 1                                                   \
    }

/* A10: what libmicrohttpd answers by itself, in HTML; or reads as we would rather not. */
static void nothing_is_smuggled_behind_what_the_library_refuses_itself(void **state)
{
    struct api_fixture *f = *state;
    static const struct smuggled heads[] = {
        BEFORE("POST /v1/claims HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5x\r\n\r\n"),
        BEFORE("POST /v1/claims HTTP/1.1\r\nHost: localhost\r\nContent-Length: +5\r\n\r\n"),
        BEFORE("POST /v1/claims HTTP/1.1\r\nContent-Length: 0\r\n\r\n"),
        BEFORE("POST /v1/claims HTTP/1.1\r\nHost: localhost\r\n" JSON
               "Transfer-Encoding: chunked\r\n\r\nzz\r\n"),
        BEFORE("POST /v1/claims HTTP/1.1\r\nHost: localhost\r\n" JSON
               "Transfer-Encoding: chunked\r\n\r\n2\r\n{}garbage\r\n0\r\n\r\n"),
        BEFORE("no request at all\r\n\r\n"),
    };
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        struct http_client *client = http_client_connect(&f->loop, f->port);
        http_client_send(client, heads[i].head, heads[i].size);
        http_client_await_end(client);
        if (http_client_has_answer(client)) {
            const struct http_client_answer *answer = http_client_answer(client, false);
            assert_int_equal(answer->status, 400);
            assert_null(strstr(answer->body, "smuggled"));
            assert_false(http_client_has_answer(client));
        }
        http_client_close(client);
    }
}

/* A10: a bare LF ends a line, and a NUL is no longer part of a value; neither hides a request. */
static void a_bare_lf_and_a_nul_hide_no_request(void **state)
{
    struct api_fixture *f = *state;
    static const char lf[] = "GET /healthz HTTP/1.1\nHost: localhost\n\n";
    struct http_client *client = http_client_connect(&f->loop, f->port);
    http_client_send_text(client, lf);
    assert_int_equal(api_fixture_receive(f, client), 200);
    assert_false(http_client_has_answer(client));
    static const char nul[] = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Nul: a\0b\r\n\r\n";
    http_client_send(client, nul, sizeof nul - 1);
    int status = api_fixture_receive(f, client);
    assert_true(status == 200 || status == 400);
    assert_false(http_client_has_answer(client));
    http_client_close(client);
}

/* E1: a browser sends Origin with a module script, also from behind a proxy. */
static void the_page_is_never_judged_by_its_origin(void **state)
{
    struct api_fixture *f = *state;
    api_fixture_request(f, "GET", "/", NULL, "Origin: https://ninety.example\r\n");
    assert_int_equal(api_fixture_receive(f, f->client), 200);
    api_fixture_request(f, "GET", "/assets/no-such.js", NULL, "Origin: https://ninety.example\r\n");
    assert_int_equal(api_fixture_receive(f, f->client), 404);
    api_fixture_request(f, "GET", "/v1/sweeps", NULL,
                        AUTHORIZATION "Origin: https://ninety.example\r\n");
    assert_int_equal(api_fixture_receive(f, f->client), 403);
    const char *message = api_fixture_text(f, "error.message");
    assert_non_null(strstr(message, "https://ninety.example"));
    assert_non_null(strstr(message, "Host: 127.0.0.1"));
    assert_non_null(strstr(message, "proxy_set_header Host $http_host"));
    assert_null(strstr(message, "--token-file"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, api_fixture_setup, api_fixture_teardown)
#define TEST_WITH_TOKEN(name)                                                                      \
    cmocka_unit_test_setup_teardown(name, api_fixture_setup_with_token, api_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_WITH_TOKEN(a_body_is_refused_by_its_head_alone),
        TEST_WITH_TOKEN(a_refused_token_ends_the_connection_and_a_valid_one_keeps_it),
        TEST(a_head_that_can_be_read_in_two_ways_is_malformed),
        TEST(nothing_is_smuggled_behind_what_the_library_refuses_itself),
        TEST(a_bare_lf_and_a_nul_hide_no_request),
        TEST_WITH_TOKEN(the_page_is_never_judged_by_its_origin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
