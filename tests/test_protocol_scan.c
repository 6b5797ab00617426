#include "tests/test.h"

#include "common/protocol.h"
#include "common/rng.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECRET "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static uint32_t dice(struct rng *rng, uint32_t n)
{
    return rng_below(rng, n);
}

static double real(struct rng *rng)
{
    static const double few[] = {NAN, 0, 0.5, 0.9012, 1e-8, 123456.75, 1e300, -2.5, 1.0 / 3};
    uint32_t i = dice(rng, 12);
    return i < 9 ? few[i] : rng_uniform(rng) * 1000;
}

static void text(struct rng *rng, char *ret, size_t size)
{
    size_t length = dice(rng, (uint32_t)(size < 80 ? size : 80));
    for (size_t i = 0; i < length; i++) {
        ret[i] = (char)('a' + dice(rng, 26));
    }
    ret[length] = '\0';
}

static double amount(struct rng *rng)
{
    return fabs(real(rng));
}

static void hash(struct rng *rng, char ret[SHA256_HEX_SIZE])
{
    size_t length = dice(rng, 2) ? SHA256_HEX_SIZE - 1 : 0;
    for (size_t i = 0; i < length; i++) {
        ret[i] = "0123456789abcdef"[dice(rng, 16)];
    }
    ret[length] = '\0';
}

static struct report random_report(struct rng *rng)
{
    struct report r = {.trial = 1 + dice(rng, 1000000), .attempt = 1 + dice(rng, 9)};
    r.n_measurements = dice(rng, 20);
    r.measurements = calloc(r.n_measurements + 1, sizeof(*r.measurements));
    for (size_t i = 0; i < r.n_measurements; i++) {
        r.measurements[i] = (struct measurement){(int64_t)i, 0.25, real(rng), 12.5, 1e-3};
    }
    r.n_layers = dice(rng, 3);
    r.layers = calloc(r.n_layers + 1, sizeof(*r.layers));
    for (size_t i = 0; i < r.n_layers; i++) {
        r.layers[i] =
            (struct layer_stat){7,           (int)i, amount(rng), amount(rng), amount(rng),
                                amount(rng), 0.5,    NAN,         real(rng),   amount(rng)};
    }
    r.end = (enum report_end)dice(rng, 5);
    r.reused_from = 1 + dice(rng, 1000);
    r.result = (struct trial_result){.steps = 5,
                                     .steps_to_target = (int64_t)dice(rng, 3) - 1,
                                     .seconds_to_target = amount(rng),
                                     .final_accuracy = 0.5,
                                     .final_loss = real(rng),
                                     .ms_per_step = amount(rng)};
    hash(rng, r.result.weights_sha256);
    text(rng, r.result.kernel, sizeof(r.result.kernel));
    text(rng, r.failure.reason, sizeof(r.failure.reason));
    r.failure.reason[0] = 'r'; /* never empty: that would be no failure */
    r.failure.retry = dice(rng, 2);
    return r;
}

/* A body of some reports, as a worker sends it. */
static char *random_body(struct rng *rng)
{
    json_t *list = json_array();
    for (uint32_t n = dice(rng, 4); n > 0; n--) {
        struct report report = random_report(rng);
        json_array_append_new(list, report_to_json(&report));
        report_clear(&report);
    }
    json_t *body = json_pack("{s:i,s:o}", "worker", 3, "reports", list);
    if (dice(rng, 2)) { /* version 2 */
        json_object_set_new(body, "secret", json_string(SECRET));
    }
    char *ret = json_dumps(body, dice(rng, 2) ? JSON_COMPACT : JSON_INDENT(2));
    json_decref(body);
    assert_non_null(ret);
    return ret;
}

/* Both ways agree on every report that the fast way has taken. */
static void same_as_json(const char *body, const struct report *reports, size_t n,
                         const struct worker_badge *badge)
{
    json_t *json = json_loads(body, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(json);
    assert_int_equal(json_integer_value(json_object_get(json, "worker")), badge->worker);
    const char *secret = json_string_value(json_object_get(json, "secret"));
    assert_string_equal(secret ? secret : "", badge->secret);
    json_t *list = json_object_get(json, "reports");
    assert_int_equal(json_array_size(list), n);
    for (size_t i = 0; i < n; i++) {
        struct report expected;
        struct error error = {0};
        if (report_from_json(json_array_get(list, i), &expected, &error) != 0) {
            fail_msg("%s: %s in %s", error.field, error.message, body);
        }
        json_t *a = report_to_json(&expected), *b = report_to_json(&reports[i]);
        assert_true(json_equal(a, b));
        json_decref(a);
        json_decref(b);
        report_clear(&expected);
    }
    json_decref(json);
}

static bool scan(const char *body)
{
    struct worker_badge badge;
    struct report *reports;
    size_t n;
    /* A copy without the NUL, so that reading on is seen by the sanitizer. */
    size_t size = strlen(body);
    char *exact = malloc(size + (size == 0));
    memcpy(exact, body, size);
    bool taken = reports_scan(exact, size, &badge, &reports, &n);
    free(exact);
    if (taken) {
        same_as_json(body, reports, n, &badge);
        for (size_t i = 0; i < n; i++) {
            report_clear(&reports[i]);
        }
        free(reports);
    }
    return taken;
}

static void what_workers_send_is_taken_as_json_would_be(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, 1, RNG_SEARCH, 0);
    for (int i = 0; i < 2000; i++) {
        char *body = random_body(&rng);
        if (!scan(body)) {
            fail_msg("not taken: %s", body);
        }
        free(body);
    }
}

static void a_damaged_body_is_never_taken_for_something_else(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, 2, RNG_SEARCH, 0);
    int n_taken = 0;
    for (int i = 0; i < 30000; i++) {
        static const char marks[] = "{}[]\",:0123456789.-+eE\\ntrul \x01\xc3";
        char *body = random_body(&rng);
        size_t size = strlen(body);
        for (uint32_t n = 1 + dice(&rng, 3); n > 0; n--) {
            size_t at = dice(&rng, (uint32_t)size);
            switch (dice(&rng, 3)) {
            case 0:
                body[at] = marks[dice(&rng, sizeof(marks) - 1)];
                break;
            case 1:
                memmove(body + at, body + at + 1, size - at);
                size -= size > 1;
                break;
            default:
                body[size = at > 0 ? at : 1] = '\0';
            }
        }
        n_taken += scan(body); /* scan compares with Jansson */
        free(body);
    }
    assert_true(n_taken > 100); /* some damage is none: another digit, another letter */
}

static void what_the_fast_way_does_not_know_is_left_to_the_other(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "",
        "{}",
        "[]",
        "{\"worker\":1}",
        "{\"reports\":[]}",
        "{\"worker\":0,\"reports\":[]}",
        "{\"worker\":1,\"reports\":[],\"reports\":[]}",
        "{\"worker\":1,\"reports\":[]}x",
        "{\"worker\":1,\"secret\":\"\",\"reports\":[]}",
        "{\"worker\":1,\"secret\":\"short\",\"reports\":[]}",
        "{\"worker\":1,\"secret\":\"" SECRET "0\",\"reports\":[]}",
        "{\"worker\":1,\"secret\":\"" SECRET "\",\"secret\":\"" SECRET "\",\"reports\":[]}",
        "{\"worker\":1,\"secret\":7,\"reports\":[]}",
        "{\"worker\":1,\"reports\":[{\"trial\":1}]}",
        "{\"worker\":1,\"reports\":[{\"trial\":1,\"attempt\":0}]}",
        "{\"worker\":1,\"reports\":[{\"trial\":01,\"attempt\":1}]}",
        "{\"worker\":1,\"reports\":[{\"trial\":1,\"attempt\":1,\"new\":2}]}",
        "{\"worker\":1,\"reports\":[{\"trial\":1,\"attempt\":1,\"trial\":1}]}",
        "{\"worker\":1,\"reports\":[{\"trial\":1,\"attempt\":1,\"released\":false}]}",
        "{\"worker\":1,\"reports\":[{\"trial\":1,\"attempt\":1,\"failed\":{\"reason\":\"\\u0041\"}}"
        "]}",
        "{\"worker\":1,\"reports\":[{\"trial\":1,\"attempt\":1,\"failed\":{\"reason\":\"x\"},"
        "\"released\":true}]}",
        "{\"worker\":1,\"reports\":[{\"trial\":1,\"attempt\":1,\"reused_from\":0}]}",
        "{\"worker\":1,\"reports\":[{\"trial\":1,\"attempt\":1,\"reused_from\":2,"
        "\"released\":true}]}",
        "{\"worker\":1,\"reports\":[{\"trial\":1,\"attempt\":1,\"measurements\":[{\"step\":1}]}]}",
        "{\"worker\":1,\"reports\":[{\"trial\":1,\"attempt\":1,\"measurements\":[{\"step\":1,"
        "\"test_accuracy\":1e999,\"cpu_ms\":1,\"wall_ms\":1}]}]}",
    };
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        if (scan(bodies[i])) {
            fail_msg("taken: %s", bodies[i]);
        }
    }
    assert_true(scan("{\"worker\":1,\"reports\":[]}"));
    assert_true(
        scan(" { \"reports\" : [ { \"attempt\" : 2 , \"trial\" : 1 , \"released\" : true } ] , "
             "\"worker\" : 1 } "));
}

/* Found by fuzzing: the second list was written behind the end of the first one's memory. */
static void a_list_that_began_badly_is_not_begun_again(void **state)
{
    (void)state;
    static const char item[] = "{\"trial\":1,\"attempt\":1},";
    char body[1024] = "{\"worker\":1,\"reports\":[";
    for (int i = 0; i < 9; i++) {
        strcat(body, item);
    }
    strcat(body, "{\"trial\":,\"reports\":[{\"trial\":1,\"attempt\":1}]}");
    assert_false(scan(body));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_workers_send_is_taken_as_json_would_be),
        cmocka_unit_test(a_damaged_body_is_never_taken_for_something_else),
        cmocka_unit_test(a_list_that_began_badly_is_not_begun_again),
        cmocka_unit_test(what_the_fast_way_does_not_know_is_left_to_the_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
