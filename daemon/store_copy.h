/*
 * A copy of a database in memory, for reading where nothing can be written: every connection of
 * this process that opens STORE_COPY_URI sees it, as long as one is open.
 */
#pragma once

#include "common/error.h"

#include <sqlite3.h>

#define STORE_COPY_URI "file:/ninety?vfs=memdb"

/* Copies what is in the file now. `db` is a connection to the copy, which is empty yet. 0 or
 * ERROR_INVALID. */
int store_copy_fill(sqlite3 *db, const char *path, struct error *error);
