/*
 * What several commands do with a daemon's sweeps: find the one a person means, submit one,
 * follow one, and print its summary.
 */
#pragma once

#include "cli/args.h"
#include "cli/client.h"

#include <jansson.h>
#include <stdint.h>

/* `word` is a sweep's number or its name (the newest of that name); NULL: the newest of all.
 * *ret is the sweep with "spec", a new reference. enum exit_code; complains itself. */
int sweeps_find(const struct args *args, struct client *client, const char *word, json_t **ret);

int64_t sweeps_id(const json_t *sweep);
/* "70 trials in 14 cells"; malloc'd. */
char *sweeps_size(const json_t *sweep);

/* What the daemon warns of in its answer to a submission: a line each on standard error. */
void sweeps_warn(const struct args *args, const json_t *answer);

/* Rows of the view `summary`; `sweep` 0 = of all. New reference. */
enum client_outcome sweeps_summary(struct client *client, int64_t sweep, json_t **ret,
                                   struct error *error);

/* The summary of a sweep on standard output: table and chart with what failed, if anything, or the
 * rows as json or csv. enum exit_code of the sweep itself: EXIT_OK or EXIT_BAD_RESULT; or
 * EXIT_FAILED with *error filled. */
int sweeps_print_outcome(struct client *client, const json_t *sweep, enum format format,
                         struct error *error);

/* Follows to the end, prints the outcome; for commands that talk to a daemon of somebody else's. */
int sweeps_watch(const struct args *args, struct client *client, int64_t sweep);
