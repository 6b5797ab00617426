#include "tests/queue_play.h"

#include "tests/fault_vfs.h"

#include "daemon/queue_internal.h"
#include "daemon/store_internal.h"

#include <string.h>

uint32_t play_dice(struct play *play, uint32_t n)
{
    return rng_below(&play->rng, n);
}

/* ---- faults inside an operation ---- */

/* Called by a trigger on every change of trials and attempts. */
static void fail_function(sqlite3_context *context, int n, sqlite3_value **values)
{
    (void)n, (void)values;
    struct play *play = sqlite3_user_data(context);
    bool fails = play->fail_next && play_dice(play, 3) == 0;
    play->fail_next &= !fails;
    play->failed |= fails;
    sqlite3_result_int(context, fails);
}

static void plant(struct play *play)
{
    sqlite3 *db = play->f->store->db;
    /* The guards of the schema, too: nothing that the queue does may be refused by them. */
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 1, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_FKEY, 1, NULL);
    sqlite3_create_function(db, "fails", 0, SQLITE_UTF8 | SQLITE_INNOCUOUS, play, fail_function,
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

void play_begin(struct play *play, struct queue_fixture *f, uint64_t seed)
{
    memset(play, 0, sizeof(*play));
    play->f = f;
    play->model.lease_ms = play->committed.lease_ms = f->options.lease_ms;
    rng_init(&play->rng, seed, RNG_SEARCH, 0);
    plant(play);
}

bool play_went_well(struct play *play, int rc)
{
    if (rc < 0) {
        if (!play->failed) {
            fail_msg("%d: %s", rc, queue_message(play->f->queue));
        }
        return false;
    }
    return true;
}

static void reload(struct play *play, int64_t now_ms)
{
    model_reload(&play->model, now_ms);
    memset(play->kernels, 0, sizeof(play->kernels));
}

void play_settle(struct play *play)
{
    if (play->f->queue->stale) {
        reload(play, play->f->now.mono_ms);
    }
}

/* ---- commit and restart ---- */

void play_check(struct play *play)
{
    const char *differs = model_differs(&play->committed, play->f, play->busy);
    if (differs) {
        fail_msg("the database differs: %s", differs);
    }
    queue_fixture_keeps_the_rules(play->f);
}

void play_commit(struct play *play)
{
    bool dirty = queue_is_dirty(play->f->queue);
    if (play->f->queue->stale && dirty) { /* it is loaded in there */
        reload(play, play->f->queue->now.mono_ms);
    }
    int rc = queue_commit(play->f->queue);
    if (rc == 0) {
        play->committed = play->model;
        play->n_maybes = dirty ? 0 : play->n_maybes;
        play->n[COMMIT]++;
        if (play_dice(play, 8) == 0) {
            play_check(play);
        }
        return;
    }
    play->n[FAILED_COMMIT]++;
    assert_true(play->n_maybes < PLAY_MAYBES);
    play->maybes[play->n_maybes++] = play->model;
    play->model = play->committed;
    play->busy = true; /* again, maybe */
}

void play_commit_on_a_bad_disk(struct play *play)
{
    static const enum fault faults[] = {FAULT_FULL, FAULT_IO, FAULT_TORN};
    fault_vfs_arm(faults[play_dice(play, 3)], 1 + (int)play_dice(play, 12),
                  (int)play_dice(play, 3));
    play_commit(play);
    fault_vfs_disarm();
}

static void note_restart(struct play *play)
{
    struct id_map *sweeps = &play->f->queue->memory.sweeps;
    struct queue_sweep *sweep;
    play->n[RESTART]++;
    for (size_t at = 0; (sweep = id_map_next(sweeps, &at));) {
        const struct store_sweep *row = &sweep->row;
        bool matching = row->move == SWEEP_MOVE_NONE && row->expanded == row->n_trials;
        play->n[matching ? RESTART_MATCHING : RESTART_EXPANDING + (int)row->move] += sweep->busy;
    }
}

static void reopen(struct play *play)
{
    queue_fixture_open(play->f);
    plant(play);
    note_restart(play);
    play->busy = true;
    for (int i = 0; i < play->n_maybes && model_differs(&play->committed, play->f, true); i++) {
        play->committed = play->maybes[i];
    }
    play->n_maybes = 0;
    play->model = play->committed;
    reload(play, play->f->now.mono_ms);
    play->committed = play->model;
    play_check(play);
}

void play_restart(struct play *play)
{
    uint32_t how = play_dice(play, 3);
    if (how == 2) { /* in the middle of writing */
        fault_vfs_arm(FAULT_POWER, 1 + (int)play_dice(play, 12), 0);
        play_commit(play);
    }
    if (how > 0) {
        fault_vfs_power_off();
    }
    queue_fixture_close(play->f);
    fault_vfs_power_on(&play->rng, how < 2);
    reopen(play);
}
