/* A7: a lease belongs to its worker, and a worker to who registered it. */
#include "tests/api_fixture.h"
#include "tests/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOKEN "Authorization: Bearer token\r\n"

static int setup(void **state)
{
    *state = api_fixture_start(&(struct api_fixture_options){.token = "token"});
    return 0;
}

static int setup_without_token(void **state)
{
    *state = api_fixture_start(&(struct api_fixture_options){0});
    return 0;
}

static int teardown(void **state)
{
    api_fixture_stop(*state);
    return 0;
}

static void send_to(struct http_client *client, const char *path, const char *format, va_list args)
{
    char body[2048];
    vsnprintf(body, sizeof body, format, args);
    http_client_request(client, "POST", path, body, TOKEN);
}

static void post(struct http_client *client, const char *path, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void post(struct http_client *client, const char *path, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    send_to(client, path, format, args);
    va_end(args);
}

static int call(struct api_fixture *f, const char *path, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static int call(struct api_fixture *f, const char *path, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    send_to(f->client, path, format, args);
    va_end(args);
    return api_fixture_receive(f, f->client);
}

/* What it shows with each message: the members, with a comma behind. */
struct badge {
    char members[128];
    int64_t worker;
};

static struct badge register_with(struct api_fixture *f, int slots, const char *more)
{
    struct badge badge;
    assert_int_equal(call(f, "/v1/workers",
                          "{\"host\": \"node\", \"pid\": 1, \"protocol\": 2, \"slots\": %d%s}",
                          slots, more),
                     201);
    assert_int_equal(api_fixture_integer(f, "protocol"), 2);
    badge.worker = api_fixture_integer(f, "worker");
    snprintf(badge.members, sizeof badge.members, "\"worker\": %d, \"secret\": \"%s\", ",
             (int)badge.worker, api_fixture_text(f, "secret"));
    return badge;
}

static void submit(struct api_fixture *f, int n)
{
    assert_int_equal(call(f, "/v1/sweeps", "{\"base\": {\"depth\": 1}, \"replicates\": %d}", n),
                     201);
}

static int64_t claim(struct api_fixture *f, const struct badge *badge, int max)
{
    assert_int_equal(call(f, "/v1/claims", "{%s\"max\": %d}", badge->members, max), 200);
    return (int64_t)json_array_size(api_fixture_get(f, "claims"));
}

/* The status of the one item, an end of trial 1's first attempt; or what was answered to all. */
static const char *end(struct api_fixture *f, const char *members, const char *how)
{
    static char text[16];
    int status = call(f, "/v1/reports", "{%s\"reports\": [{\"trial\": 1, \"attempt\": 1, %s}]}",
                      members, how);
    if (status == 200) {
        return api_fixture_text(f, "results.0.status");
    }
    snprintf(text, sizeof text, "%d", status);
    return text;
}

static int64_t count(struct api_fixture *f, const char *state)
{
    http_client_request(f->client, "GET", "/v1/sweeps/1", NULL, TOKEN);
    assert_int_equal(api_fixture_receive(f, f->client), 200);
    return api_fixture_integer(f, state);
}

static void every_registration_has_a_secret_of_its_own(void **state)
{
    struct api_fixture *f = *state;
    struct badge one = register_with(f, 1, ""), other = register_with(f, 1, "");
    assert_string_not_equal(strstr(one.members, "secret"), strstr(other.members, "secret"));
    assert_int_equal(strspn(strstr(one.members, "secret") + 10, "0123456789abcdef"), 64);
    /* The list of workers does not tell, nor does the file. */
    http_client_request(f->client, "GET", "/v1/workers", NULL, TOKEN);
    assert_int_equal(api_fixture_receive(f, f->client), 200);
    assert_null(json_object_get(api_fixture_get(f, "workers.0"), "secret"));
    char command[256], secret[65];
    snprintf(secret, sizeof secret, "%.64s", strstr(one.members, "secret") + 10);
    snprintf(command, sizeof command, "grep -q %s %s*", secret, f->db_path);
    assert_int_not_equal(system(command), 0);
}

static void others_cannot_end_hand_back_or_depart_what_a_worker_holds(void **state)
{
    struct api_fixture *f = *state;
    static const char *const ends[] = {"\"failed\": {\"reason\": \"so there\", \"retry\": false}",
                                       "\"released\": true", "\"reused_from\": 1",
                                       "\"done\": {\"steps\": 9, \"final_accuracy\": 0.5}"};
    submit(f, 3);
    struct badge owner = register_with(f, 1, ""), thief = register_with(f, 1, "");
    assert_int_equal(claim(f, &owner, 1), 1);
    char nothing[64], mixed[256], guess[256];
    snprintf(nothing, sizeof nothing, "\"worker\": %d, ", (int)owner.worker);
    snprintf(mixed, sizeof mixed, "%s%s", nothing, strstr(thief.members, "\"secret"));
    snprintf(guess, sizeof guess, "%s\"secret\": \"%064d\", ", nothing, 0);
    const char *const masks[] = {nothing, mixed, guess};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        assert_string_equal(end(f, thief.members, ends[i]), "lease_lost");
        for (int mask = 0; mask < 3; mask++) {
            assert_string_equal(end(f, masks[mask], ends[i]), "404");
            assert_string_equal(api_fixture_text(f, "error.code"), "unknown_worker");
        }
    }
    for (int mask = 0; mask < 3; mask++) {
        assert_int_equal(call(f, "/v1/claims", "{%s\"max\": 1}", masks[mask]), 404);
        assert_int_equal(
            call(f, "/v1/departures", "{%.*s}", (int)strlen(masks[mask]) - 2, masks[mask]), 404);
    }
    assert_int_equal(count(f, "running"), 1);
    assert_string_equal(end(f, owner.members, "\"done\": {\"steps\": 9, \"final_accuracy\": 0.5}"),
                        "ok");
    assert_int_equal(count(f, "succeeded"), 1);
    /* Nor is what is over another's to speak of. */
    assert_string_equal(end(f, thief.members, "\"done\": {\"steps\": 9, \"final_accuracy\": 0.5}"),
                        "lease_lost");
}

static void secrets_hold_after_a_restart(void **state)
{
    struct api_fixture *f = *state;
    submit(f, 1);
    struct badge owner = register_with(f, 1, ""), thief = register_with(f, 1, "");
    assert_int_equal(claim(f, &owner, 1), 1);
    api_fixture_restart(f);
    assert_string_equal(end(f, thief.members, "\"released\": true"), "lease_lost");
    assert_string_equal(end(f, owner.members, "\"released\": true"), "ok");
}

static void a_worker_is_given_no_more_than_it_has_slots(void **state)
{
    struct api_fixture *f = *state;
    submit(f, 10);
    struct badge greedy = register_with(f, 3, ""), modest = register_with(f, 1, "");
    assert_int_equal(claim(f, &greedy, 64), 3);
    assert_int_equal(claim(f, &greedy, 64), 0);
    /* One that is full waits, and others are served past it; then its own slot is free. */
    struct http_client *waits = http_client_connect(&f->loop, f->port);
    post(waits, "/v1/claims", "{%s\"max\": 64, \"wait_s\": 60}", greedy.members);
    assert_int_equal(claim(f, &modest, 64), 1);
    assert_false(http_client_has_answer(waits));
    assert_string_equal(end(f, greedy.members, "\"released\": true"), "ok");
    assert_int_equal(api_fixture_receive(f, waits), 200);
    assert_int_equal(json_array_size(api_fixture_get(f, "claims")), 1);
    http_client_close(waits);
}

static void a_second_claim_ends_the_first(void **state)
{
    struct api_fixture *f = *state;
    struct badge badge = register_with(f, 2, ""), other = register_with(f, 2, "");
    struct http_client *first = http_client_connect(&f->loop, f->port),
                       *second = http_client_connect(&f->loop, f->port),
                       *others = http_client_connect(&f->loop, f->port);
    post(first, "/v1/claims", "{%s\"wait_s\": 60}", badge.members);
    http_client_request(f->client, "GET", "/healthz", NULL, NULL);
    api_fixture_receive(f, f->client);
    post(others, "/v1/claims", "{%s\"wait_s\": 60}", other.members);
    post(second, "/v1/claims", "{%s\"wait_s\": 60}", badge.members);
    assert_int_equal(api_fixture_receive(f, first), 200);
    assert_int_equal(json_array_size(api_fixture_get(f, "claims")), 0);
    submit(f, 2);
    assert_int_equal(api_fixture_receive(f, second), 200);
    assert_int_equal(json_array_size(api_fixture_get(f, "claims")), 1);
    assert_int_equal(api_fixture_receive(f, others), 200);
    assert_int_equal(json_array_size(api_fixture_get(f, "claims")), 1);
    http_client_close(first);
    http_client_close(second);
    http_client_close(others);
}

static void who_registers_again_is_the_same_and_keeps_its_leases(void **state)
{
    struct api_fixture *f = *state;
    char more[256];
    submit(f, 1);
    struct badge before = register_with(f, 1, "");
    assert_int_equal(claim(f, &before, 1), 1);
    snprintf(more, sizeof more, ", %.*s", (int)strlen(before.members) - 2, before.members);
    struct badge again = register_with(f, 1, more);
    assert_string_equal(again.members, before.members);
    assert_string_equal(end(f, again.members, "\"released\": true"), "ok");
    /* With another's number, or on another database, it is a new one. */
    snprintf(more, sizeof more, ", \"worker\": %d, \"secret\": \"%064d\"", (int)before.worker, 0);
    struct badge stranger = register_with(f, 1, more);
    assert_int_not_equal(stranger.worker, before.worker);
    snprintf(more, sizeof more, ", \"worker\": 77, \"secret\": \"%064d\"", 0);
    assert_int_not_equal(register_with(f, 1, more).worker, 77);
}

static void version_1_is_refused_where_a_token_is_asked(void **state)
{
    struct api_fixture *f = *state;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(call(f, "/v1/workers", "{\"host\": \"old\", \"pid\": 1, \"slots\": 1%s}",
                              i == 0 ? "" : ", \"protocol\": 1"),
                         400);
        assert_string_equal(api_fixture_text(f, "error.field"), "protocol");
        assert_non_null(strstr(api_fixture_text(f, "error.message"), "upgrade ninety-worker"));
    }
    assert_int_equal(
        call(f, "/v1/workers", "{\"host\": \"new\", \"pid\": 1, \"slots\": 1, \"protocol\": 3}"),
        400);
    assert_string_equal(api_fixture_text(f, "error.field"), "protocol");
}

static void version_1_is_served_without_a_token_and_its_leases_are_its_own(void **state)
{
    struct api_fixture *f = *state;
    static const char owner[] = "\"worker\": 1, ", other[] = "\"worker\": 2, ";
    submit(f, 1);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(call(f, "/v1/workers", "{\"host\": \"old\", \"pid\": 1, \"slots\": 1}"),
                         201);
        assert_null(json_object_get(f->answer, "secret"));
    }
    assert_int_equal(call(f, "/v1/claims", "{\"worker\": 1}"), 200);
    assert_string_equal(end(f, other, "\"released\": true"), "lease_lost");
    assert_string_equal(end(f, owner, "\"released\": true"), "ok");
    /* Who registered with a secret shows it here, too. */
    struct badge badge = register_with(f, 1, "");
    assert_int_equal(call(f, "/v1/claims", "{\"worker\": %d}", (int)badge.worker), 404);
}

/* A11 */
static void names_that_no_terminal_should_get_are_refused(void **state)
{
    struct api_fixture *f = *state;
    static const char *const names[] = {"host", "cpu", "kernel", "version"};
    static const char *const texts[] = {"\\u001b[2J", "\\u0007", "\\u202egnp", "\\u2066",
                                        "a\\nb",      "\\u009b", "\\u007f",    "\\u2028"};
    for (size_t i = 0; i < 4; i++) {
        for (size_t j = 0; j < sizeof texts / sizeof *texts; j++) {
            assert_int_equal(call(f, "/v1/workers",
                                  "{%s\"pid\": 1, \"slots\": 1, \"protocol\": 2, \"%s\": \"%s\"}",
                                  i > 0 ? "\"host\": \"h\", " : "", names[i], texts[j]),
                             400);
            assert_string_equal(api_fixture_text(f, "error.field"), names[i]);
        }
    }
    assert_int_equal(call(f, "/v1/sweeps", "{\"name\": \"\\u202egpj.exe\"}"), 400);
    assert_string_equal(api_fixture_text(f, "error.field"), "name");
}

int main(void)
{
#define LEASE_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        LEASE_TEST(every_registration_has_a_secret_of_its_own),
        LEASE_TEST(others_cannot_end_hand_back_or_depart_what_a_worker_holds),
        LEASE_TEST(secrets_hold_after_a_restart),
        LEASE_TEST(a_worker_is_given_no_more_than_it_has_slots),
        LEASE_TEST(a_second_claim_ends_the_first),
        LEASE_TEST(who_registers_again_is_the_same_and_keeps_its_leases),
        LEASE_TEST(version_1_is_refused_where_a_token_is_asked),
        cmocka_unit_test_setup_teardown(
            version_1_is_served_without_a_token_and_its_leases_are_its_own, setup_without_token,
            teardown),
        LEASE_TEST(names_that_no_terminal_should_get_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
