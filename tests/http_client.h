/*
 * A small HTTP client for tests, on the same loop as the server under test. It sends exactly the
 * bytes it is told to, so that it can also be slow, rude or wrong.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#define CLIENT_TIMEOUT_MS 30000

struct http_client;

struct http_client_answer {
    int status;
    char *head; /* status line and header fields */
    char *body; /* NUL-terminated; chunks already joined */
    size_t size;
};

/* Connects to 127.0.0.1; fails the test if it cannot. */
struct http_client *http_client_connect(uv_loop_t *loop, int port);
/* Closes the connection and runs the loop until that is done. */
void http_client_close(struct http_client *client);

void http_client_send(struct http_client *client, const char *bytes, size_t size);
void http_client_send_text(struct http_client *client, const char *text);
/* Method, path, body (NULL = none) as JSON, further header lines (NULL, or each with CRLF). */
void http_client_request(struct http_client *client, const char *method, const char *path,
                         const char *body, const char *fields);

/* Runs the loop until a whole answer is there and takes it; fails the test after the time-out.
 * Valid until the next call. `head_only`: the answer to a HEAD. */
const struct http_client_answer *http_client_answer(struct http_client *client, bool head_only);

/* Whether a whole answer is there; does not run the loop. */
bool http_client_has_answer(struct http_client *client);

/* Runs the loop until this text has come, and drops all up to its end: for streams, whose head was
 * taken with head_only. Fails the test after the time-out. */
void http_client_await_text(struct http_client *client, const char *text);

/* Takes nothing from its socket any more. */
void http_client_pause(struct http_client *client);

/* Runs the loop until the server closes the connection; fails the test after the time-out. */
void http_client_await_end(struct http_client *client);
bool http_client_ended(const struct http_client *client);

/* The value of a header field of the last answer, or NULL. */
const char *http_client_field(struct http_client *client, const char *name);

/* Runs the loop until `done(ctx)`; fails the test after the time-out. */
void http_client_run_until(uv_loop_t *loop, bool (*done)(void *ctx), void *ctx);

/* A listening socket on a free port of 127.0.0.1. */
int http_client_listen(int *ret_port);
