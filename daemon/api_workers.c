/* Workers: their registration, their reports, their departure, and the list of them. */
#include "daemon/api_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_REPORTS 4096

/* ---- registration ---- */

void api_get_workers(struct api_call *call)
{
    struct read_question question = api_question(READER_WORKERS, 200, "unknown_worker");
    if (api_query(call, NULL, 0)) {
        api_read(call, &question);
    }
}

static int read_worker(const json_t *body, struct queue_worker *ret, struct error *error)
{
    const char *host = "", *cpu = "", *kernel = "", *version = "";
    const struct json_in_member members[] = {
        {"host", JSON_IN_STRING, true, 1, sizeof ret->host - 1, &host},
        {"pid", JSON_IN_INTEGER, true, 1, INT32_MAX, &ret->pid},
        {"slots", JSON_IN_INTEGER, true, 1, 4096, &ret->slots},
        {"cpu", JSON_IN_STRING, false, 0, sizeof ret->cpu - 1, &cpu},
        {"kernel", JSON_IN_STRING, false, 0, sizeof ret->kernel - 1, &kernel},
        {"version", JSON_IN_STRING, false, 0, sizeof ret->version - 1, &version},
    };
    int rc = json_in_members(body, members, sizeof members / sizeof *members, error);
    if (rc == 0) {
        snprintf(ret->host, sizeof ret->host, "%s", host);
        snprintf(ret->cpu, sizeof ret->cpu, "%s", cpu);
        snprintf(ret->kernel, sizeof ret->kernel, "%s", kernel);
        snprintf(ret->version, sizeof ret->version, "%s", version);
    }
    return rc;
}

void api_post_worker(struct api_call *call)
{
    json_t *body;
    if (!api_query(call, NULL, 0) || !api_body(call, &body)) {
        return;
    }
    struct queue_worker worker = {0};
    struct error error = {0};
    int rc = read_worker(body, &worker, &error);
    json_decref(body);
    if (rc != 0) {
        api_fail_with(call, 400, "invalid_field", &error);
        return;
    }
    struct queue_time now = clock_now(&call->api->clock);
    int64_t id;
    rc = queue_register(call->api->queue, &worker, &now, &id);
    if (rc != 0) {
        api_fail_outcome(call, rc, NULL);
        return;
    }
    double lease_s = (double)call->api->lease_ms / 1000;
    json_out_format(&call->text, "{\"worker\": %lld, \"lease_s\": %.15g, \"heartbeat_s\": %.15g}\n",
                    (long long)id, lease_s, lease_s / 3);
    api_park(call, 201);
}

/* ---- reports ---- */

struct reports {
    int64_t worker;
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
    const struct json_in_member members[] = {
        {"worker", JSON_IN_INTEGER, true, 1, (double)INT64_MAX, &reports->worker},
        {"reports", JSON_IN_ARRAY, true, 0, 0, &list},
    };
    int rc = json_in_members(body, members, 2, error);
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
    if (!reports_scan(body, size, &reports->worker, &reports->items, &reports->n)) {
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
    struct queue_reports said = {reports->worker, reports->items, reports->n, reports->statuses};
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
    } else {
        keep_reports(call, &reports);
    }
    reports_clear(&reports);
}

/* ---- departures ---- */

void api_post_departure(struct api_call *call)
{
    int64_t worker = 0, released = 0;
    const struct json_in_member members[] = {
        {"worker", JSON_IN_INTEGER, true, 1, (double)INT64_MAX, &worker},
    };
    if (!api_query(call, NULL, 0) || !api_numbers(call, members, 1)) {
        return;
    }
    struct queue_time now = clock_now(&call->api->clock);
    int rc = queue_depart(call->api->queue, worker, &now, &released);
    if (rc != 0) {
        api_fail_outcome(call, rc, NULL);
        return;
    }
    json_out_format(&call->text, "{\"released\": %lld}\n", (long long)released);
    api_park(call, 200);
}
