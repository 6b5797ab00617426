#include "daemon/store_quantile.h"

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

/* What SQLite keeps for a group; it begins as zeros. */
struct numbers {
    double *values;
    size_t n, room;
    double q;
    bool failed; /* out of memory */
};

static void add(sqlite3_context *context, int n, sqlite3_value **arguments)
{
    (void)n;
    struct numbers *numbers = sqlite3_aggregate_context(context, sizeof *numbers);
    if (!numbers || numbers->failed || sqlite3_value_type(arguments[0]) == SQLITE_NULL) {
        return;
    }
    if (numbers->n == numbers->room) {
        size_t room = numbers->room > 0 ? 2 * numbers->room : 16;
        double *values = sqlite3_realloc64(numbers->values, room * sizeof *values);
        if (!values) {
            numbers->failed = true;
            return;
        }
        numbers->values = values;
        numbers->room = room;
    }
    numbers->values[numbers->n++] = sqlite3_value_double(arguments[0]);
    numbers->q = sqlite3_value_double(arguments[1]);
}

static int ascending(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static double quantile_of(const struct numbers *numbers)
{
    double at = numbers->q * (double)(numbers->n - 1);
    size_t below = (size_t)at, above = (size_t)ceil(at);
    double low = numbers->values[below], high = numbers->values[above];
    return low == high ? low : low + (high - low) * (at - (double)below);
}

/* Also called for a group that is given up half way. */
static void finish(sqlite3_context *context)
{
    struct numbers *numbers = sqlite3_aggregate_context(context, 0);
    if (!numbers) {
        return; /* no row: NULL */
    }
    if (numbers->failed) {
        sqlite3_result_error_nomem(context);
    } else if (numbers->n > 0) {
        qsort(numbers->values, numbers->n, sizeof *numbers->values, ascending);
        sqlite3_result_double(context, quantile_of(numbers));
    }
    sqlite3_free(numbers->values);
}

int store_quantile_register(sqlite3 *db)
{
    return sqlite3_create_function(db, "quantile", 2, SQLITE_UTF8 | SQLITE_DETERMINISTIC, NULL,
                                   NULL, add, finish);
}
