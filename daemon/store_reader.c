#include "daemon/store_reader.h"

#include "common/config.h"
#include "common/database_file.h"
#include "daemon/store_copy.h"
#include "daemon/store_internal.h"
#include "daemon/store_left.h"
#include "daemon/store_quantile.h"
#include "daemon/store_render.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A dashboard may meet a checkpoint; it waits so long rather than fail. */
#define BUSY_MS 5000

/* A sweep that is being deleted is none any more. */
#define IS_KEPT "moving IS NOT 'deleted'"
#define SWEEP_EXISTS "SELECT 1 FROM sweeps WHERE id = ?1 AND " IS_KEPT

/* The rate is the one of the last trial that ended, faded as the queue's own meter fades. Trials
 * are handed out in their order: while the last one has not been tried, a claim is on its way. */
#define SWEEP_COLUMNS                                                                              \
    "id, name, state, search, priority, max_running, max_attempts, max_seconds, replicates, "      \
    "seed, cells, "                                                                                \
    "trials, queued, running, succeeded, failed, cancelled, reached + crossed AS reached, "        \
    "succeeded - reached AS censored, diverged, reuse AS \"reuse:bool\", reused, "                 \
    "trials_per_minute, "                                                                          \
    "iif(state = 'active' AND running > 0, seconds_left(id), NULL) AS seconds_left, "              \
    "CASE WHEN state = 'paused' THEN 'resume'"                                                     \
    " WHEN state <> 'active' OR running > 0 OR queued = 0 THEN NULL"                               \
    " WHEN expanded < trials OR unmatched > 0 THEN 'preparation'"                                  \
    " WHEN NOT EXISTS (SELECT 1 FROM workers WHERE state = 'alive') THEN 'worker'"                 \
    " WHEN NOT EXISTS (SELECT 1 FROM workers WHERE state = 'alive' AND running < slots)"           \
    " THEN 'free worker'"                                                                          \
    " WHEN (SELECT attempt FROM trials t WHERE t.id = first_trial + trials - 1) > 0"               \
    " THEN 'next attempt' END AS waits_for, "                                                      \
    "created_at, finished_at"
#define SWEEP_SOURCE                                                                               \
    "(SELECT *, iif(finished_at IS NULL, rate * exp((unixepoch(ended_at) - unixepoch()) / 120.0)," \
    " rate) AS trials_per_minute FROM"                                                             \
    " (SELECT *, sweeps.trials_per_minute AS rate FROM sweeps WHERE " IS_KEPT ")) "

#define CONFIG_ARGUMENTS                                                                           \
    "dataset, hidden_units, activation, batch_norm, batch_norm_output, bn_momentum, bn_epsilon, "  \
    "initializer, optimizer, learning_rate, beta1, beta2, epsilon, momentum, batch_size, "         \
    "train_size, target_accuracy, max_steps, stop_at_target, "                                     \
    "nullif(measure_every, 0), seed"
#define TRIAL_COLUMNS                                                                              \
    "trial AS id, sweep, cell, replicate, state, outcome, "                                        \
    "config_json(" CONFIG_ARGUMENTS ") AS \"config:json\", attempts, steps, steps_to_target, "     \
    "seconds_to_target, final_accuracy, final_loss, ms_per_step, worker, kernel, trainer, cpu, "   \
    "weights_sha256, data_sha256, reused_from, error, created_at, started_at, finished_at"

/* Quartiles per cell and layer, of the trials that count in the view `summary`; the configuration
 * is looked up once they are there. */
#define CELL_COLUMNS                                                                               \
    "c.dataset, c.depth, c.width, c.hidden_units, c.activation, c.batch_norm, "                    \
    "c.batch_norm_output, c.bn_momentum, c.bn_epsilon, c.initializer, c.optimizer, "               \
    "c.learning_rate, c.beta1, c.beta2, c.epsilon, c.momentum, c.batch_size, c.train_size, "       \
    "c.target_accuracy, c.max_steps, c.stop_at_target, c.measure_every"
#define LAYER_VALUE                                                                                \
    "CASE ?8 WHEN 'gradient_rms' THEN gradient_rms"                                                \
    " WHEN 'preactivation_gradient_rms' THEN preactivation_gradient_rms"                           \
    " WHEN 'weight_rms' THEN weight_rms WHEN 'update_ratio' THEN update_ratio"                     \
    " WHEN 'saturated' THEN saturated WHEN 'dead' THEN dead"                                       \
    " WHEN 'preactivation_mean' THEN preactivation_mean"                                           \
    " WHEN 'preactivation_std' THEN preactivation_std END"
#define LAYER_QUARTILES(which)                                                                     \
    "SELECT c.sweep, s.name AS sweep_name, c.cell, " CELL_COLUMNS ", ?7 AS step, l.layer,"         \
    " l.trials, l.q1, l.median, l.q3 FROM"                                                         \
    " (SELECT first, layer, count(*) AS trials, quantile(value, 0.25) AS q1,"                      \
    " quantile(value, 0.5) AS median, quantile(value, 0.75) AS q3 FROM"                            \
    " (SELECT trial - replicate AS first, layer, " LAYER_VALUE " AS value FROM layers"             \
    " WHERE " which " AND step = ?7 AND outcome IN ('reached', 'censored', 'diverged')"            \
    " AND (?5 < 0 OR depth = ?5) AND (?9 < 0 OR cell = ?9)) GROUP BY first, layer) l"              \
    " JOIN cell_configs c ON c.id = l.first JOIN sweeps s ON s.id = c.sweep ORDER BY l.first, "    \
    "l.layer"

/* A step at which trials merely ended, each at its own, compares nothing: it is left out. */
#define LAYER_STEPS(which)                                                                         \
    "SELECT l.step, count(*) AS trials FROM trial_configs t"                                       \
    " JOIN attempts a ON a.trial = t.trial AND a.attempt = t.attempt"                              \
    " JOIN layer_stats l ON l.trial = t.trial AND l.attempt = t.attempt AND l.layer = 0"           \
    " WHERE " which " AND t.reached IS NOT NULL GROUP BY l.step"                                   \
    " HAVING max(a.steps IS NULL OR l.step < a.steps OR l.step = t.max_steps) ORDER BY l.step"

#define EVENT_COLUMNS "id, at, kind, sweep, trial, attempt, worker, message"

/* Parameters: ?1 id or sweep, ?2 limit + 1, ?3 after, ?4 state, ?5 depth, ?6 replicates, ?7 step,
 * ?8 value, ?9 cell. */
static const struct query {
    const char *list;   /* the member that holds the rows; NULL = the answer is the one row */
    bool pages;         /* with "next"; the first column is the id */
    const char *exists; /* 404 unless it answers, when an id or sweep is asked for */
    const char *sql;
    const char *sql_of_sweep; /* when a sweep is asked for; NULL = sql */
} queries[READER_QUERY_COUNT] = {
    [READER_SWEEPS] = {.list = "sweeps",
                       .pages = true,
                       .sql = "SELECT " SWEEP_COLUMNS " FROM " SWEEP_SOURCE
                              "WHERE ?3 = 0 OR id < ?3 ORDER BY id DESC LIMIT ?2"},
    [READER_SWEEP] = {.sql = "SELECT " SWEEP_COLUMNS ", (SELECT spec FROM sweep_specs WHERE sweep ="
                             " ?1) AS \"spec:json\" FROM " SWEEP_SOURCE "WHERE id = ?1"},
    [READER_TRIALS] = {.list = "trials",
                       .pages = true,
                       .exists = SWEEP_EXISTS,
                       .sql = "SELECT " TRIAL_COLUMNS " FROM results WHERE trial > ?3"
                              " AND (?4 IS NULL OR state = ?4) ORDER BY trial LIMIT ?2",
                       .sql_of_sweep =
                           "SELECT " TRIAL_COLUMNS " FROM results WHERE trial > ?3"
                           " AND trial >= (SELECT first_trial FROM sweeps WHERE id = ?1)"
                           " AND trial < (SELECT first_trial + trials FROM sweeps WHERE id = ?1)"
                           " AND (?4 IS NULL OR state = ?4) ORDER BY trial LIMIT ?2"},
    [READER_TRIAL] =
        {.sql = "SELECT " TRIAL_COLUMNS ", (SELECT json_group_array(json_object('attempt', attempt,"
                " 'worker', worker, 'state', state, 'error', error, 'started_at', started_at,"
                " 'ended_at', ended_at)) FROM (SELECT * FROM attempts WHERE trial = ?1"
                " ORDER BY attempt)) AS \"attempt_list:json\" FROM results WHERE trial = ?1"},
    [READER_MEASUREMENTS] =
        {.list = "measurements",
         .exists = "SELECT 1 FROM trials WHERE id = ?1",
         .sql = "SELECT step, test_accuracy, train_loss, cpu_ms, wall_ms FROM measurements"
                " WHERE trial = ?1 AND attempt = (SELECT attempt FROM trials WHERE id = ?1)"
                " ORDER BY step"},
    [READER_LAYERS] =
        {.list = "layers",
         .exists = "SELECT 1 FROM trials WHERE id = ?1",
         .sql = "SELECT step, layer, gradient_rms, preactivation_gradient_rms, weight_rms,"
                " update_ratio, saturated, dead, preactivation_mean, preactivation_std"
                " FROM layer_stats WHERE trial = ?1"
                " AND attempt = (SELECT attempt FROM trials WHERE id = ?1) ORDER BY step, layer"},
    [READER_RESULTS] = {.list = "results",
                        .exists = SWEEP_EXISTS,
                        .sql = "SELECT * FROM results ORDER BY trial",
                        .sql_of_sweep = "SELECT * FROM results WHERE sweep = ?1"
                                        " ORDER BY trial"},
    [READER_SUMMARY] = {.list = "summary",
                        .exists = SWEEP_EXISTS,
                        .sql = "SELECT * FROM summary ORDER BY sweep, cell",
                        .sql_of_sweep = "SELECT * FROM summary WHERE sweep = ?1 ORDER BY cell"},
    [READER_CURVES] = {.list = "curves",
                       .exists = SWEEP_EXISTS,
                       .sql = "SELECT * FROM curves WHERE (?5 < 0 OR depth = ?5)"
                              " AND (?6 < 0 OR replicate < ?6) AND (?9 < 0 OR cell = ?9)"
                              " ORDER BY trial, step",
                       .sql_of_sweep =
                           "SELECT * FROM curves WHERE sweep = ?1 AND (?5 < 0 OR depth = ?5)"
                           " AND (?6 < 0 OR replicate < ?6) AND (?9 < 0 OR cell = ?9)"
                           " ORDER BY trial, step"},
    [READER_LAYER_QUARTILES] = {.list = "layers",
                                .exists = SWEEP_EXISTS,
                                .sql = LAYER_QUARTILES("TRUE"),
                                .sql_of_sweep = LAYER_QUARTILES("sweep = ?1")},
    [READER_LAYER_STEPS] = {.list = "steps",
                            .exists = SWEEP_EXISTS,
                            .sql = LAYER_STEPS("TRUE"),
                            .sql_of_sweep = LAYER_STEPS("t.sweep = ?1")},
    [READER_WORKERS] = {.list = "workers",
                        .sql = "SELECT id, host, pid, slots, cpu, kernel, version, running,"
                               " succeeded, failed, trials_per_minute, state, registered_at,"
                               " seen_at FROM workers ORDER BY state, id"},
    [READER_EVENTS] = {.list = "events",
                       .pages = true,
                       .exists = "SELECT 1 FROM sweeps WHERE id = ?1 UNION ALL" /* or deleted */
                                 " SELECT 1 FROM events WHERE sweep = ?1",
                       .sql = "SELECT " EVENT_COLUMNS
                              " FROM events WHERE id > ?3 ORDER BY id LIMIT ?2",
                       .sql_of_sweep =
                           "SELECT " EVENT_COLUMNS " FROM events WHERE id > ?3 AND sweep = ?1"
                           " ORDER BY id LIMIT ?2"},
    [READER_TOTALS] = {.sql = "SELECT count(iif(state = 'active', 1, NULL)) AS sweeps_active,"
                              " count(iif(state = 'paused', 1, NULL)) AS sweeps_paused,"
                              " count(iif(state = 'finished', 1, NULL)) AS sweeps_finished,"
                              " count(iif(state = 'cancelled', 1, NULL)) AS sweeps_cancelled,"
                              " ifnull(sum(queued), 0) AS trials_queued,"
                              " ifnull(sum(running), 0) AS trials_running,"
                              " ifnull(sum(succeeded), 0) AS trials_succeeded,"
                              " ifnull(sum(failed), 0) AS trials_failed,"
                              " ifnull(sum(cancelled), 0) AS trials_cancelled"
                              " FROM sweeps WHERE " IS_KEPT},
};

/* Steps of SQLite's machine between two calls for progress: some tenths of a millisecond. */
#define PROGRESS_STEPS 4000

struct reader {
    sqlite3 *db;
    sqlite3_stmt *statements[READER_QUERY_COUNT][2];
    sqlite3_stmt *exists[READER_QUERY_COUNT];
    struct render render;
    /* The query that runs or is paused. */
    sqlite3_stmt *running;
    const struct query *query;
    enum reader_format format;
    int64_t limit, n_rows, last;
};

/* ---- config_json(every field but depth and width, in the order of enum config_field) ----
 *
 * The canonical form; NULL stands for a field that it leaves out. */

static void put_field(sqlite3_str *out, const struct config_field_info *info, sqlite3_value *value)
{
    char real[32];
    switch (info->type) {
    case CONFIG_INT:
        sqlite3_str_appendf(out, "%lld", sqlite3_value_int64(value));
        break;
    case CONFIG_DOUBLE:
        render_shortest(sqlite3_value_double(value), real);
        sqlite3_str_appendf(out, "%s", real);
        break;
    case CONFIG_BOOL:
        sqlite3_str_appendf(out, "%s", sqlite3_value_int(value) ? "true" : "false");
        break;
    case CONFIG_CHOICE:
    case CONFIG_NAME: /* letters, digits, '-', '_' and '.' */
        sqlite3_str_appendf(out, "\"%s\"", sqlite3_value_text(value));
        break;
    case CONFIG_INTS:
        sqlite3_str_appendf(out, "[%s]", sqlite3_value_text(value));
        break;
    }
}

static void config_json(sqlite3_context *context, int n, sqlite3_value **values)
{
    sqlite3_str *out = sqlite3_str_new(sqlite3_context_db_handle(context));
    int at = 0;
    for (int field = 0; field < CONFIG_FIELD_COUNT && at < n; field++) {
        if (field == CONFIG_DEPTH || field == CONFIG_WIDTH) {
            continue;
        }
        sqlite3_value *value = values[at++];
        if (sqlite3_value_type(value) != SQLITE_NULL) {
            sqlite3_str_appendf(out, "%s\"%s\":", at > 1 ? "," : "{", config_fields[field].name);
            put_field(out, &config_fields[field], value);
        }
    }
    sqlite3_str_appendall(out, "}");
    char *text = sqlite3_str_finish(out);
    if (text) {
        sqlite3_result_text(context, text, -1, sqlite3_free);
    } else {
        sqlite3_result_error_nomem(context);
    }
}

/* ---- opening ---- */

int reader_open(const char *path, struct reader **ret, struct error *error)
{
    struct reader *reader = calloc(1, sizeof(*reader));
    if (!reader) {
        return -ENOMEM;
    }
    char uri[DATABASE_FILE_URI_SIZE];
    int flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_URI;
    bool is_copy = strcmp(path, STORE_COPY_URI) == 0;
    bool ok = (is_copy || database_file_uri(path, NULL, uri) == 0) &&
              sqlite3_open_v2(is_copy ? path : uri, &reader->db, flags, NULL) == SQLITE_OK &&
              sqlite3_busy_timeout(reader->db, BUSY_MS) == SQLITE_OK &&
              sqlite3_exec(reader->db, "PRAGMA query_only = ON; PRAGMA cache_size = -16384", NULL,
                           NULL, NULL) == SQLITE_OK &&
              sqlite3_create_function(reader->db, "config_json", CONFIG_FIELD_COUNT - 2,
                                      SQLITE_UTF8 | SQLITE_DETERMINISTIC, NULL, config_json, NULL,
                                      NULL) == SQLITE_OK &&
              store_quantile_register(reader->db) == SQLITE_OK &&
              store_left_register(reader->db) == SQLITE_OK;
    if (!ok) {
        error_set(error, NULL, "%s cannot be read: %s", path,
                  reader->db ? sqlite3_errmsg(reader->db) : "out of memory");
        reader_close(reader);
        return ERROR_INVALID;
    }
    *ret = reader;
    return 0;
}

void reader_close(struct reader *reader)
{
    if (!reader) {
        return;
    }
    for (int i = 0; i < READER_QUERY_COUNT; i++) {
        sqlite3_finalize(reader->statements[i][0]);
        sqlite3_finalize(reader->statements[i][1]);
        sqlite3_finalize(reader->exists[i]);
    }
    sqlite3_close(reader->db);
    free(reader);
}

void reader_shrink(struct reader *reader)
{
    sqlite3_db_release_memory(reader->db);
}

void reader_params_init(struct reader_params *params)
{
    *params = (struct reader_params){
        .depth = -1, .replicates = -1, .cell = -1, .step = 1, .value = "gradient_rms"};
}

/* ---- running ---- */

void reader_on_progress(struct reader *reader, reader_progress progress, void *arg)
{
    sqlite3_progress_handler(reader->db, progress ? PROGRESS_STEPS : 0, progress, arg);
}

static int failed(int code)
{
    return code == SQLITE_INTERRUPT ? READER_STOPPED : store_errno(code);
}

/* Prepared at first use, kept for the next. */
static int prepare(struct reader *reader, const char *sql, sqlite3_stmt **stmt)
{
    if (*stmt) {
        return 0;
    }
    int flags = SQLITE_PREPARE_PERSISTENT;
    return store_errno(sqlite3_prepare_v3(reader->db, sql, -1, flags, stmt, NULL));
}

static int check_exists(struct reader *reader, enum reader_query query, int64_t id)
{
    sqlite3_stmt **stmt = &reader->exists[query];
    int rc = prepare(reader, queries[query].exists, stmt);
    if (rc != 0) {
        return rc;
    }
    sqlite3_bind_int64(*stmt, 1, id);
    int code = sqlite3_step(*stmt);
    sqlite3_reset(*stmt);
    return code == SQLITE_ROW ? 0 : code == SQLITE_DONE ? READER_NOT_FOUND : failed(code);
}

static void bind(sqlite3_stmt *stmt, const struct reader_params *params, int64_t id)
{
    sqlite3_clear_bindings(stmt);
    sqlite3_bind_int64(stmt, 1, id);
    sqlite3_bind_int64(stmt, 2, params->limit > 0 ? params->limit + 1 : -1);
    sqlite3_bind_int64(stmt, 3, params->after);
    store_bind_text(stmt, 4, params->state);
    sqlite3_bind_int64(stmt, 5, params->depth);
    sqlite3_bind_int64(stmt, 6, params->replicates);
    sqlite3_bind_int64(stmt, 7, params->step);
    store_bind_text(stmt, 8, params->value);
    sqlite3_bind_int64(stmt, 9, params->cell);
}

static int render_one(struct reader *reader, sqlite3_stmt *stmt)
{
    int code = sqlite3_step(stmt);
    if (code == SQLITE_ROW) {
        render_object(&reader->render, stmt);
        return 0;
    }
    return code == SQLITE_DONE ? READER_NOT_FOUND : failed(code);
}

static void render_row(struct render *render, sqlite3_stmt *stmt, enum reader_format format,
                       bool first)
{
    if (format == READER_CSV) {
        render_csv_row(render, stmt);
        return;
    }
    if (format == READER_JSON && !first) {
        render_text(render, ",");
    } else if (format == READER_EVENT_STREAM) {
        render_text(render, "id: ");
        render_integer(render, sqlite3_column_int64(stmt, 0));
        render_text(render, "\ndata: ");
    }
    render_object(render, stmt);
    if (format != READER_JSON) {
        render_text(render, format == READER_NDJSON ? "\n" : "\n\n");
    }
}

static void begin_list(struct render *render, sqlite3_stmt *stmt, const struct query *query,
                       enum reader_format format)
{
    if (format == READER_CSV) {
        render_csv_header(render, stmt);
    } else if (format == READER_JSON) {
        render_text(render, "{\"");
        render_text(render, query->list);
        render_text(render, "\":[");
    }
}

/* next: the id that the next page goes on behind; 0 = this was the last. */
static void end_list(struct render *render, const struct query *query, int64_t next)
{
    render_text(render, query->pages ? "],\"next\":" : "]}");
    if (query->pages && next > 0) {
        render_integer(render, next);
    } else if (query->pages) {
        render_text(render, "null");
    }
    render_text(render, query->pages ? "}" : "");
}

static int render_list(struct reader *reader)
{
    struct render *render = &reader->render;
    sqlite3_stmt *stmt = reader->running;
    int code;
    while ((code = sqlite3_step(stmt)) == SQLITE_ROW && !render->stopped) {
        if (reader->limit > 0 && reader->n_rows == reader->limit) {
            break; /* the one row more that was asked for: there is a next page */
        }
        render_row(render, stmt, reader->format, reader->n_rows == 0);
        reader->last = reader->query->pages ? sqlite3_column_int64(stmt, 0) : 0;
        reader->n_rows++;
        if (render->full) {
            return READER_PAUSED;
        }
    }
    if (code != SQLITE_ROW && code != SQLITE_DONE) {
        return failed(code);
    }
    if (reader->format == READER_JSON) {
        end_list(render, reader->query, code == SQLITE_ROW ? reader->last : 0);
    }
    return 0;
}

void reader_abandon(struct reader *reader)
{
    sqlite3_reset(reader->running);
    reader->running = NULL;
}

int reader_go_on(struct reader *reader)
{
    render_resume(&reader->render);
    int rc = reader->query->list ? render_list(reader) : render_one(reader, reader->running);
    if (rc == READER_PAUSED) {
        return rc;
    }
    reader_abandon(reader);
    return rc == 0 ? render_end(&reader->render) : rc;
}

int reader_run(struct reader *reader, enum reader_query query, const struct reader_params *params,
               enum reader_format format, reader_sink sink, void *arg)
{
    const struct query *q = &queries[query];
    bool of_sweep = q->sql_of_sweep && params->sweep != 0;
    int64_t id = of_sweep ? params->sweep : params->id;
    sqlite3_stmt **stmt = &reader->statements[query][of_sweep];
    int rc = prepare(reader, of_sweep ? q->sql_of_sweep : q->sql, stmt);
    if (rc == 0 && q->exists && (of_sweep || !q->sql_of_sweep)) {
        rc = check_exists(reader, query, id);
    }
    if (rc != 0) {
        return rc;
    }
    reader->running = *stmt;
    reader->query = q;
    reader->format = format;
    reader->limit = params->limit;
    reader->n_rows = reader->last = 0;
    render_init(&reader->render, sink, arg);
    bind(*stmt, params, id);
    if (q->list) {
        begin_list(&reader->render, *stmt, q, format);
    }
    return reader_go_on(reader);
}

int reader_check(struct reader *reader)
{
    return store_errno(sqlite3_exec(reader->db, "SELECT max(id) FROM sweeps", NULL, NULL, NULL));
}
