/* A call's ways to end, and what every handler reads: body and query. */
#include "daemon/api_internal.h"

#include "common/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct api_call *api_call_create(struct http_request *request, struct api *api)
{
    struct api_call *call = calloc(1, sizeof *call);
    if (call == NULL) {
        answer_unavailable(request, "out of memory");
        return NULL;
    }
    call->api = api;
    call->request = request;
    return call;
}

/* ---- ends ---- */

void api_call_free(struct api_call *call)
{
    json_out_clear(&call->text);
    free(call);
}

void api_fail_with(struct api_call *call, int status, const char *code, const struct error *error)
{
    answer_error_of(call->request, status, code, error);
    api_call_free(call);
}

void api_fail(struct api_call *call, int status, const char *code, const char *format, ...)
{
    struct error error = {0};
    va_list args;
    va_start(args, format);
    error_vset(&error, NULL, format, args);
    va_end(args);
    api_fail_with(call, status, code, &error);
}

void api_fail_outcome(struct api_call *call, int outcome, const struct error *error)
{
    switch (outcome) {
    case QUEUE_UNKNOWN_SWEEP:
        api_fail(call, 404, "unknown_sweep", "there is no sweep %lld", (long long)call->id);
        return;
    case QUEUE_UNKNOWN_WORKER:
        api_fail(call, 404, "unknown_worker", "the daemon does not know this worker; register it");
        return;
    case QUEUE_CONFLICT:
        api_fail_with(call, 409, "conflict", error);
        return;
    case QUEUE_CANNOT_BE:
        api_fail_with(call, 400, "invalid_field", error);
        return;
    case QUEUE_KEY_MISMATCH:
        api_fail(call, 409, "idempotency_mismatch",
                 "this idempotency key was used before, for another sweep: to submit this one, use "
                 "another key or none");
        return;
    default:
        /* The COMMIT of this round logs it. */
        answer_unavailable(call->request, "the database cannot be written");
        tick_open(call->api->tick);
        api_call_free(call);
    }
}

static void send_fields(struct api_call *call, int status)
{
    struct http_field location = {"Location", call->question.location};
    answer_json(call->request, status, &call->text, &location, call->question.location[0] != '\0');
}

void api_answer(struct api_call *call, int status)
{
    send_fields(call, status);
    api_call_free(call);
}

void api_read(struct api_call *call, const struct read_question *question)
{
    read_pool_answer(call->api->readers, call->request, question);
    api_call_free(call);
}

static void on_committed(struct tick_entry *entry, int status)
{
    struct api_call *call = (struct api_call *)entry;
    if (status != 0) {
        answer_unavailable(call->request, "the write could not be made durable");
    } else if (call->reads) {
        read_pool_answer(call->api->readers, call->request, &call->question);
    } else {
        send_fields(call, call->status);
    }
    api_call_free(call);
}

void api_park(struct api_call *call, int status)
{
    http_wait_end(call->request);
    call->status = status;
    call->entry.on_done = on_committed;
    tick_park(call->api->tick, &call->entry);
}

void api_park_read(struct api_call *call, const struct read_question *question)
{
    call->reads = true;
    call->question = *question;
    api_park(call, 0);
}

/* ---- body ---- */

bool api_body(struct api_call *call, json_t **ret)
{
    size_t size;
    const char *body = http_body(call->request, &size);
    struct error error = {0};
    if (json_in_parse(body, size, ret, &error) != 0) {
        api_fail_with(call, 400, "invalid_json", &error);
        return false;
    }
    return true;
}

/* ---- query ---- */

struct api_parameter api_integer(const char *name, int64_t min, int64_t max, int64_t *ret)
{
    return (struct api_parameter){.name = name, .ret_integer = ret, .min = min, .max = max};
}

struct api_parameter api_word(const char *name, const char *const *words, int *ret)
{
    return (struct api_parameter){.name = name, .words = words, .ret_word = ret};
}

struct query {
    const struct api_parameter *parameters;
    size_t n;
    uint64_t seen; /* bit per parameter */
    struct error error;
};

static int read_integer(const struct api_parameter *p, const char *value, struct error *error)
{
    char *end;
    errno = 0;
    long long number = strtoll(value, &end, 10);
    if (value[0] == '\0' || strchr(" \t+", value[0]) != NULL || *end != '\0' || errno != 0 ||
        number < p->min || number > p->max) {
        return error_set(error, p->name, "%s must be an integer from %lld to %lld, not \"%.40s\"",
                         p->name, (long long)p->min, (long long)p->max, value);
    }
    *p->ret_integer = number;
    return 0;
}

static int read_word(const struct api_parameter *p, const char *value, struct error *error)
{
    char words[128] = "";
    for (int i = 0; p->words[i] != NULL; i++) {
        if (strcmp(value, p->words[i]) == 0) {
            *p->ret_word = i;
            return 0;
        }
        size_t used = strlen(words);
        snprintf(words + used, sizeof words - used, "%s%s", i > 0 ? ", " : "", p->words[i]);
    }
    return error_set(error, p->name, "%s must be one of %s, not \"%.40s\"", p->name, words, value);
}

static bool read_parameter(void *ctx, const char *name, const char *value)
{
    struct query *query = ctx;
    for (size_t i = 0; i < query->n; i++) {
        const struct api_parameter *p = &query->parameters[i];
        if (strcmp(p->name, name) != 0) {
            continue;
        }
        if ((query->seen & (1ull << i)) != 0) {
            return error_set(&query->error, name, "%s is given twice", name) == 0;
        }
        query->seen |= 1ull << i;
        return (p->words != NULL ? read_word : read_integer)(p, value, &query->error) == 0;
    }
    return error_set(&query->error, name, "there is no query parameter \"%.60s\" here", name) == 0;
}

bool api_query(struct api_call *call, const struct api_parameter *parameters, size_t n)
{
    struct query query = {.parameters = parameters, .n = n};
    http_query(call->request, read_parameter, &query);
    if (query.error.message[0] != '\0') {
        api_fail_with(call, 400, "invalid_field", &query.error);
        return false;
    }
    return true;
}

struct read_question api_question(enum reader_query query, int status, const char *unknown_code)
{
    struct read_question question = {
        .query = query, .format = READER_JSON, .status = status, .unknown_code = unknown_code};
    reader_params_init(&question.params);
    return question;
}
