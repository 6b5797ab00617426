#include "daemon/store_internal.h"

static const char *const state_names[ATTEMPT_STATE_COUNT] = {
    [ATTEMPT_RUNNING] = "running",   [ATTEMPT_SUCCEEDED] = "succeeded",
    [ATTEMPT_FAILED] = "failed",     [ATTEMPT_EXPIRED] = "expired",
    [ATTEMPT_RELEASED] = "released", [ATTEMPT_CANCELLED] = "cancelled",
};

const char *attempt_state_name(enum attempt_state state)
{
    return state_names[state];
}

/* Absent integers are negative. */
static void bind_optional_int(sqlite3_stmt *stmt, int at, int64_t value)
{
    if (value < 0) {
        sqlite3_bind_null(stmt, at);
    } else {
        sqlite3_bind_int64(stmt, at, value);
    }
}

int store_start_attempt(struct store *store, int64_t trial, int64_t attempt, int64_t worker,
                        int64_t wall_ms)
{
    sqlite3_stmt *stmt = store_take(store, ST_START_TRIAL);
    store_bind_int(stmt, 1, trial);
    store_bind_int(stmt, 2, attempt);
    int rc = store_run(store, stmt, 1);
    if (rc != 0) {
        return rc;
    }
    stmt = store_take(store, ST_INSERT_ATTEMPT);
    store_bind_int(stmt, 1, trial);
    store_bind_int(stmt, 2, attempt);
    store_bind_int(stmt, 3, worker);
    store_bind_text(stmt, 4, store_time(store, wall_ms));
    return store_run(store, stmt, 1);
}

static void bind_result(sqlite3_stmt *stmt, int at, const struct trial_result *result)
{
    if (!result) {
        for (int i = 0; i < 10; i++) {
            sqlite3_bind_null(stmt, at + i);
        }
        return;
    }
    store_bind_int(stmt, at, result->steps);
    bind_optional_int(stmt, at + 1, result->steps_to_target);
    store_bind_real(stmt, at + 2, result->seconds_to_target);
    store_bind_real(stmt, at + 3, result->final_accuracy);
    store_bind_real(stmt, at + 4, result->final_loss);
    store_bind_real(stmt, at + 5, result->ms_per_step);
    store_bind_text(stmt, at + 6, result->weights_sha256);
    store_bind_text(stmt, at + 7, result->data_sha256);
    store_bind_text(stmt, at + 8, result->kernel);
    store_bind_text(stmt, at + 9, result->trainer);
}

int store_end_attempt(struct store *store, const struct store_end *end, int64_t wall_ms)
{
    bool final = end->trial_state != TRIAL_QUEUED;
    sqlite3_stmt *stmt = store_take(store, ST_END_ATTEMPT);
    store_bind_int(stmt, 1, end->trial);
    store_bind_int(stmt, 2, end->attempt);
    store_bind_text(stmt, 3, state_names[end->attempt_state]);
    store_bind_text(stmt, 4, store_time(store, wall_ms));
    store_bind_text(stmt, 5, end->error);
    bind_result(stmt, 6, end->result);
    if (end->divergence == DIVERGED_AFTER_TARGET) {
        store_bind_int(stmt, 7, end->crossing_step);
        store_bind_real(stmt, 8, end->crossing_seconds);
    }
    bind_optional_int(stmt, 16, end->reused_from > 0 ? end->reused_from : -1);
    int rc = store_run(store, stmt, 1);
    if (rc != 0) {
        return rc;
    }
    stmt = store_take(store, ST_END_TRIAL);
    store_bind_int(stmt, 1, end->trial);
    store_bind_int(stmt, 2, end->attempt);
    store_bind_text(stmt, 3, trial_state_name(end->trial_state));
    store_bind_int(stmt, 4, end->spends);
    bind_optional_int(stmt, 5, end->result ? end->result->steps_to_target >= 0 : -1);
    store_bind_text(stmt, 6, final ? store_time(store, wall_ms) : NULL);
    bind_optional_int(
        stmt, 7, end->divergence == NOT_DIVERGED ? -1 : end->divergence == DIVERGED_AFTER_TARGET);
    return store_run(store, stmt, 1);
}

int store_find_crossing(struct store *store, int64_t trial, int64_t attempt, int64_t *ret_step,
                        double *ret_seconds)
{
    sqlite3_stmt *stmt = store_take(store, ST_FIND_CROSSING);
    store_bind_int(stmt, 1, trial);
    store_bind_int(stmt, 2, attempt);
    int rc = store_row(store, stmt);
    if (rc == 0) {
        *ret_step = sqlite3_column_int64(stmt, 0);
        *ret_seconds = store_read_real(stmt, 1);
        sqlite3_reset(stmt);
    }
    return rc;
}

int store_find_attempt(struct store *store, int64_t trial, int64_t attempt,
                       struct store_attempt *ret)
{
    sqlite3_stmt *stmt = store_take(store, ST_FIND_ATTEMPT);
    store_bind_int(stmt, 1, trial);
    store_bind_int(stmt, 2, attempt);
    int rc = store_row(store, stmt);
    if (rc == 0) {
        const char *state = (const char *)sqlite3_column_text(stmt, 0);
        ret->state = (enum attempt_state)store_name_index(state_names, ATTEMPT_STATE_COUNT, state);
        ret->worker = sqlite3_column_int64(stmt, 1);
        sqlite3_reset(stmt);
    }
    return rc;
}

int store_keep_late(struct store *store, const struct report *report, int64_t wall_ms)
{
    sqlite3_stmt *stmt =
        store_take(store, report->end == REPORT_DONE ? ST_KEEP_LATE_RESULT : ST_KEEP_LATE_FAILURE);
    store_bind_int(stmt, 1, report->trial);
    store_bind_int(stmt, 2, report->attempt);
    store_bind_text(stmt, 3, store_time(store, wall_ms));
    if (report->end == REPORT_DONE) {
        store_bind_int(stmt, 4, report->result.steps);
        bind_optional_int(stmt, 5, report->result.steps_to_target);
        store_bind_real(stmt, 6, report->result.seconds_to_target);
        store_bind_real(stmt, 7, report->result.final_accuracy);
        store_bind_text(stmt, 8, report->result.weights_sha256);
        store_bind_text(stmt, 9, report->result.kernel);
    } else {
        store_bind_text(stmt, 4, report->failure.reason);
    }
    return store_run(store, stmt, -1);
}

/* ---- what an attempt measured ---- */

/* OR IGNORE passes over what is there already. It would pass over a NULL that may not be, too, so
 * nothing else may be missing. Unlike ON CONFLICT DO NOTHING it needs no journal of the statement.
 */
static int insert_rows(struct store *store, enum statement statement, const struct report *report,
                       const struct store_rows *rows)
{
    if (rows->n == 0) {
        return 0;
    }
    sqlite3_stmt *stmt = store_take(store, statement);
    store_bind_int(stmt, 1, report->trial);
    store_bind_int(stmt, 2, report->attempt);
    store_bind_rows(stmt, 3, rows);
    return store_run(store, stmt, -1);
}

int store_insert_measurements(struct store *store, const struct report *report)
{
    static const struct store_column columns[] = {
        {STORE_INT64, offsetof(struct measurement, step), NULL},
        {STORE_REQUIRED_REAL, offsetof(struct measurement, test_accuracy), NULL},
        {STORE_REAL, offsetof(struct measurement, train_loss), NULL},
        {STORE_REAL, offsetof(struct measurement, cpu_ms), NULL},
        {STORE_REAL, offsetof(struct measurement, wall_ms), NULL},
    };
    struct store_rows rows = {columns, report->measurements, report->n_measurements,
                              sizeof(*report->measurements)};
    return insert_rows(store, ST_INSERT_MEASUREMENTS, report, &rows);
}

int store_insert_layers(struct store *store, const struct report *report)
{
    static const struct store_column columns[] = {
        {STORE_INT64, offsetof(struct layer_stat, step), NULL},
        {STORE_INT, offsetof(struct layer_stat, layer), NULL},
        {STORE_REAL, offsetof(struct layer_stat, gradient_rms), NULL},
        {STORE_REAL, offsetof(struct layer_stat, preactivation_gradient_rms), NULL},
        {STORE_REAL, offsetof(struct layer_stat, weight_rms), NULL},
        {STORE_REAL, offsetof(struct layer_stat, update_ratio), NULL},
        {STORE_REAL, offsetof(struct layer_stat, saturated), NULL},
        {STORE_REAL, offsetof(struct layer_stat, dead), NULL},
        {STORE_REAL, offsetof(struct layer_stat, preactivation_mean), NULL},
        {STORE_REAL, offsetof(struct layer_stat, preactivation_std), NULL},
    };
    struct store_rows rows = {columns, report->layers, report->n_layers, sizeof(*report->layers)};
    return insert_rows(store, ST_INSERT_LAYERS, report, &rows);
}

int store_visit_measurements(struct store *store, int64_t trial, int64_t attempt,
                             store_visit_measurement visit, void *arg)
{
    sqlite3_stmt *stmt = store_take(store, ST_VISIT_MEASUREMENTS);
    store_bind_int(stmt, 1, trial);
    store_bind_int(stmt, 2, attempt);
    int rc;
    while ((rc = store_row(store, stmt)) == 0) {
        struct measurement measurement = {.step = sqlite3_column_int64(stmt, 0),
                                          .test_accuracy = sqlite3_column_double(stmt, 1)};
        int stop = visit(arg, &measurement);
        if (stop != 0) {
            sqlite3_reset(stmt);
            return stop;
        }
    }
    return rc == 1 ? 0 : rc;
}

int store_last_layer(struct store *store, int64_t trial, int64_t attempt, struct layer_stat *ret)
{
    sqlite3_stmt *stmt = store_take(store, ST_LAST_LAYER);
    store_bind_int(stmt, 1, trial);
    store_bind_int(stmt, 2, attempt);
    int rc = store_row(store, stmt);
    if (rc == 0) {
        ret->step = sqlite3_column_int64(stmt, 0);
        ret->layer = sqlite3_column_int(stmt, 1);
        sqlite3_reset(stmt);
    }
    return rc;
}

int store_has_measurement(struct store *store, const struct report *report, size_t i)
{
    const struct measurement *measurement = &report->measurements[i];
    int64_t found;
    sqlite3_stmt *stmt = store_take(store, ST_HAS_MEASUREMENT);
    store_bind_int(stmt, 1, report->trial);
    store_bind_int(stmt, 2, report->attempt);
    store_bind_int(stmt, 3, measurement->step);
    store_bind_real(stmt, 4, measurement->test_accuracy);
    return store_row_int(store, stmt, 0, &found);
}

int store_has_layer(struct store *store, const struct report *report, size_t i)
{
    int64_t found;
    sqlite3_stmt *stmt = store_take(store, ST_HAS_LAYER);
    store_bind_int(stmt, 1, report->trial);
    store_bind_int(stmt, 2, report->attempt);
    store_bind_int(stmt, 3, report->layers[i].step);
    store_bind_int(stmt, 4, report->layers[i].layer);
    return store_row_int(store, stmt, 0, &found);
}
