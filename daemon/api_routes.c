/* Routing: every request finds its handler in one table, by its method and path. */
#include "daemon/api_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct api_route api_routes[] = {
    {HTTP_POST, API_KNOWN, API_LARGE, "/v1/reports", api_post_report},
    {HTTP_POST, API_KNOWN, API_SMALL, "/v1/claims", api_post_claim},
    {HTTP_POST, API_KNOWN, API_SMALL, "/v1/workers", api_post_worker},
    {HTTP_GET, API_KNOWN, API_NONE, "/v1/workers", api_get_workers},
    {HTTP_POST, API_KNOWN, API_SMALL, "/v1/departures", api_post_departure},
    {HTTP_POST, API_KNOWN, API_LARGE, "/v1/sweeps", api_post_sweep},
    {HTTP_GET, API_KNOWN, API_NONE, "/v1/sweeps", api_get_sweeps},
    {HTTP_GET, API_KNOWN, API_NONE, "/v1/sweeps/{id}", api_get_sweep},
    {HTTP_POST, API_KNOWN, API_NONE, "/v1/sweeps/{id}/cancel", api_act, QUEUE_CANCEL},
    {HTTP_POST, API_KNOWN, API_NONE, "/v1/sweeps/{id}/pause", api_act, QUEUE_PAUSE},
    {HTTP_POST, API_KNOWN, API_NONE, "/v1/sweeps/{id}/resume", api_act, QUEUE_RESUME},
    {HTTP_POST, API_KNOWN, API_NONE, "/v1/sweeps/{id}/retry", api_act, QUEUE_RETRY},
    {HTTP_POST, API_KNOWN, API_NONE, "/v1/sweeps/{id}/delete", api_act, QUEUE_DELETE},
    {HTTP_GET, API_KNOWN, API_NONE, "/v1/trials", api_get_trials},
    {HTTP_GET, API_KNOWN, API_NONE, "/v1/trials/{id}", api_get_trial, READER_TRIAL},
    {HTTP_GET, API_KNOWN, API_NONE, "/v1/trials/{id}/measurements", api_get_trial,
     READER_MEASUREMENTS},
    {HTTP_GET, API_KNOWN, API_NONE, "/v1/trials/{id}/layers", api_get_trial, READER_LAYERS},
    {HTTP_GET, API_KNOWN, API_NONE, "/v1/results", api_get_view, READER_RESULTS},
    {HTTP_GET, API_KNOWN, API_NONE, "/v1/summary", api_get_view, READER_SUMMARY},
    {HTTP_GET, API_KNOWN, API_NONE, "/v1/curves", api_get_view, READER_CURVES},
    {HTTP_GET, API_KNOWN, API_NONE, "/v1/layers", api_get_layers},
    {HTTP_GET, API_KNOWN, API_NONE, "/v1/layers/steps", api_get_view, READER_LAYER_STEPS},
    {HTTP_GET, API_KNOWN, API_NONE, "/v1/events", api_get_events},
    {HTTP_GET, API_KNOWN, API_NONE, "/v1/datasets", api_get_datasets},
    {HTTP_GET, API_KNOWN, API_NONE, "/v1/datasets/{name}", api_get_dataset},
    {HTTP_GET, API_KNOWN, API_NONE, "/v1/datasets/{name}/{name}", api_get_dataset_file},
    {HTTP_GET, API_KNOWN, API_NONE, "/metrics", api_get_metrics},
    {HTTP_GET, API_KNOWN, API_NONE, "/openapi.json", api_get_openapi},
    {HTTP_GET, API_OPEN, API_NONE, "/healthz", api_get_health},
    {HTTP_GET, API_PUBLIC, API_NONE, "/", api_get_dashboard},
    {HTTP_GET, API_PUBLIC, API_NONE, "/assets/{name}", api_get_asset},
};
enum { N_ROUTES = sizeof api_routes / sizeof *api_routes };
const size_t api_n_routes = N_ROUTES;

static bool parse_id(const char *text, size_t size, int64_t *ret)
{
    char digits[20];
    if (size == 0 || size >= sizeof digits || strspn(text, "0123456789") < size) {
        return false;
    }
    memcpy(digits, text, size);
    digits[size] = '\0';
    *ret = strtoll(digits, NULL, 10);
    return true;
}

/* Whether the path is of this form; fills id and names. */
static bool match(const char *pattern, const char *path, struct api_call *call)
{
    int n_names = 0;
    while (*pattern != '\0' && *path != '\0') {
        size_t n = strcspn(path, "/");
        if (strncmp(pattern, "{id}", 4) == 0) {
            if (!parse_id(path, n, &call->id)) {
                return false;
            }
            pattern += 4;
            path += n;
        } else if (strncmp(pattern, "{name}", 6) == 0) {
            if (n == 0 || n >= sizeof call->name[0]) {
                return false;
            }
            memcpy(call->name[n_names], path, n);
            call->name[n_names++][n] = '\0';
            pattern += 6;
            path += n;
        } else if (*pattern++ != *path++) {
            return false;
        }
    }
    return *pattern == '\0' && *path == '\0';
}

void api_list_methods(const char *path, struct api_call *call, char ret[64])
{
    bool get = false, post = false;
    for (int i = 0; i < N_ROUTES; i++) {
        if (match(api_routes[i].pattern, path, call)) {
            get = get || api_routes[i].method == HTTP_GET;
            post = post || api_routes[i].method == HTTP_POST;
        }
    }
    snprintf(ret, 64, "%s%s%s", get ? "GET, HEAD, " : "", post ? "POST, " : "",
             get || post ? "OPTIONS" : "");
}

const struct api_route *api_find_route(enum http_method method, const char *path,
                                       struct api_call *call)
{
    for (int i = 0; i < N_ROUTES; i++) {
        if (api_routes[i].method == method && match(api_routes[i].pattern, path, call)) {
            return &api_routes[i];
        }
    }
    return NULL;
}
