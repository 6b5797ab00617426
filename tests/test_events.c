#include "tests/api_fixture.h"
#include "tests/test.h"

#include <arpa/inet.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define KEEP_ALIVE_MS 50

static int setup(void **state)
{
    *state = api_fixture_start(&(struct api_fixture_options){.keep_alive_ms = KEEP_ALIVE_MS});
    return 0;
}

/* For what would be disturbed by cutting off. */
static int setup_slow(void **state)
{
    *state = api_fixture_start(&(struct api_fixture_options){0});
    return 0;
}

static int teardown(void **state)
{
    api_fixture_stop(*state);
    return 0;
}

static struct http_client *listen_to(struct api_fixture *f, const char *query)
{
    char path[64];
    snprintf(path, sizeof path, "/v1/events%s", query);
    struct http_client *client = http_client_connect(&f->loop, f->port);
    http_client_request(client, "GET", path, NULL, NULL);
    assert_int_equal(http_client_answer(client, true)->status, 200);
    assert_string_equal(http_client_field(client, "Content-Type"), "text/event-stream");
    assert_string_equal(http_client_field(client, "Cache-Control"), "no-cache");
    http_client_await_text(client, "retry: 2000\n\n");
    return client;
}

static double metric(struct api_fixture *f, const char *name)
{
    http_client_request(f->client, "GET", "/metrics", NULL, NULL);
    const char *at = http_client_answer(f->client, false)->body;
    char line[96];
    snprintf(line, sizeof line, "\n%s ", name);
    at = strstr(at, line);
    assert_non_null(at);
    return strtod(at + strlen(line), NULL);
}

static void execute(struct api_fixture *f, const char *sql)
{
    sqlite3 *db;
    char *why = NULL;
    assert_int_equal(sqlite3_open(f->db_path, &db), SQLITE_OK);
    sqlite3_busy_timeout(db, 5000);
    if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK) {
        fail_msg("%s", why);
    }
    sqlite3_close(db);
}

static void who_hears_nothing_is_sent_a_comment_now_and_then(void **state)
{
    struct api_fixture *f = *state;
    struct http_client *client = listen_to(f, "");
    for (int i = 0; i < 3; i++) {
        http_client_await_text(client, ":\n\n");
    }
    api_fixture_sweep(f, 1);
    http_client_await_text(client, "id: 1\ndata: {\"id\":1,");
    http_client_await_text(client, "\"kind\":\"sweep_submitted\",\"sweep\":1,");
    http_client_await_text(client, "}\n\n");
    http_client_close(client);
}

static void many_at_one_place_are_told_the_same(void **state)
{
    enum { N = 50 };
    struct api_fixture *f = *state;
    struct http_client *clients[N];
    api_fixture_sweep(f, 1);
    for (int i = 0; i < N; i++) {
        clients[i] = listen_to(f, i % 2 == 0 ? "?after=0" : "?sweep=1&after=0");
        if (i == 0) {
            api_fixture_sweep(f, 1);
        }
    }
    for (int i = 0; i < N; i += 2) {
        http_client_await_text(clients[i], "id: 1\n");
        http_client_await_text(clients[i], "id: 2\n");
    }
    assert_int_equal(metric(f, "ninety_event_listeners"), N);
    for (int i = 0; i < N; i++) {
        http_client_close(clients[i]);
    }
    while (metric(f, "ninety_event_listeners") > 0) {
        uv_run(&f->loop, UV_RUN_NOWAIT);
    }
}

/* A client that sends its request and then reads nothing. */
static int connect_deaf(struct api_fixture *f)
{
    static const char request[] = "GET /v1/events?after=0 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                  .sin_port = htons((uint16_t)f->port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0), bytes = 4096;
    assert_true(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(write(fd, request, sizeof request - 1), sizeof request - 1);
    return fd;
}

static void who_takes_nothing_is_cut_off(void **state)
{
    struct api_fixture *f = *state;
    execute(f, "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9900)"
               " INSERT INTO events (at, kind, message)"
               " SELECT 'then', 'filled', hex(zeroblob(500)) FROM n");
    api_fixture_sweep(f, 1); /* and so the daemon knows of them */
    struct http_client *other = listen_to(f, "");
    int fd = connect_deaf(f);
    while (metric(f, "ninety_event_listeners_cut_off_total") < 1) {
        uv_run(&f->loop, UV_RUN_NOWAIT);
    }
    while (metric(f, "ninety_event_listeners") > 1) {
        uv_run(&f->loop, UV_RUN_NOWAIT);
    }
    api_fixture_sweep(f, 1);
    http_client_await_text(other, "id: 9902\n");
    http_client_close(other);
    close(fd);
}

static void no_more_than_a_thousand_may_listen(void **state)
{
    enum { MOST = 1000 };
    struct api_fixture *f = *state;
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    if (limit.rlim_max < 2 * MOST + 100) {
        skip(); /* both ends of every connection are in this process */
    }
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    struct http_client **clients = calloc(MOST, sizeof *clients);
    assert_non_null(clients);
    for (int i = 0; i < MOST; i++) {
        clients[i] = http_client_connect(&f->loop, f->port);
        http_client_request(clients[i], "GET", "/v1/events", NULL, NULL);
    }
    for (int i = 0; i < MOST; i++) {
        assert_int_equal(http_client_answer(clients[i], true)->status, 200);
    }
    assert_int_equal(api_fixture_call(f, "GET", "/v1/events", NULL), 503);
    assert_string_equal(api_fixture_text(f, "error.code"), "unavailable");
    api_fixture_end(f);
    for (int i = 0; i < MOST; i++) {
        http_client_await_end(clients[i]);
        http_client_close(clients[i]);
    }
    free(clients);
}

static void the_end_comes_properly_also_to_those_still_opening(void **state)
{
    struct api_fixture *f = *state;
    struct http_client *open = listen_to(f, "");
    struct http_client *opening = http_client_connect(&f->loop, f->port);
    http_client_request(opening, "GET", "/v1/events", NULL, NULL);
    while (metric(f, "ninety_event_listeners") < 2) {
        uv_run(&f->loop, UV_RUN_NOWAIT);
    }
    api_fixture_end(f);
    http_client_await_text(open, "0\r\n\r\n");
    http_client_await_end(open);
    http_client_await_end(opening);
    http_client_close(open);
    http_client_close(opening);
}

#define TEST(name, setup) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(who_hears_nothing_is_sent_a_comment_now_and_then, setup),
        TEST(many_at_one_place_are_told_the_same, setup_slow),
        TEST(who_takes_nothing_is_cut_off, setup),
        TEST(no_more_than_a_thousand_may_listen, setup_slow),
        TEST(the_end_comes_properly_also_to_those_still_opening, setup_slow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
