/*
 * Random operations on a virtual clock, on a disk that fails, against a simple model of the queue.
 * NINETY_SEED repeats a run; NINETY_EPISODES makes it longer.
 */
#include "tests/fault_vfs.h"
#include "tests/queue_model.h"

#include "daemon/queue_internal.h"
#include "daemon/store_internal.h"
#include "daemon/sweep_json.h"
#include "schema/schema_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEPS 1500

struct run {
    struct queue_fixture *f;
    struct rng rng;
    struct model model;     /* with what is not committed */
    struct model committed; /* what the database must hold */
    struct model maybe;     /* after a commit that failed: what a crash may bring to light */
    bool in_doubt;          /* maybe is meant */
    bool busy;              /* slices are to be done: trials may not be there yet */
    int64_t workers[3];
    int n_faults, n_commits, n_restarts, n_failed_commits;
    bool fail_next; /* the next write of the queue hits a constraint */
};

static uint32_t dice(struct run *run, uint32_t n)
{
    return rng_below(&run->rng, n);
}

/* ---- faults inside an operation ---- */

/* Called by a trigger on every change of trials and attempts. */
static void fail_function(sqlite3_context *context, int n, sqlite3_value **values)
{
    (void)n, (void)values;
    struct run *run = sqlite3_user_data(context);
    bool fails = run->fail_next && dice(run, 3) == 0;
    run->fail_next &= !fails;
    sqlite3_result_int(context, fails);
}

static void plant(struct run *run)
{
    sqlite3 *db = run->f->store->db;
    /* The guards of the schema, too: nothing that the queue does may be refused by them. */
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 1, NULL);
    sqlite3_create_function(db, "fails", 0, SQLITE_UTF8 | SQLITE_INNOCUOUS, run, fail_function,
                            NULL, NULL);
    assert_int_equal(
        sqlite3_exec(db,
                     "CREATE TEMP TRIGGER t1 BEFORE UPDATE ON main.trials WHEN fails() BEGIN"
                     " SELECT RAISE(ABORT, 'planted'); END;"
                     "CREATE TEMP TRIGGER t2 BEFORE UPDATE ON main.attempts WHEN fails() BEGIN"
                     " SELECT RAISE(ABORT, 'planted'); END;"
                     "CREATE TEMP TRIGGER t3 BEFORE INSERT ON main.trials WHEN fails() BEGIN"
                     " SELECT RAISE(ABORT, 'planted'); END;",
                     NULL, NULL, NULL),
        SQLITE_OK);
}

/* Every operation: what it returned, and that a failure was ours. Then memory is loaded anew. */
static bool went_well(struct run *run, int rc)
{
    if (rc < 0) {
        assert_true(run->n_faults > 0 || !run->fail_next);
        return false;
    }
    return true;
}

/* Before an operation: memory that is stale will be loaded at this time. */
static void settle(struct run *run)
{
    if (run->f->queue->stale) {
        model_reload(&run->model, run->f->now.mono_ms, run->f->options.lease_ms);
    }
}

static bool drain(struct run *run);

/* ---- commit and restart ---- */

static void check_database(struct run *run)
{
    const char *differs = model_differs(&run->committed, run->f);
    if (differs) {
        fail_msg("the database differs: %s", differs);
    }
    char *broken = NULL;
    sqlite3_stmt *stmt;
    const char *rules = (const char *)schema_check[0].data;
    assert_int_equal(sqlite3_prepare_v2(run->f->eyes, rules, -1, &stmt, NULL), SQLITE_OK);
    if (sqlite3_step(stmt) == SQLITE_ROW) {
        broken =
            sqlite3_mprintf("%s: %s", sqlite3_column_text(stmt, 0), sqlite3_column_text(stmt, 1));
        fail_msg("%s", broken);
    }
    sqlite3_finalize(stmt);
}

static void commit(struct run *run)
{
    if (run->f->queue->stale && queue_is_dirty(run->f->queue)) { /* it is loaded in there */
        model_reload(&run->model, run->f->queue->now.mono_ms, run->f->options.lease_ms);
    }
    int rc = queue_commit(run->f->queue);
    if (rc == 0) {
        run->committed = run->model;
        run->in_doubt = false;
        run->n_commits++;
        if (dice(run, 8) == 0) {
            check_database(run);
        }
        return;
    }
    run->n_failed_commits++;
    run->maybe = run->model;
    run->in_doubt = true;
    run->model = run->committed;
    run->fail_next = false;
    drain(run); /* slices of a retry are not to meet new failures: see random_report */
}

/* A disk that fails while the tick is committed: full, broken or torn, and then well again. */
static void commit_on_a_bad_disk(struct run *run)
{
    static const enum fault faults[] = {FAULT_FULL, FAULT_IO, FAULT_TORN};
    fault_vfs_arm(faults[dice(run, 3)], 1 + (int)dice(run, 12), (int)dice(run, 3));
    run->n_faults++;
    commit(run);
    fault_vfs_disarm();
}

static void reopen(struct run *run)
{
    queue_fixture_restart(run->f);
    plant(run);
    run->n_restarts++;
    run->busy = true;
    if (run->in_doubt && model_differs(&run->committed, run->f)) {
        run->committed = run->maybe;
    }
    run->in_doubt = false;
    run->model = run->committed;
    model_reload(&run->model, run->f->now.mono_ms, run->f->options.lease_ms);
    run->committed = run->model;
    check_database(run);
    run->fail_next = false;
    drain(run);
}

/* Ends in one of three ways: in order (but without a commit), killed, or without power. */
static void restart(struct run *run)
{
    uint32_t how = dice(run, 3);
    if (how == 2) { /* in the middle of writing */
        fault_vfs_arm(FAULT_POWER, 1 + (int)dice(run, 12), 0);
        commit(run);
    }
    if (how > 0) {
        fault_vfs_power_off();
    }
    struct queue_fixture *f = run->f;
    sqlite3_close(f->eyes);
    queue_close(f->queue);
    store_close(f->store);
    fault_vfs_power_on(&run->rng, how < 2);
    f->eyes = NULL;
    f->queue = NULL;
    f->store = NULL;
    reopen(run);
}

/* ---- operations ---- */

static void submit(struct run *run)
{
    struct model *model = &run->model;
    int cells = 1 + (int)dice(run, 4), replicates = 1 + (int)dice(run, 10);
    if (model->n_sweeps == MODEL_SWEEPS || model->n_trials + cells * replicates > MODEL_TRIALS) {
        return;
    }
    struct model_sweep expected = {.priority = (int)dice(run, 2),
                                   .max_running = (int)dice(run, 4),
                                   .max_attempts = 1 + (int)dice(run, 3),
                                   .first = model->n_trials,
                                   .n = cells * replicates};
    char json[256];
    snprintf(json, sizeof(json),
             "{\"parameters\":{\"depth\":[%.*s]},\"replicates\":%d,\"priority\":%d,"
             "\"max_running\":%d,\"max_attempts\":%d}",
             cells * 2 - 1, "1,2,3,4", replicates, expected.priority, expected.max_running,
             expected.max_attempts);
    struct sweep *sweep;
    assert_int_equal(sweep_from_text(json, &sweep, NULL), 0);
    struct queue_submission submission = {.spec = json, .body_sha256 = "x"};
    int64_t id;
    settle(run);
    if (went_well(run, queue_submit(run->f->queue, sweep, &submission, &run->f->now, &id))) {
        assert_int_equal(id, model->n_sweeps + 1);
        model_submit(model, &expected);
        run->busy = true;
    }
}

static void claim(struct run *run)
{
    struct queue_claim claims[4];
    size_t n = 0, max = 1 + dice(run, 4);
    int least, most;
    settle(run);
    if (!went_well(run, queue_claim(run->f->queue, run->workers[dice(run, 3)], max, &run->f->now,
                                    claims, &n))) {
        return;
    }
    model_claimable(&run->model, run->f->now.mono_ms, &least, &most);
    assert_true((int)n <= most);
    assert_true(run->busy || n == max || (int)n >= least);
    for (size_t i = 0; i < n; i++) {
        model_claim(&run->model, &claims[i], run->f->now.mono_ms, run->f->options.lease_ms);
    }
}

/* Any trial and any attempt of it so far, or one that is not there. */
static struct report random_report(struct run *run)
{
    int64_t id = 1 + dice(run, (uint32_t)run->model.n_trials + 1);
    for (int tries = 0; tries < 20; tries++) { /* running ones are told of more often */
        int64_t other = 1 + dice(run, (uint32_t)run->model.n_trials + 1);
        if (other <= run->model.n_trials && run->model.trials[other - 1].state == TRIAL_RUNNING) {
            id = other;
        }
    }
    int attempt = id <= run->model.n_trials ? run->model.trials[id - 1].attempt : 1;
    if (dice(run, 5) == 0) {
        attempt = (int)dice(run, (uint32_t)attempt + 2);
    }
    struct queue_claim claimed = {.trial = id, .attempt = attempt};
    struct report report = queue_fixture_done(&claimed, dice(run, 2) ? 10 : -1);
    report.end = (enum report_end)dice(run, 4);
    if (report.end == REPORT_FAILED && run->busy) {
        report.end = REPORT_CONTINUES; /* it may be retried with the others, or may not */
    }
    report.failure = (struct trial_failure){.reason = "dice", .retry = dice(run, 4) > 0};
    return report;
}

static void report(struct run *run)
{
    struct report reports[3];
    enum report_status status[3];
    size_t n = 1 + dice(run, 3);
    for (size_t i = 0; i < n; i++) {
        reports[i] = random_report(run);
    }
    settle(run);
    if (!went_well(run, queue_report(run->f->queue, run->workers[dice(run, 3)], reports, n,
                                     &run->f->now, status))) {
        return;
    }
    for (size_t i = 0; i < n; i++) {
        enum report_status expected =
            model_report(&run->model, &reports[i], run->f->now.mono_ms, &run->f->options);
        assert_int_equal(status[i], expected);
    }
}

static void act(struct run *run)
{
    if (run->model.n_sweeps == 0) {
        return;
    }
    int sweep = (int)dice(run, (uint32_t)run->model.n_sweeps);
    enum queue_action action = (enum queue_action)dice(run, 4);
    int64_t moved = 0;
    struct error error;
    settle(run);
    int rc = queue_act(run->f->queue, sweep + 1, action, &run->f->now, &moved, &error);
    if (went_well(run, rc)) {
        int expected = model_act(&run->model, sweep, action);
        assert_int_equal(rc == QUEUE_CONFLICT ? -1 : moved, expected);
        run->busy = true;
    }
}

/* Ticks until nothing is to be done now. */
static bool drain(struct run *run)
{
    int64_t wait_ms = 0;
    while (wait_ms == 0) {
        settle(run);
        if (!went_well(run, queue_tick(run->f->queue, &run->f->now, &wait_ms))) {
            return false;
        }
        model_expire(&run->model, run->f->now.mono_ms);
    }
    run->busy = false;
    return true;
}

static void pass_time(struct run *run)
{
    int64_t left = dice(run, 2) ? dice(run, 2000) : dice(run, 20000);
    run->f->now.wall_ms += (int64_t)dice(run, 7200000) - 3600000; /* people set clocks */
    while (drain(run)) {
        int64_t wait_ms = run->f->queue->due_ms - run->f->now.mono_ms;
        if (run->f->queue->due_ms == INT64_MAX || wait_ms > left) {
            run->f->now.mono_ms += left;
            return;
        }
        run->f->now.mono_ms += wait_ms;
        left -= wait_ms;
    }
}

static void step(struct run *run)
{
    uint32_t what = dice(run, 100);
    run->fail_next = dice(run, 40) == 0;
    if (what < 4) {
        submit(run);
    } else if (what < 30) {
        claim(run);
    } else if (what < 60) {
        report(run);
    } else if (what < 64) {
        act(run);
    } else if (what < 72) {
        run->fail_next = false; /* a slice that fails is tested by the rest */
        pass_time(run);
    } else if (what < 94) {
        commit(run);
    } else if (what < 97) {
        commit_on_a_bad_disk(run);
    } else if (what < 98) {
        restart(run);
    }
}

static void play(struct queue_fixture *f, uint64_t seed, struct run *run)
{
    *run = (struct run){.f = f};
    rng_init(&run->rng, seed, RNG_SEARCH, 0);
    for (int i = 0; i < 3; i++) {
        run->workers[i] = queue_fixture_worker(f);
    }
    plant(run);
    for (int i = 0; i < STEPS; i++) {
        step(run);
    }
    run->fail_next = false;
    commit(run);
    drain(run);
    commit(run);
    check_database(run);
}

static uint64_t number_from(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text ? strtoull(text, NULL, 10) : otherwise;
}

static void random_operations_agree_with_the_model(void **state)
{
    (void)state;
    uint64_t seed = number_from("NINETY_SEED", 1), n = number_from("NINETY_EPISODES", 8);
    struct run *run = malloc(sizeof(*run));
    int commits = 0, failed = 0, restarts = 0;
    assert_non_null(run);
    fault_vfs_install();
    for (uint64_t episode = 0; episode < n; episode++, seed++) {
        struct queue_fixture *f;
        queue_fixture_setup((void **)&f);
        f->options.slice = 7;
        f->options.lease_ms = 5000;
        queue_fixture_restart(f);
        print_message("NINETY_SEED=%llu\n", (unsigned long long)seed);
        play(f, seed, run);
        commits += run->n_commits;
        failed += run->n_failed_commits;
        restarts += run->n_restarts;
        queue_fixture_teardown((void **)&f);
    }
    print_message("%d commits, %d failed ones, %d restarts\n", commits, failed, restarts);
    assert_true(n < 8 || (failed > 50 && restarts > 50));
    free(run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(random_operations_agree_with_the_model)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
