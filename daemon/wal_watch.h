/*
 * Watches the write-ahead log's size. A reader that holds a transaction open (a forgotten sqlite3
 * shell, say) pins the log: it cannot be written back and grows with every commit. Nobody is
 * thrown out, but a person is told, once per doubling, and once more when it is over.
 */
#pragma once

#include <stdint.h>
#include <uv.h>

/* Ordinary use stays far below; the store starts the log anew at a quarter of this. */
#define WAL_WATCH_WARN_BYTES (256ll << 20)

enum wal_news { WAL_NO_NEWS, WAL_TOO_LARGE, WAL_WELL_AGAIN };

struct wal_watch {
    uv_timer_t timer;
    char path[4096];
    int64_t warned_bytes; /* 0: all is well */
};

/* What is to be said about a log of that size now. */
enum wal_news wal_watch_judge(struct wal_watch *watch, int64_t bytes);

/* Looks every few seconds, and logs. Does not keep the loop alive. */
void wal_watch_start(struct wal_watch *watch, uv_loop_t *loop, const char *db_path);
/* The struct must live until the loop's next round. */
void wal_watch_stop(struct wal_watch *watch);
