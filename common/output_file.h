/*
 * A file that a program writes for a person. Whether it can be written is decided before the work:
 *
 *     check --> the work --> open --> write --> commit: it is there, whole
 *                                         \---> abandon: what was there before still is
 *
 * A regular file is written beside its name and then takes its place; a symbolic link stays, and
 * what it points at is replaced. What is no regular file (a pipe, a device), and a file in a folder
 * where nothing can be made beside it, is written where it is and never replaced.
 */
#pragma once

#include "common/error.h"

#include <limits.h>
#include <stdio.h>

enum output_kind {
    OUTPUT_WHOLE, /* as above */
    OUTPUT_LINES, /* a record that grows line by line, and counts as far as it came: in its place */
};

struct output_file {
    FILE *stream; /* to write to, until commit or abandon */
    char path[PATH_MAX];
    char draft[PATH_MAX]; /* what is written meanwhile; "" where that is `path` itself */
};

/* Whether it could be written, by all that can be seen now; leaves nothing behind. 0 or
 * ERROR_INVALID. "-" is refused: /dev/stdout is standard output. */
int output_file_check(const char *path, struct error *error);

/* 0 with ret->stream open, or ERROR_INVALID. */
int output_file_open(const char *path, enum output_kind kind, struct output_file *ret,
                     struct error *error);

/* Writes out, to disk, closes and puts it in its place. 0 or -errno; then what was there before
 * still is, and there is no more to be closed. */
int output_file_commit(struct output_file *file);

/* Closes and removes what was written; nothing where nothing is open. */
void output_file_abandon(struct output_file *file);
