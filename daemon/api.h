/*
 * The HTTP API of docs/http-api.md: joins http (requests), queue (writes, leases) and reader
 * (answers to people).
 *
 *     head --Host, token, route, type, size--> refused, or its body may come
 *
 *     request --route--> handler --read--> thread pool ----------------------> answer
 *                           |
 *                           `-- write --> tick: waiting claims served, COMMIT --> answer
 *
 * No 2xx to a request that writes leaves before the COMMIT that makes it true.
 */
#pragma once

#include "common/error.h"
#include "daemon/http.h"
#include "daemon/queue.h"

#include <stdint.h>
#include <uv.h>

struct api;

struct api_options {
    struct queue *queue;        /* opened; outlives the api */
    const char *db_path;        /* as store_read_name gives it */
    bool read_only;             /* what would write is refused */
    const char *data_directory; /* NULL: no data sets to hand out */
    const char *token;          /* NULL: none is asked for */
    int64_t lease_ms;
    int64_t keep_alive_ms; /* of event streams; 0: EVENTS_KEEP_ALIVE_MS */
};

/* Copies what it needs of the options. 0, or -errno. */
int api_create(uv_loop_t *loop, const struct api_options *options, struct api **ret);

/* What the API does with requests; ctx is the api. */
extern const struct http_handlers api_handlers;
/* The server that the requests come from, so that answers go out as soon as they are true. */
void api_set_server(struct api *api, struct http_server *server);

/* No more work is handed out: waiting claims are answered with none, later ones with 503. Event
 * streams end. Reports are still taken. */
void api_stop_claims(struct api *api);

/* Commits what is parked and answers it, when the server next runs. */
void api_flush(struct api *api);

/* After api_stop_claims, api_flush and http_server_destroy, in the same round. Freed in the loop's
 * next rounds; NULL is fine. */
void api_destroy(struct api *api);
