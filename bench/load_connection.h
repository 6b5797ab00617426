/*
 * Many HTTP (or line protocol) connections of a load generator on one epoll: each sends a request
 * and is called back with the whole answer. One thread, no retries: any error ends the program.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct load_connection;

/* The answer to the request under way; body is NUL-ended. Usually sends the next request. */
typedef void (*load_answer)(struct load_connection *connection, int status, char *body,
                            size_t size);

struct load_connection {
    int fd;
    load_answer on_answer;
    void *ctx;
    bool lines; /* the answers are lines, not HTTP */
    char *out;
    size_t out_size, out_room, out_sent;
    char *in;
    size_t in_size, in_room;
    double sent_at;
};

/* Prints a line to standard error and exits. */
void load_die(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
/* Monotonic seconds. */
double load_now(void);

/* Connects to 127.0.0.1:port (blocking). */
void load_connect(struct load_connection *connection, int port, load_answer on_answer, void *ctx);
void load_close(struct load_connection *connection);
/* Appends to the request being made; load_send sends what was appended. */
void load_append(struct load_connection *connection, const char *data, size_t size);
void load_format(struct load_connection *connection, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void load_send(struct load_connection *connection);
/* A whole POST with a JSON body. */
void load_post(struct load_connection *connection, const char *path, const char *body, size_t size);

/* Runs until `until` (monotonic seconds) or until *stop. */
void load_run(double until, const bool *stop);
