/* Workers: their registration, their reports, their departure, and the list of them. */
#include "daemon/api_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define MAX_REPORTS 4096

/* ---- registration ---- */

void api_get_workers(struct api_call *call)
{
    struct read_question question = api_question(READER_WORKERS, 200, "unknown_worker");
    if (api_query(call, NULL, 0)) {
        api_read(call, &question);
    }
}

/* ---- who speaks ---- */

static bool is_known(struct api_call *call, const struct worker_badge *badge)
{
    struct queue_time now = clock_now(&call->api->clock);
    bool too_old = !badge->secret[0] && call->api->token != NULL;
    int rc = too_old ? QUEUE_UNKNOWN_WORKER : queue_admit(call->api->queue, badge, &now);
    if (rc != 0) {
        api_fail_outcome(call, rc, NULL);
    }
    return rc == 0;
}

static void copy_secret(struct worker_badge *badge, const char *secret)
{
    snprintf(badge->secret, sizeof badge->secret, "%s", secret);
}

bool api_worker_body(struct api_call *call, const struct json_in_member *more, size_t n,
                     struct worker_badge *ret)
{
    const char *secret = "";
    struct json_in_member members[2 + API_MAX_MEMBERS] = {
        {"worker", JSON_IN_INTEGER, true, 1, (double)INT64_MAX, &ret->worker},
        {"secret", JSON_IN_STRING, false, 1, WORKER_SECRET_SIZE - 1, &secret},
    };
    json_t *body;
    struct error error = {0};
    if (!api_body(call, &body)) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        members[2 + i] = more[i];
    }
    int rc = json_in_members(body, members, 2 + n, &error);
    copy_secret(ret, secret);
    json_decref(body);
    if (rc != 0) {
        api_fail_with(call, 400, "invalid_field", &error);
    }
    return rc == 0 && is_known(call, ret);
}

/* ---- registration: what it says ---- */

struct registration {
    struct queue_worker worker;
    int64_t protocol;
    struct worker_badge before; /* as it registered before; worker 0 = it did not */
};

static int read_registration(const json_t *body, struct registration *ret, struct error *error)
{
    const char *host = "", *cpu = "", *kernel = "", *version = "", *secret = "";
    struct queue_worker *worker = &ret->worker;
    const struct json_in_member members[] = {
        {"host", JSON_IN_STRING, true, 1, sizeof worker->host - 1, &host},
        {"pid", JSON_IN_INTEGER, true, 1, INT32_MAX, &worker->pid},
        {"slots", JSON_IN_INTEGER, true, 1, 4096, &worker->slots},
        {"cpu", JSON_IN_STRING, false, 0, sizeof worker->cpu - 1, &cpu},
        {"kernel", JSON_IN_STRING, false, 0, sizeof worker->kernel - 1, &kernel},
        {"version", JSON_IN_STRING, false, 0, sizeof worker->version - 1, &version},
        {"protocol", JSON_IN_INTEGER, false, 1, WORKER_PROTOCOL_VERSION, &ret->protocol},
        {"worker", JSON_IN_INTEGER, false, 1, (double)INT64_MAX, &ret->before.worker},
        {"secret", JSON_IN_STRING, false, 1, WORKER_SECRET_SIZE - 1, &secret},
    };
    ret->protocol = 1;
    int rc = json_in_members(body, members, sizeof members / sizeof *members, error);
    if (rc == 0) {
        snprintf(worker->host, sizeof worker->host, "%s", host);
        snprintf(worker->cpu, sizeof worker->cpu, "%s", cpu);
        snprintf(worker->kernel, sizeof worker->kernel, "%s", kernel);
        snprintf(worker->version, sizeof worker->version, "%s", version);
        copy_secret(&ret->before, secret);
    }
    return rc;
}

/* ---- registration: what is answered ---- */

static bool make_secret(char ret[WORKER_SECRET_SIZE])
{
    unsigned char random[(WORKER_SECRET_SIZE - 1) / 2];
    if (getrandom(random, sizeof random, 0) != sizeof random) {
        return false;
    }
    for (size_t i = 0; i < sizeof random; i++) {
        snprintf(ret + 2 * i, 3, "%02x", random[i]);
    }
    return true;
}

static void answer_registration(struct api_call *call, const struct worker_badge *badge)
{
    double lease_s = (double)call->api->lease_ms / 1000;
    json_out_format(&call->text, "{\"worker\": %lld, \"lease_s\": %.15g, \"heartbeat_s\": %.15g",
                    (long long)badge->worker, lease_s, lease_s / 3);
    if (badge->secret[0]) {
        json_out_format(&call->text, ", \"protocol\": %d, \"secret\": \"%s\"",
                        WORKER_PROTOCOL_VERSION, badge->secret);
    }
    json_out_text(&call->text, "}\n");
    api_park(call, 201);
}

/* Whether it is one that registered before, and can prove it. */
static int take_back(struct api_call *call, const struct worker_badge *badge,
                     const struct queue_time *now)
{
    if (badge->worker == 0 || !badge->secret[0]) {
        return QUEUE_UNKNOWN_WORKER;
    }
    int rc = queue_admit(call->api->queue, badge, now);
    return rc == 0 ? queue_return(call->api->queue, badge->worker, now) : rc;
}

static void keep_registration(struct api_call *call, struct registration *registration)
{
    struct queue_time now = clock_now(&call->api->clock);
    struct worker_badge badge = registration->before;
    int rc = take_back(call, &badge, &now);
    if (rc == QUEUE_UNKNOWN_WORKER) {
        badge = (struct worker_badge){0};
        if (registration->protocol > 1) {
            if (!make_secret(badge.secret)) {
                api_fail(call, 503, "unavailable", "the system has no random numbers yet");
                return;
            }
            sha256_hex(badge.secret, strlen(badge.secret), registration->worker.secret_sha256);
        }
        rc = queue_register(call->api->queue, &registration->worker, &now, &badge.worker);
    }
    if (rc != 0) {
        api_fail_outcome(call, rc, NULL);
    } else {
        answer_registration(call, &badge);
    }
}

void api_post_worker(struct api_call *call)
{
    json_t *body;
    if (!api_query(call, NULL, 0) || !api_body(call, &body)) {
        return;
    }
    struct registration registration = {0};
    struct error error = {0};
    int rc = read_registration(body, &registration, &error);
    json_decref(body);
    if (rc == 0 && registration.protocol < WORKER_PROTOCOL_VERSION && call->api->token != NULL) {
        rc =
            error_set(&error, "protocol",
                      "this worker speaks version 1 of the protocol, by which anyone with the "
                      "token could end its trials: upgrade ninety-worker to this daemon's version");
    }
    if (rc != 0) {
        api_fail_with(call, 400, "invalid_field", &error);
        return;
    }
    keep_registration(call, &registration);
}

/* ---- reports ---- */

struct reports {
    struct worker_badge badge;
    struct report *items;
    enum report_status *statuses;
    size_t n;
};

static void reports_clear(struct reports *reports)
{
    for (size_t i = 0; i < reports->n; i++) {
        report_clear(&reports->items[i]);
    }
    free(reports->items);
    free(reports->statuses);
}

static int read_items(const json_t *list, struct reports *reports, struct error *error)
{
    size_t n = json_array_size(list);
    if (n > MAX_REPORTS) {
        return error_set(error, "reports", "reports must have at most %d items, not %zu",
                         MAX_REPORTS, n);
    }
    reports->items = calloc(n > 0 ? n : 1, sizeof *reports->items);
    reports->statuses = calloc(n > 0 ? n : 1, sizeof *reports->statuses);
    if (reports->items == NULL || reports->statuses == NULL) {
        return error_set(error, "reports", "out of memory");
    }
    for (size_t i = 0; i < n; i++) {
        int rc = report_from_json(json_array_get(list, i), &reports->items[i], error);
        if (rc != 0) {
            char outer[32];
            snprintf(outer, sizeof outer, "reports[%zu]", i);
            return error_prefix(error, outer);
        }
        reports->n++;
    }
    return 0;
}

static int read_reports(const json_t *body, struct reports *reports, struct error *error)
{
    json_t *list = NULL;
    const char *secret = "";
    const struct json_in_member members[] = {
        {"worker", JSON_IN_INTEGER, true, 1, (double)INT64_MAX, &reports->badge.worker},
        {"secret", JSON_IN_STRING, false, 1, WORKER_SECRET_SIZE - 1, &secret},
        {"reports", JSON_IN_ARRAY, true, 0, 0, &list},
    };
    int rc = json_in_members(body, members, 3, error);
    copy_secret(&reports->badge, secret);
    return rc != 0 ? rc : read_items(list, reports, error);
}

static void write_statuses(struct json_out *out, const struct reports *reports)
{
    json_out_text(out, "{\"results\": [");
    for (size_t i = 0; i < reports->n; i++) {
        json_out_text(out, i > 0 ? ", {\"trial\": " : "{\"trial\": ");
        json_out_integer(out, reports->items[i].trial);
        json_out_text(out, ", \"attempt\": ");
        json_out_integer(out, reports->items[i].attempt);
        json_out_text(out, ", \"status\": \"");
        json_out_text(out, report_status_name(reports->statuses[i]));
        json_out_text(out, "\"}");
    }
    json_out_text(out, "]}\n");
}

/* The fast way, for what workers usually send. False: nothing was said yet, go the other way. */
static bool scan_reports(struct api_call *call, struct reports *reports)
{
    size_t size;
    const char *body = http_body(call->request, &size);
    if (!reports_scan(body, size, &reports->badge, &reports->items, &reports->n)) {
        return false;
    }
    reports->statuses = calloc(reports->n + 1, sizeof *reports->statuses);
    if (reports->n > MAX_REPORTS || reports->statuses == NULL) {
        reports_clear(reports);
        *reports = (struct reports){0};
        return false;
    }
    return true;
}

static void keep_reports(struct api_call *call, const struct reports *reports)
{
    struct queue_time now = clock_now(&call->api->clock);
    struct queue_reports said = {reports->badge.worker, reports->items, reports->n,
                                 reports->statuses};
    struct error error = {0};
    int rc = queue_report(call->api->queue, &said, &now, &error);
    if (rc != 0) {
        api_fail_outcome(call, rc, &error);
    } else {
        write_statuses(&call->text, reports);
        api_park(call, 200);
    }
}

void api_post_report(struct api_call *call)
{
    struct reports reports = {0};
    struct error error = {0};
    int rc = 0;
    if (!api_query(call, NULL, 0)) {
        return;
    }
    if (!scan_reports(call, &reports)) {
        json_t *body;
        if (!api_body(call, &body)) {
            return;
        }
        rc = read_reports(body, &reports, &error);
        json_decref(body);
    }
    if (rc != 0) {
        api_fail_with(call, 400, "invalid_field", &error);
    } else if (is_known(call, &reports.badge)) {
        keep_reports(call, &reports);
    }
    reports_clear(&reports);
}

/* ---- departures ---- */

void api_post_departure(struct api_call *call)
{
    struct worker_badge badge = {0};
    int64_t released = 0;
    if (!api_query(call, NULL, 0) || !api_worker_body(call, NULL, 0, &badge)) {
        return;
    }
    struct queue_time now = clock_now(&call->api->clock);
    int rc = queue_depart(call->api->queue, badge.worker, &now, &released);
    if (rc != 0) {
        api_fail_outcome(call, rc, NULL);
        return;
    }
    json_out_format(&call->text, "{\"released\": %lld}\n", (long long)released);
    api_park(call, 200);
}
