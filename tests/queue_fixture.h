/*
 * A queue on a database in a directory of its own, with a clock that moves when it is told to.
 * A second connection, read-only, asks the database what is committed.
 */
#pragma once

#include "tests/test.h"

#include "daemon/queue.h"
#include "daemon/store.h"
#include "daemon/store_reader.h"

#include <sqlite3.h>

struct queue_fixture {
    char dir[32], path[64];
    struct queue_options options;
    struct queue_time now;
    struct store *store;
    struct queue *queue;
    sqlite3 *eyes;
};

/* cmocka setup and teardown; *state is the fixture. */
int queue_fixture_setup(void **state);
int queue_fixture_teardown(void **state);

/* Closes without committing, as a crash does. */
void queue_fixture_close(struct queue_fixture *f);
void queue_fixture_open(struct queue_fixture *f);
/* Both. */
void queue_fixture_restart(struct queue_fixture *f);
void queue_fixture_commit(struct queue_fixture *f);
/* Lets time pass and calls queue_tick until it has nothing more to do, committing each time. */
void queue_fixture_advance(struct queue_fixture *f, int64_t ms);

/* Submits and commits; returns the id. */
int64_t queue_fixture_submit(struct queue_fixture *f, const char *json);
/* Registers and commits; returns the id. */
int64_t queue_fixture_worker(struct queue_fixture *f);
/* Claims one trial and commits; trial 0 = there was none. */
struct queue_claim queue_fixture_claim(struct queue_fixture *f, int64_t worker);
/* One item, committed. */
enum report_status queue_fixture_report(struct queue_fixture *f, int64_t worker,
                                        const struct queue_claim *claim, enum report_end end);
/* The same with a result or a failure of one's own. */
enum report_status queue_fixture_send(struct queue_fixture *f, int64_t worker,
                                      const struct report *report);
/* The hashes of every result. */
#define QUEUE_FIXTURE_WEIGHTS "aa00000000000000000000000000000000000000000000000000000000000000"
#define QUEUE_FIXTURE_DATA "bb00000000000000000000000000000000000000000000000000000000000000"

/* A successful end after so many steps; -1 = censored. */
struct report queue_fixture_done(const struct queue_claim *claim, int64_t steps_to_target);

/* A failed end, "it broke". */
struct report queue_fixture_failed(const struct queue_claim *claim, bool retry);
/* Acts on a sweep and commits; returns how many trials were moved. */
int64_t queue_fixture_act(struct queue_fixture *f, int64_t sweep, enum queue_action action);

/* What the database says: one integer, or one text (valid until the next call). */
int64_t queue_fixture_int(struct queue_fixture *f, const char *sql);
const char *queue_fixture_text(struct queue_fixture *f, const char *sql);
/* The same, with the id put into the SQL at %lld. */
const char *queue_fixture_ask(struct queue_fixture *f, const char *format, int64_t id);
void queue_fixture_trial_is(struct queue_fixture *f, int64_t trial, const char *state);
void queue_fixture_sweep_is(struct queue_fixture *f, int64_t sweep, const char *state);

/* The first rule of schema/check.sql that is broken, and where; "" = none. */
const char *queue_fixture_broken_rule(struct queue_fixture *f);
void queue_fixture_keeps_the_rules(struct queue_fixture *f);

void queue_fixture_rm(const char *dir);
