#include "daemon/store_check.h"

#include "common/database_file.h"
#include "daemon/store_internal.h"

#include <errno.h>
#include <pthread.h>
#include <time.h>

/* Ends the check from another thread: in its longest part SQLite calls nobody back. */
struct limit {
    sqlite3 *db;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool done;
};

static void *watch(void *arg)
{
    struct limit *limit = arg;
    struct timespec end;
    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += STORE_CHECK_MS / 1000;
    pthread_mutex_lock(&limit->mutex);
    int rc = 0;
    while (!limit->done && rc == 0) {
        rc = pthread_cond_timedwait(&limit->changed, &limit->mutex, &end);
    }
    if (!limit->done) {
        sqlite3_interrupt(limit->db);
    }
    pthread_mutex_unlock(&limit->mutex);
    return NULL;
}

static void end_watch(struct limit *limit)
{
    pthread_mutex_lock(&limit->mutex);
    limit->done = true;
    pthread_cond_signal(&limit->changed);
    pthread_mutex_unlock(&limit->mutex);
    pthread_join(limit->thread, NULL);
    pthread_cond_destroy(&limit->changed);
    pthread_mutex_destroy(&limit->mutex);
}

static int judge(sqlite3 *db, sqlite3_stmt *stmt, const char *path, struct error *error)
{
    int code = sqlite3_step(stmt);
    if (code == SQLITE_ROW) {
        const char *answer = (const char *)sqlite3_column_text(stmt, 0);
        return answer && sqlite3_stricmp(answer, "ok") == 0
                   ? 0
                   : database_file_damaged(path, answer ? answer : "?", error);
    }
    if ((code & 0xff) == SQLITE_CORRUPT) {
        return database_file_damaged(path, sqlite3_errmsg(db), error);
    }
    return code == SQLITE_INTERRUPT ? -EINTR : store_errno(code);
}

int store_check_file(sqlite3 *db, const char *path, bool *ret_whole, struct error *error)
{
    struct limit limit = {.db = db};
    sqlite3_stmt *stmt = NULL;
    pthread_mutex_init(&limit.mutex, NULL);
    pthread_cond_init(&limit.changed, NULL);
    int rc = -pthread_create(&limit.thread, NULL, watch, &limit);
    if (rc != 0) {
        return rc;
    }
    int code = sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &stmt, NULL);
    rc = code == SQLITE_OK ? judge(db, stmt, path, error) : store_errno(code);
    if ((code & 0xff) == SQLITE_CORRUPT) {
        rc = database_file_damaged(path, sqlite3_errmsg(db), error);
    }
    end_watch(&limit);
    sqlite3_finalize(stmt);
    *ret_whole = rc != -EINTR;
    return rc == -EINTR ? 0 : rc;
}
