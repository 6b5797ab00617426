/*
 * Figures for Prometheus. What is counted on the way is in memory already; how many sweeps and
 * trials are in each state is read from the sweeps' rows, on the thread pool. While the database
 * cannot be read, the rest is still told.
 */
#include "daemon/api_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- from the database ---- */

static const struct total {
    const char *name, *help; /* of the family; NULL = the one before goes on */
    const char *state;
    const char *member; /* of the answer to READER_TOTALS */
} totals[] = {
    {"ninety_sweeps", "Sweeps by state.", "active", "sweeps_active"},
    {NULL, NULL, "paused", "sweeps_paused"},
    {NULL, NULL, "finished", "sweeps_finished"},
    {NULL, NULL, "cancelled", "sweeps_cancelled"},
    {"ninety_trials", "Trials by state.", "queued", "trials_queued"},
    {NULL, NULL, "running", "trials_running"},
    {NULL, NULL, "succeeded", "trials_succeeded"},
    {NULL, NULL, "failed", "trials_failed"},
    {NULL, NULL, "cancelled", "trials_cancelled"},
};

static void write_totals(struct json_out *out, const struct json_out *text)
{
    json_t *json = json_loadb(text->text, text->size, 0, NULL);
    const char *name = NULL;
    for (size_t i = 0; json != NULL && i < sizeof totals / sizeof *totals; i++) {
        const struct total *total = &totals[i];
        if (total->name != NULL) {
            name = total->name;
            metrics_family(out, name, "gauge", total->help);
        }
        metrics_sample(out, name, "state", total->state,
                       (double)json_integer_value(json_object_get(json, total->member)));
    }
    json_decref(json);
}

/* ---- from memory ---- */

static const struct counted {
    const char *name, *help; /* of the family; NULL = the one before goes on */
    const char *state;       /* its label, or NULL */
    enum queue_count count;
} counters[] = {
    {"ninety_claims_total", "Trials handed to workers.", NULL, QUEUE_CLAIMS},
    {"ninety_reports_total", "Reports on trials taken from workers.", NULL, QUEUE_REPORTS},
    {"ninety_measurements_total", "Measurements reported.", NULL, QUEUE_MEASUREMENTS},
    {"ninety_layer_stats_total", "Layer statistics reported.", NULL, QUEUE_LAYER_STATS},
    {"ninety_trials_finished_total", "Trials that ended, by how.", "succeeded", QUEUE_SUCCEEDED},
    {NULL, NULL, "failed", QUEUE_FAILED},
    {NULL, NULL, "cancelled", QUEUE_CANCELLED},
    {"ninety_trials_reused_total", "Trials that took over an earlier result.", NULL, QUEUE_REUSED},
    {"ninety_attempts_failed_total", "Attempts that a worker reported as failed.", NULL,
     QUEUE_ATTEMPTS_FAILED},
    {"ninety_lease_expirations_total", "Leases that ended because their worker was silent.", NULL,
     QUEUE_LEASES_EXPIRED},
    {"ninety_lease_releases_total", "Leases that workers gave back.", NULL, QUEUE_LEASES_RELEASED},
    {"ninety_sweeps_submitted_total", "Sweeps submitted.", NULL, QUEUE_SWEEPS},
    {"ninety_workers_registered_total", "Workers registered.", NULL, QUEUE_WORKERS},
};

static void write_counters(struct json_out *out, const struct queue *queue)
{
    const char *name = NULL;
    for (size_t i = 0; i < sizeof counters / sizeof *counters; i++) {
        const struct counted *counted = &counters[i];
        if (counted->name != NULL) {
            name = counted->name;
            metrics_family(out, name, "counter", counted->help);
        }
        metrics_sample(out, name, counted->state != NULL ? "state" : NULL, counted->state,
                       (double)queue_count(queue, counted->count));
    }
}

static void write_requests(struct json_out *out, const struct http_server *server)
{
    static const char name[] = "ninety_http_requests_total";
    metrics_family(out, name, "counter", "Requests answered, by status code.");
    for (int status = 100; status < 600; status++) {
        uint64_t n = http_server_answers(server, status);
        if (n > 0) {
            char code[8];
            snprintf(code, sizeof code, "%d", status);
            metrics_sample(out, name, "code", code, (double)n);
        }
    }
    metrics_counter(out, "ninety_http_unauthorized_total", "Requests without a valid token.",
                    (double)http_server_answers(server, 401));
    struct http_figures figures = http_server_figures(server);
    metrics_gauge(out, "ninety_http_connections", "Open connections, this one among them.",
                  (double)figures.n_connections);
    metrics_gauge(out, "ninety_http_strangers",
                  "Those among them that have shown no token, or nothing yet.",
                  (double)figures.n_strangers);
    metrics_counter(out, "ninety_http_connections_turned_away_total",
                    "Connections closed to make room for others.", (double)figures.n_turned_away);
    metrics_gauge(out, "ninety_http_memory_bytes", "Bodies and answers in memory.",
                  (double)figures.memory);
    metrics_counter(out, "ninety_http_memory_refusals_total",
                    "Bodies and answers that --max-memory left no room for.",
                    (double)figures.n_without_memory);
}

static double size_of(const char *db_path, const char *ending)
{
    char path[4096];
    struct stat info;
    snprintf(path, sizeof path, "%s%s", db_path, ending);
    return stat(path, &info) == 0 ? (double)info.st_size : 0;
}

static void write_database(struct json_out *out, const struct api *api)
{
    metrics_gauge(out, "ninety_database_writable",
                  "1 while the database can be written, 0 while requests that write get 503.",
                  queue_is_healthy(api->queue));
    metrics_gauge(out, "ninety_database_bytes", "Size of the database file.",
                  size_of(api->db_path, ""));
    metrics_gauge(out, "ninety_wal_bytes", "Size of the database's write-ahead log.",
                  size_of(api->db_path, "-wal"));
    metrics_histogram(out, "ninety_commit_seconds", "Time that commits to the database took.",
                      &api->commits);
    metrics_counter(out, "ninety_commit_failures_total", "Commits that failed.",
                    (double)api->n_failed_commits);
}

/* Under the names that every Prometheus client library gives them. */
static void write_process(struct json_out *out, const struct api *api)
{
    uv_rusage_t usage;
    size_t resident = 0;
    uv_getrusage(&usage);
    uv_resident_set_memory(&resident);
    double cpu_s = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                   1e-6 * (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
    metrics_gauge(out, "process_start_time_seconds", "When the daemon was started, since 1970.",
                  (double)api->start_wall_ms / 1000);
    metrics_counter(out, "process_cpu_seconds_total", "CPU time of the daemon.", cpu_s);
    metrics_gauge(out, "process_resident_memory_bytes", "Memory of the daemon.", (double)resident);
}

static void write_daemon(struct json_out *out, const struct api *api)
{
    metrics_family(out, "ninety_build_info", "gauge", "1; the label is what is of interest.");
    metrics_sample(out, "ninety_build_info", "version", NINETY_VERSION, 1);
    metrics_gauge(out, "ninety_workers", "Workers that are alive.",
                  (double)queue_live_workers(api->queue));
    metrics_gauge(out, "ninety_claims_waiting", "Claims that wait for a trial.",
                  (double)api->waiters.n);
    metrics_gauge(out, "ninety_trials_claimable", "Trials that a claim would be given now.",
                  (double)queue_claimable(api->queue));
    write_counters(out, api->queue);
    metrics_gauge(out, "ninety_event_listeners", "Clients that follow the events.",
                  (double)events_n_listeners(api->events));
    metrics_counter(out, "ninety_event_listeners_cut_off_total",
                    "Clients that were too slow for the events and were cut off.",
                    (double)events_n_cut_off(api->events));
    write_database(out, api);
    if (api->server != NULL) {
        write_requests(out, api->server);
    }
    write_process(out, api);
}

/* ---- the request ---- */

/* The call itself is kept until the read is over. */
static void on_gone(struct http_request *request, void *ctx)
{
    (void)request;
    struct api_call *call = ctx;
    call->request = NULL;
}

static void answer(struct api_call *call, const struct json_out *totals_text)
{
    struct json_out *out = &call->text;
    if (totals_text != NULL) {
        write_totals(out, totals_text);
    }
    write_daemon(out, call->api);
    if (out->failed) {
        api_fail(call, 500, "internal", "out of memory");
        return;
    }
    http_answer(call->request, &(struct http_answer){.status = 200,
                                                     .type = METRICS_TYPE,
                                                     .data = out->text,
                                                     .size = out->size,
                                                     .free_data = free});
    *out = (struct json_out){0};
    api_call_free(call);
}

static void on_totals(void *ctx, int result, struct json_out *text)
{
    struct api_call *call = ctx;
    struct api *api = call->api;
    if (call->request != NULL) {
        answer(call, result == 0 ? text : NULL);
    } else {
        api_call_free(call);
    }
    api_job_end(api);
}

void api_get_metrics(struct api_call *call)
{
    if (!api_query(call, NULL, 0)) {
        return;
    }
    struct read_question question = api_question(READER_TOTALS, 200, NULL);
    if (!read_pool_fetch(call->api->readers, &question, on_totals, call)) {
        answer(call, NULL);
        return;
    }
    call->api->n_jobs++;
    http_wait(call->request, on_gone, call);
}
