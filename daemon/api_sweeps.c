/*
 * Sweeps: submitted, listed, acted upon. A sweep's body is parsed and checked on the thread pool,
 * since a million cells take most of a second; back on the loop it goes to the queue, and after the
 * COMMIT the sweep is read as anyone would read it.
 */
#include "daemon/api_internal.h"

#include "common/sweep_effect.h"
#include "common/sweep_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- submit ---- */

struct submission {
    uv_work_t work;
    struct api_call *call; /* NULL when the client is gone */
    struct api *api;
    char *body;
    size_t size;
    char *key;
    bool dry_run;

    char body_sha256[SHA256_HEX_SIZE];
    struct sweep *sweep;
    uint32_t unread; /* see effect_check */
    int result;      /* of sweep_from_json and effect_check; BAD_JSON before that */
    struct error error;
};

enum { BAD_JSON = 1000 };

static void submission_free(struct submission *s)
{
    sweep_destroy(s->sweep);
    free(s->body);
    free(s->key);
    free(s);
}

/* On the pool: no state but the submission's own. */
static void parse(uv_work_t *work)
{
    struct submission *s = work->data;
    json_t *json = NULL;
    sha256_hex(s->body, s->size, s->body_sha256);
    if (json_in_parse(s->body, s->size, &json, &s->error) != 0) {
        s->result = BAD_JSON;
        return;
    }
    s->result = sweep_from_json(json, &s->sweep, &s->error);
    if (s->result == 0) {
        s->result = effect_check(s->sweep, &s->unread, &s->error);
    }
    json_decref(json);
}

static void submit(struct submission *s)
{
    struct api_call *call = s->call;
    struct queue_submission stored = {.spec = s->body, .idempotency_key = s->key};
    memcpy(stored.body_sha256, s->body_sha256, sizeof stored.body_sha256);
    struct queue_time now = clock_now(&call->api->clock);
    int64_t id;
    int rc = queue_submit(call->api->queue, s->sweep, &stored, &now, &id);
    s->sweep = NULL;
    if (rc != 0 && rc != QUEUE_REPEATED) {
        api_fail_outcome(call, rc, NULL);
        return;
    }
    struct read_question question =
        api_question(READER_SWEEP, rc == QUEUE_REPEATED ? 200 : 201, "unknown_sweep");
    question.params.id = id;
    question.unread = s->unread;
    /* Relative to the request, as it came before a proxy took a part of its path away (E2). */
    snprintf(question.location, sizeof question.location, "sweeps/%lld", (long long)id);
    api_park_read(call, &question);
}

static void answer_submission(struct submission *s)
{
    struct api_call *call = s->call;
    if (call == NULL) {
        return;
    }
    if (s->result == BAD_JSON) {
        api_fail_with(call, 400, "invalid_json", &s->error);
    } else if (s->result == ERROR_INVALID) {
        api_fail_with(call, 400, "invalid_field", &s->error);
    } else if (s->result == SWEEP_TOO_MANY) {
        api_fail_with(call, 422, "too_many_trials", &s->error);
    } else if (s->result != 0) {
        api_fail(call, 500, "internal", "out of memory");
    } else if (s->dry_run) {
        json_out_text(&call->text, "{");
        read_pool_put_warnings(&call->text, s->unread);
        json_out_format(&call->text, "\"trials\": %lld, \"cells\": %lld}\n",
                        (long long)s->sweep->n_trials, (long long)s->sweep->n_cells);
        api_answer(call, 200);
    } else {
        submit(s);
    }
}

static void on_parsed(uv_work_t *work, int status)
{
    (void)status;
    struct submission *s = work->data;
    struct api *api = s->api;
    answer_submission(s);
    submission_free(s);
    api_job_end(api);
}
static void on_submitter_gone(struct http_request *request, void *ctx)
{
    (void)request;
    struct submission *s = ctx;
    api_call_free(s->call);
    s->call = NULL;
}

static struct submission *submission_create(struct api_call *call, const char *key)
{
    struct submission *s = calloc(1, sizeof *s);
    if (s == NULL) {
        return NULL;
    }
    const char *body = http_body(call->request, &s->size);
    s->call = call;
    s->api = call->api;
    s->work.data = s;
    s->body = malloc(s->size + 1); /* which may have a NUL in it: no text to be copied as one */
    if (s->body != NULL) {
        memcpy(s->body, body, s->size + 1);
    }
    s->key = key != NULL ? strdup(key) : NULL;
    if (s->body == NULL || (key != NULL && s->key == NULL)) {
        submission_free(s);
        return NULL;
    }
    return s;
}

void api_post_sweep(struct api_call *call)
{
    int64_t dry_run = 0;
    const struct api_parameter parameters[] = {api_integer("dry_run", 0, 1, &dry_run)};
    if (!api_query(call, parameters, 1)) {
        return;
    }
    const char *key = http_header(call->request, "Idempotency-Key");
    if (key != NULL && (key[0] == '\0' || strlen(key) > 200)) {
        api_fail(call, 400, "invalid_field", "Idempotency-Key must have 1 to 200 characters");
        return;
    }
    struct submission *s = submission_create(call, key);
    if (s == NULL) {
        api_fail(call, 500, "internal", "out of memory");
        return;
    }
    s->dry_run = dry_run == 1;
    http_wait(call->request, on_submitter_gone, s);
    api_job_begin(call->api, &s->work, parse, on_parsed);
}

/* ---- read ---- */

void api_get_sweeps(struct api_call *call)
{
    struct read_question question = api_question(READER_SWEEPS, 200, "unknown_sweep");
    question.params.limit = 100;
    const struct api_parameter parameters[] = {
        api_integer("limit", 1, 1000, &question.params.limit),
        api_integer("after", 0, INT64_MAX, &question.params.after),
    };
    if (api_query(call, parameters, 2)) {
        api_read(call, &question);
    }
}

void api_get_sweep(struct api_call *call)
{
    struct read_question question = api_question(READER_SWEEP, 200, "unknown_sweep");
    question.params.id = call->id;
    if (api_query(call, NULL, 0)) {
        api_read(call, &question);
    }
}

/* ---- act ---- */

void api_act(struct api_call *call)
{
    enum queue_action action = (enum queue_action)call->argument;
    if (!api_query(call, NULL, 0)) {
        return;
    }
    struct queue_time now = clock_now(&call->api->clock);
    struct error error = {0};
    int64_t n_moved = 0;
    int rc = queue_act(call->api->queue, call->id, action, &now, &n_moved, &error);
    if (rc != 0) {
        api_fail_outcome(call, rc, &error);
        return;
    }
    if (action == QUEUE_DELETE) { /* there is nothing left to read */
        json_out_format(&call->text, "{\"deleted\": %lld}\n", (long long)n_moved);
        api_park(call, 200);
        return;
    }
    struct read_question question = api_question(READER_SWEEP, 200, "unknown_sweep");
    question.params.id = call->id;
    if (action == QUEUE_RETRY) {
        snprintf(question.members, sizeof question.members, "\"retried\": %lld, ",
                 (long long)n_moved);
    }
    api_park_read(call, &question);
}
