#include "tests/queue_fixture.h"

#include "common/hash.h"
#include "daemon/store_internal.h"
#include "schema/schema.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct place {
    char dir[32], path[64];
};

static int setup(void **state)
{
    struct place *place = calloc(1, sizeof(*place));
    assert_non_null(place);
    strcpy(place->dir, "/tmp/ninety-store-XXXXXX");
    assert_non_null(mkdtemp(place->dir));
    snprintf(place->path, sizeof(place->path), "%s/ninety.db", place->dir);
    *state = place;
    return 0;
}

static int teardown(void **state)
{
    struct place *place = *state;
    queue_fixture_rm(place->dir);
    free(place);
    return 0;
}

static void run_sql(const char *path, const char *sql)
{
    sqlite3 *db;
    char *why = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK) {
        fail_msg("%s: %s", sql, why);
    }
    sqlite3_close(db);
}

static void refused(const char *path, const char *because)
{
    struct store *store = NULL;
    struct error error = {0};
    assert_int_equal(store_open(path, &store, &error), ERROR_INVALID);
    assert_null(store);
    if (!strstr(error.message, because) || strchr(error.message, '\n')) {
        fail_msg("'%s' does not say '%s'", error.message, because);
    }
}

static void a_new_database_is_made_and_opened_again(void **state)
{
    struct place *place = *state;
    for (int i = 0; i < 2; i++) {
        struct store *store;
        struct error error = {0};
        assert_int_equal(store_open(place->path, &store, &error), 0);
        store_close(store);
    }
}

/* A database as each earlier schema has left it comes to the same as a new one. */
static void every_older_schema_is_brought_up_to_date(void **state)
{
    struct place *place = *state;
    static const char all[] = "SELECT group_concat(type || name || sql) FROM"
                              " (SELECT * FROM sqlite_schema ORDER BY type, name)";
    char *expected = NULL;
    for (size_t version = 0; version < schema_count; version++) {
        sqlite3 *db;
        sqlite3_stmt *stmt;
        char path[96], set[96];
        snprintf(path, sizeof(path), "%s/%zu.db", place->dir, version);
        snprintf(set, sizeof(set), "PRAGMA application_id = %d; PRAGMA user_version = %zu",
                 STORE_APPLICATION_ID, version);
        for (size_t i = 0; i < version; i++) {
            run_sql(path, (const char *)schema[i].data);
        }
        run_sql(path, set);
        struct store *store;
        struct error error = {0};
        assert_int_equal(store_open(path, &store, &error), 0);
        store_close(store);
        assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
        assert_int_equal(sqlite3_prepare_v2(db, all, -1, &stmt, NULL), SQLITE_OK);
        assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
        if (!expected) {
            expected = strdup((const char *)sqlite3_column_text(stmt, 0));
        }
        assert_string_equal(expected, (const char *)sqlite3_column_text(stmt, 0));
        sqlite3_finalize(stmt);
        sqlite3_close(db);
    }
    free(expected);
}

static void a_newer_schema_is_refused(void **state)
{
    struct place *place = *state;
    char sql[96];
    snprintf(sql, sizeof(sql), "PRAGMA application_id = %d; PRAGMA user_version = 9000",
             STORE_APPLICATION_ID);
    run_sql(place->path, sql);
    refused(place->path, "schema 9000");
}

/* Whatever version it says it has, and not a byte of it is touched. */
static void a_database_of_something_else_is_refused_and_left_alone(void **state)
{
    struct place *place = *state;
    char before[SHA256_HEX_SIZE], after[SHA256_HEX_SIZE];
    run_sql(place->path, "CREATE TABLE t (x); PRAGMA user_version = 1");
    assert_int_equal(sha256_file(place->path, before), 0);
    refused(place->path, "something else");
    assert_int_equal(sha256_file(place->path, after), 0);
    assert_string_equal(before, after);
}

static void a_file_that_is_no_database_is_refused(void **state)
{
    struct place *place = *state;
    FILE *file = fopen(place->path, "w");
    assert_non_null(file);
    for (int i = 0; i < 1000; i++) {
        fputs("this is not a database, it is a text; ", file);
    }
    fclose(file);
    refused(place->path, "no SQLite database");
}

static void a_place_that_cannot_be_written_is_named(void **state)
{
    struct place *place = *state;
    char path[128];
    snprintf(path, sizeof(path), "%s/nowhere/ninety.db", place->dir);
    refused(path, "No such file or directory");
    refused("/proc/ninety.db", "/proc/ninety.db cannot be written");
}

static void a_second_daemon_is_refused(void **state)
{
    struct place *place = *state;
    struct store *store;
    struct error error = {0};
    assert_int_equal(store_open(place->path, &store, &error), 0);
    pid_t child = fork();
    if (child == 0) {
        struct store *second;
        int rc = store_open(place->path, &second, &error);
        char pid[32];
        snprintf(pid, sizeof(pid), "process %ld", (long)getppid());
        _exit(rc == STORE_IN_USE && strstr(error.message, pid) ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    store_close(store);
    assert_int_equal(store_open(place->path, &store, &error), 0);
    store_close(store);
}

static void a_reader_does_not_feel_the_lock(void **state)
{
    struct place *place = *state;
    struct store *store;
    struct reader *reader;
    struct error error = {0};
    assert_int_equal(store_open(place->path, &store, &error), 0);
    assert_int_equal(reader_open(place->path, &reader, &error), 0);
    assert_int_equal(reader_check(reader), 0);
    reader_close(reader);
    store_close(store);
}

/* No step of any statement of the queue may be a bad one; the steps are a column of EXPLAIN. */
static void has_none_of(struct place *place, const char *explain, int column,
                        bool (*is_bad)(const char *step))
{
    struct store *store;
    struct error error = {0};
    assert_int_equal(store_open(place->path, &store, &error), 0);
    for (int i = 0; i < ST_COUNT; i++) {
        char *sql = sqlite3_mprintf("%s %s", explain, store_sql[i]);
        sqlite3_stmt *stmt;
        assert_int_equal(sqlite3_prepare_v2(store->db, sql, -1, &stmt, NULL), SQLITE_OK);
        while (sqlite3_step(stmt) == SQLITE_ROW) {
            const char *step = (const char *)sqlite3_column_text(stmt, column);
            if (is_bad(step)) {
                fail_msg("%s: %s", step, sql);
            }
        }
        sqlite3_finalize(stmt);
        sqlite3_free(sql);
    }
    store_close(store);
}

static bool runs_a_trigger(const char *opcode)
{
    return strcmp(opcode, "Program") == 0;
}

static bool scans_a_table(const char *step)
{
    return strncmp(step, "SCAN", 4) == 0 && !strstr(step, "CONSTANT ROW") &&
           !strstr(step, "SCAN rows "); /* an array of ours */
}

/* The guards are for others: the daemon's own statements contain none of them, and pay nothing. */
static void no_statement_of_the_queue_runs_a_trigger(void **state)
{
    has_none_of(*state, "EXPLAIN", 1, runs_a_trigger);
}

/* The queue's statements find their rows by key: none reads a table through. */
static void no_statement_of_the_queue_scans_a_table(void **state)
{
    has_none_of(*state, "EXPLAIN QUERY PLAN", 3, scans_a_table);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_new_database_is_made_and_opened_again),
        TEST(every_older_schema_is_brought_up_to_date),
        TEST(a_newer_schema_is_refused),
        TEST(a_database_of_something_else_is_refused_and_left_alone),
        TEST(a_file_that_is_no_database_is_refused),
        TEST(a_place_that_cannot_be_written_is_named),
        TEST(a_second_daemon_is_refused),
        TEST(a_reader_does_not_feel_the_lock),
        TEST(no_statement_of_the_queue_runs_a_trigger),
        TEST(no_statement_of_the_queue_scans_a_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
