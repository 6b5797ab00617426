/*
 * The database file: opening, locking, migrating, and the one connection that writes. Its
 * operations (store_write.h) are for the queue alone; reads for people are in store_reader.h.
 *
 * SQLite in WAL mode with synchronous=FULL: a commit that succeeded is on disk. The daemon holds a
 * lock on FILE.lock as long as it runs, so that two daemons never share a database; readers
 * (`sqlite3 -readonly FILE`) do not feel it.
 */
#pragma once

#include "common/database_file.h"
#include "common/error.h"

#define STORE_APPLICATION_ID DATABASE_FILE_APPLICATION_ID

struct store;

/* Opens or creates the database and brings its schema up to date, in one transaction.
 * 0; ERROR_INVALID with one clear line in error->message when a person must do something (held by
 * another ninetyd, newer schema, not writable, not a database); -ENOMEM. */
int store_open(const char *path, struct store **ret, struct error *error);

/* Writes where this daemon can be reached into the lock beside the database (PATH.lock: a line with
 * the process id, and one with this URL), for whoever finds the database in use. 0 or -errno. */
int store_announce(struct store *store, const char *url);
/* Rolls back what is not committed; NULL is fine. */
void store_close(struct store *store);

const char *store_path(const struct store *store);
