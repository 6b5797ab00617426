/*
 * Random operations on a virtual clock, on a disk that fails, against a simple model of the queue.
 * NINETY_SEED repeats a run; NINETY_EPISODES makes it longer.
 */
#include "tests/fault_vfs.h"
#include "tests/queue_play.h"

#include "common/sweep_json.h"
#include "daemon/queue_internal.h"
#include "daemon/store_internal.h"

#include <stdio.h>
#include <stdlib.h>

#define STEPS 1500

static const char *const happening_names[HAPPENINGS] = {
    "commits",
    "commits that failed",
    "restarts",
    "while matching",
    "while expanding",
    "while cancelling",
    "while retrying",
    "while deleting",
    "keys repeated",
    "keys with another body",
    "keys of deleted sweeps",
    "pauses while expanding",
    "retries of failed and cancelled trials",
    "sweeps deleted",
    "times overslept",
    "departures of workers",
    "trials given back by them",
    "results taken over when asked",
    "results taken over unasked",
    "offers that had gone, or never were",
    "reports of what cannot be",
    "items of another worker's trial",
    "claims with no slot free",
    "attempts that ran too long",
};

/* ---- operations ---- */

/* Checks the answer to a submission; true when the sweep is a new one. */
static bool is_new(struct play *play, const struct model_sweep *sweep, int rc, int64_t id)
{
    int before = model_find_key(&play->model, sweep->key);
    if (before < 0) {
        assert_int_equal(rc, 0);
        assert_int_equal(id, play->model.n_sweeps + 1);
        for (int i = 0; sweep->key && i < play->model.n_sweeps; i++) {
            play->n[KEY_OF_A_DELETED_SWEEP] += play->model.sweeps[i].key == sweep->key;
        }
        return true;
    }
    if (play->model.sweeps[before].body != sweep->body) {
        assert_int_equal(rc, QUEUE_KEY_MISMATCH);
        play->n[KEY_MISMATCHED]++;
    } else {
        assert_int_equal(rc, QUEUE_REPEATED);
        assert_int_equal(id, before + 1);
        play->n[KEY_REPEATED]++;
    }
    return false;
}

static struct model_sweep random_sweep(struct play *play)
{
    return (struct model_sweep){.priority = (int)play_dice(play, 2),
                                .max_running = (int)play_dice(play, 4),
                                .max_attempts = 1 + (int)play_dice(play, 3),
                                .max_seconds =
                                    play_dice(play, 2) ? 1 + (int)play_dice(play, 12) : 0,
                                .first = play->model.n_trials,
                                .seed = (int)play_dice(play, 3),
                                .reuse = play_dice(play, 2),
                                .key = play_dice(play, 2) ? 1 + (int)play_dice(play, 4) : 0,
                                .body = (int)play_dice(play, 2)};
}

static void submit(struct play *play)
{
    struct model *model = &play->model;
    struct model_sweep expected = random_sweep(play);
    int cells = 1 + (int)play_dice(play, 4);
    expected.replicates = 1 + (int)play_dice(play, 10);
    expected.n = cells * expected.replicates;
    if (model->n_sweeps == MODEL_SWEEPS || model->n_trials + expected.n > MODEL_TRIALS) {
        return;
    }
    char json[256], key[16];
    snprintf(json, sizeof(json),
             "{\"parameters\":{\"depth\":[%.*s]},\"replicates\":%d,\"seed\":%d,\"priority\":%d,"
             "\"max_running\":%d,\"max_attempts\":%d,\"max_seconds\":%d,\"reuse\":%s}",
             cells * 2 - 1, "1,2,3,4", expected.replicates, expected.seed, expected.priority,
             expected.max_running, expected.max_attempts, expected.max_seconds,
             expected.reuse ? "true" : "false");
    snprintf(key, sizeof(key), "%d", expected.key);
    struct sweep *sweep;
    assert_int_equal(sweep_from_text(json, &sweep, NULL), 0);
    struct queue_submission submission = {.spec = json,
                                          .idempotency_key = expected.key ? key : NULL};
    snprintf(submission.body_sha256, sizeof(submission.body_sha256), "%d", expected.body);
    int64_t id = 0;
    play_settle(play);
    int rc = queue_submit(play->f->queue, sweep, &submission, &play->f->now, &id);
    if (play_went_well(play, rc) && is_new(play, &expected, rc, id)) {
        model_submit(model, &expected);
        play->busy = true;
    }
}

static void forget_worker(struct play *play, int64_t worker)
{
    for (int i = 0; i < 3; i++) {
        if (play->workers[i] == worker) {
            play->workers[i] = 0;
            play->kernels[i] = 0;
        }
    }
}

/* Any of them; one that has departed comes back as another. */
static int64_t random_worker(struct play *play)
{
    uint32_t which = play_dice(play, 3);
    int64_t *worker = &play->workers[which];
    struct queue_worker registration = {.host = "here", .pid = 1, .version = "0"};
    play_settle(play);
    if (*worker == 0) {
        int64_t id = 0;
        registration.slots = 2 + (int)play_dice(play, 5);
        play_went_well(play, queue_register(play->f->queue, &registration, &play->f->now, &id));
        forget_worker(play, id); /* one whose registration was never committed */
        *worker = id;
        play->slots[which] = (int)registration.slots;
    }
    return *worker;
}

static int index_of(const struct play *play, int64_t worker)
{
    int i = 0;
    while (i < 2 && play->workers[i] != worker) {
        i++;
    }
    return i;
}

static char *kernel_of(struct play *play, int64_t worker)
{
    return &play->kernels[index_of(play, worker)];
}

/* Its sweep is deleted: its rows are gone, or will be in a moment. */
static bool is_gone(const struct play *play, int64_t trial)
{
    const struct model *model = &play->model;
    return trial <= model->n_trials && model->sweeps[model->trials[trial - 1].sweep].deleted;
}

/* What a claim of the worker has ended by itself, as the queue's own connection sees it. */
static int note_spared(struct play *play, int64_t worker)
{
    sqlite3_stmt *stmt;
    int n = 0;
    assert_int_equal(sqlite3_prepare_v2(play->f->store->db,
                                        "SELECT trial, reused_from, kernel FROM attempts"
                                        " WHERE reused_from IS NOT NULL ORDER BY trial",
                                        -1, &stmt, NULL),
                     SQLITE_OK);
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        int64_t trial = sqlite3_column_int64(stmt, 0);
        if (!is_gone(play, trial) && play->model.trials[trial - 1].state != TRIAL_SUCCEEDED) {
            model_spare(&play->model, trial, sqlite3_column_int64(stmt, 1), play->f->now.mono_ms,
                        play->busy);
            struct model_trial *spared = &play->model.trials[trial - 1];
            spared->worker = spared->workers[spared->attempt - 1] = worker;
            assert_int_equal(sqlite3_column_text(stmt, 2)[0], *kernel_of(play, worker));
            n++;
        }
    }
    sqlite3_finalize(stmt);
    play->n[SPARED] += n;
    return n;
}

static void claim(struct play *play)
{
    struct queue_claim claims[4];
    size_t n = 0, max = 1 + play_dice(play, 4);
    int64_t worker = random_worker(play);
    int least, most;
    play_settle(play);
    int rc = queue_claim(play->f->queue, worker, max, &play->f->now, claims, &n);
    if (!play_went_well(play, rc)) {
        return;
    }
    if (rc == QUEUE_UNKNOWN_WORKER) { /* it is gone: silent for long, or never committed */
        forget_worker(play, worker);
        return;
    }
    model_claimable(&play->model, play->f->now.mono_ms, &least, &most);
    size_t room = (size_t)(play->slots[index_of(play, worker)] - model_held(&play->model, worker));
    play->n[CLAIMED_WITH_FULL_SLOTS] += room == 0;
    max = max < room ? max : room;
    assert_true(n <= max);
    int spared = note_spared(play, worker);
    bool unsure = play->busy || spared > 0;
    assert_true((int)n <= most);
    assert_true(unsure || n == max || (int)n >= least);
    assert_true(spared <= play->f->options.slice);
    for (size_t i = 0; i < n; i++) {
        model_check_offers(&play->model, &claims[i], unsure);
        model_claim(&play->model, worker, &claims[i], play->f->now.mono_ms, !unsure);
    }
}

static void depart(struct play *play)
{
    int64_t worker = random_worker(play), released = 0;
    play_settle(play);
    int rc = queue_depart(play->f->queue, worker, &play->f->now, &released);
    if (play_went_well(play, rc)) {
        assert_int_equal(released, rc == 0 ? model_depart(&play->model, worker) : 0);
        forget_worker(play, worker);
        play->n[DEPARTED]++;
        play->n[GIVEN_BACK] += (int)released;
    }
}

/* The id of a trial that the worker holds, sometimes of another's, or else of any, or of one that
 * is not there. */
static int64_t random_trial(struct play *play, int64_t worker)
{
    const struct model *model = &play->model;
    int start = (int)play_dice(play, (uint32_t)model->n_trials + 1);
    if (play_dice(play, 6) == 0) {
        return start + 1;
    }
    bool anybodys = play_dice(play, 6) == 0;
    for (int i = 0; i < model->n_trials; i++) {
        int at = (start + i) % model->n_trials;
        if (model->trials[at].state == TRIAL_RUNNING &&
            (anybodys || model->trials[at].worker == worker)) {
            return at + 1;
        }
    }
    return start + 1;
}

/* Mostly a trial whose result may be taken over. */
static int64_t random_source(struct play *play, int64_t id)
{
    const struct model *model = &play->model;
    int start = (int)play_dice(play, (uint32_t)model->n_trials + 1);
    for (int i = 0; id <= model->n_trials && i < model->n_trials && play_dice(play, 200) > 0; i++) {
        int64_t from = 1 + (start + i) % model->n_trials;
        if (model_may_take(model, id, from)) {
            return from;
        }
    }
    return start + 1;
}

/* Of any attempt so far, or one that is not there. */
static struct report random_report(struct play *play, int64_t worker)
{
    int64_t id = random_trial(play, worker);
    int attempt = id <= play->model.n_trials ? play->model.trials[id - 1].attempt : 1;
    if (play_dice(play, 5) == 0) {
        attempt = (int)play_dice(play, (uint32_t)attempt + 2);
    }
    struct queue_claim claimed = {.trial = id, .attempt = attempt};
    struct report report = queue_fixture_done(&claimed, play_dice(play, 2) ? 10 : -1);
    report.end = (enum report_end)play_dice(play, 5);
    report.result.steps_to_target += play_dice(play, 20) == 0; /* one more than it took, or 0 */
    report.reused_from = random_source(play, id);
    report.result.kernel[0] = play_dice(play, 4) ? 'A' : 'B';
    if ((report.end == REPORT_FAILED && play->busy) ||
        (report.end == REPORT_REUSED && play->busy && is_gone(play, report.reused_from))) {
        report.end = REPORT_CONTINUES; /* it may be retried, or be there, or may not */
    }
    report.failure = (struct trial_failure){.reason = "dice", .retry = play_dice(play, 4) > 0};
    return report;
}

/* The model takes it; and what the queue learns of the worker. */
static enum report_status take_report(struct play *play, int64_t worker,
                                      const struct report *report)
{
    struct model *model = &play->model;
    bool known = report->trial <= model->n_trials;
    const struct model_trial *trial = known ? &model->trials[report->trial - 1] : NULL;
    char *kernel = kernel_of(play, worker);
    bool running = known && trial->state == TRIAL_RUNNING && trial->attempt == report->attempt;
    bool current = running && trial->worker == worker;
    play->n[REPORTED_FOR_ANOTHER] += running && !current;
    enum report_status status =
        model_report(model, worker, report, play->f->now.mono_ms, &play->f->options);
    if (current && report->end == REPORT_REUSED) {
        bool taken = trial->state == TRIAL_SUCCEEDED;
        *kernel = taken ? trial->kernel : *kernel;
        play->n[taken ? TAKEN_OVER : OFFER_REFUSED]++;
    } else if (current && report->end == REPORT_DONE && report->result.kernel[0] != *kernel) {
        *kernel = 0;
    }
    return status;
}

static void report(struct play *play)
{
    struct report reports[3];
    enum report_status status[3];
    size_t n = 1 + play_dice(play, 3);
    int64_t worker = random_worker(play);
    for (size_t i = 0; i < n; i++) {
        reports[i] = random_report(play, worker);
    }
    play_settle(play);
    int rc = queue_report(play->f->queue, &(struct queue_reports){worker, reports, n, status},
                          &play->f->now, NULL);
    if (!play_went_well(play, rc)) {
        return;
    }
    if (rc == QUEUE_UNKNOWN_WORKER) {
        forget_worker(play, worker);
        return;
    }
    assert_int_equal(rc, model_refuses(&play->model, worker, reports, n) ? QUEUE_CANNOT_BE : 0);
    play->n[REPORT_REFUSED] += rc == QUEUE_CANNOT_BE;
    for (size_t i = 0; rc == 0 && i < n; i++) {
        bool gone = is_gone(play, reports[i].trial);
        enum report_status expected = take_report(play, worker, &reports[i]);
        if (!gone || (play->busy && status[i] != REPORT_LEASE_LOST)) {
            assert_int_equal(status[i], expected);
        } else {
            assert_int_equal(status[i], REPORT_LEASE_LOST);
        }
    }
}

static bool has(const struct play *play, int sweep, enum trial_state state)
{
    const struct model_sweep *s = &play->model.sweeps[sweep];
    for (int i = s->first; i < s->first + s->n; i++) {
        if (play->model.trials[i].state == state) {
            return true;
        }
    }
    return false;
}

static void note_action(struct play *play, int sweep, enum queue_action action)
{
    const struct queue_sweep *s = id_map_get(&play->f->queue->memory.sweeps, sweep + 1);
    play->n[PAUSED_WHILE_EXPANDING] +=
        action == QUEUE_PAUSE && s && s->row.expanded < s->row.n_trials;
    play->n[RETRIED_FAILED_AND_CANCELLED] += action == QUEUE_RETRY &&
                                             has(play, sweep, TRIAL_FAILED) &&
                                             has(play, sweep, TRIAL_CANCELLED);
    play->n[DELETED] += action == QUEUE_DELETE;
}

static void act(struct play *play)
{
    if (play->model.n_sweeps == 0) {
        return;
    }
    int sweep = (int)play_dice(play, (uint32_t)play->model.n_sweeps), expected_moved = 0;
    enum queue_action action = (enum queue_action)play_dice(play, QUEUE_DELETE + 1);
    int64_t moved = 0;
    struct error error;
    play_settle(play);
    int rc = queue_act(play->f->queue, sweep + 1, action, &play->f->now, &moved, &error);
    if (!play_went_well(play, rc)) {
        return;
    }
    if (rc == 0) {
        note_action(play, sweep, action);
    }
    assert_int_equal(rc, model_act(&play->model, sweep, action, &expected_moved));
    assert_int_equal(moved, expected_moved);
    play->busy = true;
}

/* ---- time ---- */

/* One tick, with at most a slice of the work; how long until the next. */
static bool tick(struct play *play, int64_t *ret_wait_ms)
{
    play_settle(play);
    if (!play_went_well(play, queue_tick(play->f->queue, &play->f->now, ret_wait_ms))) {
        return false;
    }
    play->n[RAN_TOO_LONG] += model_expire(&play->model, play->f->now.mono_ms, &play->f->options);
    play->busy = *ret_wait_ms == 0;
    return true;
}

/* Stops wherever the work under way just is, and sometimes is killed there. */
static void tick_some(struct play *play)
{
    int64_t wait_ms = 0;
    for (uint32_t n = 1 + play_dice(play, 25); n > 0 && wait_ms == 0; n--) {
        if (!tick(play, &wait_ms)) {
            return;
        }
    }
    if (play->busy && play_dice(play, 3) == 0) {
        play_restart(play);
    }
}

/* Ticks until nothing is to be done now. */
static bool drain(struct play *play)
{
    int64_t wait_ms = 0;
    while (wait_ms == 0) {
        if (!tick(play, &wait_ms)) {
            return false;
        }
    }
    return true;
}

/* A slice that fails is tested elsewhere, and trials are to end while nothing is under way: one
 * that fails during a retry may be retried with the others, or may not. */
static void pass_time(struct play *play)
{
    int64_t left = play_dice(play, 2) ? play_dice(play, 2000) : play_dice(play, 20000);
    play->fail_next = false;
    play->f->now.wall_ms += (int64_t)play_dice(play, 7200000) - 3600000; /* people set clocks */
    while (drain(play)) {
        int64_t wait_ms = play->f->queue->due_ms - play->f->now.mono_ms;
        if (play->f->queue->due_ms == INT64_MAX || wait_ms > left) {
            play->f->now.mono_ms += left;
            return;
        }
        play->f->now.mono_ms += wait_ms;
        left -= wait_ms;
    }
}

/* The process or the machine stood still for longer than a lease takes. */
static void oversleep(struct play *play)
{
    play->fail_next = false;
    if (drain(play) && play->f->queue->due_ms != INT64_MAX) {
        play->f->now.mono_ms = play->f->queue->due_ms + 2000 + play_dice(play, 20000);
        model_oversleep(&play->model, play->f->now.mono_ms);
        drain(play);
        play->n[OVERSLEPT]++;
    }
}

static void step(struct play *play)
{
    uint32_t what = play_dice(play, 100);
    play->fail_next = play_dice(play, 40) == 0;
    play->failed = false;
    if (what < 4) {
        submit(play);
    } else if (what < 28) {
        claim(play);
    } else if (what < 55) {
        report(play);
    } else if (what < 64) {
        act(play);
    } else if (what < 70) {
        pass_time(play);
    } else if (what < 71) {
        oversleep(play);
    } else if (what < 75) {
        tick_some(play);
    } else if (what < 76) {
        depart(play);
    } else if (what < 94) {
        play_commit(play);
    } else if (what < 97) {
        play_commit_on_a_bad_disk(play);
    } else if (what < 99) {
        play_restart(play);
    }
}

static void play_episode(struct play *play, struct queue_fixture *f, uint64_t seed)
{
    play_begin(play, f, seed);
    for (int i = 0; i < STEPS; i++) {
        step(play);
    }
    play->fail_next = false;
    play_commit(play);
    drain(play);
    play_commit(play);
    play_check(play);
}

static uint64_t number_from(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text ? strtoull(text, NULL, 10) : otherwise;
}

static void random_operations_agree_with_the_model(void **state)
{
    (void)state;
    uint64_t seed = number_from("NINETY_SEED", 1), n = number_from("NINETY_EPISODES", 12);
    struct play *play = malloc(sizeof(*play));
    int happened[HAPPENINGS] = {0};
    assert_non_null(play);
    fault_vfs_install();
    for (uint64_t episode = 0; episode < n; episode++, seed++) {
        struct queue_fixture *f;
        queue_fixture_setup((void **)&f);
        f->options.slice = 2;
        f->options.lease_ms = 5000;
        queue_fixture_restart(f);
        print_message("NINETY_SEED=%llu\n", (unsigned long long)seed);
        play_episode(play, f, seed);
        for (int i = 0; i < HAPPENINGS; i++) {
            happened[i] += play->n[i];
        }
        queue_fixture_teardown((void **)&f);
    }
    for (int i = 0; i < HAPPENINGS; i++) {
        print_message("%6d %s\n", happened[i], happening_names[i]);
        assert_true(n < 12 || happened[i] > 5);
    }
    free(play);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(random_operations_agree_with_the_model)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
