/*
 * How far a sweep is, in one line: a bar that is redrawn on a terminal, or plain words for a log.
 */
#pragma once

#include "cli/terminal.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct progress {
    const char *name; /* borrowed from the JSON */
    const char *state;
    int64_t trials, queued, running, succeeded, failed, cancelled, reached, reused;
    int64_t diverged, crossed; /* of the failed ones: diverged before and after the target */
    const char *waits_for;     /* "" while trials run; see docs/http-api.md */
    double trials_per_minute;  /* NAN while unknown */
    double seconds_left;       /* NAN while unknown */
};

/* Reads a sweep as the daemon tells it. */
void progress_read(const json_t *sweep, struct progress *ret);

int64_t progress_done(const struct progress *progress);

/* Every trial is final. */
bool progress_finished(const struct progress *progress);

/* A line no wider than the terminal, without a newline; the caller frees. */
char *progress_bar(const struct progress *progress, const struct terminal *terminal);

/* "27 of 70 trials done, 25 reached the target, 2 running; 31.5 per minute, 1 min 22 s left". */
char *progress_line(const struct progress *progress);
