#include "worker/wire.h"

#include "common/json_print.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Takes the reference. */
static char *to_text(json_t *body)
{
    char *text = json_print_text(body, JSON_PRINT_COMPACT);
    json_decref(body);
    return text;
}

char *wire_registration_body(const struct wire_identity *identity,
                             const struct worker_badge *before)
{
    json_t *body = json_pack(
        "{s:i, s:s, s:I, s:i, s:s, s:s, s:s}", "protocol", WORKER_PROTOCOL_VERSION, "host",
        identity->host, "pid", (json_int_t)identity->pid, "slots", identity->n_slots, "cpu",
        identity->cpu, "kernel", identity->kernel, "version", identity->version);
    if (before->worker != 0 &&
        (json_object_set_new(body, "worker", json_integer(before->worker)) != 0 ||
         json_object_set_new(body, "secret", json_string(before->secret)) != 0)) {
        json_decref(body);
        return NULL;
    }
    return to_text(body);
}

char *wire_claim_body(const struct worker_badge *badge, int max, int wait_s)
{
    return to_text(json_pack("{s:I, s:s, s:i, s:i}", "worker", (json_int_t)badge->worker, "secret",
                             badge->secret, "max", max, "wait_s", wait_s));
}

char *wire_report_body(const struct worker_badge *badge, const struct report *reports, size_t n)
{
    json_t *items = json_array();
    for (size_t i = 0; i < n; i++) {
        if (json_array_append_new(items, report_to_json(&reports[i])) < 0) {
            json_decref(items);
            return NULL;
        }
    }
    return to_text(json_pack("{s:I, s:s, s:o}", "worker", (json_int_t)badge->worker, "secret",
                             badge->secret, "reports", items));
}

char *wire_departure_body(const struct worker_badge *badge)
{
    return to_text(
        json_pack("{s:I, s:s}", "worker", (json_int_t)badge->worker, "secret", badge->secret));
}

int wire_parse_registration(const json_t *body, struct wire_registration *ret)
{
    json_int_t worker;
    double heartbeat_s;
    const char *secret;
    if (json_unpack((json_t *)body, "{s:I, s:F, s:s}", "worker", &worker, "heartbeat_s",
                    &heartbeat_s, "secret", &secret) < 0 ||
        worker <= 0 || !(heartbeat_s > 0 && heartbeat_s < 86400) || !secret[0] ||
        strlen(secret) >= WORKER_SECRET_SIZE) {
        return ERROR_INVALID;
    }
    *ret = (struct wire_registration){.badge.worker = worker,
                                      .heartbeat_ms = (uint64_t)(heartbeat_s * 1000)};
    snprintf(ret->badge.secret, sizeof ret->badge.secret, "%s", secret);
    return 0;
}

/* The array called `name` in the body, or NULL. */
static const json_t *array_of(const json_t *body, const char *name)
{
    const json_t *array = json_object_get(body, name);
    return json_is_array(array) ? array : NULL;
}

static int parse_lease(const json_t *item, struct lease *ret)
{
    json_int_t trial, attempt;
    if (json_unpack((json_t *)item, "{s:I, s:I}", "trial", &trial, "attempt", &attempt) < 0) {
        return ERROR_INVALID;
    }
    *ret = (struct lease){trial, attempt};
    return 0;
}

int wire_parse_claims(const json_t *body, struct wire_claim **ret_claims, size_t *ret_n)
{
    const json_t *items = array_of(body, "claims");
    if (!items) {
        return ERROR_INVALID;
    }
    size_t n = json_array_size(items);
    struct wire_claim *claims = calloc(n + 1, sizeof *claims);
    if (!claims) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < n; i++) {
        const json_t *item = json_array_get(items, i);
        if (parse_lease(item, &claims[i].lease) != 0) {
            free(claims);
            return ERROR_INVALID;
        }
        config_from_json(json_object_get(item, "config"), &claims[i].config, &claims[i].error);
        reuse_offers_from_json(json_object_get(item, "reuse"), &claims[i].offers);
    }
    *ret_claims = claims;
    *ret_n = n;
    return 0;
}

int wire_parse_results(const json_t *body, struct wire_result **ret_results, size_t *ret_n)
{
    const json_t *items = array_of(body, "results");
    if (!items) {
        return ERROR_INVALID;
    }
    size_t n = json_array_size(items);
    struct wire_result *results = calloc(n + 1, sizeof *results);
    if (!results) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < n; i++) {
        const json_t *item = json_array_get(items, i);
        const char *name = json_string_value(json_object_get(item, "status"));
        int status = name ? report_status_by_name(name) : -1;
        if (parse_lease(item, &results[i].lease) != 0 || status < 0) {
            free(results);
            return ERROR_INVALID;
        }
        results[i].status = (enum report_status)status;
    }
    *ret_results = results;
    *ret_n = n;
    return 0;
}

static void copy_text(char *to, size_t size, const json_t *from)
{
    const char *text = json_string_value(from);
    snprintf(to, size, "%s", text ? text : "");
}

void wire_parse_error(const json_t *body, struct wire_error *ret)
{
    const json_t *error = json_object_get(body, "error");
    copy_text(ret->code, sizeof ret->code, json_object_get(error, "code"));
    copy_text(ret->field, sizeof ret->field, json_object_get(error, "field"));
    copy_text(ret->message, sizeof ret->message, json_object_get(error, "message"));
}

long wire_blamed_report(const struct wire_error *error)
{
    long at;
    return sscanf(error->field, "reports[%ld]", &at) == 1 && at >= 0 ? at : -1;
}
