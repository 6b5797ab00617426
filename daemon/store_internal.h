/*
 * What the store's own files share: the connection, its statements by name, and the few ways to
 * bind, run and read them. Only files named store* include this or sqlite3.h.
 */
#pragma once

#include "daemon/store_place.h"
#include "daemon/store_write.h"

#include <sqlite3.h>

#define STORE_TIME_SIZE 25 /* 2026-01-31T12:00:00.000Z and the NUL */

enum statement {
    ST_BEGIN,
    ST_COMMIT,
    ST_SAVEPOINT,
    ST_RELEASE,
    ST_ROLLBACK_TO,
    ST_INSERT_SWEEP,
    ST_INSERT_SPEC,
    ST_RESERVE_TRIALS,
    ST_UPDATE_SWEEP,
    ST_FIND_SWEEP,
    ST_NEXT_LIVE_SWEEP,
    ST_FIND_SUBMISSION,
    ST_READ_SPEC,
    ST_INSERT_CELLS,
    ST_READ_CELL,
    ST_VISIT_CELLS,
    ST_INSERT_TWIN,
    ST_FIND_OFFERS,
    ST_COUNT_REUSED,
    ST_FIND_REUSED,
    ST_COPY_MEASUREMENTS,
    ST_COPY_LAYERS,
    ST_INSERT_TRIALS,
    ST_FIND_TRIAL,
    ST_VISIT_TRIALS,
    ST_CANCEL_TRIALS,
    ST_RETRY_TRIALS,
    ST_FORGET_KEY,
    ST_DELETE_MEASUREMENTS,
    ST_DELETE_LAYERS,
    ST_DELETE_ATTEMPTS,
    ST_DELETE_TRIALS,
    ST_DELETE_CELLS,
    ST_DELETE_TWINS,
    ST_DELETE_SPEC,
    ST_DELETE_SWEEP,
    ST_GIVE_BACK,
    ST_START_TRIAL,
    ST_INSERT_ATTEMPT,
    ST_END_TRIAL,
    ST_END_ATTEMPT,
    ST_FIND_CROSSING,
    ST_FIND_ATTEMPT,
    ST_KEEP_LATE_RESULT,
    ST_KEEP_LATE_FAILURE,
    ST_INSERT_MEASUREMENTS,
    ST_INSERT_LAYERS,
    ST_VISIT_MEASUREMENTS,
    ST_LAST_LAYER,
    ST_HAS_MEASUREMENT,
    ST_HAS_LAYER,
    ST_INSERT_WORKER,
    ST_UPDATE_WORKER,
    ST_FIND_WORKER,
    ST_NEXT_LIVE_WORKER,
    ST_INSERT_EVENT,
    ST_DROP_EVENTS,
    ST_LAST_EVENT,
    ST_COUNT,
};

extern const char *const store_sql[ST_COUNT];

struct store {
    char *path;
    int lock_fd;
    sqlite3 *db;
    sqlite3_stmt *statements[ST_COUNT];
    bool in_transaction;
    bool broken; /* SQLite dropped the transaction; nothing runs until store_commit */
    bool opened;
    bool copied;           /* from the file into memory: nothing is written to the file */
    int64_t busy_until_ms; /* monotonic: someone holds the write lock, so nothing is tried before */
    struct store_place place;
    struct store_start start;
    char message[640];
    int64_t time_ms; /* of time_text */
    char time_text[STORE_TIME_SIZE];
};

/* -errno for an SQLite code; 0 for SQLITE_OK, ROW and DONE. */
int store_errno(int code);

/* What went wrong last, in SQLite's words, and in the system's where it was to blame: "disk I/O
 * error: No space left on device". */
void store_describe(sqlite3 *db, char *ret, size_t size);

/* Ready to bind; parameters not bound are NULL or, if the operation binds them each time, old. */
sqlite3_stmt *store_take(struct store *store, enum statement statement);
/* Runs to the end. rows >= 0: -ESTALE unless so many rows were changed. */
int store_run(struct store *store, sqlite3_stmt *stmt, int rows);
/* Runs to the first row: 0 = there is one (then read and sqlite3_reset), 1 = none (reset). */
int store_row(struct store *store, sqlite3_stmt *stmt);
/* The same for an integer of one row, with the reset. */
int store_row_int(struct store *store, sqlite3_stmt *stmt, int column, int64_t *ret);
/* Notes what went wrong, resets the statement and returns -errno. */
int store_fail(struct store *store, sqlite3_stmt *stmt, int code);

/* NAN and "" become NULL. Texts must live until the statement has run. */
void store_bind_real(sqlite3_stmt *stmt, int at, double value);
void store_bind_text(sqlite3_stmt *stmt, int at, const char *text);
void store_bind_int(sqlite3_stmt *stmt, int at, int64_t value);
/* NULL becomes NAN. */
double store_read_real(sqlite3_stmt *stmt, int column);

/* The time as text for people, valid until the next call. */
const char *store_time(struct store *store, int64_t wall_ms);

/* The configuration of a row that begins with the columns of a cell, all but the seed. */
int store_read_config(sqlite3_stmt *stmt, struct trial_config *ret);

/* The index of a name in a list of n, or -1. */
int store_name_index(const char *const *names, int n, const char *name);

/* ---- store_rows.c: many rows by one statement ---- */

/* INSERT ... SELECT c0, c1, ... FROM rows(?) writes an array of structs, at half the cost of a step
 * for each. */
enum store_column_type {
    STORE_INT64,
    STORE_INT,
    STORE_REAL,          /* NAN becomes NULL */
    STORE_REQUIRED_REAL, /* NAN fails the statement */
    STORE_BOOL,
    STORE_NAME,  /* an enum, by its name */
    STORE_CHARS, /* text in an array of the struct; "" stays "" */
    STORE_UNITS, /* a struct trial_config, of which the hidden_units: "100,100" */
};

struct store_column {
    enum store_column_type type;
    size_t offset;            /* in the struct */
    const char *const *names; /* of a STORE_NAME */
};

struct store_rows {
    const struct store_column *columns; /* of c0, c1, ... */
    const void *first;
    size_t n, size; /* structs, and bytes of each */
};

/* Makes rows() known to the connection; an SQLite code. */
int store_rows_register(sqlite3 *db);
/* Rows and what they point to must live until the statement has run. */
void store_bind_rows(sqlite3_stmt *stmt, int at, const struct store_rows *rows);
