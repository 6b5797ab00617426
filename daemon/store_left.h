/*
 * seconds_left(sweep) for SQL: the time until a sweep that is being trained ends, from what like
 * trials took. Cells come in order, the quick ones often first (depth 1, 2, ...), so that the mean
 * of what is done says little of what is left. A sample of what is left is held against a sample of
 * what is done: each of it takes what the trials most like it took, in proportion to their
 * parameters, and as many run at once as run now. Costs some hundred rows, whatever the sweep's
 * size.
 */
#pragma once

#include <sqlite3.h>

/* SQLITE_OK or SQLite's code. NULL where nothing runs, or nothing was trained yet. */
int store_left_register(sqlite3 *db);
