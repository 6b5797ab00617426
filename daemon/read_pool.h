/*
 * Answers that are read from the database: off the loop, on libuv's thread pool, each with a
 * read-only connection of its own. A small answer goes out whole; a large one is streamed as it is
 * read, piece by piece: a client that takes nothing holds no thread, and is cut off after a while,
 * so that nobody holds a snapshot for ever. While the loop is busy, serving workers, those who read
 * give way to it (give_way.h).
 */
#pragma once

#include "daemon/http.h"
#include "daemon/json_out.h"
#include "daemon/store_reader.h"

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct read_pool;

struct read_question {
    enum reader_query query;
    struct reader_params params; /* its texts outlive the question */
    enum reader_format format;
    int status;        /* of a good answer */
    char location[64]; /* Location, if not empty */
    uint32_t unread;   /* fields of a submission that nothing reads: "warnings" in the answer */
    char members[64];  /* `"name": value, ` to stand first in the answer's object; may be empty */
    const char *unknown_code; /* the error's code when the id is not there */
};

/* The member "warnings" with a comma behind it; nothing where `unread` is 0. */
void read_pool_put_warnings(struct json_out *out, uint32_t unread);

/* To be called on the loop's thread. The path is copied. NULL only when out of memory. */
struct read_pool *read_pool_create(uv_loop_t *loop, const char *db_path);

/* Answers the request, in a later round. */
void read_pool_answer(struct read_pool *pool, struct http_request *request,
                      const struct read_question *question);

/* Takes what was read, on the loop's thread: 0 and the text, which it may make its own; or
 * READER_NOT_FOUND, READER_STOPPED, -errno. */
typedef void (*read_fetched_fn)(void *ctx, int result, struct json_out *text);

/* Reads for the daemon itself, what is small: beyond a MiB the result is READER_STOPPED. False
 * when it cannot begin: then `fetched` is not called. It is called in a later round, also when the
 * pool has been destroyed meanwhile. */
bool read_pool_fetch(struct read_pool *pool, const struct read_question *question,
                     read_fetched_fn fetched, void *ctx);

/* Stops what is being read; requests in it are answered. Freed in the loop's next rounds. */
void read_pool_destroy(struct read_pool *pool);
