#include "daemon/wal_watch.h"

#include "common/log.h"

#include <stdio.h>
#include <sys/stat.h>

#define PERIOD_MS 5000

enum wal_news wal_watch_judge(struct wal_watch *watch, int64_t bytes)
{
    if (bytes < WAL_WATCH_WARN_BYTES) {
        enum wal_news news = watch->warned_bytes > 0 ? WAL_WELL_AGAIN : WAL_NO_NEWS;
        watch->warned_bytes = 0;
        return news;
    }
    if (bytes < 2 * watch->warned_bytes) {
        return WAL_NO_NEWS;
    }
    watch->warned_bytes = bytes;
    return WAL_TOO_LARGE;
}

static void on_timer(uv_timer_t *timer)
{
    struct wal_watch *watch = timer->data;
    struct stat info;
    int64_t bytes = stat(watch->path, &info) == 0 ? info.st_size : 0;
    switch (wal_watch_judge(watch, bytes)) {
    case WAL_NO_NEWS:
        break;
    case WAL_TOO_LARGE:
        log_warn("the write-ahead log grows, because a reader keeps a transaction open: end long "
                 "sqlite3 sessions and queries file=%s mib=%lld",
                 watch->path, (long long)(bytes >> 20));
        break;
    case WAL_WELL_AGAIN:
        log_info("the write-ahead log is small again file=%s", watch->path);
        break;
    }
}

void wal_watch_start(struct wal_watch *watch, uv_loop_t *loop, const char *db_path)
{
    snprintf(watch->path, sizeof watch->path, "%s-wal", db_path);
    watch->warned_bytes = 0;
    uv_timer_init(loop, &watch->timer);
    watch->timer.data = watch;
    uv_timer_start(&watch->timer, on_timer, PERIOD_MS, PERIOD_MS);
    uv_unref((uv_handle_t *)&watch->timer);
}

void wal_watch_stop(struct wal_watch *watch)
{
    uv_close((uv_handle_t *)&watch->timer, NULL);
}
