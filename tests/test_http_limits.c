/* What a client that is slow, rude or one of too many costs others: nothing. */
#include "tests/http_fixture.h"
#include "tests/test.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A chunk's extension that fills all the memory of its connection: libmicrohttpd can do nothing
 * with it, reads no further, and says for ever that it has data in hand. */
static struct http_client *connect_and_stall(struct http_fixture *f)
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

static double cpu_s(void)
{
    uv_rusage_t usage;
    uv_getrusage(&usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           1e-6 * (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

/* A1 */
static void a_body_that_leads_nowhere_stops_neither_others_nor_the_loop(void **state)
{
    struct http_fixture *f = *state;
    struct http_client *stalled = connect_and_stall(f);
    struct http_client *other = http_client_connect(&f->loop, f->port);
    for (int i = 0; i < 20; i++) {
        http_client_request(other, "GET", "/other", NULL, NULL);
        assert_int_equal(http_client_answer(other, false)->status, 200);
    }
    double before_s = cpu_s();
    http_fixture_run(f, 300);
    assert_true(cpu_s() - before_s < 0.15); /* it takes no core meanwhile */
    http_client_close(stalled);
    http_client_close(other);
}

/* A1 */
static void a_body_that_leads_nowhere_holds_its_connection_no_longer_than_a_slow_one(void **state)
{
    struct http_limits limits = http_default_limits;
    limits.head_ms = 1;
    struct http_fixture *f = http_fixture_start(&limits);
    *state = f;
    struct http_client *stalled = connect_and_stall(f);
    uint64_t until_ms = uv_now(&f->loop) + 4000;
    http_client_await_end(stalled);
    assert_true(uv_now(&f->loop) < until_ms);
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
    struct http_fixture *f = http_fixture_start(&limits);
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

/* A2 */
static void a_request_refused_by_its_head_is_answered_before_its_body(void **state)
{
    struct http_fixture *f = *state;
    static const char *const heads[] = {
        "POST /refused HTTP/1.1\r\nHost: x\r\nContent-Length: 16000000\r\n\r\n",
        "POST /refused HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
        "POST /refused HTTP/1.1\r\nHost: x\r\nContent-Length: 18446744073709551615\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        struct http_client *client = http_client_connect(&f->loop, f->port);
        http_client_send_text(client, heads[i]);
        assert_int_equal(http_client_answer(client, false)->status, 401);
        assert_string_equal(http_client_field(client, "Connection"), "close");
        http_client_await_end(client);
        assert_int_equal(http_server_figures(f->server).memory, 0);
        http_client_close(client);
    }
    assert_int_equal(f->n_requests, 0);
}

/* A2: closing a socket with something unread in it would reset the connection. */
static void a_client_that_sends_all_before_it_reads_still_gets_its_refusal(void **state)
{
    struct http_fixture *f = *state;
    char *body = malloc(900001);
    memset(body, 'q', 900000);
    body[900000] = '\0';
    struct http_client *client = http_client_connect(&f->loop, f->port);
    http_client_request(client, "POST", "/refused", body, NULL);
    assert_int_equal(http_client_answer(client, false)->status, 401);
    http_client_await_end(client);
    http_client_close(client);
    free(body);
}

/* A2 */
static void bodies_take_memory_as_they_come_and_no_more_than_there_is(void **state)
{
    struct http_limits limits = http_default_limits;
    limits.max_memory = 4000000; /* 3,000,000 of it for those who take much */
    struct http_fixture *f = http_fixture_start(&limits);
    *state = f;
    struct http_client *announces = http_client_connect(&f->loop, f->port);
    http_client_send_text(announces, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2900000\r\n"
                                     "\r\nabc");
    struct http_client *client = http_client_connect(&f->loop, f->port);
    char *big = malloc(2000001);
    memset(big, 'q', 2000000);
    big[2000000] = '\0';
    http_client_request(client, "POST", "/park", big, NULL);
    http_fixture_await(f, 1);
    size_t memory = http_server_figures(f->server).memory;
    assert_true(memory >= 2000000 && memory < 2010000);

    struct http_client *late = http_client_connect(&f->loop, f->port);
    http_client_request(late, "POST", "/echo", big, NULL);
    assert_int_equal(http_client_answer(late, false)->status, 400); /* the fixture's word for it */
    http_client_close(late);
    late = http_client_connect(&f->loop, f->port); /* and not because it said so beforehand */
    http_client_send_text(late,
                          "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                          "1e8480\r\n");
    http_client_send(late, big, 2000000);
    http_client_send_text(late, "\r\n0\r\n\r\n");
    assert_int_equal(http_client_answer(late, false)->status, 400);
    http_client_request(late, "POST", "/echo", "little", NULL); /* there is a reserve for that */
    assert_string_equal(http_client_answer(late, false)->body, "little");
    assert_true(http_server_figures(f->server).n_without_memory >= 2);
    http_fixture_answer(f->waiting[0], 200, "kept");
    assert_string_equal(http_client_answer(client, false)->body, "kept");
    http_client_close(announces);
    http_client_close(client);
    http_client_close(late);
    free(big);
}

static int connect_plainly(const struct http_fixture *f)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)f->port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

/* A2: its last bytes and its end come together, so that libmicrohttpd, which reads them by edges,
 * hears of the end no more. */
static void a_client_that_leaves_in_the_middle_of_its_body_takes_its_memory_along(void **state)
{
    struct http_fixture *f = *state;
    static const char head[] = "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n";
    static char half[5000];
    int fd = connect_plainly(f);
    assert_int_equal(send(fd, head, sizeof head - 1, 0), sizeof head - 1);
    http_fixture_run(f, 100);
    assert_int_equal(send(fd, half, sizeof half, 0), sizeof half);
    close(fd);
    http_fixture_run(f, 2500); /* its deadline is in 20 s */
    assert_int_equal(http_server_figures(f->server).memory, 0);
    assert_int_equal(http_server_figures(f->server).n_connections, 0);
}

/* A3: the same after a whole request. */
static void a_client_that_leaves_with_its_request_leaves_no_connection(void **state)
{
    struct http_fixture *f = *state;
    static const char request[] = "GET /x HTTP/1.1\r\nHost: x\r\n\r\n";
    int fd = connect_plainly(f);
    http_fixture_run(f, 100);
    assert_int_equal(send(fd, request, sizeof request - 1, 0), sizeof request - 1);
    shutdown(fd, SHUT_WR);
    http_fixture_run(f, 2500); /* idle, it would stay for 120 s */
    assert_int_equal(f->n_requests, 1);
    assert_int_equal(http_server_figures(f->server).n_connections, 0);
    close(fd);
}

/* A2 */
static void a_body_over_the_limit_of_its_path_is_refused(void **state)
{
    struct http_fixture *f = *state;
    struct http_client *client = http_client_connect(&f->loop, f->port);
    http_client_request(client, "POST", "/small", "0123456789abcdef", NULL);
    assert_int_equal(http_client_answer(client, false)->status, 200);
    http_client_send_text(client, "POST /small HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: "
                                  "chunked\r\n\r\n11\r\n0123456789abcdefg\r\n0\r\n\r\n");
    assert_int_equal(http_client_answer(client, false)->status, 413);
    http_client_request(client, "POST", "/small", "0123456789abcdefg", NULL);
    assert_int_equal(http_client_answer(client, false)->status, 413);
    http_client_await_end(client);
    http_client_close(client);
}

struct crowd {
    struct http_fixture *f;
    struct http_client *clients[8];
    int n;
};

static struct crowd gather(struct http_fixture *f, int n, const char *fields)
{
    struct crowd crowd = {.f = f, .n = n};
    for (int i = 0; i < n; i++) {
        crowd.clients[i] = http_client_connect(&f->loop, f->port);
        if (fields != NULL) {
            http_client_request(crowd.clients[i], "GET", "/hello", NULL, fields);
            http_client_answer(crowd.clients[i], false);
        }
    }
    uv_run(&f->loop, UV_RUN_NOWAIT);
    return crowd;
}

static void leave(struct crowd *crowd)
{
    for (int i = 0; i < crowd->n; i++) {
        http_client_close(crowd->clients[i]);
    }
}

/* A3, A13 */
static void the_oldest_stranger_goes_for_a_newcomer_and_nobody_who_was_let_in(void **state)
{
    struct http_limits limits = http_default_limits;
    limits.head_lets_in = false;
    limits.max_strangers = 8;
    limits.max_strangers_per_address = 3;
    struct http_fixture *f = http_fixture_start(&limits);
    *state = f;
    struct crowd known = gather(f, 5, "X-Let-In: yes\r\n"); /* more than strangers may be */
    struct crowd strangers = gather(f, 3, NULL);
    assert_int_equal(http_server_figures(f->server).n_strangers, 3);
    struct crowd newcomer = gather(f, 1, "X-Let-In: yes\r\n");
    http_client_await_end(strangers.clients[0]);
    assert_false(http_client_ended(strangers.clients[1]));
    assert_false(http_client_ended(strangers.clients[2]));
    assert_true(http_server_turned_away(f->server, 1000));
    for (int i = 0; i < known.n; i++) { /* ever after on that connection */
        http_client_request(known.clients[i], "GET", "/again", NULL, NULL);
        assert_int_equal(http_client_answer(known.clients[i], false)->status, 200);
    }
    leave(&known);
    leave(&strangers);
    leave(&newcomer);
}

/* A3: thousands that close at once would hold up a round. */
static void where_a_whole_head_lets_in_there_are_few_without_one(void **state)
{
    struct http_limits limits = http_default_limits;
    limits.max_strangers = 2;
    struct http_fixture *f = http_fixture_start(&limits);
    *state = f;
    struct crowd known = gather(f, 4, "");
    struct http_client *mute[3];
    for (int i = 0; i < 3; i++) {
        mute[i] = http_client_connect(&f->loop, f->port);
    }
    http_client_await_end(mute[0]);
    assert_int_equal(http_server_figures(f->server).n_strangers, 2);
    assert_int_equal(http_server_figures(f->server).n_connections, 6);
    for (int i = 0; i < 3; i++) {
        http_client_close(mute[i]);
    }
    leave(&known);
}

/* A3 */
static void where_connections_are_full_the_longest_idle_goes_and_none_that_waits(void **state)
{
    struct http_limits limits = http_default_limits;
    limits.max_connections = 4;
    struct http_fixture *f = http_fixture_start(&limits);
    *state = f;
    struct http_client *first = http_fixture_wait(f, 1);
    struct http_client *second = http_fixture_wait(f, 2);
    struct crowd idle = gather(f, 2, "");
    struct crowd newcomer = gather(f, 1, "");
    http_client_await_end(idle.clients[0]);
    struct http_client *third = http_fixture_wait(f, 3); /* the other idle one goes */
    http_client_await_end(idle.clients[1]);
    struct http_client *fourth = http_fixture_wait(f, 4);
    http_client_await_end(newcomer.clients[0]);

    struct http_client *fifth = http_client_connect(&f->loop, f->port); /* in the kernel's queue */
    http_client_request(fifth, "GET", "/hello", NULL, NULL);
    for (int i = 0; i < 20; i++) {
        uv_run(&f->loop, UV_RUN_NOWAIT);
    }
    assert_false(http_client_has_answer(fifth));
    http_fixture_answer(f->waiting[0], 200, "now it is idle");
    assert_int_equal(http_client_answer(fifth, false)->status, 200);
    assert_int_equal(f->n_gone, 0);
    http_client_close(first);
    http_client_close(second);
    http_client_close(third);
    http_client_close(fourth);
    http_client_close(fifth);
    leave(&idle);
    leave(&newcomer);
}

/* A3 */
static void a_first_head_that_does_not_come_has_no_longer_than_any(void **state)
{
    struct http_limits limits = http_default_limits;
    limits.first_head_ms = 1;
    struct http_fixture *f = http_fixture_start(&limits);
    *state = f;
    struct http_client *mute = http_client_connect(&f->loop, f->port);
    struct http_client *half = http_client_connect(&f->loop, f->port);
    http_client_send_text(half, "GET /x HTTP/1.1\r\nHost: x\r\nX-Slow: ");
    http_client_await_end(mute);
    http_client_await_end(half);
    http_client_close(mute);
    http_client_close(half);
}

/* A14 */
static void who_takes_nothing_of_an_answer_goes_when_others_need_the_memory(void **state)
{
    struct http_limits limits = http_default_limits;
    limits.max_memory = 40000000;
    struct http_fixture *f = http_fixture_start(&limits);
    *state = f;
    struct http_client *mute[6];
    for (int i = 0; i < 6; i++) {
        mute[i] = http_client_connect(&f->loop, f->port);
        http_client_pause(mute[i]);
        http_client_request(mute[i], "GET", "/large", NULL, NULL);
    }
    http_fixture_run(f, 1500);
    assert_true(http_server_figures(f->server).memory > 25000000);
    struct http_client *takes = http_client_connect(&f->loop, f->port);
    for (int i = 0; i < 4; i++) {
        http_client_request(takes, "GET", "/large", NULL, NULL);
        const struct http_client_answer *answer = http_client_answer(takes, false);
        assert_int_equal(answer->status, 200);
        assert_int_equal(answer->size, HTTP_FIXTURE_LARGE);
    }
    for (int i = 0; i < 6; i++) {
        http_client_close(mute[i]);
    }
    http_client_close(takes);
}

/* A2: an answer that has not left yet in the round that made it is nobody's fault. */
static void who_was_answered_a_moment_ago_is_not_taken_for_mute(void **state)
{
    struct http_limits limits = http_default_limits;
    limits.max_memory = 4000000;
    struct http_fixture *f = http_fixture_start(&limits);
    *state = f;
    struct http_client *polite = http_client_connect(&f->loop, f->port);
    http_client_request(polite, "POST", "/park", "a body", NULL);
    http_fixture_await(f, 1);
    struct http_client *greedy = http_client_connect(&f->loop, f->port);
    http_client_request(greedy, "GET", "/park", NULL, NULL);
    http_fixture_await(f, 2);
    http_fixture_answer(f->waiting[0], 200, "thank you");
    char *data = malloc(HTTP_FIXTURE_LARGE);
    memset(data, 'l', HTTP_FIXTURE_LARGE);
    http_answer(f->waiting[1], &(struct http_answer){.status = 200,
                                                     .type = "text/plain",
                                                     .data = data,
                                                     .size = HTTP_FIXTURE_LARGE,
                                                     .free_data = free});
    assert_int_equal(http_client_answer(greedy, false)->status, 503);
    assert_string_equal(http_client_answer(polite, false)->body, "thank you");
    http_client_close(polite);
    http_client_close(greedy);
}

static void a_waiting_request_outlives_every_time_out(void **state)
{
    struct http_limits limits = http_default_limits;
    limits.head_ms = limits.idle_ms = 1;
    struct http_fixture *f = http_fixture_start(&limits);
    *state = f;
    struct http_client *waits = http_client_connect(&f->loop, f->port);
    http_client_request(waits, "GET", "/wait", NULL, NULL);
    http_fixture_await(f, 1);
    struct http_client *idle = http_client_connect(&f->loop, f->port);
    http_client_await_end(idle); /* so much time has passed */
    assert_int_equal(f->n_gone, 0);
    http_fixture_answer(f->waiting[0], 200, "patience");
    assert_string_equal(http_client_answer(waits, false)->body, "patience");
    http_client_close(waits);
    http_client_close(idle);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, http_fixture_setup, http_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_body_that_leads_nowhere_stops_neither_others_nor_the_loop),
        cmocka_unit_test_teardown(
            a_body_that_leads_nowhere_holds_its_connection_no_longer_than_a_slow_one,
            http_fixture_teardown),
        cmocka_unit_test_teardown(a_client_slow_with_its_head_or_body_is_cut_off,
                                  http_fixture_teardown),
        TEST(a_request_refused_by_its_head_is_answered_before_its_body),
        TEST(a_client_that_sends_all_before_it_reads_still_gets_its_refusal),
        cmocka_unit_test_teardown(bodies_take_memory_as_they_come_and_no_more_than_there_is,
                                  http_fixture_teardown),
        TEST(a_client_that_leaves_in_the_middle_of_its_body_takes_its_memory_along),
        TEST(a_client_that_leaves_with_its_request_leaves_no_connection),
        TEST(a_body_over_the_limit_of_its_path_is_refused),
        cmocka_unit_test_teardown(the_oldest_stranger_goes_for_a_newcomer_and_nobody_who_was_let_in,
                                  http_fixture_teardown),
        cmocka_unit_test_teardown(where_a_whole_head_lets_in_there_are_few_without_one,
                                  http_fixture_teardown),
        cmocka_unit_test_teardown(
            where_connections_are_full_the_longest_idle_goes_and_none_that_waits,
            http_fixture_teardown),
        cmocka_unit_test_teardown(a_first_head_that_does_not_come_has_no_longer_than_any,
                                  http_fixture_teardown),
        cmocka_unit_test_teardown(who_takes_nothing_of_an_answer_goes_when_others_need_the_memory,
                                  http_fixture_teardown),
        cmocka_unit_test_teardown(who_was_answered_a_moment_ago_is_not_taken_for_mute,
                                  http_fixture_teardown),
        cmocka_unit_test_teardown(a_waiting_request_outlives_every_time_out, http_fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
