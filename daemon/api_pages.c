/*
 * Health, and what lies in the program itself: the description of the API, and the dashboard's
 * files. These hold no data, so they need no token: the page asks its user for it and sends it with
 * its own requests.
 */
#include "daemon/api_internal.h"

#include "daemon/openapi.h"
#include "web/web_assets.h"

#include <stdio.h>
#include <string.h>

static const char policy[] = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' "
                             "data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

static const char not_built[] =
    "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>ninety</title>\n"
    "<h1>ninety</h1>\n<p>The daemon runs, but its dashboard was not built in: install "
    "<code>nodejs</code> and <code>npm</code>, then\n<code>meson setup --reconfigure "
    "-Dweb=enabled build &amp;&amp; ninja -C build</code>.</p>\n"
    "<p>The API is at <a href=\"v1/sweeps\">/v1/sweeps</a>.</p></html>\n";

/* Where rounds no longer end there is no answer, and where their COMMIT fails it is 503. */
static void on_round_ended(struct tick_entry *entry, int status)
{
    struct api_call *call = (struct api_call *)entry;
    bool healthy = status == 0 && queue_is_healthy(call->api->queue);
    json_out_format(&call->text, "{\"status\": \"%s\", \"version\": \"" NINETY_VERSION "\"}\n",
                    healthy ? "ok" : "the database cannot be written");
    api_answer(call, healthy ? 200 : 503);
}

void api_get_health(struct api_call *call)
{
    call->entry.on_done = on_round_ended;
    tick_park(call->api->tick, &call->entry);
}

void api_get_openapi(struct api_call *call)
{
    if (!api_query(call, NULL, 0)) {
        return;
    }
    http_answer(call->request, &(struct http_answer){.status = 200,
                                                     .type = "application/json",
                                                     .data = openapi[0].data,
                                                     .size = openapi[0].size});
    api_call_free(call);
}

static const char *type_of(const char *name)
{
    static const struct {
        const char *ending, *type;
    } types[] = {
        {".html", "text/html; charset=utf-8"},
        {".js", "text/javascript; charset=utf-8"},
        {".css", "text/css; charset=utf-8"},
        {".svg", "image/svg+xml"},
        {".png", "image/png"},
        {".woff2", "font/woff2"},
        {".map", "application/json"},
    };
    size_t n_name = strlen(name);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        size_t n = strlen(types[i].ending);
        if (n_name > n && strcmp(name + n_name - n, types[i].ending) == 0) {
            return types[i].type;
        }
    }
    return "application/octet-stream";
}

static const struct embedded_file *find_asset(const char *name)
{
    for (size_t i = 0; i < web_assets_count; i++) {
        if (strcmp(web_assets[i].name, name) == 0) {
            return &web_assets[i];
        }
    }
    return NULL;
}

/* Its gzip, made when the page was built, where there is one and the browser takes it. */
static const struct embedded_file *packed(struct api_call *call, const struct embedded_file *asset)
{
    char name[88];
    const char *accepted = http_header(call->request, "Accept-Encoding");
    const char *gzip = accepted != NULL ? strstr(accepted, "gzip") : NULL;
    if (gzip == NULL || strncmp(gzip, "gzip;q=0", 8) == 0) {
        return NULL;
    }
    snprintf(name, sizeof name, "%s.gz", asset->name);
    return find_asset(name);
}

/* The page is asked for anew each time, and answered 304 while it is the same. */
static void answer_asset(struct api_call *call, const struct embedded_file *asset)
{
    char hash[SHA256_HEX_SIZE], tag[24];
    const struct embedded_file *gzip = packed(call, asset), *sent = gzip != NULL ? gzip : asset;
    sha256_hex(sent->data, sent->size, hash);
    snprintf(tag, sizeof tag, "\"%.16s\"", hash);
    const char *known = http_header(call->request, "If-None-Match");
    bool same = known != NULL && strstr(known, tag) != NULL;
    const struct http_field fields[] = {
        {"ETag", tag},
        {"Cache-Control", "no-cache"},
        {"Vary", "Accept-Encoding"},
        {"Content-Security-Policy", policy},
        {"Referrer-Policy", "no-referrer"},
        {"Content-Encoding", "gzip"},
    };
    /* With 304 the body is left out on the way, and Content-Length is the one that 200 has. */
    http_answer(call->request, &(struct http_answer){.status = same ? 304 : 200,
                                                     .type = type_of(asset->name),
                                                     .data = sent->data,
                                                     .size = sent->size,
                                                     .fields = fields,
                                                     .n_fields = gzip != NULL ? 6 : 5});
    api_call_free(call);
}

void api_get_dashboard(struct api_call *call)
{
    static const struct embedded_file plain = {"index.html", (const unsigned char *)not_built,
                                               sizeof not_built - 1};
    const struct embedded_file *page = find_asset("index.html");
    answer_asset(call, page != NULL ? page : &plain);
}

void api_get_asset(struct api_call *call)
{
    char name[80];
    snprintf(name, sizeof name, "assets/%s", call->name[0]);
    const struct embedded_file *asset = find_asset(name);
    if (asset == NULL) {
        api_fail(call, 404, "not_found", "the dashboard has no %s", name);
        return;
    }
    answer_asset(call, asset);
}
