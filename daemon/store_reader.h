/*
 * Answers to people: each named query rendered as JSON, NDJSON or CSV while its rows are read.
 * A reader is a read-only connection of its own; it sees what was committed before its query began,
 * and delays no writer. Use one reader from one thread at a time; make as many as you need.
 */
#pragma once

#include "common/error.h"

#include <stddef.h>
#include <stdint.h>

struct reader;

/* On a database that a store has opened. 0, or ERROR_INVALID with *error filled; -ENOMEM. */
int reader_open(const char *path, struct reader **ret, struct error *error);
void reader_close(struct reader *reader);
/* Gives back what memory it can, while it has nothing to do. */
void reader_shrink(struct reader *reader);

enum reader_query {                /* uses            JSON */
                    READER_SWEEPS, /* limit, after    {"sweeps": [...], "next": id | null}, newest
                                      first */
                    READER_SWEEP,  /* id              the sweep, with "spec" */
                    READER_TRIALS, /* sweep, state, limit, after   {"trials": [...], "next": id |
                                      null} */
                    READER_TRIAL,  /* id              the trial, with "attempt_list" */
                    READER_MEASUREMENTS, /* id = trial      {"measurements": [...]} */
                    READER_LAYERS,       /* id = trial      {"layers": [...]} */
                    READER_RESULTS,      /* sweep           {"results": [...]}: rows of the view */
                    READER_SUMMARY,      /* sweep           {"summary": [...]} */
                    READER_CURVES,       /* sweep, depth, replicates   {"curves": [...]} */
                    READER_LAYER_QUARTILES, /* sweep, depth, step, value   {"layers": [...]}: per
                                               cell and layer, over the trials */
                    READER_LAYER_STEPS,     /* sweep           {"steps": [...]} */
                    READER_WORKERS,         /*                 {"workers": [...]} */
                    READER_EVENTS, /* sweep, after, limit    {"events": [...], "next": id | null},
                                      oldest first */
                    READER_TOTALS, /*                 how many sweeps and trials in each state */
                    READER_QUERY_COUNT,
};

enum reader_format {
    READER_JSON,
    READER_NDJSON,
    READER_CSV,
    READER_EVENT_STREAM, /* server-sent events: the first column is the id, the row the data */
};

struct reader_params {
    int64_t id;         /* of the sweep or trial asked for */
    int64_t sweep;      /* 0 = all */
    int64_t depth;      /* -1 = all */
    int64_t replicates; /* of each cell the first so many; -1 = all */
    const char *state;  /* of trials; NULL = all */
    int64_t cell;       /* -1 = all */
    int64_t step;       /* of layer statistics */
    const char *value;  /* the column of the view `layers` that is asked for */
    int64_t limit;      /* 0 = no limit */
    int64_t after;      /* 0 = from the start */
};
/* No filter, no limit. */
void reader_params_init(struct reader_params *params);

enum reader_wish {
    READER_MORE,
    READER_STOP,  /* nobody listens any more */
    READER_PAUSE, /* this was taken, and is enough for now */
};

/* Takes a piece of the answer. */
typedef enum reader_wish (*reader_sink)(void *arg, const char *data, size_t size);

/* Called from the thread of a query, again and again while it runs, also while it has no rows yet;
 * not 0 = stop. NULL = nobody is called. */
typedef int (*reader_progress)(void *arg);
void reader_on_progress(struct reader *reader, reader_progress progress, void *arg);

#define READER_NOT_FOUND 1 /* no sweep or trial with that id; the sink was not called */
#define READER_STOPPED 2   /* the sink or the progress function said so */
#define READER_PAUSED 3    /* the sink said so: reader_go_on or reader_abandon comes next */

/* Runs the query and hands the whole answer to the sink in pieces of up to 64 KiB.
 * 0, READER_NOT_FOUND, READER_STOPPED, READER_PAUSED or -errno (then what the sink got is
 * incomplete).
 * CSV has a header line, CRLF as in RFC 4180; only the lists can be NDJSON or CSV. */
int reader_run(struct reader *reader, enum reader_query query, const struct reader_params *params,
               enum reader_format format, reader_sink sink, void *arg);

/* Goes on with a query that is paused, with the same snapshot, sink and progress function; perhaps
 * on another thread. The same codes. */
int reader_go_on(struct reader *reader);

/* Gives a paused query up. */
void reader_abandon(struct reader *reader);

/* Reads one number and answers it, so that it fails when the database cannot be read: for tests
 * and /healthz. 0 or -errno. */
int reader_check(struct reader *reader);
