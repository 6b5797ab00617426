#include "daemon/store_internal.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define SWEEP_COLUMNS                                                                              \
    "id, state, priority, max_running, max_attempts, replicates, seed, cells, trials, "            \
    "first_trial, expanded, moving, moved, queued, running, succeeded, failed, cancelled, "        \
    "reached, trials_per_minute, finished_at IS NOT NULL, reuse, unmatched, reused, "              \
    "diverged, crossed, max_seconds "

#define CELL_COLUMNS                                                                               \
    "dataset, hidden_units, activation, batch_norm, batch_norm_output, bn_momentum, bn_epsilon, "  \
    "initializer, optimizer, learning_rate, beta1, beta2, epsilon, momentum, batch_size, "         \
    "train_size, target_accuracy, max_steps, stop_at_target, measure_every "

#define RESULT_COLUMNS                                                                             \
    "a.steps, a.steps_to_target, a.seconds_to_target, a.final_accuracy, a.final_loss, "            \
    "a.ms_per_step, a.weights_sha256, a.data_sha256, a.kernel, a.trainer "

#define WORKER_COLUMNS                                                                             \
    "id, state = 'alive', running, succeeded, failed, trials_per_minute, slots, secret_sha256 "

/* clang-format off */
const char *const store_sql[ST_COUNT] = {
    [ST_BEGIN] = "BEGIN IMMEDIATE",
    [ST_COMMIT] = "COMMIT",
    [ST_SAVEPOINT] = "SAVEPOINT request",
    [ST_RELEASE] = "RELEASE request",
    [ST_ROLLBACK_TO] = "ROLLBACK TO request",

    [ST_INSERT_SWEEP] =
        "INSERT INTO sweeps (name, state, search, priority, max_running, max_attempts, replicates,"
        " seed, cells, trials, queued, idempotency_key, body_sha256, created_at, first_trial,"
        " reuse, unmatched, max_seconds) VALUES (?1, 'active', ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9,"
        " ?10, ?11, ?12, ?13, ?14, iif(?14, ?13, 0), ?15)",
    [ST_INSERT_SPEC] = "INSERT INTO sweep_specs (sweep, spec) VALUES (?1, ?2)",
    [ST_RESERVE_TRIALS] =
        "UPDATE numbers SET value = value + ?1 WHERE name = 'next_trial' RETURNING value - ?1",
    [ST_UPDATE_SWEEP] =
        "UPDATE sweeps SET state = ?2, expanded = ?3, moving = ?4, moved = ?5, queued = ?6,"
        " running = ?7, succeeded = ?8, failed = ?9, cancelled = ?10, reached = ?11,"
        " trials_per_minute = ?12, unmatched = ?16, reused = ?17, diverged = ?18,"
        " crossed = ?19,"
        " ended_at = iif(?13, ?15, ended_at),"
        " finished_at = iif(?14, ifnull(finished_at, ?15), NULL) WHERE id = ?1",
    [ST_FIND_SWEEP] = "SELECT " SWEEP_COLUMNS "FROM sweeps WHERE id = ?1",
    [ST_NEXT_LIVE_SWEEP] = "SELECT " SWEEP_COLUMNS
        "FROM sweeps WHERE finished_at IS NULL AND id > ?1 ORDER BY id LIMIT 1",
    [ST_FIND_SUBMISSION] = "SELECT id, body_sha256 FROM sweeps WHERE idempotency_key = ?1",
    [ST_READ_SPEC] = "SELECT spec FROM sweep_specs WHERE sweep = ?1",

    [ST_INSERT_CELLS] =
        "INSERT INTO cells (id, sweep, cell, dataset, hidden_units, activation, batch_norm,"
        " batch_norm_output, bn_momentum, bn_epsilon, initializer, optimizer, learning_rate,"
        " beta1, beta2, epsilon, momentum, batch_size, train_size, target_accuracy, max_steps,"
        " stop_at_target, measure_every) SELECT c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11,"
        " c12, c13, c14, c15, c16, c17, c18, c19, c20, c21, c22 FROM rows(?1)",
    [ST_READ_CELL] =
        "SELECT " CELL_COLUMNS "FROM cells WHERE id = ?1",
    [ST_VISIT_CELLS] =
        "SELECT " CELL_COLUMNS ", id FROM cells WHERE id < ?1 ORDER BY id DESC LIMIT ?2",
    [ST_INSERT_TWIN] =
        "INSERT INTO cell_twins (cell, twin) SELECT ?1, ?2"
        " WHERE (SELECT count(*) FROM cell_twins WHERE cell = ?1) < ?3",
    [ST_FIND_OFFERS] =
        "SELECT max(t.id), a.trainer, a.kernel, a.data_sha256 FROM cell_twins w"
        " JOIN cells c ON c.id = w.twin"
        " JOIN sweeps s ON s.id = c.sweep AND ?2 - s.seed BETWEEN 0 AND s.replicates - 1"
        " JOIN trials t ON t.id = w.twin + ?2 - s.seed AND t.state = 'succeeded'"
        " JOIN attempts a ON a.trial = t.id AND a.attempt = t.attempt"
        " AND a.trainer IS NOT NULL AND a.kernel IS NOT NULL AND a.data_sha256 IS NOT NULL"
        " WHERE w.cell = ?1 GROUP BY 2, 3, 4 ORDER BY 1 DESC LIMIT ?3",
    [ST_COUNT_REUSED] =
        "SELECT count(reused_from) FROM attempts WHERE trial >= ?1 AND trial < ?2",
    [ST_FIND_REUSED] =
        "SELECT " RESULT_COLUMNS ", a.attempt, ifnull(a.reused_from, a.trial) FROM trials t"
        " JOIN sweeps s ON s.id = t.sweep AND s.seed + t.replicate = ?3"
        " JOIN cell_twins w ON w.cell = ?2 AND w.twin = t.id - t.replicate"
        " JOIN attempts a ON a.trial = t.id AND a.attempt = t.attempt"
        " WHERE t.id = ?1 AND t.state = 'succeeded'",
    [ST_COPY_MEASUREMENTS] =
        "INSERT INTO measurements (trial, attempt, step, test_accuracy, train_loss, cpu_ms,"
        " wall_ms) SELECT ?3, ?4, step, test_accuracy, train_loss, cpu_ms, wall_ms"
        " FROM measurements WHERE trial = ?1 AND attempt = ?2 ON CONFLICT DO NOTHING",
    [ST_COPY_LAYERS] =
        "INSERT INTO layer_stats (trial, attempt, step, layer, gradient_rms,"
        " preactivation_gradient_rms, weight_rms, update_ratio, saturated, dead,"
        " preactivation_mean, preactivation_std)"
        " SELECT ?3, ?4, step, layer, gradient_rms, preactivation_gradient_rms, weight_rms,"
        " update_ratio, saturated, dead, preactivation_mean, preactivation_std"
        " FROM layer_stats WHERE trial = ?1 AND attempt = ?2 ON CONFLICT DO NOTHING",
    [ST_INSERT_TRIALS] =
        "INSERT INTO trials (id, sweep, cell, replicate, state, finished_at) "
        "SELECT c0, c1, c2, c3, ?1, ?2 FROM rows(?3)",
    [ST_FIND_TRIAL] =
        "SELECT id, sweep, cell, replicate, state, attempt, spent, reached, crossed"
        " FROM trials WHERE id = ?1",
    [ST_VISIT_TRIALS] =
        "SELECT id, sweep, cell, replicate, state, attempt, spent, reached, crossed"
        " FROM trials WHERE id >= ?1 AND id < ?2 ORDER BY id",
    [ST_CANCEL_TRIALS] =
        "UPDATE trials SET state = 'cancelled', finished_at = ?3"
        " WHERE id >= ?1 AND id < ?2 AND state = 'queued'",
    [ST_RETRY_TRIALS] =
        "UPDATE trials SET state = 'queued', spent = 0, crossed = NULL, finished_at = NULL"
        " WHERE id >= ?1 AND id < ?2 AND state IN ('failed', 'cancelled')",

    [ST_FORGET_KEY] = "UPDATE sweeps SET idempotency_key = NULL WHERE id = ?1",
    [ST_DELETE_MEASUREMENTS] = "DELETE FROM measurements WHERE trial >= ?1 AND trial < ?2",
    [ST_DELETE_LAYERS] = "DELETE FROM layer_stats WHERE trial >= ?1 AND trial < ?2",
    [ST_DELETE_ATTEMPTS] = "DELETE FROM attempts WHERE trial >= ?1 AND trial < ?2",
    [ST_DELETE_TRIALS] = "DELETE FROM trials WHERE id >= ?1 AND id < ?2",
    [ST_DELETE_CELLS] = "DELETE FROM cells WHERE id >= ?1 AND id < ?2",
    [ST_DELETE_TWINS] = "DELETE FROM cell_twins WHERE cell >= ?1 AND cell < ?2",
    [ST_DELETE_SPEC] = "DELETE FROM sweep_specs WHERE sweep = ?1",
    [ST_DELETE_SWEEP] = "DELETE FROM sweeps WHERE id = ?1",
    [ST_GIVE_BACK] = "PRAGMA incremental_vacuum(1000)",

    [ST_START_TRIAL] =
        "UPDATE trials SET state = 'running', attempt = ?2"
        " WHERE id = ?1 AND state = 'queued' AND attempt = ?2 - 1",
    [ST_INSERT_ATTEMPT] =
        "INSERT INTO attempts (trial, attempt, worker, state, started_at)"
        " VALUES (?1, ?2, ?3, 'running', ?4)",
    [ST_END_TRIAL] =
        "UPDATE trials SET state = ?3, spent = spent + ?4, reached = ?5, finished_at = ?6,"
        " crossed = ?7"
        " WHERE id = ?1 AND state = 'running' AND attempt = ?2",
    [ST_END_ATTEMPT] =
        "UPDATE attempts SET state = ?3, ended_at = ?4, error = ?5, steps = ?6,"
        " steps_to_target = ?7, seconds_to_target = ?8, final_accuracy = ?9, final_loss = ?10,"
        " ms_per_step = ?11, weights_sha256 = ?12, data_sha256 = ?13, kernel = ?14, trainer = ?15,"
        " reused_from = ?16"
        " WHERE trial = ?1 AND attempt = ?2 AND state = 'running'",
    [ST_FIND_CROSSING] =
        "SELECT m.step, m.cpu_ms / 1000 FROM trials t JOIN cells c ON c.id = t.id - t.replicate"
        " JOIN measurements m ON m.trial = t.id AND m.attempt = ?2"
        " AND m.test_accuracy >= c.target_accuracy WHERE t.id = ?1 ORDER BY m.step LIMIT 1",
    [ST_FIND_ATTEMPT] = "SELECT state, worker FROM attempts WHERE trial = ?1 AND attempt = ?2",
    [ST_KEEP_LATE_RESULT] =
        "UPDATE attempts SET late = json_object('at', ?3, 'steps', ?4, 'steps_to_target', ?5,"
        " 'seconds_to_target', ?6, 'final_accuracy', ?7, 'weights_sha256', ?8, 'kernel', ?9)"
        " WHERE trial = ?1 AND attempt = ?2 AND late IS NULL",
    [ST_KEEP_LATE_FAILURE] =
        "UPDATE attempts SET late = json_object('at', ?3, 'failed', ?4)"
        " WHERE trial = ?1 AND attempt = ?2 AND late IS NULL",
    [ST_INSERT_MEASUREMENTS] =
        "INSERT OR IGNORE INTO measurements (trial, attempt, step, test_accuracy, train_loss,"
        " cpu_ms, wall_ms) SELECT ?1, ?2, c0, c1, c2, c3, c4 FROM rows(?3)",
    [ST_INSERT_LAYERS] =
        "INSERT OR IGNORE INTO layer_stats (trial, attempt, step, layer, gradient_rms,"
        " preactivation_gradient_rms, weight_rms, update_ratio, saturated, dead,"
        " preactivation_mean, preactivation_std)"
        " SELECT ?1, ?2, c0, c1, c2, c3, c4, c5, c6, c7, c8, c9 FROM rows(?3)",
    [ST_VISIT_MEASUREMENTS] =
        "SELECT step, test_accuracy FROM measurements WHERE trial = ?1 AND attempt = ?2"
        " ORDER BY step",
    [ST_LAST_LAYER] =
        "SELECT step, layer FROM layer_stats WHERE trial = ?1 AND attempt = ?2"
        " ORDER BY step DESC, layer DESC LIMIT 1",
    [ST_HAS_MEASUREMENT] =
        "SELECT 1 FROM measurements WHERE trial = ?1 AND attempt = ?2 AND step = ?3"
        " AND test_accuracy = ?4",
    [ST_HAS_LAYER] =
        "SELECT 1 FROM layer_stats WHERE trial = ?1 AND attempt = ?2 AND step = ?3"
        " AND layer = ?4",

    [ST_INSERT_WORKER] =
        "INSERT INTO workers (host, pid, slots, cpu, kernel, version, state, registered_at,"
        " seen_at, secret_sha256) VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'alive', ?7, ?7, ?8)",
    [ST_UPDATE_WORKER] =
        "UPDATE workers SET state = iif(?2, 'alive', 'gone'), running = ?3, succeeded = ?4,"
        " failed = ?5, trials_per_minute = ?6, seen_at = ?7 WHERE id = ?1",
    [ST_FIND_WORKER] = "SELECT " WORKER_COLUMNS "FROM workers WHERE id = ?1",
    [ST_NEXT_LIVE_WORKER] = "SELECT " WORKER_COLUMNS
        "FROM workers WHERE state = 'alive' AND id > ?1 ORDER BY id LIMIT 1",
    [ST_INSERT_EVENT] =
        "INSERT INTO events (at, kind, sweep, trial, attempt, worker, message)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    [ST_DROP_EVENTS] = "DELETE FROM events WHERE id <= ?1 - 10000",
    [ST_LAST_EVENT] = "SELECT max(id) FROM events",
};
/* clang-format on */

/* ---- running ---- */

int store_errno(int code)
{
    switch (code & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return 0;
    case SQLITE_FULL:
        return -ENOSPC;
    case SQLITE_NOMEM:
        return -ENOMEM;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return -EBUSY;
    case SQLITE_READONLY:
    case SQLITE_PERM:
        return -EROFS;
    case SQLITE_CONSTRAINT:
        return -EDOM;
    default:
        return -EIO;
    }
}

void store_describe(sqlite3 *db, char *ret, size_t size)
{
    int code = sqlite3_errcode(db) & 0xff;
    int number = code == SQLITE_IOERR || code == SQLITE_CANTOPEN ? sqlite3_system_errno(db) : 0;
    snprintf(ret, size, "%s%s%s", sqlite3_errmsg(db), number ? ": " : "",
             number ? strerror(number) : "");
}

sqlite3_stmt *store_take(struct store *store, enum statement statement)
{
    return store->statements[statement];
}

int store_fail(struct store *store, sqlite3_stmt *stmt, int code)
{
    store_describe(store->db, store->message, sizeof(store->message));
    sqlite3_reset(stmt);
    if (store->in_transaction && sqlite3_get_autocommit(store->db)) {
        store->broken = true;
    }
    return store_errno(code);
}

int store_row(struct store *store, sqlite3_stmt *stmt)
{
    if (store->broken) {
        return -EIO;
    }
    int code = sqlite3_step(stmt);
    if (code == SQLITE_ROW) {
        return 0;
    }
    if (code != SQLITE_DONE) {
        return store_fail(store, stmt, code);
    }
    sqlite3_reset(stmt);
    return 1;
}

int store_row_int(struct store *store, sqlite3_stmt *stmt, int column, int64_t *ret)
{
    int rc = store_row(store, stmt);
    if (rc == 0) {
        *ret = sqlite3_column_int64(stmt, column);
        sqlite3_reset(stmt);
    }
    return rc;
}

int store_run(struct store *store, sqlite3_stmt *stmt, int rows)
{
    int rc = store_row(store, stmt);
    if (rc == 0) { /* a row of RETURNING nobody asked for */
        sqlite3_reset(stmt);
    } else if (rc < 0) {
        return rc;
    }
    if (rows >= 0 && sqlite3_changes(store->db) != rows) {
        snprintf(store->message, sizeof(store->message), "%d rows instead of %d: %s",
                 sqlite3_changes(store->db), rows, sqlite3_sql(stmt));
        return -ESTALE;
    }
    return 0;
}

/* ---- binding and reading ---- */

void store_bind_int(sqlite3_stmt *stmt, int at, int64_t value)
{
    sqlite3_bind_int64(stmt, at, value);
}

void store_bind_real(sqlite3_stmt *stmt, int at, double value)
{
    if (isnan(value)) {
        sqlite3_bind_null(stmt, at);
    } else {
        sqlite3_bind_double(stmt, at, value);
    }
}

void store_bind_text(sqlite3_stmt *stmt, int at, const char *text)
{
    if (!text || !text[0]) {
        sqlite3_bind_null(stmt, at);
    } else {
        sqlite3_bind_text(stmt, at, text, -1, SQLITE_STATIC);
    }
}

double store_read_real(sqlite3_stmt *stmt, int column)
{
    return sqlite3_column_type(stmt, column) == SQLITE_NULL ? NAN
                                                            : sqlite3_column_double(stmt, column);
}

const char *store_time(struct store *store, int64_t wall_ms)
{
    if (store->time_text[0] == '\0' || wall_ms != store->time_ms) {
        time_t seconds = (time_t)(wall_ms / 1000);
        struct tm tm;
        char text[20];
        gmtime_r(&seconds, &tm);
        strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
        snprintf(store->time_text, sizeof(store->time_text), "%s.%03uZ", text,
                 (unsigned)(wall_ms % 1000) % 1000u);
        store->time_ms = wall_ms;
    }
    return store->time_text;
}

int store_name_index(const char *const *names, int n, const char *name)
{
    for (int i = 0; name && i < n; i++) {
        if (strcmp(names[i], name) == 0) {
            return i;
        }
    }
    return -1;
}
