#include "tests/queue_model.h"

#include <stdio.h>
#include <string.h>

static struct model_trial *trial_of(struct model *model, int64_t id)
{
    return id >= 1 && id <= model->n_trials ? &model->trials[id - 1] : NULL;
}

static int count(const struct model *model, int sweep, enum trial_state state)
{
    const struct model_sweep *s = &model->sweeps[sweep];
    int n = 0;
    for (int i = s->first; i < s->first + s->n; i++) {
        n += model->trials[i].state == state;
    }
    return n;
}

static void finish(struct model *model, int sweep)
{
    struct model_sweep *s = &model->sweeps[sweep];
    bool final = count(model, sweep, TRIAL_QUEUED) + count(model, sweep, TRIAL_RUNNING) == 0;
    if (final && s->state != SWEEP_CANCELLED) {
        s->state = SWEEP_FINISHED;
    }
}

static int64_t end_of(const struct model *model, const struct model_trial *trial, int64_t now_ms)
{
    int max_seconds = model->sweeps[trial->sweep].max_seconds;
    return max_seconds > 0 ? now_ms + 1000 * max_seconds : 0;
}

void model_reload(struct model *model, int64_t now_ms)
{
    for (int i = 0; i < model->n_trials; i++) {
        model->trials[i].deadline_ms = now_ms + model->lease_ms;
        model->trials[i].end_ms = end_of(model, &model->trials[i], now_ms);
        model->trials[i].earliest_ms = model->trials[i].latest_ms = 0;
    }
}

void model_oversleep(struct model *model, int64_t now_ms)
{
    for (int i = 0; i < model->n_trials; i++) {
        model->trials[i].deadline_ms = now_ms + model->lease_ms;
    }
}

int model_find_key(const struct model *model, int key)
{
    for (int i = 0; i < model->n_sweeps; i++) {
        if (key != 0 && model->sweeps[i].key == key && !model->sweeps[i].deleted) {
            return i;
        }
    }
    return -1;
}

void model_submit(struct model *model, const struct model_sweep *sweep)
{
    assert_int_equal(sweep->first, model->n_trials);
    model->sweeps[model->n_sweeps] = *sweep;
    for (int i = 0; i < sweep->n; i++) {
        model->trials[model->n_trials++] = (struct model_trial){.sweep = model->n_sweeps};
    }
    model->n_sweeps++;
}

/* ---- claims ---- */

static int claimable_of(const struct model *model, int sweep, int64_t now_ms, bool surely)
{
    const struct model_sweep *s = &model->sweeps[sweep];
    int n = 0;
    if (s->state != SWEEP_ACTIVE) {
        return 0;
    }
    for (int i = s->first; i < s->first + s->n; i++) {
        const struct model_trial *t = &model->trials[i];
        int64_t free_ms = surely ? t->latest_ms : t->earliest_ms;
        n += t->state == TRIAL_QUEUED && free_ms <= now_ms;
    }
    int running = count(model, sweep, TRIAL_RUNNING);
    return s->max_running > 0 && n > s->max_running - running ? s->max_running - running : n;
}

void model_claimable(const struct model *model, int64_t now_ms, int *ret_least, int *ret_most)
{
    *ret_least = *ret_most = 0;
    for (int i = 0; i < model->n_sweeps; i++) {
        *ret_least += claimable_of(model, i, now_ms, true);
        *ret_most += claimable_of(model, i, now_ms, false);
    }
}

static void check_priority(const struct model *model, int served, int64_t now_ms)
{
    for (int i = 0; i < model->n_sweeps; i++) {
        if (model->sweeps[i].priority > model->sweeps[served].priority) {
            assert_int_equal(claimable_of(model, i, now_ms, true), 0);
        }
    }
}

void model_claim(struct model *model, int64_t worker, const struct queue_claim *claim,
                 int64_t now_ms, bool in_turn)
{
    struct model_trial *trial = trial_of(model, claim->trial);
    assert_non_null(trial);
    assert_true(claimable_of(model, trial->sweep, now_ms, false) > 0);
    assert_int_equal(trial->state, TRIAL_QUEUED);
    assert_true(trial->earliest_ms <= now_ms);
    assert_int_equal(claim->attempt, trial->attempt + 1);
    if (in_turn) {
        check_priority(model, trial->sweep, now_ms);
    }
    assert_true(trial->attempt < MODEL_ATTEMPTS);
    trial->state = TRIAL_RUNNING;
    trial->workers[trial->attempt] = worker;
    trial->history[trial->attempt++] = ATTEMPT_RUNNING;
    trial->deadline_ms = now_ms + model->lease_ms;
    trial->end_ms = end_of(model, trial, now_ms);
    trial->worker = worker;
}

/* ---- ends ---- */

static void end(struct model *model, struct model_trial *trial, enum attempt_state how, bool retry)
{
    struct model_sweep *s = &model->sweeps[trial->sweep];
    trial->history[trial->attempt - 1] = how;
    trial->earliest_ms = trial->latest_ms = 0;
    trial->spent += how == ATTEMPT_FAILED || how == ATTEMPT_EXPIRED;
    if (how == ATTEMPT_SUCCEEDED) {
        trial->state = TRIAL_SUCCEEDED;
    } else if (s->state == SWEEP_CANCELLED) {
        trial->state = TRIAL_CANCELLED;
    } else if (!retry || (how != ATTEMPT_RELEASED && trial->spent >= s->max_attempts)) {
        trial->state = TRIAL_FAILED;
    } else {
        trial->state = TRIAL_QUEUED;
    }
    finish(model, trial->sweep);
}

static int cell_of(const struct model *model, int64_t id)
{
    const struct model_sweep *s = &model->sweeps[model->trials[id - 1].sweep];
    return ((int)id - 1 - s->first) / s->replicates;
}

static int seed_of(const struct model *model, int64_t id)
{
    const struct model_sweep *s = &model->sweeps[model->trials[id - 1].sweep];
    return s->seed + ((int)id - 1 - s->first) % s->replicates;
}

/* An earlier sweep's trial with the same configuration and seed that has a result. */
static bool is_source(const struct model *model, int64_t id, int64_t from)
{
    return from >= 1 && from <= model->n_trials &&
           model->trials[from - 1].sweep < model->trials[id - 1].sweep &&
           model->trials[from - 1].state == TRIAL_SUCCEEDED &&
           cell_of(model, id) == cell_of(model, from) && seed_of(model, id) == seed_of(model, from);
}

bool model_may_take(const struct model *model, int64_t id, int64_t from)
{
    return model->sweeps[model->trials[id - 1].sweep].reuse && is_source(model, id, from) &&
           !model->sweeps[model->trials[from - 1].sweep].deleted;
}

void model_check_offers(const struct model *model, const struct queue_claim *claim, bool busy)
{
    int64_t latest['Z'] = {0}; /* by kernel */
    size_t n = 0;
    for (int64_t from = 1; from < claim->trial; from++) {
        if (model_may_take(model, claim->trial, from)) {
            int64_t *slot = &latest[(int)model->trials[from - 1].kernel];
            n += *slot == 0;
            *slot = from;
        }
    }
    assert_true(busy || claim->offers.n == n);
    for (size_t i = 0; i < claim->offers.n; i++) {
        const struct reuse_offer *offer = &claim->offers.at[i];
        assert_true(is_source(model, claim->trial, offer->trial));
        assert_int_equal(model->trials[offer->trial - 1].kernel, offer->kernel[0]);
        assert_true(busy || latest[(int)offer->kernel[0]] == offer->trial);
    }
}

static void take(struct model *model, struct model_trial *trial, int64_t from)
{
    const struct model_trial *source = trial_of(model, from);
    end(model, trial, ATTEMPT_SUCCEEDED, false);
    trial->reached = source->reached;
    trial->trained = source->trained;
    trial->kernel = source->kernel;
}

void model_spare(struct model *model, int64_t id, int64_t trained, int64_t now_ms, bool busy)
{
    struct model_trial *trial = trial_of(model, id);
    int64_t from = 0;
    for (int i = 0; i < model->n_trials && from == 0; i++) {
        struct model_trial *other = &model->trials[i];
        bool there = busy || !model->sweeps[other->sweep].deleted;
        from = there && other->trained == trained && is_source(model, id, i + 1) ? i + 1 : 0;
    }
    assert_true(from > 0);
    assert_int_equal(trial->state, TRIAL_QUEUED);
    assert_true(trial->earliest_ms <= now_ms);
    assert_int_equal(model->sweeps[trial->sweep].state, SWEEP_ACTIVE);
    assert_true(model->sweeps[trial->sweep].reuse);
    trial->attempt++;
    take(model, trial, from);
}

static void fail_attempt(struct model *model, struct model_trial *trial, bool retry, int64_t now_ms,
                         const struct queue_options *options)
{
    end(model, trial, ATTEMPT_FAILED, retry);
    if (trial->state == TRIAL_QUEUED) {
        int64_t ms = options->backoff_ms << (trial->spent - 1);
        ms = ms < options->backoff_max_ms ? ms : options->backoff_max_ms;
        trial->earliest_ms = now_ms + ms * 3 / 4 - 1;
        trial->latest_ms = now_ms + ms * 5 / 4 + 1;
    }
}

int model_expire(struct model *model, int64_t now_ms, const struct queue_options *options)
{
    int n = 0;
    for (int i = 0; i < model->n_trials; i++) {
        struct model_trial *trial = &model->trials[i];
        if (trial->state == TRIAL_RUNNING && trial->deadline_ms <= now_ms) {
            end(model, trial, ATTEMPT_EXPIRED, true);
        } else if (trial->state == TRIAL_RUNNING && trial->end_ms > 0 && trial->end_ms <= now_ms) {
            fail_attempt(model, trial, true, now_ms, options);
            n++;
        }
    }
    return n;
}

int model_held(const struct model *model, int64_t worker)
{
    int n = 0;
    for (int i = 0; i < model->n_trials; i++) {
        n += model->trials[i].state == TRIAL_RUNNING && model->trials[i].worker == worker;
    }
    return n;
}

int model_depart(struct model *model, int64_t worker)
{
    int n = 0;
    for (int i = 0; i < model->n_trials; i++) {
        struct model_trial *trial = &model->trials[i];
        if (trial->state == TRIAL_RUNNING && trial->worker == worker) {
            end(model, trial, ATTEMPT_RELEASED, true);
            n++;
        }
    }
    return n;
}

static bool is_current(const struct model *model, int64_t worker, const struct report *report)
{
    return report->trial >= 1 && report->trial <= model->n_trials &&
           model->trials[report->trial - 1].state == TRIAL_RUNNING &&
           model->trials[report->trial - 1].attempt == report->attempt &&
           model->trials[report->trial - 1].worker == worker;
}

bool model_refuses(const struct model *model, int64_t worker, const struct report *reports,
                   size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct trial_result *result = &reports[i].result;
        if (!is_current(model, worker, &reports[i]) || reports[i].end == REPORT_CONTINUES) {
            continue;
        }
        if (reports[i].end == REPORT_DONE &&
            (result->steps_to_target > result->steps ||
             (result->steps_to_target >= 0 && result->final_accuracy < 0.9))) {
            return true;
        }
        for (size_t j = 0; j < i; j++) {
            if (reports[j].trial == reports[i].trial && reports[j].end != REPORT_CONTINUES &&
                reports[j].attempt == reports[i].attempt) {
                return true;
            }
        }
    }
    return false;
}

static enum report_status late(const struct model_trial *trial, const struct report *report)
{
    enum attempt_state state = trial->history[report->attempt - 1];
    if ((report->end == REPORT_DONE && state == ATTEMPT_SUCCEEDED) ||
        (report->end == REPORT_FAILED && state == ATTEMPT_FAILED) ||
        (report->end == REPORT_RELEASED && state == ATTEMPT_RELEASED) ||
        (report->end == REPORT_REUSED &&
         (state == ATTEMPT_RELEASED || state == ATTEMPT_SUCCEEDED))) {
        return REPORT_OK;
    }
    return state == ATTEMPT_CANCELLED ? REPORT_CANCELLED : REPORT_LEASE_LOST;
}

enum report_status model_report(struct model *model, int64_t worker, const struct report *report,
                                int64_t now_ms, const struct queue_options *options)
{
    struct model_trial *trial = trial_of(model, report->trial);
    if (!trial || report->attempt < 1 || report->attempt > trial->attempt ||
        trial->workers[report->attempt - 1] != worker) {
        return REPORT_LEASE_LOST;
    }
    if (trial->state != TRIAL_RUNNING || report->attempt != trial->attempt) {
        return late(trial, report);
    }
    switch (report->end) {
    case REPORT_DONE:
        end(model, trial, ATTEMPT_SUCCEEDED, false);
        trial->reached = report->result.steps_to_target >= 0;
        trial->trained = report->trial;
        trial->kernel = report->result.kernel[0];
        return REPORT_OK;
    case REPORT_FAILED:
        fail_attempt(model, trial, report->failure.retry, now_ms, options);
        return REPORT_OK;
    case REPORT_RELEASED:
        end(model, trial, ATTEMPT_RELEASED, true);
        return REPORT_OK;
    case REPORT_REUSED:
        if (model_may_take(model, report->trial, report->reused_from)) {
            take(model, trial, report->reused_from);
        } else {
            end(model, trial, ATTEMPT_RELEASED, true);
        }
        return REPORT_OK;
    case REPORT_CONTINUES:
        break;
    }
    if (model->sweeps[trial->sweep].state == SWEEP_CANCELLED) {
        end(model, trial, ATTEMPT_CANCELLED, false);
        return REPORT_CANCELLED;
    }
    trial->deadline_ms = now_ms + model->lease_ms;
    return REPORT_OK;
}

/* ---- actions ---- */

static int move_all(struct model *model, int sweep, bool cancel)
{
    const struct model_sweep *s = &model->sweeps[sweep];
    int moved = 0;
    for (int i = s->first; i < s->first + s->n; i++) {
        struct model_trial *t = &model->trials[i];
        bool lost = t->state == TRIAL_FAILED || t->state == TRIAL_CANCELLED;
        if (cancel ? t->state == TRIAL_QUEUED : lost) {
            t->state = cancel ? TRIAL_CANCELLED : TRIAL_QUEUED;
            t->spent = cancel ? t->spent : 0;
            t->earliest_ms = t->latest_ms = 0;
            moved++;
        }
    }
    return moved;
}

static bool is_conflict(const struct model *model, int sweep, enum queue_action action)
{
    enum sweep_state state = model->sweeps[sweep].state;
    switch (action) {
    case QUEUE_PAUSE:
        return state == SWEEP_FINISHED || state == SWEEP_CANCELLED;
    case QUEUE_RESUME:
        return state == SWEEP_CANCELLED;
    case QUEUE_CANCEL:
        return state == SWEEP_FINISHED;
    case QUEUE_DELETE:
        return count(model, sweep, TRIAL_RUNNING) > 0 ||
               (state != SWEEP_FINISHED && state != SWEEP_CANCELLED);
    case QUEUE_RETRY:
        break;
    }
    return false;
}

int model_act(struct model *model, int sweep, enum queue_action action, int *ret_moved)
{
    struct model_sweep *s = &model->sweeps[sweep];
    enum sweep_state was = s->state;
    if (s->deleted) {
        return QUEUE_UNKNOWN_SWEEP;
    }
    if (is_conflict(model, sweep, action)) {
        return QUEUE_CONFLICT;
    }
    *ret_moved = 0;
    if (action == QUEUE_PAUSE && was == SWEEP_ACTIVE) {
        s->state = SWEEP_PAUSED;
    } else if (action == QUEUE_RESUME && was == SWEEP_PAUSED) {
        s->state = SWEEP_ACTIVE;
    } else if (action == QUEUE_CANCEL) {
        *ret_moved = move_all(model, sweep, true);
        s->state = SWEEP_CANCELLED;
    } else if (action == QUEUE_DELETE) {
        *ret_moved = s->n;
        s->deleted = true;
    } else if (action == QUEUE_RETRY) {
        *ret_moved = move_all(model, sweep, false);
        if (*ret_moved > 0 || was == SWEEP_CANCELLED) {
            s->state = was == SWEEP_PAUSED ? SWEEP_PAUSED : SWEEP_ACTIVE;
        }
        finish(model, sweep);
    }
    return 0;
}

/* ---- comparison ---- */

static char difference[512];

/* The state in which a trial counts: what is not yet written or moved is as if it were. */
#define COUNTED_STATES                                                                             \
    "SELECT t.id, CASE WHEN s.moving = 'cancelled' AND t.id - first_trial >= moved AND"            \
    " t.state = 'queued' THEN 'cancelled' WHEN s.moving = 'queued' AND"                            \
    " t.id - first_trial >= moved AND t.state IN ('failed', 'cancelled') THEN 'queued'"            \
    " ELSE t.state END, t.attempt, iif(s.moving = 'queued' AND t.id - first_trial >= moved AND"    \
    " t.state IN ('failed', 'cancelled'), 0, t.spent), ifnull(t.reached, 0), (SELECT"              \
    "  ifnull(reused_from, trial) FROM attempts WHERE trial = t.id AND attempt = t.attempt)"       \
    " FROM trials t JOIN sweeps s ON s.id = t.sweep AND s.moving IS NOT 'deleted' ORDER BY t.id"

static const char *trial_differs(const struct model *model, sqlite3_stmt *stmt)
{
    int64_t id = sqlite3_column_int64(stmt, 0);
    const struct model_trial *t = id <= model->n_trials ? &model->trials[id - 1] : NULL;
    const char *state = (const char *)sqlite3_column_text(stmt, 1);
    if (!t || strcmp(state, trial_state_name(t->state)) != 0 ||
        sqlite3_column_int(stmt, 2) != t->attempt || sqlite3_column_int(stmt, 3) != t->spent ||
        sqlite3_column_int(stmt, 4) != t->reached ||
        (t->state == TRIAL_SUCCEEDED && sqlite3_column_int64(stmt, 5) != t->trained)) {
        snprintf(difference, sizeof(difference), "trial %lld: %s %d %d %d, model %s %d %d %d",
                 (long long)id, state, sqlite3_column_int(stmt, 2), sqlite3_column_int(stmt, 3),
                 sqlite3_column_int(stmt, 4), t ? trial_state_name(t->state) : "none",
                 t ? t->attempt : 0, t ? t->spent : 0, t ? t->reached : 0);
        return difference;
    }
    return NULL;
}

static const char *sweep_differs(const struct model *model, struct queue_fixture *f, int sweep)
{
    const struct model_sweep *s = &model->sweeps[sweep];
    char expected[256] = "none";
    int reached = 0, reused = 0;
    for (int i = s->first; i < s->first + s->n; i++) {
        const struct model_trial *t = &model->trials[i];
        reached += t->reached;
        reused += t->state == TRIAL_SUCCEEDED && t->trained != i + 1;
    }
    if (!s->deleted) {
        snprintf(expected, sizeof(expected), "%s %d %d %d %d %d %d %d", sweep_state_name(s->state),
                 count(model, sweep, TRIAL_QUEUED), count(model, sweep, TRIAL_RUNNING),
                 count(model, sweep, TRIAL_SUCCEEDED), count(model, sweep, TRIAL_FAILED),
                 count(model, sweep, TRIAL_CANCELLED), reached, reused);
    }
    const char *found =
        queue_fixture_ask(f,
                          "SELECT ifnull(max(state || ' ' || queued || ' ' || running || ' ' || "
                          "succeeded || ' ' || failed || ' ' || cancelled || ' ' || reached || ' ' "
                          "|| reused), "
                          "'none') FROM sweeps WHERE moving IS NOT 'deleted' AND id = %lld",
                          sweep + 1);
    if (strcmp(expected, found) != 0) {
        snprintf(difference, sizeof(difference), "sweep %d: %.200s, model %s", sweep + 1, found,
                 expected);
        return difference;
    }
    return NULL;
}

const char *model_differs(const struct model *model, struct queue_fixture *f, bool busy)
{
    if (queue_fixture_int(f, "SELECT ifnull(max(id), 0) FROM sweeps") > model->n_sweeps) {
        return "a sweep that was never submitted";
    }
    if (!busy && queue_fixture_int(f, "SELECT count(*) FROM sweeps WHERE moving IS NOT NULL")) {
        return "a move that does not go on";
    }
    for (int i = 0; i < model->n_sweeps; i++) {
        const char *differs = sweep_differs(model, f, i);
        if (differs) {
            return differs;
        }
    }
    sqlite3_stmt *stmt;
    const char *differs = NULL;
    assert_int_equal(sqlite3_prepare_v2(f->eyes, COUNTED_STATES, -1, &stmt, NULL), SQLITE_OK);
    while (!differs && sqlite3_step(stmt) == SQLITE_ROW) {
        differs = trial_differs(model, stmt);
    }
    sqlite3_finalize(stmt);
    return differs;
}
