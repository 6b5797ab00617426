/*
 * quantile(x, q) for SQL, an aggregate: the q-quantile of the numbers x of a group, between two of
 * them interpolated as the view `summary` does it: the q-quantile of v[0] <= ... <= v[n-1] stands
 * at position q * (n - 1). NULLs do not count; of nothing it is NULL.
 */
#pragma once

#include <sqlite3.h>

/* SQLITE_OK or SQLite's code. */
int store_quantile_register(sqlite3 *db);
