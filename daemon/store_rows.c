/*
 * rows(?): a table-valued function over an array that a statement's parameter points to. Its
 * columns c0, c1, ... are members of the array's structs.
 */
#include "daemon/store_internal.h"

#include "common/decimal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define POINTER_TYPE "store_rows"
#define POINTER_COLUMN 23 /* after c0 to c22: the hidden one that takes the parameter */

struct cursor {
    sqlite3_vtab_cursor base;
    const struct store_rows *rows;
    const char *at;
    size_t n; /* rows passed */
};

static int rows_connect(sqlite3 *db, void *aux, int argc, const char *const *argv,
                        sqlite3_vtab **ret, char **error)
{
    (void)aux, (void)argc, (void)argv, (void)error;
    *ret = calloc(1, sizeof(**ret));
    if (!*ret) {
        return SQLITE_NOMEM;
    }
    return sqlite3_declare_vtab(db,
                                "CREATE TABLE rows (c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, "
                                "c10, c11, c12, c13, c14, c15, c16, c17, c18, c19, c20, c21, c22, "
                                "array HIDDEN)");
}

static int rows_disconnect(sqlite3_vtab *table)
{
    free(table);
    return SQLITE_OK;
}

static int rows_best_index(sqlite3_vtab *table, sqlite3_index_info *info)
{
    (void)table;
    for (int i = 0; i < info->nConstraint; i++) {
        if (info->aConstraint[i].iColumn == POINTER_COLUMN && info->aConstraint[i].usable) {
            info->aConstraintUsage[i].argvIndex = 1;
            info->aConstraintUsage[i].omit = 1;
            info->estimatedCost = 1;
            return SQLITE_OK;
        }
    }
    return SQLITE_CONSTRAINT;
}

static int rows_open(sqlite3_vtab *table, sqlite3_vtab_cursor **ret)
{
    (void)table;
    struct cursor *cursor = calloc(1, sizeof(*cursor));
    *ret = &cursor->base;
    return cursor ? SQLITE_OK : SQLITE_NOMEM;
}

static int rows_close(sqlite3_vtab_cursor *base)
{
    free(base);
    return SQLITE_OK;
}

static int rows_filter(sqlite3_vtab_cursor *base, int plan, const char *plan_text, int argc,
                       sqlite3_value **argv)
{
    (void)plan, (void)plan_text, (void)argc;
    struct cursor *cursor = (struct cursor *)base;
    cursor->rows = sqlite3_value_pointer(argv[0], POINTER_TYPE);
    cursor->at = cursor->rows ? cursor->rows->first : NULL;
    cursor->n = 0;
    return cursor->rows ? SQLITE_OK : SQLITE_MISUSE;
}

static int rows_next(sqlite3_vtab_cursor *base)
{
    struct cursor *cursor = (struct cursor *)base;
    cursor->n++;
    cursor->at += cursor->rows->size;
    return SQLITE_OK;
}

static int rows_eof(sqlite3_vtab_cursor *base)
{
    const struct cursor *cursor = (const struct cursor *)base;
    return cursor->n >= cursor->rows->n;
}

/* Numbers of up to 5 digits, with commas; for a sweep's every cell, so without snprintf. */
static void result_units(sqlite3_context *context, const struct trial_config *config)
{
    char units[CONFIG_MAX_LAYERS * 6 + 1], *text = units;
    for (int i = 0; i < config->n_hidden; i++) {
        if (i > 0) {
            *text++ = ',';
        }
        text += decimal_integer(config->hidden_units[i], text);
    }
    sqlite3_result_text(context, units, (int)(text - units), SQLITE_TRANSIENT);
}

static int rows_column(sqlite3_vtab_cursor *base, sqlite3_context *context, int at)
{
    const struct cursor *cursor = (const struct cursor *)base;
    const struct store_column *column = &cursor->rows->columns[at];
    const char *field = cursor->at + column->offset;
    switch (column->type) {
    case STORE_INT64:
        sqlite3_result_int64(context, *(const int64_t *)field);
        break;
    case STORE_INT:
        sqlite3_result_int(context, *(const int *)field);
        break;
    case STORE_REAL:
        if (!isnan(*(const double *)field)) { /* else NULL, as long as nothing is set */
            sqlite3_result_double(context, *(const double *)field);
        }
        break;
    case STORE_REQUIRED_REAL:
        if (isnan(*(const double *)field)) {
            return SQLITE_CONSTRAINT;
        }
        sqlite3_result_double(context, *(const double *)field);
        break;
    case STORE_BOOL:
        sqlite3_result_int(context, *(const bool *)field);
        break;
    case STORE_NAME:
        sqlite3_result_text(context, column->names[*(const int *)field], -1, SQLITE_STATIC);
        break;
    case STORE_CHARS:
        sqlite3_result_text(context, field, -1, SQLITE_STATIC);
        break;
    case STORE_UNITS:
        result_units(context, (const struct trial_config *)field);
        break;
    }
    return SQLITE_OK;
}

static int rows_rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *ret)
{
    *ret = (sqlite3_int64)((const struct cursor *)base)->n;
    return SQLITE_OK;
}

int store_rows_register(sqlite3 *db)
{
    static const sqlite3_module module = {
        .xConnect = rows_connect,
        .xBestIndex = rows_best_index,
        .xDisconnect = rows_disconnect,
        .xOpen = rows_open,
        .xClose = rows_close,
        .xFilter = rows_filter,
        .xNext = rows_next,
        .xEof = rows_eof,
        .xColumn = rows_column,
        .xRowid = rows_rowid,
    };
    return sqlite3_create_module(db, "rows", &module, NULL);
}

void store_bind_rows(sqlite3_stmt *stmt, int at, const struct store_rows *rows)
{
    sqlite3_bind_pointer(stmt, at, (void *)rows, POINTER_TYPE, NULL);
}
