#include "daemon/store.h"

#include "common/database_lock.h"
#include "daemon/store_check.h"
#include "daemon/store_copy.h"
#include "daemon/store_internal.h"
#include "schema/schema.h"
#include "schema/schema_views.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Someone who writes from the sqlite3 shell may hold up the loop so long; then what writes gets
 * 503, and is not tried again for a while. */
#define BUSY_MS 25
#define BUSY_REST_MS 250

/* ---- the lock ---- */

static int refuse_held(const char *path, const struct database_holder *holder, struct error *error)
{
    char pid[32] = "";
    if (holder->pid > 0) {
        snprintf(pid, sizeof(pid), ", process %ld", holder->pid);
    }
    error_set(error, NULL,
              "%s is in use by another ninetyd%s%s%s: stop that one, or choose another file with "
              "--db",
              path, pid, holder->url[0] ? " at " : "", holder->url);
    return STORE_IN_USE;
}

/* Up to 0.2.0 the lock was a file beside the database: one that is held still counts, one that was
 * left behind goes. */
static int clear_old_lock(const char *path, struct error *error)
{
    char old[4096 + 8], text[192] = "";
    struct database_holder holder = {0};
    int rc = 0;
    snprintf(old, sizeof(old), "%s.lock", path);
    int fd = open(old, O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
    if (fd < 0) {
        return 0;
    }
    ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
    int fields = n > 0 ? sscanf(text, "%ld %63s", &holder.pid, holder.url) : 0;
    if (fields >= 1 && flock(fd, LOCK_EX | LOCK_NB) == 0) {
        unlink(old);
    } else if (fields >= 1 && errno == EWOULDBLOCK) {
        rc = refuse_held(path, &holder, error);
    }
    close(fd);
    return rc;
}

/* Taken before the database is touched and held until the process ends. */
static int take_lock(struct store *store, struct error *error)
{
    struct database_holder holder;
    if (database_file_check_kind(store->path, error) != 0) {
        return ERROR_INVALID;
    }
    if (database_file_recognize(store->path) == DATABASE_FILE_FOREIGN) {
        return error_set(error, NULL, "%s is no SQLite database: choose another file with --db",
                         store->path);
    }
    store->lock_fd = open(store->path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (store->lock_fd < 0) {
        return error_set(error, NULL, "%s cannot be written: %s; choose another place with --db",
                         store->path, strerror(errno));
    }
    int rc = database_lock_take(store->lock_fd, &holder);
    if (rc < 0) {
        return error_set(error, NULL, "%s cannot be locked: %s; keep it on a local disk",
                         store->path, strerror(-rc));
    }
    return rc == DATABASE_LOCK_HELD ? refuse_held(store->path, &holder, error)
                                    : clear_old_lock(store->path, error);
}

int store_announce(struct store *store, const char *url)
{
    return store->copied ? 0 : database_lock_announce(store->lock_fd, url);
}

/* ---- opening and migrating ---- */

static int refuse(struct store *store, struct error *error, const char *what)
{
    char why[256] = "out of memory";
    if (store->db && (sqlite3_errcode(store->db) & 0xff) == SQLITE_CORRUPT) {
        return database_file_damaged(store->path, sqlite3_errmsg(store->db), error);
    }
    if (store->db) {
        store_describe(store->db, why, sizeof(why));
    }
    return error_set(error, NULL, "%s: %s (%s)", store->path, what, why);
}

static int execute(struct store *store, const char *sql)
{
    return sqlite3_exec(store->db, sql, NULL, NULL, NULL);
}

/* The one integer that a query answers; -1 on error. */
static int64_t ask(struct store *store, const char *sql)
{
    sqlite3_stmt *stmt;
    int64_t answer = -1;
    if (sqlite3_prepare_v2(store->db, sql, -1, &stmt, NULL) == SQLITE_OK &&
        sqlite3_step(stmt) == SQLITE_ROW) {
        answer = sqlite3_column_int64(stmt, 0);
    }
    sqlite3_finalize(stmt);
    return answer;
}

static int configure(struct store *store, struct error *error)
{
    /* foreign_keys: like the triggers not for this connection, whose operations know what they hang
     * their rows on (a fifth of a trial's cost; schema/check.sql looks for orphans). secure_delete:
     * Debian has it on, and nothing here is secret. A large cache: the tree's inner pages and the
     * trials in flight stay in memory. */
    static const char *const pragmas[] = {
        "PRAGMA auto_vacuum = INCREMENTAL", /* of a new file: what is deleted can be given back */
        "PRAGMA journal_mode = WAL",        "PRAGMA synchronous = FULL",
        "PRAGMA foreign_keys = OFF",        "PRAGMA cache_size = -65536",
        "PRAGMA secure_delete = OFF",       "PRAGMA journal_size_limit = 67108864",
        "PRAGMA temp_store = MEMORY",       "PRAGMA wal_autocheckpoint = 2000",
        "PRAGMA trusted_schema = OFF",
    };
    for (size_t i = 0; i < sizeof(pragmas) / sizeof(pragmas[0]); i++) {
        if (execute(store, pragmas[i]) != SQLITE_OK) {
            return refuse(store, error, "cannot be used as the database");
        }
    }
    return 0;
}

/* A .dump carries rows, but not the two numbers in the file's header that say whose they are. */
static int refuse_unmarked(struct store *store, struct error *error)
{
    static const char ours[] = "SELECT count(*) = 3 FROM sqlite_schema WHERE type = 'table' AND "
                               "name IN ('sweeps', 'trials', 'attempts')";
    if (ask(store, ours) != 1) {
        return error_set(error, NULL,
                         "%s is a database of something else: choose another file with --db",
                         store->path);
    }
    return error_set(
        error, NULL,
        "%s has the tables of ninety, but not its marks, which a .dump loses: set them "
        "with sqlite3 FILE 'PRAGMA application_id = %d; PRAGMA user_version = N', "
        "where N is what 'PRAGMA user_version' says of the database that was dumped "
        "(%zu where this version of ninety made it)",
        store->path, STORE_APPLICATION_ID, schema_count);
}

/* Whether the file is ours to use; asked before anything in it is changed. */
static int recognize(struct store *store, struct error *error)
{
    int64_t version = ask(store, "PRAGMA user_version");
    if (version < 0) {
        return refuse(store, error, "cannot be used as the database");
    }
    if (ask(store, "PRAGMA application_id") != STORE_APPLICATION_ID &&
        ask(store, "SELECT count(*) FROM sqlite_schema") != 0) {
        return refuse_unmarked(store, error);
    }
    if (version > (int64_t)schema_count) {
        return error_set(error, NULL,
                         "%s has schema %lld, this ninetyd knows up to %zu: use the newer ninetyd "
                         "that wrote it",
                         store->path, (long long)version, schema_count);
    }
    return 0;
}

static int migrate(struct store *store, struct error *error)
{
    int64_t version = ask(store, "PRAGMA user_version");
    if (version == (int64_t)schema_count) {
        return 0;
    }
    char done[96];
    snprintf(done, sizeof(done), "PRAGMA application_id = %d; PRAGMA user_version = %zu; COMMIT",
             STORE_APPLICATION_ID, schema_count);
    bool ok = execute(store, "BEGIN IMMEDIATE") == SQLITE_OK;
    for (size_t i = (size_t)version; ok && i < schema_count; i++) {
        ok = execute(store, (const char *)schema[i].data) == SQLITE_OK;
    }
    ok = ok && execute(store, (const char *)schema_views[0].data) == SQLITE_OK;
    if (!ok || execute(store, done) != SQLITE_OK) {
        refuse(store, error, "the schema cannot be brought up to date");
        execute(store, "ROLLBACK");
        return ERROR_INVALID;
    }
    return 0;
}

static int prepare(struct store *store, struct error *error)
{
    for (int i = 0; i < ST_COUNT; i++) {
        if (sqlite3_prepare_v3(store->db, store_sql[i], -1, SQLITE_PREPARE_PERSISTENT,
                               &store->statements[i], NULL) != SQLITE_OK) {
            return refuse(store, error, "does not have the tables its schema version promises");
        }
    }
    return 0;
}

/* Counting its memory costs SQLite a lock at each allocation, and nobody asks for the count. */
static void configure_library(void)
{
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    sqlite3_config(SQLITE_CONFIG_MEMDB_MAXSIZE, (sqlite3_int64)1 << 40); /* of a copy in memory */
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* A stop in order leaves no log. */
static int check_after_crash(struct store *store, struct error *error)
{
    struct store_start *start = &store->start;
    struct stat info = {0};
    int64_t begun_ms = now_ms();
    fstat(store->lock_fd, &info);
    start->mib = (int64_t)info.st_size >> 20;
    start->n_names = (int64_t)info.st_nlink;
    start->whole = true;
    if (!start->unclean) {
        return 0;
    }
    int rc = store_check_file(store->db, store->path, &start->whole, error);
    start->seconds = (double)(now_ms() - begun_ms) / 1000;
    return rc;
}

static int connect_to(struct store *store, const char *uri, struct error *error)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_URI |
                (store->copied ? SQLITE_OPEN_CREATE : 0);
    if (sqlite3_open_v2(uri, &store->db, flags, NULL) != SQLITE_OK) {
        return refuse(store, error, "cannot be opened");
    }
    sqlite3_busy_timeout(store->db, BUSY_MS);
    sqlite3_db_config(store->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
    /* A log that may not belong to the file is not written into it by a refusal. */
    sqlite3_db_config(store->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    return 0;
}

/* Everything between a connection and a store that is ready. */
static int set_up(struct store *store, struct error *error)
{
    int rc = recognize(store, error);
    if (rc == 0) {
        rc = configure(store, error);
    }
    if (rc == 0 && !store->copied) {
        rc = check_after_crash(store, error);
    }
    if (rc == 0 && store_rows_register(store->db) != SQLITE_OK) {
        rc = -ENOMEM;
    }
    if (rc == 0) {
        rc = migrate(store, error);
    }
    return rc == 0 ? prepare(store, error) : rc;
}

static int open_database(struct store *store, struct error *error)
{
    char uri[DATABASE_FILE_URI_SIZE];
    store->start.unclean = database_file_beside(store->path, "-wal") > 0;
    int rc = database_file_uri(store->path, NULL, uri);
    if (rc == 0) {
        rc = connect_to(store, uri, error);
    }
    if (rc == 0 && sqlite3_db_readonly(store->db, "main") == 1) {
        return error_set(error, NULL,
                         "%s may not be written: change its mode, or choose another "
                         "file with --db",
                         store->path);
    }
    if (rc == 0) {
        rc = set_up(store, error);
    }
    store->opened = rc == 0;
    sqlite3_db_config(store->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, !store->opened, NULL);
    if (rc == 0) {
        store_place_note(store);
    }
    return rc;
}

static int open_copy(struct store *store, struct error *error)
{
    struct database_holder holder;
    if (database_lock_ask(store->path, &holder) == DATABASE_LOCK_HELD) {
        return refuse_held(store->path, &holder, error);
    }
    int rc = connect_to(store, STORE_COPY_URI, error);
    if (rc == 0) {
        rc = store_copy_fill(store->db, store->path, error);
    }
    return rc == 0 ? set_up(store, error) : rc;
}

static int open_as(const char *path, bool copied, struct store **ret, struct error *error)
{
    static pthread_once_t configured = PTHREAD_ONCE_INIT;
    struct store *store = calloc(1, sizeof(*store));
    if (!store) {
        return -ENOMEM;
    }
    pthread_once(&configured, configure_library); /* has no effect where SQLite runs already */
    store->lock_fd = -1;
    store->copied = copied;
    store->path = strdup(path);
    int rc = !store->path ? -ENOMEM : copied ? 0 : take_lock(store, error);
    if (rc == 0) {
        rc = copied ? open_copy(store, error) : open_database(store, error);
    }
    if (rc != 0) {
        store_close(store);
        return rc;
    }
    *ret = store;
    return 0;
}

int store_open(const char *path, struct store **ret, struct error *error)
{
    return open_as(path, false, ret, error);
}

int store_open_copy(const char *path, struct store **ret, struct error *error)
{
    return open_as(path, true, ret, error);
}

const char *store_read_name(const struct store *store)
{
    return store->copied ? STORE_COPY_URI : store->path;
}

const struct store_start *store_start(const struct store *store)
{
    return &store->start;
}

/* One file, which can be read where nothing can be written. A reader that has it open prevents it,
 * and nothing is lost by that. */
static void leave_wal(struct store *store)
{
    store_rollback(store);
    sqlite3_busy_timeout(store->db, 0);
    execute(store, "PRAGMA journal_mode = DELETE");
}

void store_close(struct store *store)
{
    if (!store) {
        return;
    }
    for (int i = 0; i < ST_COUNT; i++) {
        sqlite3_finalize(store->statements[i]);
    }
    if (store->opened && store_place_check(store)) {
        leave_wal(store);
    }
    sqlite3_close(store->db); /* rolls back, checkpoints */
    /* Only now: closing it takes away every lock that the process has on the file. */
    if (store->lock_fd >= 0) {
        close(store->lock_fd);
    }
    free(store->path);
    free(store);
}

const char *store_path(const struct store *store)
{
    return store->path;
}

/* ---- transactions ---- */

bool store_in_transaction(const struct store *store)
{
    return store->in_transaction;
}

const char *store_message(const struct store *store)
{
    return store->message;
}

bool store_is_held(const struct store *store)
{
    return store->busy_until_ms > 0 && now_ms() < store->busy_until_ms;
}

static int begin(struct store *store)
{
    if (!store_place_check(store)) {
        return -EIO;
    }
    if (store_is_held(store)) {
        return -EBUSY;
    }
    int rc = store_run(store, store_take(store, ST_BEGIN), -1);
    store->busy_until_ms = rc == -EBUSY ? now_ms() + BUSY_REST_MS : 0;
    if (rc == -EBUSY) {
        snprintf(store->message, sizeof(store->message),
                 "another program holds the write lock of %s: end its transaction", store->path);
    }
    return rc;
}

int store_savepoint(struct store *store)
{
    if (!store->in_transaction) {
        int rc = begin(store);
        if (rc != 0) {
            return rc;
        }
        store->in_transaction = true;
    }
    return store_run(store, store_take(store, ST_SAVEPOINT), -1);
}

int store_release(struct store *store)
{
    return store_run(store, store_take(store, ST_RELEASE), -1);
}

void store_undo(struct store *store)
{
    char message[sizeof(store->message)];
    memcpy(message, store->message, sizeof(message));
    if (store_run(store, store_take(store, ST_ROLLBACK_TO), -1) != 0 ||
        store_run(store, store_take(store, ST_RELEASE), -1) != 0) {
        store->broken = true;
    }
    memcpy(store->message, message, sizeof(message)); /* the first failure tells more */
}

void store_rollback(struct store *store)
{
    if (!sqlite3_get_autocommit(store->db)) {
        execute(store, "ROLLBACK"); /* if even this fails, so will the next BEGIN */
    }
    store->in_transaction = false;
    store->broken = false;
}

int store_commit(struct store *store)
{
    if (!store->in_transaction) {
        return 0;
    }
    int rc = store_run(store, store_take(store, ST_COMMIT), -1);
    if (rc != 0) {
        store_rollback(store);
    }
    store->in_transaction = false;
    /* A commit counts where the file can be found: only then it may be acknowledged. */
    return rc == 0 && !store_place_check(store) ? -EIO : rc;
}

bool store_is_displaced(const struct store *store)
{
    return store->place.displaced;
}
