/*
 * A daemon with its workers inside one command: `ninety run` starts it on a free port of this
 * machine, asks it over HTTP like any other, and stops it at the end. Its log goes to a file, of
 * which warnings are shown while it runs, and the end when it dies.
 *
 *     start --> listening (port file) --> check, news ... --> stop
 *         \--> ended: database in use, folder not writable, ... : its last words
 */
#pragma once

#include "common/error.h"

#include <stdbool.h>
#include <stdint.h>

struct local_options {
    const char *database;
    const char *data;    /* NULL: where the daemon looks by itself */
    const char *trainer; /* NULL: ninety-trainer */
    const char *log;     /* NULL: a temporary file that leaves no trace */
    int64_t workers;
    bool read_only; /* the database cannot be written where it is */
};

struct local;

#define LOCAL_IN_USE 2 /* another ninetyd has the database; *error is filled */

/* Returns when it listens. 0, ERROR_INVALID or LOCAL_IN_USE. */
int local_start(const struct local_options *options, struct local **ret, struct error *error);

/* Where the ninetyd can be reached that has this database in use; malloc'd, NULL when it has not
 * said so. */
char *local_url_of_other(const char *database);

/* Stops it, waits for its end, frees. NULL is fine. */
void local_stop(struct local *local);

/* "http://127.0.0.1:40321" */
const char *local_url(const struct local *local);

/* 0 while it runs, ERROR_INVALID once it has ended by itself. */
int local_check(struct local *local, struct error *error);

/* The next warning or error from its log, without time and level; malloc'd; NULL when there is
 * none for now. One that says again what was said lately is left out. */
char *local_news(struct local *local);
