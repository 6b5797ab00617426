#include "tests/api_fixture.h"
#include "tests/test.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

static int setup(void **state)
{
    *state = api_fixture_start(&(struct api_fixture_options){0});
    return 0;
}

static int teardown(void **state)
{
    api_fixture_stop(*state);
    return 0;
}

static void post(struct http_client *client, const char *path, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void post(struct http_client *client, const char *path, const char *format, ...)
{
    char body[2048];
    va_list args;
    va_start(args, format);
    vsnprintf(body, sizeof body, format, args);
    va_end(args);
    http_client_request(client, "POST", path, body, NULL);
}

/* Reports one trial's end or progress; the status of the item. */
static const char *report(struct api_fixture *f, int64_t worker, int64_t trial, int64_t attempt,
                          const char *rest)
{
    post(f->client, "/v1/reports",
         "{\"worker\": %d, \"reports\": [{\"trial\": %d, \"attempt\": %d%s}]}", (int)worker,
         (int)trial, (int)attempt, rest);
    assert_int_equal(api_fixture_receive(f, f->client), 200);
    assert_int_equal(api_fixture_integer(f, "results.0.trial"), trial);
    return api_fixture_text(f, "results.0.status");
}

static const char done[] =
    ", \"measurements\": [{\"step\": 1, \"test_accuracy\": 0.5, \"train_loss\": 1.5, \"cpu_ms\": "
    "10, \"wall_ms\": 11}, {\"step\": 9, \"test_accuracy\": 0.91, \"cpu_ms\": 90, \"wall_ms\": "
    "99}], \"layers\": [{\"step\": 1, \"layer\": 0, \"gradient_rms\": 0.1}], \"done\": {\"steps\": "
    "9, \"steps_to_target\": 9, \"seconds_to_target\": 0.09, \"final_accuracy\": 0.91, "
    "\"ms_per_step\": 10, \"weights_sha256\": "
    "\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\", \"kernel\": \"Test\"}";

static int64_t n_claims(struct api_fixture *f)
{
    return (int64_t)json_array_size(api_fixture_get(f, "claims"));
}

/* ---- the way of a trial ---- */

static void a_trial_goes_from_claim_to_result(void **state)
{
    struct api_fixture *f = *state;
    api_fixture_sweep(f, 1);
    int64_t worker = api_fixture_worker(f);
    post(f->client, "/v1/claims", "{\"worker\": %d, \"max\": 4}", (int)worker);
    assert_int_equal(api_fixture_receive(f, f->client), 200);
    assert_int_equal(n_claims(f), 1);
    int64_t trial = api_fixture_integer(f, "claims.0.trial");
    assert_int_equal(api_fixture_integer(f, "claims.0.attempt"), 1);
    assert_int_equal(api_fixture_integer(f, "claims.0.config.hidden_units.0"), 500);
    assert_string_equal(report(f, worker, trial, 1, ""), "ok");
    assert_string_equal(report(f, worker, trial, 1, done), "ok");
    assert_string_equal(report(f, worker, trial, 1, done), "ok"); /* repeated: harmless */

    assert_int_equal(api_fixture_call(f, "GET", "/v1/trials/1", NULL), 200);
    assert_string_equal(api_fixture_text(f, "state"), "succeeded");
    assert_int_equal(api_fixture_integer(f, "steps_to_target"), 9);
    assert_string_equal(api_fixture_text(f, "kernel"), "Test");
    assert_string_equal(api_fixture_text(f, "attempt_list.0.state"), "succeeded");
    assert_int_equal(api_fixture_call(f, "GET", "/v1/trials/1/measurements", NULL), 200);
    assert_int_equal(json_array_size(api_fixture_get(f, "measurements")), 2);
    assert_true(json_is_null(api_fixture_get(f, "measurements.1.train_loss")));
    assert_int_equal(api_fixture_call(f, "GET", "/v1/trials/1/layers", NULL), 200);
    assert_int_equal(json_array_size(api_fixture_get(f, "layers")), 1);
    assert_int_equal(api_fixture_call(f, "GET", "/v1/layers?sweep=1", NULL), 200);
    assert_true(json_number_value(api_fixture_get(f, "layers.0.median")) == 0.1);
    assert_int_equal(api_fixture_call(f, "GET", "/v1/layers?step=2", NULL), 200);
    assert_int_equal(json_array_size(api_fixture_get(f, "layers")), 0);
    assert_int_equal(api_fixture_call(f, "GET", "/v1/layers?value=dead&depth=1", NULL), 200);
    assert_true(json_is_null(api_fixture_get(f, "layers.0.median")));
    assert_int_equal(api_fixture_call(f, "GET", "/v1/layers/steps?format=json", NULL), 200);
    assert_int_equal(json_array_size(api_fixture_get(f, "steps")), 1);
    assert_int_equal(api_fixture_call(f, "GET", "/v1/sweeps/1", NULL), 200);
    assert_string_equal(api_fixture_text(f, "state"), "finished");
    assert_int_equal(api_fixture_integer(f, "reached"), 1);
    assert_int_equal(api_fixture_call(f, "GET", "/v1/workers", NULL), 200);
    assert_string_equal(api_fixture_text(f, "workers.0.state"), "alive");
}

static void a_failure_is_retried_and_its_reason_kept(void **state)
{
    struct api_fixture *f = *state;
    api_fixture_sweep(f, 1);
    int64_t worker = api_fixture_worker(f);
    post(f->client, "/v1/claims", "{\"worker\": %d}", (int)worker);
    api_fixture_receive(f, f->client);
    assert_string_equal(
        report(f, worker, 1, 1, ", \"failed\": {\"reason\": \"bad data\", \"retry\": false}"),
        "ok");
    assert_int_equal(api_fixture_call(f, "GET", "/v1/trials/1", NULL), 200);
    assert_string_equal(api_fixture_text(f, "state"), "failed");
    assert_string_equal(api_fixture_text(f, "error"), "bad data");
}

static void a_late_report_is_told_that_the_lease_is_lost(void **state)
{
    struct api_fixture *f = *state;
    api_fixture_sweep(f, 1);
    int64_t worker = api_fixture_worker(f);
    post(f->client, "/v1/claims", "{\"worker\": %d}", (int)worker);
    api_fixture_receive(f, f->client);
    assert_string_equal(report(f, worker, 1, 1, ", \"released\": true"), "ok");
    post(f->client, "/v1/claims", "{\"worker\": %d}", (int)worker);
    api_fixture_receive(f, f->client);
    assert_int_equal(api_fixture_integer(f, "claims.0.attempt"), 2);
    assert_string_equal(report(f, worker, 1, 1, done), "lease_lost");
    assert_string_equal(report(f, worker, 1, 2, done), "ok");
}

static bool lease_is_over(void *ctx)
{
    struct api_fixture *f = ctx;
    return api_fixture_call(f, "GET", "/v1/trials/1", NULL) == 200 &&
           strcmp(api_fixture_text(f, "state"), "queued") == 0;
}

static void a_silent_workers_trial_goes_back_to_the_queue(void **state)
{
    struct api_fixture *f = api_fixture_start(&(struct api_fixture_options){.lease_ms = 50});
    *state = f;
    api_fixture_sweep(f, 1);
    int64_t worker = api_fixture_worker(f);
    post(f->client, "/v1/claims", "{\"worker\": %d}", (int)worker);
    api_fixture_receive(f, f->client);
    assert_int_equal(n_claims(f), 1);
    http_client_run_until(&f->loop, lease_is_over, f);
    assert_string_equal(report(f, worker, 1, 1, done), "lease_lost");
}

/* A6: what was believed once, each with the member and the value that are wrong. */
static void what_cannot_be_is_refused_at_the_door(void **state)
{
    struct api_fixture *f = *state;
#define ENDED "\"done\": {\"steps\": "
#define MEASURED "\"measurements\": [{\"cpu_ms\": 1, \"wall_ms\": 1, \"step\": "
    static const struct {
        const char *item, *field, *value;
    } cases[] = {
        {ENDED "9, \"steps_to_target\": 9, \"final_accuracy\": 2}", "done.final_accuracy", "2"},
        {ENDED "9, \"steps_to_target\": 9, \"final_accuracy\": -5}", "done.final_accuracy", "-5"},
        {ENDED "9, \"final_accuracy\": 1e308}", "done.final_accuracy", "1e+308"},
        {ENDED "9223372036854775807, \"final_accuracy\": 0.5}", "done.steps",
         "9223372036854775807"},
        {ENDED "9, \"steps_to_target\": 9, \"final_accuracy\": 0.1}", "done.steps_to_target",
         "0.1"},
        {ENDED "9, \"steps_to_target\": 10, \"final_accuracy\": 0.95}", "done.steps_to_target",
         "10"},
        {ENDED "9, \"steps_to_target\": 9, \"seconds_to_target\": -1.5, \"final_accuracy\": 1}",
         "done.seconds_to_target", "-1.5"},
        {ENDED "9, \"final_accuracy\": 0.5, \"ms_per_step\": -2}", "done.ms_per_step", "-2"},
        {ENDED "9, \"final_accuracy\": 0.5, \"weights_sha256\": \"not a hash\"}",
         "done.weights_sha256", "not a hash"},
        {MEASURED "3, \"test_accuracy\": 1.5}]", "measurements[0].test_accuracy", "1.5"},
        {MEASURED "2001, \"test_accuracy\": 0.5}]", "measurements[0].step", "2001"},
        {MEASURED "1, \"test_accuracy\": 0.5}]", "measurements[0].step", "1"},
        {"\"layers\": [{\"step\": 3, \"layer\": 9}]", "layers[0].layer", "9"},
    };
    api_fixture_call(f, "POST", "/v1/sweeps", "{\"base\": {\"depth\": 1}}");
    int64_t worker = api_fixture_worker(f);
    post(f->client, "/v1/claims", "{\"worker\": %d}", (int)worker);
    api_fixture_receive(f, f->client);
    assert_string_equal(report(f, worker, 1, 1, ", " MEASURED "2, \"test_accuracy\": 0.5}]"), "ok");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char field[64];
        post(f->client, "/v1/reports",
             "{\"worker\": %d, \"reports\": [{\"trial\": 1, \"attempt\": 1, %s}]}", (int)worker,
             cases[i].item);
        assert_int_equal(api_fixture_receive(f, f->client), 400);
        snprintf(field, sizeof field, "reports[0].%s", cases[i].field);
        assert_string_equal(api_fixture_text(f, "error.code"), "invalid_field");
        assert_string_equal(api_fixture_text(f, "error.field"), field);
        if (!strstr(api_fixture_text(f, "error.message"), cases[i].value)) {
            fail_msg("'%s' does not say %s", api_fixture_text(f, "error.message"), cases[i].value);
        }
    }
    /* Sent again after a lost answer, with more: what is kept already is passed over. */
    static const char again[] = ", " MEASURED "2, \"test_accuracy\": 0.5}, {\"step\": 9, "
                                "\"test_accuracy\": 0.91, \"cpu_ms\": 1, \"wall_ms\": 1}], " ENDED
                                "9, \"steps_to_target\": 9, \"final_accuracy\": 0.91}";
    assert_string_equal(report(f, worker, 1, 1, again), "ok");
    assert_string_equal(report(f, worker, 1, 1, again), "ok");
}

static void bad_reports_are_refused_by_name_and_wholly(void **state)
{
    struct api_fixture *f = *state;
    static const struct {
        const char *reports, *field;
    } cases[] = {
        {"{\"worker\": 1}", "reports"},
        {"{\"worker\": 1, \"reports\": {}}", "reports"},
        {"{\"worker\": 0, \"reports\": []}", "worker"},
        {"{\"worker\": 1, \"reports\": [], \"x\": 1}", "x"},
        {"{\"worker\": 1, \"reports\": [{\"trial\": 1, \"attempt\": 1, \"released\": true}, 3]}",
         "reports[1]"},
        {"{\"worker\": 1, \"reports\": [{\"trial\": 1, \"attempt\": \"one\"}]}",
         "reports[0].attempt"},
    };
    api_fixture_sweep(f, 1);
    int64_t worker = api_fixture_worker(f);
    post(f->client, "/v1/claims", "{\"worker\": %d}", (int)worker);
    api_fixture_receive(f, f->client);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        post(f->client, "/v1/reports", "%s", cases[i].reports);
        assert_int_equal(api_fixture_receive(f, f->client), 400);
        assert_string_equal(api_fixture_text(f, "error.code"), "invalid_field");
        assert_string_equal(api_fixture_text(f, "error.field"), cases[i].field);
    }
    assert_int_equal(api_fixture_call(f, "GET", "/v1/trials/1", NULL), 200);
    assert_string_equal(api_fixture_text(f, "state"), "running");
}

/* ---- reuse ---- */

#define DATA "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"
#define TRAINED_SO "\"trainer\": \"t 1\", \"kernel\": \"k\", \"data_sha256\": \"" DATA "\""

/* Claims and trains all that can be claimed, 64 at a time; no measurements. */
static void train_all(struct api_fixture *f, int64_t worker)
{
    static char body[32 * 1024];
    for (;;) {
        post(f->client, "/v1/claims", "{\"worker\": %d, \"max\": 64}", (int)worker);
        assert_int_equal(api_fixture_receive(f, f->client), 200);
        int64_t n = n_claims(f);
        if (n == 0) {
            return;
        }
        int used = sprintf(body, "{\"worker\": %d, \"reports\": [", (int)worker);
        for (int64_t i = 0; i < n; i++) {
            const json_t *claim = json_array_get(api_fixture_get(f, "claims"), (size_t)i);
            used += sprintf(body + used,
                            "%s{\"trial\": %d, \"attempt\": 1, \"done\": {\"steps\": 9,"
                            " \"final_accuracy\": 0.5, " TRAINED_SO "}}",
                            i > 0 ? ", " : "",
                            (int)json_integer_value(json_object_get(claim, "trial")));
        }
        strcpy(body + used, "]}");
        assert_int_equal(api_fixture_call(f, "POST", "/v1/reports", body), 200);
    }
}

static void an_earlier_result_is_offered_and_stands_for_a_training(void **state)
{
    struct api_fixture *f = *state;
    int64_t worker = api_fixture_worker(f);
    api_fixture_sweep(f, 1);
    train_all(f, worker);
    assert_int_equal(
        api_fixture_call(f, "POST", "/v1/sweeps", "{\"base\": {\"depth\": 1}, \"reuse\": true}"),
        201);
    assert_true(json_is_true(api_fixture_get(f, "reuse")));
    assert_true(json_is_true(api_fixture_get(f, "spec.reuse")));
    assert_int_equal(api_fixture_integer(f, "reused"), 0);
    post(f->client, "/v1/claims", "{\"worker\": %d}", (int)worker);
    assert_int_equal(api_fixture_receive(f, f->client), 200);
    assert_int_equal(json_array_size(api_fixture_get(f, "claims.0.reuse")), 1);
    assert_int_equal(api_fixture_integer(f, "claims.0.reuse.0.trial"), 1);
    assert_string_equal(api_fixture_text(f, "claims.0.reuse.0.trainer"), "t 1");
    assert_string_equal(api_fixture_text(f, "claims.0.reuse.0.kernel"), "k");
    assert_string_equal(api_fixture_text(f, "claims.0.reuse.0.data_sha256"), DATA);
    assert_string_equal(report(f, worker, 2, 1, ", \"reused_from\": 1"), "ok");
    assert_int_equal(api_fixture_call(f, "GET", "/v1/trials/2", NULL), 200);
    assert_string_equal(api_fixture_text(f, "state"), "succeeded");
    assert_int_equal(api_fixture_integer(f, "reused_from"), 1);
    assert_int_equal(api_fixture_integer(f, "steps"), 9);
    assert_int_equal(api_fixture_call(f, "GET", "/v1/sweeps/2", NULL), 200);
    assert_int_equal(api_fixture_integer(f, "reused"), 1);
}

/* More results than one round takes over: the claim waits until it has what is to be trained. */
static void a_claim_goes_past_all_that_was_trained_before(void **state)
{
    struct api_fixture *f = *state;
    int64_t worker = api_fixture_worker(f);
    api_fixture_sweep(f, 1200);
    train_all(f, worker);
    assert_int_equal(
        api_fixture_call(f, "POST", "/v1/sweeps",
                         "{\"base\": {\"depth\": 1}, \"replicates\": 1201, \"reuse\": true}"),
        201);
    post(f->client, "/v1/claims", "{\"worker\": %d, \"wait_s\": 60}", (int)worker);
    assert_int_equal(api_fixture_receive(f, f->client), 200);
    assert_int_equal(api_fixture_integer(f, "claims.0.trial"), 1201);
    assert_string_equal(report(f, worker, 1201, 1, ", \"reused_from\": 1"), "ok");
    post(f->client, "/v1/claims", "{\"worker\": %d, \"wait_s\": 60}", (int)worker);
    assert_int_equal(api_fixture_receive(f, f->client), 200);
    assert_int_equal(n_claims(f), 1);
    assert_int_equal(api_fixture_integer(f, "claims.0.trial"), 2401);
    assert_int_equal(api_fixture_call(f, "GET", "/v1/sweeps/2", NULL), 200);
    assert_int_equal(api_fixture_integer(f, "reused"), 1200);
}

/* ---- waiting ---- */

static void claims_that_find_nothing_wait_and_are_served_in_their_order(void **state)
{
    struct api_fixture *f = *state;
    struct http_client *waiting[5];
    for (int i = 0; i < 5; i++) {
        int64_t worker = api_fixture_worker(f);
        waiting[i] = http_client_connect(&f->loop, f->port);
        post(waiting[i], "/v1/claims", "{\"worker\": %d, \"max\": 1, \"wait_s\": 60}", (int)worker);
        /* Its order is that of its arrival, so let it arrive. */
        assert_int_equal(api_fixture_call(f, "GET", "/healthz", NULL), 200);
    }
    api_fixture_sweep(f, 3);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(api_fixture_receive(f, waiting[i]), 200);
        assert_int_equal(n_claims(f), 1);
        assert_int_equal(api_fixture_integer(f, "claims.0.trial"), i + 1);
    }
    assert_int_equal(api_fixture_call(f, "GET", "/v1/sweeps/1", NULL), 200);
    assert_int_equal(api_fixture_integer(f, "running"), 3);
    assert_false(http_client_has_answer(waiting[3]));
    assert_false(http_client_has_answer(waiting[4]));
    for (int i = 0; i < 5; i++) {
        http_client_close(waiting[i]);
    }
}

static void a_wait_ends_with_no_claims(void **state)
{
    struct api_fixture *f = *state;
    int64_t worker = api_fixture_worker(f);
    post(f->client, "/v1/claims", "{\"worker\": %d, \"wait_s\": 0.01}", (int)worker);
    assert_int_equal(api_fixture_receive(f, f->client), 200);
    assert_int_equal(n_claims(f), 0);
    post(f->client, "/v1/claims", "{\"worker\": %d}", (int)worker);
    assert_int_equal(api_fixture_receive(f, f->client), 200);
    assert_int_equal(n_claims(f), 0);
    post(f->client, "/v1/claims", "{\"worker\": %d, \"wait_s\": 61}", (int)worker);
    assert_int_equal(api_fixture_receive(f, f->client), 400);
    assert_string_equal(api_fixture_text(f, "error.field"), "wait_s");
}

static void a_waiting_client_that_hung_up_gets_no_trial(void **state)
{
    struct api_fixture *f = *state;
    int64_t worker = api_fixture_worker(f);
    struct http_client *leaves = http_client_connect(&f->loop, f->port);
    post(leaves, "/v1/claims", "{\"worker\": %d, \"wait_s\": 60}", (int)worker);
    assert_int_equal(api_fixture_call(f, "GET", "/healthz", NULL), 200);
    http_client_close(leaves);
    api_fixture_sweep(f, 1);
    post(f->client, "/v1/claims", "{\"worker\": %d}", (int)worker);
    assert_int_equal(api_fixture_receive(f, f->client), 200);
    assert_int_equal(n_claims(f), 1);
    assert_int_equal(api_fixture_integer(f, "claims.0.attempt"), 1);
}

static void a_worker_that_departs_gives_back_what_it_was_just_granted(void **state)
{
    struct api_fixture *f = *state;
    int64_t worker = api_fixture_worker(f);
    api_fixture_sweep(f, 2);
    post(f->client, "/v1/claims", "{\"worker\": %d}", (int)worker);
    assert_int_equal(api_fixture_receive(f, f->client), 200);
    post(f->client, "/v1/departures", "{\"worker\": %d}", (int)worker);
    assert_int_equal(api_fixture_receive(f, f->client), 200);
    assert_int_equal(api_fixture_integer(f, "released"), 1);
    post(f->client, "/v1/claims", "{\"worker\": %d, \"wait_s\": 60}", (int)worker);
    assert_int_equal(api_fixture_receive(f, f->client), 404);
    assert_string_equal(api_fixture_text(f, "error.code"), "unknown_worker");
    assert_int_equal(api_fixture_call(f, "GET", "/v1/sweeps/1", NULL), 200);
    assert_int_equal(api_fixture_integer(f, "queued"), 2);
    post(f->client, "/v1/departures", "{\"worker\": 99}");
    assert_int_equal(api_fixture_receive(f, f->client), 404);
}

static void stopping_answers_waiting_claims_with_none_and_refuses_new_ones(void **state)
{
    struct api_fixture *f = *state;
    int64_t worker = api_fixture_worker(f);
    struct http_client *waits = http_client_connect(&f->loop, f->port);
    post(waits, "/v1/claims", "{\"worker\": %d, \"wait_s\": 60}", (int)worker);
    assert_int_equal(api_fixture_call(f, "GET", "/healthz", NULL), 200);
    api_stop_claims(f->api);
    assert_int_equal(api_fixture_receive(f, waits), 200);
    assert_int_equal(n_claims(f), 0);
    post(f->client, "/v1/claims", "{\"worker\": %d, \"wait_s\": 60}", (int)worker);
    assert_int_equal(api_fixture_receive(f, f->client), 503);
    http_client_close(waits);
}

static void requests_that_arrive_with_the_stop_do_no_harm(void **state)
{
    struct api_fixture *f = *state;
    int64_t worker = api_fixture_worker(f);
    struct http_client *late = http_client_connect(&f->loop, f->port);
    http_client_request(late, "GET", "/healthz", NULL, NULL);
    assert_int_equal(api_fixture_receive(f, late), 200);
    post(f->client, "/v1/reports", "{\"worker\": %d, \"reports\": []}", (int)worker);
    http_server_run(f->server); /* parked until the round's COMMIT */
    post(late, "/v1/reports", "{\"worker\": %d, \"reports\": []}", (int)worker);
    api_fixture_end(f); /* while the other one lies in the socket */
    assert_int_equal(http_client_answer(late, false)->status, 503);
    http_client_close(late);
}

/* ---- durability ---- */

/* From now on no file may grow: a full disk, as far as this process can tell. */
static void fill_disk(rlim_t limit)
{
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit size = {limit, RLIM_INFINITY};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &size), 0);
}

static bool is_healthy(void *ctx)
{
    return api_fixture_call(ctx, "GET", "/healthz", NULL) == 200;
}

static void a_write_that_cannot_be_made_durable_is_503_and_not_true(void **state)
{
    struct api_fixture *f = *state;
    api_fixture_sweep(f, 2);
    int64_t worker = api_fixture_worker(f);
    fill_disk(0);
    post(f->client, "/v1/claims", "{\"worker\": %d}", (int)worker);
    assert_int_equal(api_fixture_receive(f, f->client), 503);
    assert_string_equal(api_fixture_text(f, "error.code"), "unavailable");
    assert_non_null(http_client_field(f->client, "Retry-After"));
    assert_int_equal(api_fixture_call(f, "POST", "/v1/sweeps", "{\"base\": {\"depth\": 2}}"), 503);
    assert_int_equal(api_fixture_call(f, "GET", "/healthz", NULL), 503);
    fill_disk(RLIM_INFINITY);

    http_client_run_until(&f->loop, is_healthy, f); /* by itself, without a request that writes */
    assert_int_equal(api_fixture_call(f, "GET", "/v1/sweeps/1", NULL), 200);
    assert_int_equal(api_fixture_integer(f, "queued"), 2);
    assert_int_equal(api_fixture_call(f, "GET", "/v1/sweeps/2", NULL), 404);
    post(f->client, "/v1/claims", "{\"worker\": %d}", (int)worker);
    assert_int_equal(api_fixture_receive(f, f->client), 200);
    assert_int_equal(api_fixture_integer(f, "claims.0.attempt"), 1);
}

static void what_was_answered_is_there_after_a_restart(void **state)
{
    struct api_fixture *f = *state;
    api_fixture_sweep(f, 2);
    int64_t worker = api_fixture_worker(f);
    post(f->client, "/v1/claims", "{\"worker\": %d, \"max\": 2}", (int)worker);
    assert_int_equal(api_fixture_receive(f, f->client), 200);
    assert_string_equal(report(f, worker, 1, 1, done), "ok");
    api_fixture_restart(f);
    assert_int_equal(api_fixture_call(f, "GET", "/v1/sweeps/1", NULL), 200);
    assert_int_equal(api_fixture_integer(f, "succeeded"), 1);
    assert_int_equal(api_fixture_integer(f, "running"), 1); /* its lease goes on */
    assert_string_equal(report(f, worker, 2, 1, done), "ok");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_trial_goes_from_claim_to_result),
        TEST(a_failure_is_retried_and_its_reason_kept),
        TEST(a_late_report_is_told_that_the_lease_is_lost),
        cmocka_unit_test_teardown(a_silent_workers_trial_goes_back_to_the_queue, teardown),
        TEST(what_cannot_be_is_refused_at_the_door),
        TEST(bad_reports_are_refused_by_name_and_wholly),
        TEST(an_earlier_result_is_offered_and_stands_for_a_training),
        TEST(a_claim_goes_past_all_that_was_trained_before),
        TEST(claims_that_find_nothing_wait_and_are_served_in_their_order),
        TEST(a_wait_ends_with_no_claims),
        TEST(a_waiting_client_that_hung_up_gets_no_trial),
        TEST(a_worker_that_departs_gives_back_what_it_was_just_granted),
        TEST(stopping_answers_waiting_claims_with_none_and_refuses_new_ones),
        TEST(requests_that_arrive_with_the_stop_do_no_harm),
        TEST(a_write_that_cannot_be_made_durable_is_503_and_not_true),
        TEST(what_was_answered_is_there_after_a_restart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
