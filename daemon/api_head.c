/*
 * What is known of a request when its head is there is judged there, in this order: whether the
 * head can be read in one way only; the web page it comes from; the token, which comes before every
 * limit; the path and method; the size and type of its body. Only then its body may come.
 */
#include "daemon/api_internal.h"

#include "daemon/auth.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SMALL_BODY ((size_t)8 * 1024)

static size_t limit_of(const struct api_route *route)
{
    return route->body == API_LARGE ? HTTP_MAX_BODY : SMALL_BODY;
}

/* ---- refusals ---- */

static void refuse_method(struct api_call *call, const char *path)
{
    struct http_request *request = call->request;
    char methods[64];
    api_list_methods(path, call, methods);
    struct http_field allow = {"Allow", methods};
    if (methods[0] == '\0') {
        api_fail(call, 404, "not_found", "there is nothing at %s; docs/http-api.md lists what is",
                 path);
    } else if (http_method(request) == HTTP_OPTIONS) {
        http_answer(request, &(struct http_answer){.status = 204, .fields = &allow, .n_fields = 1});
        api_call_free(call);
    } else {
        struct json_out out = {0};
        json_out_format(&out,
                        "{\"error\": {\"code\": \"method_not_allowed\", \"message\": \"this path "
                        "takes %s\"}}\n",
                        methods);
        answer_json(request, 405, &out, &allow, 1);
        api_call_free(call);
    }
}

static void refuse_site(struct api_call *call)
{
    const char *host = http_header(call->request, "Host");
    const char *origin = http_header(call->request, "Origin");
    api_fail(call, 403, "forbidden_origin",
             "the request names another site (Host: %.100s, Origin: %.100s): %s",
             host != NULL ? host : "none", origin != NULL ? origin : "none",
             call->api->token != NULL
                 ? "a proxy must pass on the Host that the browser sent (nginx: proxy_set_header "
                   "Host $http_host)"
                 : "without --token-file the Host must be a loopback address, and the Origin the "
                   "same (behind nginx: proxy_set_header Host $http_host, and a token)");
}

/* ---- judgements; each ends the call when it is false ---- */

static bool is_let_in(struct api_call *call, const struct api_route *route)
{
    struct http_request *request = call->request;
    struct api *api = call->api;
    enum api_access access = route != NULL ? route->access : API_KNOWN;
    if (access != API_PUBLIC && !auth_is_same_site(api->token != NULL, http_header(request, "Host"),
                                                   http_header(request, "Origin"))) {
        refuse_site(call);
        return false;
    }
    const char *authorization = http_header(request, "Authorization");
    if (api->token != NULL && auth_is_authorized(api->token, authorization)) {
        http_let_in(request);
    } else if (api->token != NULL && access == API_KNOWN) {
        refusals_add(&api->refusals, http_peer(request), (int64_t)uv_now(api->loop));
        api_fail(call, 401, "unauthorized", "this daemon wants Authorization: Bearer TOKEN");
        return false;
    }
    return true;
}

static bool is_json(struct api_call *call)
{
    static const char json[] = "application/json";
    const char *type = http_header(call->request, "Content-Type");
    size_t n = type != NULL ? strcspn(type, "; \t") : 0;
    if (n == sizeof json - 1 && strncasecmp(type, json, n) == 0) {
        return true;
    }
    api_fail(call, 415, "unsupported_media_type", "the body must be application/json%s%.100s",
             type != NULL ? ", not " : "; Content-Type is missing", type != NULL ? type : "");
    return false;
}

bool api_has_fault(struct api_call *call, const struct api_route *route)
{
    switch (http_fault(call->request)) {
    case HTTP_FAULT_NONE:
        return false;
    case HTTP_FAULT_MALFORMED:
        api_fail(call, 400, "malformed_request", "%s", http_malformed(call->request));
        return true;
    case HTTP_FAULT_TARGET:
        api_fail(call, 404, "not_found", "there is nothing at a path with a NUL in it");
        return true;
    case HTTP_FAULT_TOO_LARGE:
        api_fail(call, 413, "too_large", "a body here may have %zu KiB", limit_of(route) >> 10);
        return true;
    case HTTP_FAULT_MEMORY:
        api_fail(call, 503, "unavailable",
                 "too much is under way just now for this body; try again (--max-memory)");
        return true;
    }
    return true;
}

size_t api_on_head(struct http_request *request, void *ctx)
{
    struct api_call *call = api_call_create(request, ctx);
    if (call == NULL) {
        return 0;
    }
    const char *path = http_path(request);
    if (http_fault(request) == HTTP_FAULT_MALFORMED && api_has_fault(call, NULL)) {
        return 0;
    }
    const struct api_route *route = api_find_route(http_method(request), path, call);
    if (!is_let_in(call, route)) {
        return 0;
    }
    if (route == NULL) {
        refuse_method(call, path);
    } else if (http_announced(request) > limit_of(route)) {
        api_fail(call, 413, "too_large", "a body here may have %zu KiB, not %llu bytes",
                 limit_of(route) >> 10, (unsigned long long)http_announced(request));
    } else if (!api_has_fault(call, route) && (route->body == API_NONE || is_json(call))) {
        api_call_free(call);
        return limit_of(route);
    }
    return 0;
}
