/*
 * Whether what a report says can be. The rules are common/protocol_rules.h's; here is what they go
 * by: the terms of a trial and what was heard of its attempt are kept with its lease, and after a
 * restart read from the database as the attempt is next spoken of. A report whose answer was lost
 * comes again: rows that are kept already are passed over.
 */
#include "daemon/queue_internal.h"

#include <stdio.h>

static int add_row(void *arg, const struct measurement *measurement)
{
    struct queue_lease *lease = arg;
    report_past_add(&lease->past, &lease->terms, measurement);
    return 0;
}

static int read_past(struct queue *queue, struct queue_lease *lease)
{
    struct trial_config config;
    struct layer_stat last = {.step = -1, .layer = -1};
    int rc = queue_read_config(queue, lease->sweep, lease->trial, &config);
    if (rc != 0) {
        return rc;
    }
    lease->terms = report_terms_of(&config);
    lease->past = REPORT_NOTHING_PAST;
    rc = store_visit_measurements(queue->store, lease->trial, lease->attempt, add_row, lease);
    if (rc == 0) {
        rc = store_last_layer(queue->store, lease->trial, lease->attempt, &last);
    }
    lease->past.layer_step = (int32_t)last.step;
    lease->past.layer = last.layer;
    lease->past_known = rc >= 0;
    return rc < 0 ? rc : 0;
}

/* The rows that a report begins with and that are kept already. What is no repetition the rules
 * judge. 0 or -errno. */
static int find_repeated(struct queue *queue, const struct queue_lease *lease,
                         const struct report *report, struct report_repeated *ret)
{
    const struct report_past *past = &lease->past;
    struct report_repeated n = {0};
    int rc = 0;
    while (rc == 0 && n.measurements < report->n_measurements &&
           report->measurements[n.measurements].step <= past->step) {
        rc = store_has_measurement(queue->store, report, n.measurements);
        n.measurements += rc == 0;
    }
    rc = rc < 0 ? rc : 0;
    while (rc == 0 && n.layers < report->n_layers &&
           report->layers[n.layers].step <= past->layer_step) {
        rc = store_has_layer(queue->store, report, n.layers);
        n.layers += rc == 0;
    }
    *ret = n;
    return rc < 0 ? rc : 0;
}

static int check_item(struct queue *queue, struct queue_lease *lease, const struct report *report,
                      struct error *error)
{
    struct report_repeated repeated;
    int rc = lease->past_known ? 0 : read_past(queue, lease);
    if (rc == 0) {
        rc = find_repeated(queue, lease, report, &repeated);
    }
    if (rc != 0) {
        return rc;
    }
    struct report_past past = lease->past;
    return report_check(report, &lease->terms, &repeated, &past, error) == 0 ? 0 : QUEUE_CANNOT_BE;
}

/* A heartbeat says nothing that could be wrong. */
static bool says_something(const struct report *report)
{
    return report->n_measurements > 0 || report->n_layers > 0 || report->end != REPORT_CONTINUES;
}

/* Each item is judged by what was heard before the report. */
static int refuse_second(struct queue *queue, struct queue_lease *lease, struct error *error)
{
    if (lease->reported == queue->n_reports) {
        error_set(error, "trial", "trial %lld is reported twice in one report",
                  (long long)lease->trial);
        return QUEUE_CANNOT_BE;
    }
    lease->reported = queue->n_reports;
    return 0;
}

int queue_check(struct queue *queue, const struct queue_reports *reports, struct error *error)
{
    int rc = 0;
    queue->n_reports++;
    for (size_t i = 0; rc == 0 && i < reports->n; i++) {
        const struct report *item = &reports->items[i];
        struct queue_lease *lease = id_map_get(&queue->memory.leases, item->trial);
        if (!lease || lease->attempt != item->attempt || lease->worker != reports->worker ||
            !says_something(item)) {
            continue;
        }
        rc = refuse_second(queue, lease, error);
        if (rc == 0) {
            rc = check_item(queue, lease, item, error);
        }
        if (rc == QUEUE_CANNOT_BE) {
            char at[32];
            snprintf(at, sizeof(at), "reports[%zu]", i);
            error_prefix(error, at);
        }
    }
    return rc;
}
