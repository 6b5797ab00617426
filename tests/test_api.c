#include "tests/api_fixture.h"
#include "tests/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void expect_error(struct api_fixture *f, const char *method, const char *path,
                         const char *body, int status, const char *code)
{
    int got = api_fixture_call(f, method, path, body);
    if (got != status || strcmp(api_fixture_text(f, "error.code"), code) != 0) {
        fprintf(stderr, "%s %s %s: %d ", method, path, body != NULL ? body : "", got);
        json_dumpf(f->answer, stderr, 0);
        fail_msg("another answer was expected: %d %s", status, code);
    }
    assert_string_not_equal(api_fixture_text(f, "error.message"), "");
}

static void expect_message(struct api_fixture *f, const char *method, const char *path,
                           const char *body, const char *message)
{
    api_fixture_call(f, method, path, body);
    assert_string_equal(api_fixture_text(f, "error.message"), message);
}

/* ---- routes and access ---- */

static void unknown_paths_are_not_found(void **state)
{
    static const char *const paths[] = {"/v1",
                                        "/v1/",
                                        "/v1/sweeps/",
                                        "/v1/sweep",
                                        "/v1/sweeps/x",
                                        "/v1/sweeps/1/destroy",
                                        "/v1/sweeps//",
                                        "/v2/sweeps",
                                        "/v1/trials/1/2",
                                        "/healthz/x",
                                        "/assets/",
                                        "/assets/../x",
                                        "/%2e%2e/etc",
                                        "/v1/sweeps/99999999999999999999999"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        expect_error(*state, "GET", paths[i], NULL, 404, "not_found");
    }
}

static void wrong_methods_are_told_the_right_ones(void **state)
{
    static const struct {
        const char *method, *path, *allow;
    } cases[] = {
        {"DELETE", "/v1/sweeps", "GET, HEAD, POST, OPTIONS"},
        {"PUT", "/v1/sweeps/1", "GET, HEAD, OPTIONS"},
        {"GET", "/v1/sweeps/1/cancel", "POST, OPTIONS"},
        {"GET", "/v1/claims", "POST, OPTIONS"},
        {"PATCH", "/v1/reports", "POST, OPTIONS"},
        {"POST", "/v1/results", "GET, HEAD, OPTIONS"},
        {"POST", "/", "GET, HEAD, OPTIONS"},
        {"BREW", "/healthz", "GET, HEAD, OPTIONS"},
    };
    struct api_fixture *f = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        expect_error(f, cases[i].method, cases[i].path, NULL, 405, "method_not_allowed");
        assert_string_equal(http_client_field(f->client, "Allow"), cases[i].allow);
    }
    assert_int_equal(api_fixture_call(f, "OPTIONS", "/v1/sweeps", NULL), 204);
    assert_string_equal(http_client_field(f->client, "Allow"), "GET, HEAD, POST, OPTIONS");
    api_fixture_request(f, "HEAD", "/v1/sweeps", NULL, NULL);
    assert_int_equal(http_client_answer(f->client, true)->status, 200);
}

static int call_with(struct api_fixture *f, const char *path, const char *fields)
{
    api_fixture_request(f, "GET", path, NULL, fields);
    return api_fixture_receive(f, f->client);
}

static void every_route_but_health_and_the_page_wants_the_token(void **state)
{
    static const char *const closed[] = {
        "/v1/sweeps",    "/v1/sweeps/1", "/v1/trials",   "/v1/trials/1", "/v1/results",
        "/v1/summary",   "/v1/workers",  "/v1/datasets", "/v1/curves",   "/v1/datasets/mnist",
        "/v1/layers",    "/v1/claims",   "/v1/nothing",  "/nothing",     "/metrics",
        "/openapi.json", "/v1/events"};
    struct api_fixture *f = *state;
    for (size_t i = 0; i < sizeof closed / sizeof *closed; i++) {
        expect_error(f, "GET", closed[i], NULL, 401, "unauthorized");
        assert_string_equal(http_client_field(f->client, "WWW-Authenticate"), "Bearer");
    }
    static const char *const posts[] = {"/v1/sweeps",  "/v1/workers",    "/v1/claims",
                                        "/v1/reports", "/v1/departures", "/v1/sweeps/1/cancel"};
    for (size_t i = 0; i < sizeof posts / sizeof *posts; i++) {
        expect_error(f, "POST", posts[i], "{}", 401, "unauthorized");
    }
    expect_error(f, "OPTIONS", "/v1/sweeps", NULL, 401, "unauthorized");
    expect_error(f, "DELETE", "/v1/sweeps", NULL, 401, "unauthorized");
    assert_int_equal(api_fixture_call(f, "GET", "/healthz", NULL), 200);
    assert_int_equal(api_fixture_call(f, "GET", "/", NULL), 200);
    assert_int_equal(call_with(f, "/v1/sweeps", "Authorization: Bearer " API_FIXTURE_TOKEN "\r\n"),
                     200);
    assert_int_equal(call_with(f, "/v1/sweeps", "Authorization: Bearer " API_FIXTURE_TOKEN "x\r\n"),
                     401);
    assert_int_equal(call_with(f, "/v1/sweeps?token=" API_FIXTURE_TOKEN, NULL), 401);
}

static void other_sites_are_refused(void **state)
{
    struct api_fixture *f = *state;
    assert_int_equal(call_with(f, "/v1/sweeps", "Origin: http://evil.example\r\n"), 403);
    assert_string_equal(api_fixture_text(f, "error.code"), "forbidden_origin");
    assert_int_equal(call_with(f, "/v1/sweeps", "Origin: http://127.0.0.1\r\n"), 200);
    http_client_send_text(f->client, "GET /v1/sweeps HTTP/1.1\r\nHost: evil.example\r\n\r\n");
    assert_int_equal(api_fixture_receive(f, f->client), 403);
}

static void health_tells_the_version(void **state)
{
    struct api_fixture *f = *state;
    assert_int_equal(api_fixture_call(f, "GET", "/healthz", NULL), 200);
    assert_string_equal(api_fixture_text(f, "status"), "ok");
    assert_string_equal(api_fixture_text(f, "version"), NINETY_VERSION);
}

static void the_page_is_guarded_and_kept_by_its_tag(void **state)
{
    struct api_fixture *f = *state;
    char field[128];
    api_fixture_request(f, "GET", "/", NULL, NULL);
    const struct http_client_answer *page = http_client_answer(f->client, false);
    assert_int_equal(page->status, 200);
    assert_non_null(strstr(page->body, "<title>ninety"));
    assert_string_equal(http_client_field(f->client, "Content-Type"), "text/html; charset=utf-8");
    assert_non_null(
        strstr(http_client_field(f->client, "Content-Security-Policy"), "default-src 'self'"));
    snprintf(field, sizeof field, "If-None-Match: %s\r\n", http_client_field(f->client, "ETag"));
    api_fixture_request(f, "GET", "/", NULL, field);
    assert_int_equal(http_client_answer(f->client, true)->status, 304);
    assert_string_not_equal(http_client_field(f->client, "Content-Length"), "0"); /* E15 */
    assert_int_equal(api_fixture_call(f, "GET", "/healthz", NULL), 200); /* and no body came */
}

/* E15: where the page was built in */
static void the_pages_script_comes_compressed_to_who_takes_that(void **state)
{
    struct api_fixture *f = *state;
    api_fixture_request(f, "GET", "/assets/app.js", NULL, NULL);
    const struct http_client_answer *answer = http_client_answer(f->client, false);
    if (answer->status == 404) {
        skip();
    }
    size_t plain = answer->size;
    assert_null(http_client_field(f->client, "Content-Encoding"));
    assert_string_equal(http_client_field(f->client, "Vary"), "Accept-Encoding");
    api_fixture_request(f, "GET", "/assets/app.js", NULL, "Accept-Encoding: br, gzip\r\n");
    answer = http_client_answer(f->client, false);
    assert_int_equal(answer->status, 200);
    assert_true(answer->size < plain / 2);
    assert_memory_equal(answer->body, "\x1f\x8b", 2);
    assert_string_equal(http_client_field(f->client, "Content-Encoding"), "gzip");
    assert_string_equal(http_client_field(f->client, "Vary"), "Accept-Encoding");
    assert_string_equal(http_client_field(f->client, "Content-Type"),
                        "text/javascript; charset=utf-8");
}

/* E7 */
static void what_an_error_names_is_cut_at_a_character(void **state)
{
    struct api_fixture *f = *state;
    char text[2048], path[4096];
    for (int lead = 0; lead < 4; lead++) {
        int n = snprintf(text, sizeof text, "{\"base\": {\"activation\": \"%.*s", lead, "abc");
        for (int i = 0; i < 300; i++) {
            n += snprintf(text + n, sizeof text - (size_t)n, "\xC3\xA9");
        }
        snprintf(text + n, sizeof text - (size_t)n, "\"}}");
        assert_int_equal(api_fixture_call(f, "POST", "/v1/sweeps", text), 400);
        assert_non_null(f->answer); /* it is JSON */
        n = snprintf(path, sizeof path, "/v1/%.*s", lead, "abc");
        for (int i = 0; i < 300; i++) {
            n += snprintf(path + n, sizeof path - (size_t)n, "%%E2%%82%%AC");
        }
        assert_int_equal(api_fixture_call(f, "GET", path, NULL), 404);
        assert_non_null(f->answer);
        path[0] = '\0';
        n = snprintf(path, sizeof path, "/v1/sweeps?%.*s", lead, "abc");
        for (int i = 0; i < 100; i++) {
            n += snprintf(path + n, sizeof path - (size_t)n, "%%F0%%9F%%98%%80");
        }
        assert_int_equal(api_fixture_call(f, "GET", path, NULL), 400);
        assert_non_null(f->answer);
    }
    /* A10: a path that is no UTF-8 */
    assert_int_equal(api_fixture_call(f, "GET", "/v1/%ff%fe%c3", NULL), 404);
    assert_non_null(f->answer);
    assert_non_null(strstr(api_fixture_text(f, "error.message"), "/v1/???"));
}

/* ---- what comes in ---- */

static void bad_bodies_are_refused_and_nothing_is_stored(void **state)
{
    static const struct {
        const char *body, *code, *field;
        int status;
    } cases[] = {
        {"", "invalid_json", NULL, 400},
        {"{", "invalid_json", NULL, 400},
        {"[]", "invalid_json", NULL, 400},
        {"{\"name\": 1, \"name\": 2}", "invalid_json", NULL, 400},
        {"{\"name\": \"\"}", "invalid_field", "name", 400},
        {"{\"nmae\": \"x\"}", "invalid_field", "nmae", 400},
        {"{\"base\": {\"depht\": 3}}", "invalid_field", "base.depht", 400},
        {"{\"base\": {\"depth\": 99}}", "invalid_field", "base.depth", 400},
        {"{\"base\": {\"depth\": 2, \"hidden_units\": [3]}}", "invalid_field", NULL, 400},
        {"{\"parameters\": {\"depth\": []}}", "invalid_field", "parameters.depth", 400},
        {"{\"parameters\": {\"depth\": [1, 2, 70]}}", "invalid_field", "parameters.depth[2]", 400},
        {"{\"parameters\": {\"depth\": [1, 1]}}", "invalid_field", NULL, 400},
        {"{\"base\": {\"depth\": 1}, \"parameters\": {\"depth\": [1]}}", "invalid_field", NULL,
         400},
        {"{\"base\": {\"depth\": 1, \"seed\": 3}}", "invalid_field", NULL, 400},
        {"{\"base\": {\"depth\": 1}, \"replicates\": 0}", "invalid_field", "replicates", 400},
        {"{\"base\": {\"depth\": 1}, \"replicates\": 100000, \"parameters\": {\"batch_size\": "
         "[1,2,3,4,5,6,7,8,9,10,11]}}",
         "too_many_trials", NULL, 422},
    };
    struct api_fixture *f = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        expect_error(f, "POST", "/v1/sweeps", cases[i].body, cases[i].status, cases[i].code);
        if (cases[i].field != NULL) {
            assert_string_equal(api_fixture_text(f, "error.field"), cases[i].field);
        }
    }
    assert_int_equal(api_fixture_call(f, "GET", "/v1/sweeps", NULL), 200);
    assert_int_equal(json_array_size(api_fixture_get(f, "sweeps")), 0);
}

/* On a connection of its own: one that announced a body and was refused is closed. */
static int send_raw(struct api_fixture *f, const char *text)
{
    struct http_client *client = http_client_connect(&f->loop, f->port);
    http_client_send_text(client, text);
    int status = api_fixture_receive(f, client);
    http_client_close(client);
    return status;
}

static void bodies_of_another_type_are_refused(void **state)
{
    static const char *const types[] = {"text/plain", "application/x-www-form-urlencoded",
                                        "application/jsonx", "application/json-patch+json"};
    struct api_fixture *f = *state;
    char text[256];
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        snprintf(text, sizeof text,
                 "POST /v1/sweeps HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
                 "%s\r\nContent-Length: 2\r\n\r\n{}",
                 types[i]);
        assert_int_equal(send_raw(f, text), 415);
    }
    assert_int_equal(send_raw(f, "POST /v1/sweeps HTTP/1.1\r\nHost: localhost\r\n"
                                 "Content-Length: 2\r\n\r\n{}"),
                     415);
    assert_int_equal(send_raw(f, "POST /v1/sweeps?dry_run=1 HTTP/1.1\r\nHost: localhost\r\n"
                                 "Content-Type: Application/JSON; charset=utf-8\r\n"
                                 "Content-Length: 21\r\n\r\n{\"base\":{\"depth\": 1}}"),
                     200);
}

static void bad_query_parameters_are_refused_by_name(void **state)
{
    static const struct {
        const char *path, *field;
    } cases[] = {
        {"/v1/sweeps?limit=0", "limit"},
        {"/v1/sweeps?limit=1001", "limit"},
        {"/v1/sweeps?limit=x", "limit"},
        {"/v1/sweeps?limit=", "limit"},
        {"/v1/sweeps?limit=1&limit=2", "limit"},
        {"/v1/sweeps?limit=%201", "limit"},
        {"/v1/sweeps?after=-1", "after"},
        {"/v1/sweeps?page=2", "page"},
        {"/v1/trials?state=dead", "state"},
        {"/v1/trials?sweep=0", "sweep"},
        {"/v1/results?format=xml", "format"},
        {"/v1/results?depth=1", "depth"},
        {"/v1/curves?depth=65", "depth"},
        {"/v1/layers?step=-1", "step"},
        {"/v1/layers?value=loss", "value"},
        {"/v1/layers?replicates=1", "replicates"},
        {"/v1/layers/steps?step=1", "step"},
        {"/v1/workers?x=1", "x"},
        {"/v1/sweeps?limit=99999999999999999999", "limit"},
    };
    struct api_fixture *f = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        expect_error(f, "GET", cases[i].path, NULL, 400, "invalid_field");
        assert_string_equal(api_fixture_text(f, "error.field"), cases[i].field);
    }
    expect_message(f, "GET", "/v1/results?format=xml", NULL,
                   "format must be one of json, ndjson, csv, not \"xml\"");
    expect_message(f, "GET", "/v1/layers?value=loss", NULL,
                   "value must be one of gradient_rms, preactivation_gradient_rms, weight_rms, "
                   "update_ratio, saturated, dead, preactivation_mean, preactivation_std, not "
                   "\"loss\"");
    expect_message(f, "GET", "/v1/sweeps?limit=0", NULL,
                   "limit must be an integer from 1 to 1000, not \"0\"");
}

/* ---- sweeps ---- */

static void a_submitted_sweep_can_be_read_as_it_was_answered(void **state)
{
    struct api_fixture *f = *state;
    char location[64];
    assert_int_equal(
        api_fixture_call(f, "POST", "/v1/sweeps",
                         "{\"name\": \"grid\", \"parameters\": {\"depth\": [1, 2], "
                         "\"batch_norm\": [\"none\", \"before\"]}, \"replicates\": 3}"),
        201);
    assert_int_equal(api_fixture_integer(f, "trials"), 12);
    assert_int_equal(api_fixture_integer(f, "cells"), 4);
    assert_int_equal(api_fixture_integer(f, "queued"), 12);
    /* E2: relative to the request, so that it holds behind a proxy that serves a path of its own.
     */
    snprintf(location, sizeof location, "/v1/%s", http_client_field(f->client, "Location"));
    json_t *answered = json_incref(f->answer);
    assert_int_equal(api_fixture_call(f, "GET", location, NULL), 200);
    assert_true(json_equal(answered, f->answer));
    json_decref(answered);
    assert_string_equal(api_fixture_text(f, "spec.name"), "grid");
    assert_int_equal(api_fixture_call(f, "GET", "/v1/trials?sweep=1&limit=5", NULL), 200);
    assert_int_equal(json_array_size(api_fixture_get(f, "trials")), 5);
    int64_t next = api_fixture_integer(f, "next");
    char path[64];
    snprintf(path, sizeof path, "/v1/trials?sweep=1&after=%d", (int)next);
    assert_int_equal(api_fixture_call(f, "GET", path, NULL), 200);
    assert_int_equal(json_array_size(api_fixture_get(f, "trials")), 7);
    assert_true(json_is_null(api_fixture_get(f, "next")));
}

static void a_dry_run_counts_and_stores_nothing(void **state)
{
    struct api_fixture *f = *state;
    assert_int_equal(api_fixture_call(f, "POST", "/v1/sweeps?dry_run=1",
                                      "{\"parameters\": {\"depth\": [1, 2]}, \"replicates\": 5}"),
                     200);
    assert_int_equal(api_fixture_integer(f, "trials"), 10);
    assert_int_equal(api_fixture_integer(f, "cells"), 2);
    expect_error(f, "GET", "/v1/sweeps/1", NULL, 404, "unknown_sweep");
}

static void the_same_key_makes_one_sweep(void **state)
{
    struct api_fixture *f = *state;
    const char *body = "{\"base\": {\"depth\": 1}}";
    const char *key = "Idempotency-Key: monday\r\n";
    for (int i = 0; i < 3; i++) {
        api_fixture_request(f, "POST", "/v1/sweeps", body, key);
        assert_int_equal(api_fixture_receive(f, f->client), i == 0 ? 201 : 200);
        assert_int_equal(api_fixture_integer(f, "id"), 1);
    }
    api_fixture_request(f, "POST", "/v1/sweeps", "{\"base\": {\"depth\": 2}}", key);
    assert_int_equal(api_fixture_receive(f, f->client), 409);
    assert_string_equal(api_fixture_text(f, "error.code"), "idempotency_mismatch");
    api_fixture_restart(f);
    api_fixture_request(f, "POST", "/v1/sweeps", body, key);
    assert_int_equal(api_fixture_receive(f, f->client), 200);
}

static void a_sweep_is_paused_resumed_cancelled_and_retried(void **state)
{
    struct api_fixture *f = *state;
    api_fixture_sweep(f, 4);
    assert_int_equal(api_fixture_call(f, "POST", "/v1/sweeps/1/pause", NULL), 200);
    assert_string_equal(api_fixture_text(f, "state"), "paused");
    assert_int_equal(api_fixture_call(f, "POST", "/v1/sweeps/1/resume", ""), 200);
    assert_string_equal(api_fixture_text(f, "state"), "active");
    assert_int_equal(api_fixture_call(f, "POST", "/v1/sweeps/1/cancel", NULL), 200);
    assert_string_equal(api_fixture_text(f, "state"), "cancelled");
    assert_int_equal(api_fixture_integer(f, "cancelled"), 4);
    expect_error(f, "POST", "/v1/sweeps/1/resume", NULL, 409, "conflict");
    assert_int_equal(api_fixture_call(f, "POST", "/v1/sweeps/1/retry", NULL), 200);
    assert_int_equal(api_fixture_integer(f, "retried"), 4);
    assert_int_equal(api_fixture_integer(f, "queued"), 4);
    expect_error(f, "POST", "/v1/sweeps/2/pause", NULL, 404, "unknown_sweep");
}

static void unknown_ids_are_named_for_what_they_are(void **state)
{
    expect_error(*state, "GET", "/v1/sweeps/7", NULL, 404, "unknown_sweep");
    expect_error(*state, "GET", "/v1/trials/7", NULL, 404, "unknown_trial");
    expect_error(*state, "GET", "/v1/trials/7/measurements", NULL, 404, "unknown_trial");
    expect_error(*state, "GET", "/v1/trials/7/layers", NULL, 404, "unknown_trial");
    expect_error(*state, "GET", "/v1/datasets/mnist", NULL, 404, "unknown_dataset");
    expect_error(*state, "GET", "/v1/datasets/mnist/train-images-idx3-ubyte", NULL, 404,
                 "unknown_dataset");
    expect_error(*state, "POST", "/v1/claims", "{\"worker\": 7}", 404, "unknown_worker");
    expect_error(*state, "POST", "/v1/reports", "{\"worker\": 7, \"reports\": []}", 404,
                 "unknown_worker");
    expect_message(*state, "GET", "/v1/sweeps/7", NULL, "there is no sweep 7");
    expect_message(*state, "GET", "/v1/summary?sweep=7", NULL, "there is no sweep 7");
    expect_message(*state, "POST", "/v1/sweeps/7/cancel", NULL, "there is no sweep 7");
    expect_message(*state, "GET", "/v1/trials/8/layers", NULL, "there is no trial 8");
    expect_message(*state, "GET", "/v1/datasets/mnist", NULL,
                   "the daemon has no data set mnist under its --data directory");
}

static void results_come_in_three_formats_and_stream_when_they_are_many(void **state)
{
    struct api_fixture *f = *state;
    api_fixture_sweep(f, 12000);
    api_fixture_request(f, "GET", "/v1/results?sweep=1&format=csv", NULL, NULL);
    const struct http_client_answer *csv = http_client_answer(f->client, false);
    assert_int_equal(csv->status, 200);
    int lines = 0;
    for (const char *p = csv->body; (p = strstr(p, "\r\n")) != NULL; p += 2) {
        lines++;
    }
    assert_int_equal(lines, 12001);
    assert_true(csv->size > 1024 * 1024); /* so it was a stream of several pieces */
    assert_null(http_client_field(f->client, "Content-Length"));
    assert_string_equal(http_client_field(f->client, "Accept-Ranges"), "none"); /* E15 */
    assert_string_equal(http_client_field(f->client, "Content-Type"), "text/csv; charset=utf-8");
    assert_int_equal(api_fixture_call(f, "GET", "/v1/results", NULL), 200);
    assert_int_equal(json_array_size(api_fixture_get(f, "results")), 12000);
    api_fixture_request(f, "GET", "/v1/results?format=ndjson", NULL, NULL);
    const struct http_client_answer *ndjson = http_client_answer(f->client, false);
    lines = 0;
    for (const char *p = ndjson->body; (p = strchr(p, '\n')) != NULL; p++) {
        lines++;
    }
    assert_int_equal(lines, 12000);
    assert_int_equal(api_fixture_call(f, "GET", "/v1/summary?sweep=1", NULL), 200);
    assert_int_equal(json_array_size(api_fixture_get(f, "summary")), 1);
}

static void who_leaves_in_the_middle_of_a_stream_disturbs_nobody(void **state)
{
    struct api_fixture *f = *state;
    api_fixture_sweep(f, 20000);
    for (int i = 0; i < 3; i++) {
        struct http_client *leaves = http_client_connect(&f->loop, f->port);
        http_client_request(leaves, "GET", "/v1/results", NULL, NULL);
        for (int round = 0; round < i * 3; round++) {
            uv_run(&f->loop, UV_RUN_NOWAIT);
        }
        http_client_close(leaves);
    }
    assert_int_equal(api_fixture_call(f, "GET", "/v1/sweeps/1", NULL), 200);
}

/* ---- data ---- */

static void data_files_are_listed_and_sent_as_they_are(void **state)
{
    char root[] = "/tmp/ninety-data-XXXXXX", path[128];
    assert_non_null(mkdtemp(root));
    snprintf(path, sizeof path, "%s/digits", root);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/digits/t10k-labels-idx1-ubyte", root);
    FILE *file = fopen(path, "w");
    fputs("abc", file);
    fclose(file);
    struct api_fixture *f =
        api_fixture_start(&(struct api_fixture_options){.data_directory = root});
    *state = f;
    assert_int_equal(api_fixture_call(f, "GET", "/v1/datasets", NULL), 200);
    assert_string_equal(api_fixture_text(f, "datasets.0.name"), "digits");
    assert_int_equal(api_fixture_call(f, "GET", "/v1/datasets/digits", NULL), 200);
    assert_int_equal(api_fixture_integer(f, "files.0.size"), 3);
    api_fixture_request(f, "GET", "/v1/datasets/digits/t10k-labels-idx1-ubyte", NULL, NULL);
    assert_string_equal(http_client_answer(f->client, false)->body, "abc");
    expect_error(f, "GET", "/v1/datasets/..%2f/x", NULL, 404, "not_found");
    expect_error(f, "GET", "/v1/datasets/../passwd", NULL, 404, "unknown_dataset");
    char command[64];
    snprintf(command, sizeof command, "rm -r '%s'", root);
    assert_int_equal(system(command), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, api_fixture_setup, api_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(unknown_paths_are_not_found),
        TEST(wrong_methods_are_told_the_right_ones),
        cmocka_unit_test_setup_teardown(every_route_but_health_and_the_page_wants_the_token,
                                        api_fixture_setup_with_token, api_fixture_teardown),
        TEST(other_sites_are_refused),
        TEST(health_tells_the_version),
        TEST(the_page_is_guarded_and_kept_by_its_tag),
        TEST(the_pages_script_comes_compressed_to_who_takes_that),
        TEST(what_an_error_names_is_cut_at_a_character),
        TEST(bad_bodies_are_refused_and_nothing_is_stored),
        TEST(bodies_of_another_type_are_refused),
        TEST(bad_query_parameters_are_refused_by_name),
        TEST(a_submitted_sweep_can_be_read_as_it_was_answered),
        TEST(a_dry_run_counts_and_stores_nothing),
        TEST(the_same_key_makes_one_sweep),
        TEST(a_sweep_is_paused_resumed_cancelled_and_retried),
        TEST(unknown_ids_are_named_for_what_they_are),
        TEST(results_come_in_three_formats_and_stream_when_they_are_many),
        TEST(who_leaves_in_the_middle_of_a_stream_disturbs_nobody),
        cmocka_unit_test_teardown(data_files_are_listed_and_sent_as_they_are, api_fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
