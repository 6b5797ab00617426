#include "daemon/store_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char *const state_names[SWEEP_STATE_COUNT] = {
    [SWEEP_ACTIVE] = "active",
    [SWEEP_PAUSED] = "paused",
    [SWEEP_FINISHED] = "finished",
    [SWEEP_CANCELLED] = "cancelled",
};

/* As the column `moving` has them: the state the trials are moved to. */
static const char *const move_names[] = {
    [SWEEP_MOVE_NONE] = "",
    [SWEEP_MOVE_CANCEL] = "cancelled",
    [SWEEP_MOVE_RETRY] = "queued",
    [SWEEP_MOVE_DELETE] = "deleted",
};

const char *sweep_state_name(enum sweep_state state)
{
    return state_names[state];
}

static int reserve_trials(struct store *store, int64_t n, int64_t *ret_first)
{
    sqlite3_stmt *stmt = store_take(store, ST_RESERVE_TRIALS);
    store_bind_int(stmt, 1, n);
    int rc = store_row_int(store, stmt, 0, ret_first);
    return rc <= 0 ? rc : -ESTALE;
}

int store_insert_sweep(struct store *store, const struct store_submission *submission,
                       int64_t wall_ms, int64_t *ret_id, int64_t *ret_first_trial)
{
    const struct sweep *sweep = submission->sweep;
    int64_t first_trial;
    int rc = reserve_trials(store, sweep->n_trials, &first_trial);
    if (rc != 0) {
        return rc;
    }
    sqlite3_stmt *stmt = store_take(store, ST_INSERT_SWEEP);
    store_bind_text(stmt, 1, sweep->name);
    store_bind_text(stmt, 2, sweep_search_name(sweep->search));
    store_bind_int(stmt, 3, sweep->priority);
    store_bind_int(stmt, 4, sweep->max_running);
    store_bind_int(stmt, 5, sweep->max_attempts);
    store_bind_int(stmt, 6, sweep->replicates);
    store_bind_int(stmt, 7, sweep->seed);
    store_bind_int(stmt, 8, sweep->n_cells);
    store_bind_int(stmt, 9, sweep->n_trials);
    store_bind_text(stmt, 10, submission->idempotency_key);
    store_bind_text(stmt, 11, submission->body_sha256);
    store_bind_text(stmt, 12, store_time(store, wall_ms));
    store_bind_int(stmt, 13, first_trial);
    store_bind_int(stmt, 14, sweep->reuse);
    store_bind_int(stmt, 15, sweep->max_seconds);
    rc = store_run(store, stmt, 1);
    if (rc != 0) {
        return rc;
    }
    int64_t id = sqlite3_last_insert_rowid(store->db);
    stmt = store_take(store, ST_INSERT_SPEC);
    store_bind_int(stmt, 1, id);
    store_bind_text(stmt, 2, submission->spec);
    rc = store_run(store, stmt, 1);
    if (rc == 0) {
        *ret_id = id;
        *ret_first_trial = first_trial;
    }
    return rc;
}

int store_update_sweep(struct store *store, const struct store_sweep *sweep, int64_t wall_ms)
{
    sqlite3_stmt *stmt = store_take(store, ST_UPDATE_SWEEP);
    store_bind_int(stmt, 1, sweep->id);
    store_bind_text(stmt, 2, state_names[sweep->state]);
    store_bind_int(stmt, 3, sweep->expanded);
    store_bind_text(stmt, 4, move_names[sweep->move]);
    store_bind_int(stmt, 5, sweep->moved);
    for (int i = 0; i < TRIAL_STATE_COUNT; i++) {
        store_bind_int(stmt, 6 + i, sweep->counts[i]);
    }
    store_bind_int(stmt, 11, sweep->reached);
    store_bind_real(stmt, 12, sweep->trials_per_minute);
    store_bind_int(stmt, 13, sweep->ended);
    store_bind_int(stmt, 14, sweep->finished);
    store_bind_text(stmt, 15, store_time(store, wall_ms));
    store_bind_int(stmt, 16, sweep->unmatched);
    store_bind_int(stmt, 17, sweep->reused);
    store_bind_int(stmt, 18, sweep->diverged);
    store_bind_int(stmt, 19, sweep->crossed);
    return store_run(store, stmt, 1);
}

static void read_sweep(sqlite3_stmt *stmt, struct store_sweep *ret)
{
    const char *state = (const char *)sqlite3_column_text(stmt, 1);
    const char *move = (const char *)sqlite3_column_text(stmt, 11);
    struct store_sweep sweep = {
        .id = sqlite3_column_int64(stmt, 0),
        .state = (enum sweep_state)store_name_index(state_names, SWEEP_STATE_COUNT, state),
        .priority = sqlite3_column_int64(stmt, 2),
        .max_running = sqlite3_column_int64(stmt, 3),
        .max_attempts = sqlite3_column_int64(stmt, 4),
        .replicates = sqlite3_column_int64(stmt, 5),
        .seed = sqlite3_column_int64(stmt, 6),
        .n_cells = sqlite3_column_int64(stmt, 7),
        .n_trials = sqlite3_column_int64(stmt, 8),
        .first_trial = sqlite3_column_int64(stmt, 9),
        .expanded = sqlite3_column_int64(stmt, 10),
        .move = move ? (enum sweep_move)store_name_index(move_names, 4, move) : SWEEP_MOVE_NONE,
        .moved = sqlite3_column_int64(stmt, 12),
        .reached = sqlite3_column_int64(stmt, 18),
        .trials_per_minute = store_read_real(stmt, 19),
        .finished = sqlite3_column_int(stmt, 20),
        .reuse = sqlite3_column_int(stmt, 21),
        .unmatched = sqlite3_column_int64(stmt, 22),
        .reused = sqlite3_column_int64(stmt, 23),
        .diverged = sqlite3_column_int64(stmt, 24),
        .crossed = sqlite3_column_int64(stmt, 25),
        .max_seconds = sqlite3_column_int64(stmt, 26),
    };
    for (int i = 0; i < TRIAL_STATE_COUNT; i++) {
        sweep.counts[i] = sqlite3_column_int64(stmt, 13 + i);
    }
    *ret = sweep;
}

static int one_sweep(struct store *store, enum statement statement, int64_t id,
                     struct store_sweep *ret)
{
    sqlite3_stmt *stmt = store_take(store, statement);
    store_bind_int(stmt, 1, id);
    int rc = store_row(store, stmt);
    if (rc == 0) {
        read_sweep(stmt, ret);
        sqlite3_reset(stmt);
    }
    return rc;
}

int store_find_sweep(struct store *store, int64_t id, struct store_sweep *ret)
{
    return one_sweep(store, ST_FIND_SWEEP, id, ret);
}

int store_next_live_sweep(struct store *store, int64_t after, struct store_sweep *ret)
{
    return one_sweep(store, ST_NEXT_LIVE_SWEEP, after, ret);
}

int store_find_submission(struct store *store, const char *key, int64_t *ret_id,
                          char ret_body_sha256[SHA256_HEX_SIZE])
{
    sqlite3_stmt *stmt = store_take(store, ST_FIND_SUBMISSION);
    store_bind_text(stmt, 1, key);
    int rc = store_row(store, stmt);
    if (rc == 0) {
        *ret_id = sqlite3_column_int64(stmt, 0);
        const char *sha256 = (const char *)sqlite3_column_text(stmt, 1);
        ret_body_sha256[0] = '\0';
        strncat(ret_body_sha256, sha256 ? sha256 : "", SHA256_HEX_SIZE - 1);
        sqlite3_reset(stmt);
    }
    return rc;
}

int store_read_spec(struct store *store, int64_t sweep, char **ret)
{
    sqlite3_stmt *stmt = store_take(store, ST_READ_SPEC);
    store_bind_int(stmt, 1, sweep);
    int rc = store_row(store, stmt);
    if (rc != 0) {
        return rc < 0 ? rc : -ESTALE;
    }
    const char *text = (const char *)sqlite3_column_text(stmt, 0);
    char *copy = text ? strdup(text) : NULL;
    sqlite3_reset(stmt);
    if (!copy) {
        return -ENOMEM;
    }
    *ret = copy;
    return 0;
}

int store_forget_key(struct store *store, int64_t sweep)
{
    sqlite3_stmt *stmt = store_take(store, ST_FORGET_KEY);
    store_bind_int(stmt, 1, sweep);
    return store_run(store, stmt, 1);
}

int store_delete_sweep(struct store *store, int64_t sweep)
{
    sqlite3_stmt *stmt = store_take(store, ST_DELETE_SPEC);
    store_bind_int(stmt, 1, sweep);
    int rc = store_run(store, stmt, 1);
    if (rc != 0) {
        return rc;
    }
    stmt = store_take(store, ST_DELETE_SWEEP);
    store_bind_int(stmt, 1, sweep);
    return store_run(store, stmt, 1);
}
