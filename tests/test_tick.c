#include "daemon/tick.h"
#include "tests/test.h"

#include <stdbool.h>

struct fixture {
    uv_loop_t loop;
    struct tick *tick;
    int n_commits, commit_status, n_after;
    int order[8], n_done, last_status;
    bool again;
};

struct numbered {
    struct tick_entry entry;
    struct fixture *fixture;
    int number;
};

static int commit(void *ctx)
{
    struct fixture *f = ctx;
    f->n_commits++;
    return f->commit_status;
}

static void after(void *ctx)
{
    ((struct fixture *)ctx)->n_after++;
}

static void on_done(struct tick_entry *entry, int status)
{
    struct numbered *n = (struct numbered *)entry;
    n->fixture->order[n->fixture->n_done++] = n->number;
    n->fixture->last_status = status;
    if (n->fixture->again) {
        n->fixture->again = false;
        tick_park(n->fixture->tick, entry);
    }
}

static int setup(void **state)
{
    static struct fixture f;
    f = (struct fixture){0};
    uv_loop_init(&f.loop);
    assert_int_equal(tick_create(&f.loop, commit, after, &f, &f.tick), 0);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    tick_destroy(f->tick);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    return 0;
}

static void all_writes_of_a_round_share_one_commit_and_are_called_in_order(void **state)
{
    struct fixture *f = *state;
    struct numbered n[3];
    for (int i = 0; i < 3; i++) {
        n[i] = (struct numbered){{on_done, NULL}, f, i};
        tick_park(f->tick, &n[i].entry);
    }
    assert_int_equal(f->n_done, 0);
    uv_run(&f->loop, UV_RUN_ONCE);
    assert_int_equal(f->n_commits, 1);
    assert_int_equal(f->n_after, 1);
    assert_int_equal(f->n_done, 3);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(f->order[i], i);
    }
}

static void a_failed_commit_is_told_to_everyone(void **state)
{
    struct fixture *f = *state;
    struct numbered n[2] = {{{on_done, NULL}, f, 0}, {{on_done, NULL}, f, 1}};
    f->commit_status = -5;
    tick_park(f->tick, &n[0].entry);
    tick_park(f->tick, &n[1].entry);
    uv_run(&f->loop, UV_RUN_ONCE);
    assert_int_equal(f->n_done, 2);
    assert_int_equal(f->last_status, -5);
}

static void a_round_without_writes_commits_nothing(void **state)
{
    struct fixture *f = *state;
    uv_run(&f->loop, UV_RUN_NOWAIT);
    assert_int_equal(f->n_commits, 0);
}

static void who_writes_again_when_called_back_is_in_the_next_round_at_once(void **state)
{
    struct fixture *f = *state;
    struct numbered n = {{on_done, NULL}, f, 7};
    f->again = true;
    tick_park(f->tick, &n.entry);
    uv_run(&f->loop, UV_RUN_ONCE);
    assert_int_equal(f->n_commits, 1);
    uv_run(&f->loop, UV_RUN_ONCE); /* must not block: the tick is open */
    assert_int_equal(f->n_commits, 2);
    assert_int_equal(f->n_done, 2);
}

static void an_opened_tick_commits_without_entries(void **state)
{
    struct fixture *f = *state;
    tick_open(f->tick);
    tick_open(f->tick);
    uv_run(&f->loop, UV_RUN_ONCE);
    assert_int_equal(f->n_commits, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            all_writes_of_a_round_share_one_commit_and_are_called_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(a_failed_commit_is_told_to_everyone, setup, teardown),
        cmocka_unit_test_setup_teardown(a_round_without_writes_commits_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(
            who_writes_again_when_called_back_is_in_the_next_round_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(an_opened_tick_commits_without_entries, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
