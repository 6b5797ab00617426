#include "daemon/store_internal.h"

#include <stdio.h>

int store_insert_worker(struct store *store, const struct store_worker_info *info, int64_t wall_ms,
                        int64_t *ret_id)
{
    sqlite3_stmt *stmt = store_take(store, ST_INSERT_WORKER);
    /* These may be empty, which is not NULL. */
    sqlite3_bind_text(stmt, 1, info->host, -1, SQLITE_STATIC);
    store_bind_int(stmt, 2, info->pid);
    store_bind_int(stmt, 3, info->slots);
    sqlite3_bind_text(stmt, 4, info->cpu, -1, SQLITE_STATIC);
    sqlite3_bind_text(stmt, 5, info->kernel, -1, SQLITE_STATIC);
    sqlite3_bind_text(stmt, 6, info->version, -1, SQLITE_STATIC);
    store_bind_text(stmt, 7, store_time(store, wall_ms));
    store_bind_text(stmt, 8, info->secret_sha256);
    int rc = store_run(store, stmt, 1);
    if (rc == 0) {
        *ret_id = sqlite3_last_insert_rowid(store->db);
    }
    return rc;
}

int store_update_worker(struct store *store, const struct store_worker *worker)
{
    sqlite3_stmt *stmt = store_take(store, ST_UPDATE_WORKER);
    store_bind_int(stmt, 1, worker->id);
    store_bind_int(stmt, 2, worker->alive);
    store_bind_int(stmt, 3, worker->running);
    store_bind_int(stmt, 4, worker->succeeded);
    store_bind_int(stmt, 5, worker->failed);
    store_bind_real(stmt, 6, worker->trials_per_minute);
    store_bind_text(stmt, 7, store_time(store, worker->seen_wall_ms));
    return store_run(store, stmt, 1);
}

static int one_worker(struct store *store, enum statement statement, int64_t id,
                      struct store_worker *ret)
{
    sqlite3_stmt *stmt = store_take(store, statement);
    store_bind_int(stmt, 1, id);
    int rc = store_row(store, stmt);
    if (rc == 0) {
        *ret = (struct store_worker){
            .id = sqlite3_column_int64(stmt, 0),
            .alive = sqlite3_column_int(stmt, 1),
            .running = sqlite3_column_int64(stmt, 2),
            .succeeded = sqlite3_column_int64(stmt, 3),
            .failed = sqlite3_column_int64(stmt, 4),
            .trials_per_minute = store_read_real(stmt, 5),
            .slots = sqlite3_column_int64(stmt, 6),
        };
        const char *secret = (const char *)sqlite3_column_text(stmt, 7);
        snprintf(ret->secret_sha256, sizeof(ret->secret_sha256), "%s", secret ? secret : "");
        sqlite3_reset(stmt);
    }
    return rc;
}

int store_find_worker(struct store *store, int64_t id, struct store_worker *ret)
{
    return one_worker(store, ST_FIND_WORKER, id, ret);
}

int store_next_live_worker(struct store *store, int64_t after, struct store_worker *ret)
{
    return one_worker(store, ST_NEXT_LIVE_WORKER, after, ret);
}

int store_last_event(struct store *store, int64_t *ret)
{
    return store_row_int(store, store_take(store, ST_LAST_EVENT), 0, ret);
}

int store_add_event(struct store *store, const struct store_event *event, int64_t wall_ms,
                    int64_t *ret_id)
{
    const int64_t numbers[] = {event->sweep, event->trial, event->attempt, event->worker};
    sqlite3_stmt *stmt = store_take(store, ST_INSERT_EVENT);
    store_bind_text(stmt, 1, store_time(store, wall_ms));
    store_bind_text(stmt, 2, event->kind);
    for (int i = 0; i < 4; i++) {
        if (numbers[i] == 0) {
            sqlite3_bind_null(stmt, 3 + i);
        } else {
            sqlite3_bind_int64(stmt, 3 + i, numbers[i]);
        }
    }
    store_bind_text(stmt, 7, event->message);
    int rc = store_run(store, stmt, 1);
    int64_t id = sqlite3_last_insert_rowid(store->db);
    if (rc != 0) {
        return rc;
    }
    *ret_id = id;
    if (id % 100 != 0) {
        return 0;
    }
    stmt = store_take(store, ST_DROP_EVENTS);
    store_bind_int(stmt, 1, id);
    return store_run(store, stmt, -1);
}
