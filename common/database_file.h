/*
 * The file that a database lies in: which names stand for one, and by which name SQLite is told of
 * it, so that no name means anything but a file to it.
 */
#pragma once

#include "common/error.h"

#include <stdbool.h>
#include <stdint.h>

#define DATABASE_FILE_URI_SIZE (3 * 4096 + 64)
#define DATABASE_FILE_APPLICATION_ID                                                               \
    0x4e4e5459 /* "NNTY": how SQLite and file(1) know our files                                    \
                */

/* Whether `name` can be the name of a database file; looks at no file. An empty one, and one that
 * SQLite would take for something else (":memory:", "file:..."), are refused with a sentence that
 * begins with `what` ("--db"). 0 or ERROR_INVALID. */
int database_file_check_name(const char *what, const char *name, struct error *error);

/* Whether what lies at `path` can hold a database: a regular file, or nothing yet. 0 or
 * ERROR_INVALID. */
int database_file_check_kind(const char *path, struct error *error);

enum database_file_kind {
    DATABASE_FILE_EMPTY,   /* nothing in it yet, or nothing that could be read */
    DATABASE_FILE_OURS,    /* has SQLite's header with our mark */
    DATABASE_FILE_SQLITE,  /* SQLite's, without our mark (which may still be in the log) */
    DATABASE_FILE_FOREIGN, /* no database */
};

/* Judged by the first bytes. */
enum database_file_kind database_file_recognize(const char *path);

/* The size of the file that SQLite keeps beside it, by its suffix ("-wal"); -1 where none is. */
int64_t database_file_beside(const char *path, const char *suffix);

/* Whether SQLite could make its files beside it. */
bool database_file_folder_writable(const char *path);

/* "file:" and the path, with everything encoded that a URI gives a meaning, and then the
 * parameters ("mode=ro"), which may be NULL. 0 or -ENAMETOOLONG. */
int database_file_uri(const char *path, const char *parameters, char ret[DATABASE_FILE_URI_SIZE]);

/* The URI by which a database is read where it stands: in a folder that cannot be written, without
 * the files that SQLite would make beside it. 0, or ERROR_INVALID where it cannot be read, with the
 * remedy. Not to be asked by a process that has the database open. */
int database_file_read_uri(const char *path, char ret[DATABASE_FILE_URI_SIZE], struct error *error);

/* What a person is told of a file that SQLite finds damaged, with what can be done. Returns
 * ERROR_INVALID. `why` is SQLite's first complaint. */
int database_file_damaged(const char *path, const char *why, struct error *error);
