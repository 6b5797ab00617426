#include "tests/test.h"

#include "worker/session.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct wire_identity identity = {.host = "node1",
                                              .cpu = "AMD EPYC",
                                              .kernel = "SkylakeX",
                                              .version = "0.1.0",
                                              .pid = 7,
                                              .n_slots = 2};
static const struct lease lease = {12, 1};

static struct outbox *outbox;
static struct session session;
static struct session_verdict verdict;
static char *body; /* of the last call begun */

static int set_up(void **state)
{
    (void)state;
    outbox = outbox_create(1000);
    assert_non_null(outbox);
    session_init(&session, &identity, outbox, 1);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    session_verdict_clear(&verdict);
    session_finish(&session);
    outbox_destroy(outbox);
    free(body);
    body = NULL;
    return 0;
}

static void begin(enum session_call call, uint64_t now_ms)
{
    free(body);
    body = session_begin(&session, call, now_ms, 2, 30);
    assert_non_null(body);
}

static void answer(enum session_call call, uint64_t now_ms, int status, const char *text)
{
    json_t *json = text ? json_loads(text, 0, NULL) : NULL;
    struct session_answer answer = {.status = status, .body = json};
    session_verdict_clear(&verdict);
    session_answered(&session, call, now_ms, &answer, &verdict);
    json_decref(json);
}

static void register_at(uint64_t now_ms)
{
    begin(SESSION_REGISTER, now_ms);
    answer(SESSION_REGISTER, now_ms, 201,
           "{\"worker\": 3, \"secret\": \"s3\", \"lease_s\": 30, \"heartbeat_s\": 10}");
    assert_int_equal(verdict.outcome, SESSION_OK);
}

static uint64_t due(enum session_call call)
{
    return session_due_ms(&session, call, 2);
}

static void hold(void)
{
    assert_int_equal(outbox_hold(outbox, lease, 0.9), 0);
}

static void measure(uint64_t now_ms)
{
    struct measurement measurement = {.step = (int64_t)now_ms, .train_loss = NAN};
    assert_int_equal(outbox_add_measurement(outbox, lease, &measurement), 0);
    session_outbox_changed(&session, now_ms);
}

static void finish(uint64_t now_ms)
{
    struct trial_result result = {.steps = 51, .steps_to_target = 50};
    outbox_finish(outbox, lease, &result);
    session_outbox_changed(&session, now_ms);
}

static void registering_comes_first(void **state)
{
    (void)state;
    assert_int_equal(due(SESSION_REGISTER), 0);
    assert_int_equal(due(SESSION_CLAIM), SESSION_NEVER);
    assert_int_equal(due(SESSION_REPORT), SESSION_NEVER);
    begin(SESSION_REGISTER, 5);
    assert_int_equal(due(SESSION_REGISTER), SESSION_NEVER);
    assert_non_null(strstr(body, "\"host\":\"node1\""));
    assert_non_null(strstr(body, "\"slots\":2"));
    answer(SESSION_REGISTER, 6, 201,
           "{\"worker\": 3, \"secret\": \"s3\", \"lease_s\": 30, \"heartbeat_s\": 10}");
    assert_int_equal(due(SESSION_REGISTER), SESSION_NEVER);
    assert_int_equal(due(SESSION_CLAIM), 0);
    assert_int_equal(due(SESSION_REPORT), 10006);
}

static void claims_are_for_free_slots_and_one_at_a_time(void **state)
{
    (void)state;
    register_at(0);
    assert_int_equal(session_due_ms(&session, SESSION_CLAIM, 0), SESSION_NEVER);
    begin(SESSION_CLAIM, 1);
    assert_string_equal(body, "{\"worker\":3,\"secret\":\"s3\",\"max\":2,\"wait_s\":30}");
    assert_int_equal(due(SESSION_CLAIM), SESSION_NEVER);
    answer(SESSION_CLAIM, 2, 200, "{\"claims\": []}");
    assert_int_equal(verdict.n_claims, 0);
    assert_int_equal(due(SESSION_CLAIM), 0);
}

static void granted_claims_come_with_their_configuration(void **state)
{
    (void)state;
    register_at(0);
    begin(SESSION_CLAIM, 1);
    answer(SESSION_CLAIM, 2, 200,
           "{\"claims\": [{\"trial\": 12, \"attempt\": 1, \"config\": {\"depth\": 7},"
           " \"reuse\": [{\"trial\": 5, \"trainer\": \"t\", \"kernel\": \"k\", \"data_sha256\": "
           "\"d\"}]},"
           " {\"trial\": 13, \"attempt\": 2, \"config\": {\"depht\": 7}}]}");
    assert_int_equal(verdict.outcome, SESSION_OK);
    assert_int_equal(verdict.n_claims, 2);
    assert_int_equal(verdict.claims[0].lease.trial, 12);
    assert_int_equal(verdict.claims[0].config.n_hidden, 7);
    assert_string_equal(verdict.claims[0].error.message, "");
    assert_int_equal(verdict.claims[0].offers.n, 1);
    assert_int_equal(verdict.claims[0].offers.at[0].trial, 5);
    assert_int_equal(verdict.claims[1].offers.n, 0);
    assert_int_equal(verdict.claims[1].lease.attempt, 2);
    assert_non_null(strstr(verdict.claims[1].error.message, "depht"));
}

static void news_waits_a_moment_and_an_end_does_not(void **state)
{
    (void)state;
    register_at(0);
    hold();
    measure(1000);
    measure(1050);
    assert_int_equal(due(SESSION_REPORT), 1100);
    finish(1060);
    assert_true(due(SESSION_REPORT) <= 1060);
}

static void every_report_puts_the_heartbeat_off(void **state)
{
    (void)state;
    register_at(0);
    hold();
    measure(1000);
    begin(SESSION_REPORT, 1100);
    answer(SESSION_REPORT, 1110, 200,
           "{\"results\": [{\"trial\": 12, \"attempt\": 1, \"status\": \"ok\"}]}");
    assert_int_equal(verdict.outcome, SESSION_OK);
    assert_int_equal(outbox_n_rows(outbox), 0);
    assert_int_equal(due(SESSION_REPORT), 11100);
}

static void a_worker_without_trials_still_says_that_it_lives(void **state)
{
    (void)state;
    register_at(0);
    begin(SESSION_REPORT, 10000);
    assert_string_equal(body, "{\"worker\":3,\"secret\":\"s3\",\"reports\":[]}");
    answer(SESSION_REPORT, 10001, 200, "{\"results\": []}");
    assert_int_equal(verdict.outcome, SESSION_OK);
}

static void a_lost_answer_means_the_same_report_again_later(void **state)
{
    (void)state;
    register_at(0);
    hold();
    measure(1000);
    finish(1000);
    begin(SESSION_REPORT, 1000);
    char *before = strdup(body);
    answer(SESSION_REPORT, 2000, 0, NULL);
    assert_int_equal(verdict.outcome, SESSION_AWAY);
    uint64_t again_ms = due(SESSION_REPORT);
    assert_in_range(again_ms, 2100, 2200); /* 200 ms, of which at least a half */
    begin(SESSION_REPORT, again_ms);
    assert_string_equal(body, before);
    free(before);
}

static void failing_calls_back_off_up_to_a_few_seconds(void **state)
{
    (void)state;
    uint64_t now_ms = 0, wait_ms = 0;
    for (int i = 0; i < 20; i++) {
        begin(SESSION_REGISTER, now_ms);
        answer(SESSION_REGISTER, now_ms, 0, NULL);
        wait_ms = due(SESSION_REGISTER) - now_ms;
        now_ms = due(SESSION_REGISTER);
        assert_in_range(wait_ms, 100, 5000);
    }
    assert_in_range(wait_ms, 2500, 5000);
    register_at(now_ms);
    assert_int_equal(due(SESSION_CLAIM), 0);
}

static void whoever_cannot_deliver_claims_nothing(void **state)
{
    (void)state;
    register_at(0);
    hold();
    finish(1);
    begin(SESSION_REPORT, 1);
    answer(SESSION_REPORT, 2, 503, "{\"error\": {\"code\": \"unavailable\"}}");
    assert_int_equal(verdict.outcome, SESSION_AWAY);
    assert_int_equal(due(SESSION_CLAIM), SESSION_NEVER);
    begin(SESSION_REPORT, 5000);
    answer(SESSION_REPORT, 5001, 200,
           "{\"results\": [{\"trial\": 12, \"attempt\": 1, \"status\": \"ok\"}]}");
    assert_int_equal(due(SESSION_CLAIM), 0);
}

static void retry_after_is_honoured_within_reason(void **state)
{
    (void)state;
    begin(SESSION_REGISTER, 0);
    struct session_answer busy = {.status = 503, .retry_after_ms = 3000};
    session_answered(&session, SESSION_REGISTER, 0, &busy, &verdict);
    assert_int_equal(due(SESSION_REGISTER), 3000);
    begin(SESSION_REGISTER, 3000);
    busy.retry_after_ms = 3600000;
    session_answered(&session, SESSION_REGISTER, 3000, &busy, &verdict);
    assert_int_equal(due(SESSION_REGISTER), 13000);
}

static void a_lost_lease_stops_its_trainer_and_is_forgotten(void **state)
{
    (void)state;
    static const char *const statuses[] = {"lease_lost", "cancelled"};
    register_at(0);
    for (int i = 0; i < 2; i++) {
        char text[128];
        hold();
        measure(1000);
        begin(SESSION_REPORT, 20000);
        snprintf(text, sizeof text,
                 "{\"results\": [{\"trial\": 12, \"attempt\": 1, \"status\": \"%s\"}]}",
                 statuses[i]);
        answer(SESSION_REPORT, 20000, 200, text);
        assert_int_equal(verdict.n_lost, 1);
        assert_int_equal(verdict.lost[0].trial, 12);
        assert_int_equal(outbox_n_held(outbox), 0);
    }
}

static void a_lease_lost_after_its_end_stops_nobody(void **state)
{
    (void)state;
    register_at(0);
    hold();
    finish(1);
    begin(SESSION_REPORT, 1);
    answer(SESSION_REPORT, 2, 200,
           "{\"results\": [{\"trial\": 12, \"attempt\": 1, \"status\": \"lease_lost\"}]}");
    assert_int_equal(verdict.n_lost, 0);
    assert_int_equal(outbox_n_held(outbox), 0);
}

static void a_forgotten_worker_registers_again_and_vouches_for_its_leases(void **state)
{
    (void)state;
    register_at(0);
    hold();
    begin(SESSION_REPORT, 10000);
    answer(SESSION_REPORT, 10001, 404,
           "{\"error\": {\"code\": \"unknown_worker\", \"message\": \"no worker 3\"}}");
    assert_int_equal(verdict.outcome, SESSION_UNKNOWN_WORKER);
    assert_int_equal(due(SESSION_REGISTER), 0);
    assert_int_equal(due(SESSION_REPORT), SESSION_NEVER);
    begin(SESSION_REGISTER, 10002);
    assert_non_null(
        strstr(body, "\"worker\":3,\"secret\":\"s3\"")); /* A7: as the same, if it can */
    answer(SESSION_REGISTER, 10003, 201,
           "{\"worker\": 9, \"secret\": \"s9\", \"lease_s\": 30, \"heartbeat_s\": 10}");
    assert_true(due(SESSION_REPORT) < 11000);
    begin(SESSION_REPORT, 11000);
    assert_string_equal(
        body, "{\"worker\":9,\"secret\":\"s9\",\"reports\":[{\"trial\":12,\"attempt\":1}]}");
}

static void leases_are_vouched_for_at_once_when_a_claim_tells_of_it(void **state)
{
    (void)state;
    register_at(0);
    hold();
    begin(SESSION_CLAIM, 10);
    answer(SESSION_CLAIM, 11, 404, "{\"error\": {\"code\": \"unknown_worker\"}}");
    register_at(12);
    assert_int_equal(due(SESSION_REPORT), 12);
}

static void another_404_is_not_about_the_worker(void **state)
{
    (void)state;
    register_at(0);
    begin(SESSION_CLAIM, 1);
    answer(SESSION_CLAIM, 2, 404, "{\"error\": {\"code\": \"not_found\"}}");
    assert_int_equal(verdict.outcome, SESSION_REFUSED);
    assert_int_equal(due(SESSION_REGISTER), SESSION_NEVER);
}

/* A7 */
static void an_older_daemon_is_named_as_the_trouble(void **state)
{
    (void)state;
    begin(SESSION_REGISTER, 0);
    assert_non_null(strstr(body, "\"protocol\":2"));
    assert_null(strstr(body, "secret"));
    answer(SESSION_REGISTER, 1, 400,
           "{\"error\": {\"code\": \"invalid_field\", \"field\": \"protocol\","
           " \"message\": \"there is no member \\\"protocol\\\" here\"}}");
    assert_int_equal(verdict.outcome, SESSION_REFUSED);
    assert_non_null(strstr(verdict.message, "upgrade the daemon"));
    assert_true(due(SESSION_REGISTER) > 1);
}

static void a_wrong_token_is_told_apart(void **state)
{
    (void)state;
    begin(SESSION_REGISTER, 0);
    answer(SESSION_REGISTER, 1, 401, "{\"error\": {\"code\": \"unauthorized\"}}");
    assert_int_equal(verdict.outcome, SESSION_UNAUTHORIZED);
    assert_true(due(SESSION_REGISTER) > 1);
}

static void nonsense_counts_as_no_answer(void **state)
{
    (void)state;
    begin(SESSION_REGISTER, 0);
    answer(SESSION_REGISTER, 1, 200, "{\"worker\": \"three\"}");
    assert_int_equal(verdict.outcome, SESSION_AWAY);
    register_at(1000);
    hold();
    finish(1000);
    begin(SESSION_REPORT, 1000);
    answer(SESSION_REPORT, 1001, 200, "{\"results\": []}");
    assert_int_equal(verdict.outcome, SESSION_AWAY);
    assert_int_equal(outbox_n_held(outbox), 1);
    begin(SESSION_REPORT, 2000);
    answer(SESSION_REPORT, 2001, 200, "<html>");
    assert_int_equal(verdict.outcome, SESSION_AWAY);
    assert_true(due(SESSION_REPORT) > 2001);
}

static void a_refused_item_fails_alone(void **state)
{
    (void)state;
    const struct report *reports;
    register_at(0);
    assert_int_equal(outbox_hold(outbox, (struct lease){11, 1}, 0.9), 0);
    hold();
    finish(1);
    begin(SESSION_REPORT, 1);
    answer(SESSION_REPORT, 2, 400,
           "{\"error\": {\"code\": \"invalid_field\", \"field\": \"reports[1].done.steps\","
           " \"message\": \"steps is silly\"}}");
    assert_int_equal(verdict.outcome, SESSION_REFUSED);
    assert_int_equal(outbox_batch(outbox, &reports), 2);
    assert_int_equal(reports[0].end, REPORT_CONTINUES);
    assert_int_equal(reports[1].end, REPORT_FAILED);
    assert_non_null(strstr(reports[1].failure.reason, "steps is silly"));
}

static void draining_hands_everything_back_and_claims_no_more(void **state)
{
    (void)state;
    register_at(0);
    hold();
    measure(500);
    session_drain(&session, 500);
    assert_int_equal(due(SESSION_CLAIM), SESSION_NEVER);
    assert_true(due(SESSION_REPORT) <= 500);
    begin(SESSION_REPORT, 500);
    assert_string_equal(body, "{\"worker\":3,\"secret\":\"s3\",\"reports\":[{\"trial\":12,"
                              "\"attempt\":1,\"released\":true}]}");
    answer(SESSION_REPORT, 501, 200,
           "{\"results\": [{\"trial\": 12, \"attempt\": 1, \"status\": \"ok\"}]}");
    assert_int_equal(outbox_n_held(outbox), 0);
    assert_int_equal(due(SESSION_REPORT), SESSION_NEVER);
}

static void it_departs_when_all_is_delivered_and_says_so_until_it_is_heard(void **state)
{
    (void)state;
    register_at(0);
    hold();
    begin(SESSION_CLAIM, 400);
    session_drain(&session, 500);
    session_aborted(&session, SESSION_CLAIM, 500);
    assert_int_equal(due(SESSION_DEPART), SESSION_NEVER); /* or its results were late */
    assert_false(session_is_over(&session));
    begin(SESSION_REPORT, 500);
    answer(SESSION_REPORT, 501, 200,
           "{\"results\": [{\"trial\": 12, \"attempt\": 1, \"status\": \"ok\"}]}");
    assert_true(due(SESSION_DEPART) <= 501);
    begin(SESSION_DEPART, 501);
    assert_string_equal(body, "{\"worker\":3,\"secret\":\"s3\"}");
    assert_int_equal(due(SESSION_DEPART), SESSION_NEVER);
    answer(SESSION_DEPART, 502, 503, NULL);
    assert_false(session_is_over(&session));
    uint64_t again_ms = due(SESSION_DEPART);
    assert_true(again_ms > 502 && again_ms < 1000);
    begin(SESSION_DEPART, again_ms);
    answer(SESSION_DEPART, again_ms, 200, "{\"released\": 1}");
    assert_true(session_is_over(&session));
    assert_int_equal(due(SESSION_DEPART), SESSION_NEVER);
}

static void one_that_never_registered_has_nothing_to_say(void **state)
{
    (void)state;
    session_drain(&session, 0);
    assert_true(session_is_over(&session));
    assert_int_equal(due(SESSION_REGISTER), SESSION_NEVER);
    assert_int_equal(due(SESSION_DEPART), SESSION_NEVER);
}

int main(void)
{
#define SESSION_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        SESSION_TEST(registering_comes_first),
        SESSION_TEST(claims_are_for_free_slots_and_one_at_a_time),
        SESSION_TEST(granted_claims_come_with_their_configuration),
        SESSION_TEST(news_waits_a_moment_and_an_end_does_not),
        SESSION_TEST(every_report_puts_the_heartbeat_off),
        SESSION_TEST(a_worker_without_trials_still_says_that_it_lives),
        SESSION_TEST(a_lost_answer_means_the_same_report_again_later),
        SESSION_TEST(failing_calls_back_off_up_to_a_few_seconds),
        SESSION_TEST(whoever_cannot_deliver_claims_nothing),
        SESSION_TEST(retry_after_is_honoured_within_reason),
        SESSION_TEST(a_lost_lease_stops_its_trainer_and_is_forgotten),
        SESSION_TEST(a_lease_lost_after_its_end_stops_nobody),
        SESSION_TEST(a_forgotten_worker_registers_again_and_vouches_for_its_leases),
        SESSION_TEST(leases_are_vouched_for_at_once_when_a_claim_tells_of_it),
        SESSION_TEST(another_404_is_not_about_the_worker),
        SESSION_TEST(an_older_daemon_is_named_as_the_trouble),
        SESSION_TEST(a_wrong_token_is_told_apart),
        SESSION_TEST(nonsense_counts_as_no_answer),
        SESSION_TEST(a_refused_item_fails_alone),
        SESSION_TEST(draining_hands_everything_back_and_claims_no_more),
        SESSION_TEST(it_departs_when_all_is_delivered_and_says_so_until_it_is_heard),
        SESSION_TEST(one_that_never_registered_has_nothing_to_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
