/* A database in full work, as each earlier schema would have left it, is opened: nothing of it is
 * lost, and the work goes on. What it holds is in tests/upgrade/: N.sql are rows that became
 * possible with schema N. A new migration needs a file there only if it brings new things to say;
 * that its predecessor is upgraded well is tested without any. */
#include "tests/queue_fixture.h"

#include "schema/schema.h"
#include "schema/schema_views.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void run_sql(sqlite3 *db, const char *sql)
{
    char *why = NULL;
    if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK) {
        fail_msg("%.60s...: %s", sql, why);
    }
}

/* The rows that schema `version` makes possible; most make none. */
static void insert_rows(sqlite3 *db, size_t version)
{
    char path[512], sql[16384];
    snprintf(path, sizeof(path), "%s/tests/upgrade/%03zu.sql", getenv("NINETY_SOURCE_ROOT"),
             version);
    FILE *file = fopen(path, "r");
    if (file) {
        size_t n = fread(sql, 1, sizeof(sql), file);
        assert_true(n > 0 && n < sizeof(sql));
        sql[n] = '\0';
        fclose(file);
        run_sql(db, sql);
    }
}

/* The fixture's database becomes one that schema `version` has left, with the process that wrote it
 * gone in the middle of its work. */
static void make_old(struct queue_fixture *f, size_t version)
{
    sqlite3 *db;
    char set[96];
    queue_fixture_close(f);
    assert_int_equal(unlink(f->path), 0);
    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL); /* as the store has it */
    run_sql(db, "PRAGMA foreign_keys = ON");
    for (size_t i = 0; i < version; i++) {
        run_sql(db, (const char *)schema[i].data);
        insert_rows(db, i + 1);
    }
    if (version == schema_count) {
        run_sql(db, (const char *)schema_views[0].data);
    }
    snprintf(set, sizeof(set), "PRAGMA application_id = %d; PRAGMA user_version = %zu",
             STORE_APPLICATION_ID, version);
    run_sql(db, set);
    /* A person's own things stay, too. */
    run_sql(db, "CREATE INDEX mine ON cells (learning_rate);"
                "CREATE VIEW my_best AS SELECT sweep, min(steps_to_target) AS steps FROM results"
                " GROUP BY sweep");
    sqlite3_close(db);
}

/* The answer to a query as text to be freed. */
static char *ask(const char *path, const char *sql)
{
    sqlite3 *db;
    sqlite3_stmt *stmt;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK) {
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    }
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    char *answer = strdup((const char *)sqlite3_column_text(stmt, 0));
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    return answer;
}

/* A query for every value of every row in the columns that the tables have now. */
static char *query_of_everything(const char *path)
{
    return ask(path, "SELECT 'SELECT group_concat(x, char(10)) FROM (SELECT x FROM (' ||"
                     " group_concat('SELECT ''' || name || ': '' || ' || columns ||"
                     "  ' AS x FROM ' || name, ' UNION ALL ') || ') ORDER BY x)' FROM"
                     " (SELECT t.name, group_concat('quote(' || c.name || ')', '||'' ''||')"
                     "   AS columns FROM sqlite_schema t JOIN pragma_table_info(t.name) c"
                     "   WHERE t.type = 'table' AND t.name <> 'sqlite_stat1' GROUP BY t.name)");
}

/* Ends the trial that was running under its old lease, then every other. */
static void go_on(struct queue_fixture *f)
{
    struct queue_claim running = {.trial = 6, .attempt = 1};
    assert_int_equal(queue_fixture_report(f, 2, &running, REPORT_DONE), REPORT_OK);
    queue_fixture_advance(f, 0); /* slices that were under way */
    int64_t worker = queue_fixture_worker(f);
    for (;;) {
        struct queue_claim claim = queue_fixture_claim(f, worker);
        if (claim.trial == 0) {
            break;
        }
        assert_int_equal(claim.attempt, claim.trial == 7 ? 2 : 1);
        if (claim.trial == 7) {
            assert_int_equal(claim.config.n_hidden, 2);
            assert_int_equal(claim.config.activation, ACTIVATION_TANH);
            assert_true(claim.config.learning_rate == 0.5);
        }
        assert_int_equal(queue_fixture_report(f, worker, &claim, REPORT_DONE), REPORT_OK);
    }
    assert_int_equal(queue_fixture_int(f, "SELECT count(*) FROM sweeps WHERE finished_at IS NULL"),
                     0);
    assert_int_equal(queue_fixture_int(f, "SELECT count(*) FROM results"),
                     queue_fixture_int(f, "SELECT sum(trials) FROM sweeps"));
}

/* ---- tests ---- */

static void every_row_of_an_older_database_is_kept(void **state)
{
    struct queue_fixture *f = *state;
    for (size_t version = 1; version <= schema_count; version++) {
        make_old(f, version);
        char *everything = query_of_everything(f->path);
        char *before = ask(f->path, everything);
        queue_fixture_open(f);
        char *after = ask(f->path, everything);
        assert_non_null(strstr(before, "cells: 7 2 1 'tiny' '16,16' 'tanh'"));
        assert_non_null(strstr(before, "attempts: 5 1 2 'expired'"));
        assert_string_equal(before, after);
        free(before);
        free(after);
        free(everything);
    }
}

static void the_views_of_an_upgraded_database_are_the_new_ones(void **state)
{
    struct queue_fixture *f = *state;
    static const char sum_of_chosen[] = "SELECT sum(measure_every) FROM results WHERE sweep > 2";
    static const char *const answers[][2] = {
        {"SELECT group_concat(state || ':' || attempts || ':' || ifnull(steps_to_target, '-'), ' ')"
         " FROM results WHERE sweep <= 2 ORDER BY trial",
         "succeeded:1:13 succeeded:1:- failed:1:- cancelled:1:- succeeded:3:3 running:1:-"
         " queued:1:- queued:0:-"},
        {"SELECT group_concat(n || ':' || reached || ':' || failed || ':' || pending, ' ')"
         " FROM summary WHERE sweep <= 2",
         "3:1:0:0 1:1:0:1 0:0:0:2"}, /* trial 3 says "diverged at step 3" */
        {"SELECT group_concat(step || ':' || test_accuracy, ' ') FROM curves WHERE trial = 5",
         "1:0.25 3:0.8125 20:0.875"},
        {"SELECT group_concat(layer || ':' || gradient_rms, ' ') FROM layers WHERE trial = 1",
         "0:0.001 1:0.002"},
        {"SELECT sum(measure_every) FROM results WHERE sweep <= 2", "0"},
        {"SELECT steps FROM my_best WHERE sweep = 2", "3"},
        {"SELECT count(*) FROM sqlite_schema WHERE name = 'mine'", "1"},
    };
    for (size_t version = 1; version <= schema_count; version++) {
        make_old(f, version);
        queue_fixture_open(f);
        for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
            assert_string_equal(queue_fixture_text(f, answers[i][0]), answers[i][1]);
        }
        assert_string_equal(queue_fixture_text(f, sum_of_chosen), version < 3 ? "NULL" : "5");
    }
}

/* C1, C2: trials of old count by the reason that they failed with. */
static void what_diverged_under_an_older_schema_counts_as_that(void **state)
{
    struct queue_fixture *f = *state;
    for (int crossed = 0; crossed <= 1; crossed++) {
        sqlite3 *db;
        make_old(f, 6);
        assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
        sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
        run_sql(db, "INSERT INTO measurements VALUES (3, 1, 1, 0.5, 2, 10, 11)");
        run_sql(db, crossed ? "INSERT INTO measurements VALUES (3, 1, 2, 0.9, 1, 20, 21)" : "");
        sqlite3_close(db);
        queue_fixture_open(f);
        queue_fixture_keeps_the_rules(f);
        assert_string_equal(
            queue_fixture_text(f, "SELECT outcome || ifnull(steps_to_target, '-') ||"
                                  " ifnull(seconds_to_target, '-') FROM results WHERE trial = 3"),
            crossed ? "reached20.02" : "diverged--");
        assert_string_equal(
            queue_fixture_text(f, "SELECT failed || diverged || crossed FROM sweeps WHERE id = 1"),
            crossed ? "101" : "110");
    }
}

static void the_work_of_an_older_database_goes_on(void **state)
{
    struct queue_fixture *f = *state;
    for (size_t version = 1; version <= schema_count; version++) {
        make_old(f, version);
        queue_fixture_open(f);
        queue_fixture_keeps_the_rules(f);
        queue_fixture_submit(f, "{\"base\":{\"depth\":2},\"replicates\":3}");
        go_on(f);
        queue_fixture_keeps_the_rules(f);
        queue_fixture_act(f, 1, QUEUE_DELETE);
        queue_fixture_advance(f, 1000);
        queue_fixture_keeps_the_rules(f);
    }
}

int main(void)
{
#define TEST(name)                                                                                 \
    cmocka_unit_test_setup_teardown(name, queue_fixture_setup, queue_fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(every_row_of_an_older_database_is_kept),
        TEST(the_views_of_an_upgraded_database_are_the_new_ones),
        TEST(what_diverged_under_an_older_schema_counts_as_that),
        TEST(the_work_of_an_older_database_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
