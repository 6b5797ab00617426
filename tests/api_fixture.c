#include "tests/api_fixture.h"

#include "common/sweep_json.h"
#include "daemon/store.h"
#include "tests/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static char kept_token[256], kept_data[256];
static struct api_fixture_options kept;

static struct queue_time now(uv_loop_t *loop)
{
    return (struct queue_time){.mono_ms = (int64_t)uv_now(loop),
                               .wall_ms = (int64_t)time(NULL) * 1000};
}

static void open_all(struct api_fixture *f)
{
    struct error error = {0};
    uv_loop_init(&f->loop);
    assert_int_equal(store_open(f->db_path, &f->store, &error), 0);
    struct queue_options options;
    queue_options_init(&options);
    options.lease_ms = kept.lease_ms > 0 ? kept.lease_ms : options.lease_ms;
    options.parse_sweep = sweep_from_text;
    struct queue_time time = now(&f->loop);
    assert_int_equal(queue_open(f->store, &options, &time, &f->queue, &error), 0);
    struct api_options api_options = {.queue = f->queue,
                                      .db_path = f->db_path,
                                      .data_directory = kept.data_directory,
                                      .token = kept.token,
                                      .lease_ms = options.lease_ms,
                                      .keep_alive_ms = kept.keep_alive_ms};
    assert_int_equal(api_create(&f->loop, &api_options, &f->api), 0);
    int fd = http_client_listen(&f->port);
    assert_int_equal(
        http_server_create(&f->loop, fd, &http_default_limits, &api_handlers, f->api, &f->server),
        0);
    api_set_server(f->api, f->server);
    f->client = http_client_connect(&f->loop, f->port);
}

void api_fixture_end(struct api_fixture *f)
{
    if (f->server != NULL) {
        api_stop_claims(f->api);
        api_flush(f->api);
        http_server_destroy(f->server);
        api_destroy(f->api);
        f->server = NULL;
    }
}

static void close_all(struct api_fixture *f)
{
    http_client_close(f->client);
    api_fixture_end(f);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    queue_close(f->queue);
    store_close(f->store);
}

struct api_fixture *api_fixture_start(const struct api_fixture_options *options)
{
    struct api_fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    kept = *options;
    if (kept.token != NULL) {
        snprintf(kept_token, sizeof kept_token, "%s", kept.token);
        kept.token = kept_token;
    }
    if (kept.data_directory != NULL) {
        snprintf(kept_data, sizeof kept_data, "%s", kept.data_directory);
        kept.data_directory = kept_data;
    }
    snprintf(f->directory, sizeof f->directory, "/tmp/ninety-api-XXXXXX");
    assert_non_null(mkdtemp(f->directory));
    snprintf(f->db_path, sizeof f->db_path, "%s/ninety.db", f->directory);
    open_all(f);
    return f;
}

void api_fixture_stop(struct api_fixture *f)
{
    char command[128];
    close_all(f);
    json_decref(f->answer);
    snprintf(command, sizeof command, "rm -r '%s'", f->directory);
    assert_int_equal(system(command), 0);
    free(f);
}

void api_fixture_restart(struct api_fixture *f)
{
    close_all(f);
    open_all(f);
}

int api_fixture_receive(struct api_fixture *f, struct http_client *client)
{
    const struct http_client_answer *answer = http_client_answer(client, false);
    json_decref(f->answer);
    f->answer = json_loadb(answer->body, answer->size, JSON_REJECT_DUPLICATES, NULL);
    return answer->status;
}

void api_fixture_request(struct api_fixture *f, const char *method, const char *path,
                         const char *body, const char *fields)
{
    const char *connection = http_client_field(f->client, "Connection");
    if (connection != NULL && strcmp(connection, "close") == 0) {
        http_client_await_end(f->client);
        http_client_close(f->client);
        f->client = http_client_connect(&f->loop, f->port);
    }
    http_client_request(f->client, method, path, body, fields);
}

int api_fixture_call(struct api_fixture *f, const char *method, const char *path, const char *body)
{
    api_fixture_request(f, method, path, body, NULL);
    return api_fixture_receive(f, f->client);
}

json_t *api_fixture_get(struct api_fixture *f, const char *path)
{
    json_t *at = f->answer;
    char part[64];
    while (*path != '\0') {
        size_t n = strcspn(path, ".");
        assert_true(n < sizeof part);
        memcpy(part, path, n);
        part[n] = '\0';
        at = json_is_array(at) ? json_array_get(at, strtoul(part, NULL, 10))
                               : json_object_get(at, part);
        path += n + (path[n] == '.');
    }
    if (at == NULL) {
        json_dumpf(f->answer, stderr, 0);
        fail_msg("the answer has no such member");
    }
    return at;
}

int64_t api_fixture_integer(struct api_fixture *f, const char *path)
{
    json_t *value = api_fixture_get(f, path);
    assert_true(json_is_integer(value));
    return json_integer_value(value);
}

const char *api_fixture_text(struct api_fixture *f, const char *path)
{
    json_t *value = api_fixture_get(f, path);
    assert_true(json_is_string(value));
    return json_string_value(value);
}

int64_t api_fixture_worker(struct api_fixture *f)
{
    assert_int_equal(api_fixture_call(f, "POST", "/v1/workers",
                                      "{\"host\": \"node\", \"pid\": 1, \"slots\": 64}"),
                     201);
    return api_fixture_integer(f, "worker");
}

int64_t api_fixture_sweep(struct api_fixture *f, int n)
{
    char body[128];
    snprintf(body, sizeof body, "{\"base\": {\"depth\": 1}, \"replicates\": %d}", n);
    assert_int_equal(api_fixture_call(f, "POST", "/v1/sweeps", body), 201);
    return api_fixture_integer(f, "id");
}

int api_fixture_setup(void **state)
{
    *state = api_fixture_start(&(struct api_fixture_options){0});
    return 0;
}

int api_fixture_setup_with_token(void **state)
{
    *state = api_fixture_start(&(struct api_fixture_options){.token = API_FIXTURE_TOKEN});
    return 0;
}

int api_fixture_teardown(void **state)
{
    api_fixture_stop(*state);
    return 0;
}
