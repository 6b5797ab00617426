/*
 * The database file: opening, locking, migrating, and the one connection that writes. Its
 * operations (store_write.h) are for the queue alone; reads for people are in store_reader.h.
 *
 * SQLite in WAL mode with synchronous=FULL: a commit that succeeded is on disk. The daemon holds a
 * lock on the file as long as it runs (common/database_lock.h), so that two daemons never share a
 * database, by whatever name; readers (`sqlite3 -readonly FILE`) do not feel it.
 */
#pragma once

#include "common/database_file.h"
#include "common/error.h"

#include <stdbool.h>
#include <stdint.h>

#define STORE_APPLICATION_ID DATABASE_FILE_APPLICATION_ID

#define STORE_IN_USE 2 /* another ninetyd has it; *error says which */

struct store;

/* Opens or creates the database and brings its schema up to date, in one transaction.
 * 0; ERROR_INVALID with one clear line in error->message when a person must do something (newer
 * schema, not writable, not a database); STORE_IN_USE; -ENOMEM. */
int store_open(const char *path, struct store **ret, struct error *error);

/* A copy of the file in memory, for where nothing can be written: the same, of what is in the file
 * now; nobody else is kept from it. What is written is lost. */
int store_open_copy(const char *path, struct store **ret, struct error *error);

/* What reader_open is to be given: the file, or the copy. */
const char *store_read_name(const struct store *store);

/* What was found when it was opened. */
struct store_start {
    bool unclean;    /* the last ninetyd was killed: the file was checked */
    bool whole;      /* to the end, and not only as long as a start may take */
    int64_t mib;     /* of the file */
    double seconds;  /* that the check took */
    int64_t n_names; /* more than one: it has hard links, and SQLite keeps its log by name */
};
const struct store_start *store_start(const struct store *store);

/* Says where this daemon can be reached, to whoever finds the database in use. 0 or -errno. */
int store_announce(struct store *store, const char *url);
/* Rolls back what is not committed, and leaves one file where no reader holds it: its log is
 * written back and removed. NULL is fine. */
void store_close(struct store *store);

const char *store_path(const struct store *store);
