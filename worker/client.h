/*
 * HTTP to the daemon on the event loop: libcurl's multi interface, driven by uv_poll and uv_timer.
 * Connections are kept alive. The token stays in this process's memory.
 */
#pragma once

#include <jansson.h>
#include <stdint.h>
#include <uv.h>

struct client;
struct client_request;

struct client_answer {
    int status;         /* 0 = none: see error */
    const json_t *body; /* NULL when it is not JSON */
    uint64_t retry_after_ms;
    const char *error; /* why there is none, or none of a daemon: "Connection refused"; else "" */
};

typedef void (*client_answer_fn)(void *arg, const struct client_answer *answer);

/* `url` as from address_parse; `token` may be NULL. Copies both. NULL when out of memory. */
struct client *client_create(uv_loop_t *loop, const char *url, const char *token);

/* Gives up what is on its way, without answers, and frees itself once the loop lets go of it. */
void client_close(struct client *client);

/* Posts `body` (taken; malloc'd JSON text, or NULL: no memory was left for it) to a path as
 * "/v1/claims". on_answer is called once, from the loop, unless the request is cancelled or the
 * client closed before. NULL when out of memory: no answer will come. */
struct client_request *client_post(struct client *client, const char *path, char *body,
                                   uint64_t timeout_ms, client_answer_fn on_answer, void *arg);
void client_cancel(struct client_request *request);
