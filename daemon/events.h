/*
 * Server-sent events (text/event-stream): who follows is told each row of the table `events`, after
 * its commit and in order.
 *
 *     opening --first read--> open: idle --new events, read--> writing --drained--> idle
 *        |                      |                                 |
 *        | no such sweep: 404   | the client left, the daemon     | it takes nothing any more:
 *        v                      v stops                           v cut off; it resumes by its id
 *
 * A listener has a position and at most one piece under way; what it has not been told stays in the
 * database. Those at the same position share one read, and reads begin at most every few
 * milliseconds, however much happens: a round of the loop pays a comparison for all of them.
 */
#pragma once

#include "daemon/http.h"
#include "daemon/read_pool.h"

#include <stdint.h>
#include <uv.h>

#define EVENTS_KEEP_ALIVE_MS 15000
#define EVENTS_FROM_NOW_ON (-1)

struct events;

/* The pool must outlive events_destroy. `last_id`: of the last event committed so far. Who has been
 * told nothing for keep_alive_ms is sent a comment. NULL only when out of memory. */
struct events *events_create(uv_loop_t *loop, struct read_pool *readers, int64_t keep_alive_ms,
                             int64_t last_id);

/* Events up to this one are committed; cheap when nothing is new. */
void events_committed(struct events *events, int64_t last_id);

/* Answers the request: with all events behind `after`, of one sweep or (0) of all, and with those
 * to come. */
void events_follow(struct events *events, struct http_request *request, int64_t after,
                   int64_t sweep);

/* Now; and how many were cut off since the start. */
size_t events_n_listeners(const struct events *events);
uint64_t events_n_cut_off(const struct events *events);

/* Ends every stream; who comes later gets 503. */
void events_stop(struct events *events);

/* After events_stop. Freed in the loop's next rounds; NULL is fine. */
void events_destroy(struct events *events);
