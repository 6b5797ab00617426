#include "daemon/store_internal.h"

#include <stdio.h>

int store_visit_cells(struct store *store, int64_t below, int64_t limit, store_visit_cell visit,
                      void *arg)
{
    sqlite3_stmt *stmt = store_take(store, ST_VISIT_CELLS);
    store_bind_int(stmt, 1, below);
    store_bind_int(stmt, 2, limit);
    int rc;
    while ((rc = store_row(store, stmt)) == 0) {
        struct trial_config config;
        int stop = store_read_config(stmt, &config);
        if (stop == 0) {
            stop = visit(arg, sqlite3_column_int64(stmt, sqlite3_column_count(stmt) - 1), &config);
        }
        if (stop != 0) {
            sqlite3_reset(stmt);
            return stop;
        }
    }
    return rc == 1 ? 0 : rc;
}

int store_insert_twin(struct store *store, int64_t cell, int64_t twin)
{
    sqlite3_stmt *stmt = store_take(store, ST_INSERT_TWIN);
    store_bind_int(stmt, 1, cell);
    store_bind_int(stmt, 2, twin);
    store_bind_int(stmt, 3, STORE_MAX_TWINS);
    return store_run(store, stmt, -1);
}

static void read_text(sqlite3_stmt *stmt, int column, char *ret, size_t size)
{
    const char *text = (const char *)sqlite3_column_text(stmt, column);
    snprintf(ret, size, "%s", text ? text : "");
}

int store_find_offers(struct store *store, const struct store_seeded *which,
                      struct reuse_offers *ret)
{
    sqlite3_stmt *stmt = store_take(store, ST_FIND_OFFERS);
    store_bind_int(stmt, 1, which->cell);
    store_bind_int(stmt, 2, which->seed);
    store_bind_int(stmt, 3, REUSE_MAX_OFFERS);
    int rc;
    ret->n = 0;
    while ((rc = store_row(store, stmt)) == 0) {
        struct reuse_offer *offer = &ret->at[ret->n++];
        offer->trial = sqlite3_column_int64(stmt, 0);
        read_text(stmt, 1, offer->trainer, sizeof(offer->trainer));
        read_text(stmt, 2, offer->kernel, sizeof(offer->kernel));
        read_text(stmt, 3, offer->data_sha256, sizeof(offer->data_sha256));
    }
    return rc == 1 ? 0 : rc;
}

int store_count_reused(struct store *store, int64_t first, int64_t end, int64_t *ret)
{
    sqlite3_stmt *stmt = store_take(store, ST_COUNT_REUSED);
    store_bind_int(stmt, 1, first);
    store_bind_int(stmt, 2, end);
    return store_row_int(store, stmt, 0, ret);
}

static void read_result(sqlite3_stmt *stmt, struct trial_result *ret)
{
    bool reached = sqlite3_column_type(stmt, 1) != SQLITE_NULL;
    ret->steps = sqlite3_column_int64(stmt, 0);
    ret->steps_to_target = reached ? sqlite3_column_int64(stmt, 1) : -1;
    ret->seconds_to_target = store_read_real(stmt, 2);
    ret->final_accuracy = store_read_real(stmt, 3);
    ret->final_loss = store_read_real(stmt, 4);
    ret->ms_per_step = store_read_real(stmt, 5);
    read_text(stmt, 6, ret->weights_sha256, sizeof(ret->weights_sha256));
    read_text(stmt, 7, ret->data_sha256, sizeof(ret->data_sha256));
    read_text(stmt, 8, ret->kernel, sizeof(ret->kernel));
    read_text(stmt, 9, ret->trainer, sizeof(ret->trainer));
}

int store_find_reused(struct store *store, const struct store_seeded *which, int64_t trial,
                      struct store_reused *ret)
{
    sqlite3_stmt *stmt = store_take(store, ST_FIND_REUSED);
    store_bind_int(stmt, 1, trial);
    store_bind_int(stmt, 2, which->cell);
    store_bind_int(stmt, 3, which->seed);
    int rc = store_row(store, stmt);
    if (rc == 0) {
        ret->trial = trial;
        ret->n_rows = 0;
        read_result(stmt, &ret->result);
        ret->attempt = sqlite3_column_int64(stmt, 10);
        ret->trained = sqlite3_column_int64(stmt, 11);
        sqlite3_reset(stmt);
    }
    return rc;
}

int store_copy_rows(struct store *store, struct store_reused *from, int64_t trial, int64_t attempt)
{
    static const enum statement copies[] = {ST_COPY_MEASUREMENTS, ST_COPY_LAYERS};
    int rc = 0;
    for (int i = 0; rc == 0 && i < 2; i++) {
        sqlite3_stmt *stmt = store_take(store, copies[i]);
        store_bind_int(stmt, 1, from->trial);
        store_bind_int(stmt, 2, from->attempt);
        store_bind_int(stmt, 3, trial);
        store_bind_int(stmt, 4, attempt);
        rc = store_run(store, stmt, -1);
        from->n_rows += sqlite3_changes(store->db);
    }
    return rc;
}
