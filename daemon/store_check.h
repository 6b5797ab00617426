/*
 * SQLite's own check of the file (quick_check) after a stop that was not in order: a log that
 * belongs to another file, say, would be taken up without a word otherwise.
 */
#pragma once

#include "common/error.h"

#include <sqlite3.h>
#include <stdbool.h>

/* What a start may be delayed by; a file of 1 GB takes about 6 s. */
#define STORE_CHECK_MS 10000

/* 0 with *ret_whole telling whether the time was enough; ERROR_INVALID where the file is damaged;
 * -errno. */
int store_check_file(sqlite3 *db, const char *path, bool *ret_whole, struct error *error);
