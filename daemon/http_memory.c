/*
 * One account for all bodies and all answers in memory. Whoever takes much leaves a quarter to
 * those who take little, so that reports and claims go on. When there is none left, clients that
 * have an answer and take nothing of it are cut off, the one longest mute first.
 */
#include "daemon/http_internal.h"

#define LITTLE_BYTES ((size_t)64 * 1024)
#define MUTE_MS 1000
#define SEARCH_MS 100 /* between two searches that may find nobody */

static bool fits(const struct http_server *server, const struct http_request *request, size_t size)
{
    size_t max = server->limits.max_memory;
    size_t share = request->memory + size > LITTLE_BYTES ? max / 4 * 3 : max;
    return server->memory + size <= share;
}

static struct http_request *mutest(struct http_server *server)
{
    struct http_request *found = NULL;
    for (int list = HTTP_STRANGERS; list < HTTP_CUT_OFF; list++) {
        for (struct http_request *r = server->lists[list].first; r != NULL; r = r->next) {
            bool answered = r->state == CONNECTION_SENDING || r->state == CONNECTION_STREAMING;
            if (answered && r->memory > 0 && (found == NULL || r->taken_ms < found->taken_ms)) {
                found = r;
            }
        }
    }
    bool mute = found != NULL && found->taken_ms + MUTE_MS <= uv_now(server->loop);
    return mute ? found : NULL;
}

bool http_memory_fits(struct http_request *request, size_t size)
{
    struct http_server *server = request->server;
    while (!fits(server, request, size)) {
        if (uv_now(server->loop) < server->search_ms) {
            return false;
        }
        struct http_request *mute = mutest(server);
        if (mute == NULL) {
            server->search_ms = uv_now(server->loop) + SEARCH_MS;
            return false;
        }
        http_request_cut_off(mute);
    }
    return true;
}

bool http_memory_take(struct http_request *request, size_t size)
{
    if (!http_memory_fits(request, size)) {
        request->server->n_without_memory++;
        return false;
    }
    http_memory_count(request, size);
    return true;
}

void http_memory_count(struct http_request *request, size_t size)
{
    request->memory += size;
    request->server->memory += size;
}

void http_memory_give(struct http_request *request, size_t size)
{
    size_t held = size < request->memory ? size : request->memory; /* none after being cut off */
    request->memory -= held;
    request->server->memory -= held;
}
