/*
 * Talking to the daemon: requests that answer JSON, and downloads. Every failure comes back as one
 * line for a person, with the remedy.
 */
#pragma once

#include "common/error.h"

#include <jansson.h>
#include <stdio.h>

enum client_outcome {
    CLIENT_OK = 0,
    CLIENT_REFUSED = 1,     /* the daemon answered with an error, which *error repeats */
    CLIENT_UNREACHABLE = 2, /* nothing was sent, or what answered is no ninety daemon */
    CLIENT_UNWRITTEN = 3,   /* the file to copy it to took no more */
    CLIENT_LOST = 4,        /* it was sent, and its answer did not come */
};

struct client;

/* `url` as from address_parse; `token` may be NULL. Both are copied. */
struct client *client_create(const char *url, const char *token);
void client_destroy(struct client *client);

/* What a person can do where no daemon answers, beside starting one: ends that error's line. Not
 * copied. */
void client_set_remedy(struct client *client, const char *remedy);

const char *client_url(const struct client *client);

/* The status of the last answer: 200, 201, ... */
long client_status(const struct client *client);

/* `path` starts with "/v1". On CLIENT_OK, *ret is a new reference. */
enum client_outcome client_get(struct client *client, const char *path, json_t **ret,
                               struct error *error);

struct client_post {
    const char *path;
    const char *body;            /* JSON text; NULL for none */
    const char *idempotency_key; /* NULL for none */
};
/* With a key, what was lost on the way is sent once more: CLIENT_LOST then means that both were,
 * and that the daemon may have accepted it. */
enum client_outcome client_post(struct client *client, const struct client_post *post, json_t **ret,
                                struct error *error);

/* Copies the answer's body to `out` as it comes. */
enum client_outcome client_download(struct client *client, const char *path, FILE *out,
                                    struct error *error);

/* `text` as part of a path or query; the caller frees. */
char *client_escape(const char *text);
