/*
 * The whole daemon but its main, inside a test: a store in a temporary directory, queue, API and
 * server on one loop, spoken to over HTTP.
 */
#pragma once

#include "daemon/api.h"
#include "tests/http_client.h"

#include <jansson.h>

struct api_fixture {
    uv_loop_t loop;
    char directory[64];
    char db_path[128];
    struct store *store;
    struct queue *queue;
    struct api *api;
    struct http_server *server;
    int port;
    struct http_client *client;
    json_t *answer; /* of the last call; NULL when it was no JSON */
};

struct api_fixture_options {
    const char *token;          /* NULL: none */
    const char *data_directory; /* NULL: none */
    int64_t lease_ms;           /* 0: 30 s */
    int64_t keep_alive_ms;      /* of event streams; 0: 15 s */
};

#define API_FIXTURE_TOKEN "correct-horse-battery-staple"

/* For cmocka: the state is the fixture, without a token or with API_FIXTURE_TOKEN. */
int api_fixture_setup(void **state);
int api_fixture_setup_with_token(void **state);
int api_fixture_teardown(void **state);

/* Both fail the test when they cannot. */
struct api_fixture *api_fixture_start(const struct api_fixture_options *options);
void api_fixture_stop(struct api_fixture *fixture);
/* Ends API and server as ninetyd does, without running the loop; clients still get answers. */
void api_fixture_end(struct api_fixture *fixture);
/* Ends queue, API and server, and starts them anew on the same database. */
void api_fixture_restart(struct api_fixture *fixture);

/* A request on the fixture's own connection; on a new one when the daemon has closed that. */
void api_fixture_request(struct api_fixture *fixture, const char *method, const char *path,
                         const char *body, const char *fields);
/* The same, and its answer; returns the status, and sets fixture->answer. */
int api_fixture_call(struct api_fixture *fixture, const char *method, const char *path,
                     const char *body);
/* The answer that a client waits for; the same. */
int api_fixture_receive(struct api_fixture *fixture, struct http_client *client);

/* Members of the last answer, by dotted path ("claims.0.trial"); fail the test when missing. */
json_t *api_fixture_get(struct api_fixture *fixture, const char *path);
int64_t api_fixture_integer(struct api_fixture *fixture, const char *path);
const char *api_fixture_text(struct api_fixture *fixture, const char *path);

/* Registers a worker; its id. */
int64_t api_fixture_worker(struct api_fixture *fixture);
/* Submits a sweep of `n` trials (n seeds of one small configuration); its id. */
int64_t api_fixture_sweep(struct api_fixture *fixture, int n);
