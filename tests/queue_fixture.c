#include "tests/queue_fixture.h"

#include "common/sweep_json.h"
#include "schema/schema_check.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void queue_fixture_open(struct queue_fixture *f)
{
    struct error error = {0};
    assert_int_equal(store_open(f->path, &f->store, &error), 0);
    assert_int_equal(queue_open(f->store, &f->options, &f->now, &f->queue, &error), 0);
    assert_int_equal(sqlite3_open_v2(f->path, &f->eyes, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
}

void queue_fixture_close(struct queue_fixture *f)
{
    sqlite3_close(f->eyes);
    queue_close(f->queue);
    store_close(f->store);
}

int queue_fixture_setup(void **state)
{
    struct queue_fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    /* In memory where that can be had: these tests sync thousands of times. */
    strcpy(f->dir, access("/dev/shm", W_OK) == 0 ? "/dev/shm/ninety-XXXXXX" : "/tmp/ninety-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    snprintf(f->path, sizeof(f->path), "%s/ninety.db", f->dir);
    queue_options_init(&f->options);
    f->options.parse_sweep = sweep_from_text;
    f->now = (struct queue_time){.mono_ms = 1000000, .wall_ms = 1769860800000};
    queue_fixture_open(f);
    *state = f;
    return 0;
}

void queue_fixture_rm(const char *dir)
{
    DIR *entries = opendir(dir);
    struct dirent *entry;
    while (entries && (entry = readdir(entries))) {
        char path[512];
        snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);
        unlink(path);
    }
    if (entries) {
        closedir(entries);
    }
    rmdir(dir);
}

int queue_fixture_teardown(void **state)
{
    struct queue_fixture *f = *state;
    queue_fixture_close(f);
    queue_fixture_rm(f->dir);
    free(f);
    return 0;
}

void queue_fixture_restart(struct queue_fixture *f)
{
    queue_fixture_close(f);
    queue_fixture_open(f);
}

void queue_fixture_commit(struct queue_fixture *f)
{
    assert_int_equal(queue_commit(f->queue), 0);
}

void queue_fixture_advance(struct queue_fixture *f, int64_t ms)
{
    int64_t wait_ms = 0, left = ms;
    for (;;) {
        assert_int_equal(queue_tick(f->queue, &f->now, &wait_ms), 0);
        queue_fixture_commit(f);
        if (wait_ms > left) {
            break;
        }
        f->now.mono_ms += wait_ms;
        f->now.wall_ms += wait_ms;
        left -= wait_ms;
    }
    f->now.mono_ms += left;
    f->now.wall_ms += left;
}

int64_t queue_fixture_submit(struct queue_fixture *f, const char *json)
{
    struct sweep *sweep;
    struct error error = {0};
    if (sweep_from_text(json, &sweep, &error) != 0) {
        fail_msg("%s: %s", error.field, error.message);
    }
    struct queue_submission submission = {.spec = json};
    sha256_hex(json, strlen(json), submission.body_sha256);
    int64_t id = 0;
    assert_int_equal(queue_submit(f->queue, sweep, &submission, &f->now, &id), 0);
    queue_fixture_commit(f);
    return id;
}

int64_t queue_fixture_worker(struct queue_fixture *f)
{
    struct queue_worker worker = {.host = "here", .pid = 1, .slots = 4096, .version = "0"};
    int64_t id = 0;
    assert_int_equal(queue_register(f->queue, &worker, &f->now, &id), 0);
    queue_fixture_commit(f);
    return id;
}

struct queue_claim queue_fixture_claim(struct queue_fixture *f, int64_t worker)
{
    struct queue_claim claim = {0};
    size_t n = 0;
    assert_int_equal(queue_claim(f->queue, worker, 1, &f->now, &claim, &n), 0);
    queue_fixture_commit(f);
    return n ? claim : (struct queue_claim){0};
}

enum report_status queue_fixture_send(struct queue_fixture *f, int64_t worker,
                                      const struct report *report)
{
    enum report_status status;
    assert_int_equal(
        queue_report(f->queue, &(struct queue_reports){worker, report, 1, &status}, &f->now, NULL),
        0);
    queue_fixture_commit(f);
    return status;
}

struct report queue_fixture_done(const struct queue_claim *claim, int64_t steps_to_target)
{
    return (struct report){
        .trial = claim->trial,
        .attempt = claim->attempt,
        .end = REPORT_DONE,
        .result = {.steps = steps_to_target < 0 ? 2000 : steps_to_target,
                   .steps_to_target = steps_to_target,
                   .seconds_to_target = steps_to_target < 0 ? NAN : (double)steps_to_target / 100,
                   .final_accuracy = steps_to_target < 0 ? 0.5 : 0.9,
                   .final_loss = 0.3,
                   .ms_per_step = 10,
                   .weights_sha256 = QUEUE_FIXTURE_WEIGHTS,
                   .data_sha256 = QUEUE_FIXTURE_DATA,
                   .kernel = "SkylakeX",
                   .trainer = "test"}};
}

enum report_status queue_fixture_report(struct queue_fixture *f, int64_t worker,
                                        const struct queue_claim *claim, enum report_end end)
{
    struct report report = queue_fixture_done(claim, 10);
    report.end = end;
    report.failure = (struct trial_failure){.reason = "it broke", .retry = true};
    return queue_fixture_send(f, worker, &report);
}

const char *queue_fixture_text(struct queue_fixture *f, const char *sql)
{
    static char text[4096];
    sqlite3_stmt *stmt;
    if (sqlite3_prepare_v2(f->eyes, sql, -1, &stmt, NULL) != SQLITE_OK) {
        fail_msg("%s: %s", sql, sqlite3_errmsg(f->eyes));
    }
    if (sqlite3_step(stmt) != SQLITE_ROW) {
        fail_msg("%s: no row: %s", sql, sqlite3_errmsg(f->eyes));
    }
    const char *value = (const char *)sqlite3_column_text(stmt, 0);
    snprintf(text, sizeof(text), "%s", value ? value : "NULL");
    sqlite3_finalize(stmt);
    return text;
}

int64_t queue_fixture_int(struct queue_fixture *f, const char *sql)
{
    return strtoll(queue_fixture_text(f, sql), NULL, 10);
}

const char *queue_fixture_ask(struct queue_fixture *f, const char *format, int64_t id)
{
    char sql[256];
    snprintf(sql, sizeof(sql), format, (long long)id);
    return queue_fixture_text(f, sql);
}

void queue_fixture_trial_is(struct queue_fixture *f, int64_t trial, const char *state)
{
    assert_string_equal(queue_fixture_ask(f, "SELECT state FROM trials WHERE id = %lld", trial),
                        state);
}

void queue_fixture_sweep_is(struct queue_fixture *f, int64_t sweep, const char *state)
{
    assert_string_equal(queue_fixture_ask(f, "SELECT state FROM sweeps WHERE id = %lld", sweep),
                        state);
}

const char *queue_fixture_broken_rule(struct queue_fixture *f)
{
    static char text[256];
    sqlite3_stmt *stmt;
    const char *rules = (const char *)schema_check[0].data;
    assert_int_equal(sqlite3_prepare_v2(f->eyes, rules, -1, &stmt, NULL), SQLITE_OK);
    text[0] = '\0';
    if (sqlite3_step(stmt) == SQLITE_ROW) {
        snprintf(text, sizeof(text), "%s: %s", (const char *)sqlite3_column_text(stmt, 0),
                 (const char *)sqlite3_column_text(stmt, 1));
    }
    sqlite3_finalize(stmt);
    return text;
}

void queue_fixture_keeps_the_rules(struct queue_fixture *f)
{
    assert_string_equal(queue_fixture_broken_rule(f), "");
}

int64_t queue_fixture_act(struct queue_fixture *f, int64_t sweep, enum queue_action action)
{
    int64_t moved = -1;
    struct error error = {0};
    assert_int_equal(queue_act(f->queue, sweep, action, &f->now, &moved, &error), 0);
    queue_fixture_commit(f);
    return moved;
}

struct report queue_fixture_failed(const struct queue_claim *claim, bool retry)
{
    return (struct report){.trial = claim->trial,
                           .attempt = claim->attempt,
                           .end = REPORT_FAILED,
                           .failure = {.reason = "it broke", .retry = retry}};
}
