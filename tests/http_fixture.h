/*
 * An HTTP server for tests, whose paths say how it answers.
 *
 *     /wait, /park  later, by hand        /stream  in pieces       /file   a file
 *     /refused      401, at its head      /small   a body of 16    /large  HTTP_FIXTURE_LARGE bytes
 *     /query        the query             /echo    the body        others  the path
 *
 * With the header X-Let-In a connection is let in.
 */
#pragma once

#include "daemon/http.h"
#include "tests/http_client.h"

#define HTTP_FIXTURE_LARGE 9000000 /* more than sockets hold */

struct http_fixture {
    uv_loop_t loop;
    struct http_server *server;
    int port, n_requests, n_gone, n_closed;
    struct http_request *waiting[4];
    int n_waiting;
    struct http_stream *stream;
    int pieces_left;
    char seen[4096];
};

void http_fixture_answer(struct http_request *request, int status, const char *text);

/* There is one at a time. */
struct http_fixture *http_fixture_start(const struct http_limits *limits);
int http_fixture_setup(void **state); /* with the default limits */
int http_fixture_teardown(void **state);

/* Runs the loop until so many requests wait. */
void http_fixture_await(struct http_fixture *fixture, int n_waiting);
/* A client whose request for /wait has come in, as the so manyth. */
struct http_client *http_fixture_wait(struct http_fixture *fixture, int n_waiting);
/* Runs the loop for a while, waking it now and then. */
void http_fixture_run(struct http_fixture *fixture, uint64_t ms);
