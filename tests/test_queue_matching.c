/* Which earlier cells are the same as those of a sweep with `reuse`: found in slices. */
#include "tests/reuse_fixture.h"

#include "daemon/store_write.h"

#define BIG "\"parameters\":{\"depth\":[1,2,3,4,5,6,7],\"batch_size\":[100,200,300]}}"

/* From now on slices are small. */
static void train_big_in_slices(struct queue_fixture *f)
{
    int64_t worker = queue_fixture_worker(f);
    f->options.slice = 5;
    queue_fixture_restart(f);
    queue_fixture_submit(f, "{" BIG);
    queue_fixture_advance(f, 10);
    reuse_fixture_train_all(f, worker);
}

static void a_big_database_is_searched_in_slices_and_goes_on_after_a_crash(void **state)
{
    struct queue_fixture *f = *state;
    int64_t wait_ms;
    train_big_in_slices(f);
    int64_t second = queue_fixture_submit(f, "{\"reuse\":true," BIG);
    int n_ticks = 0;
    do {
        if (++n_ticks == 6) { /* written, and in the midst of the search */
            queue_fixture_restart(f);
        }
        assert_int_equal(queue_claimable(f->queue), 0); /* nobody trains what may be there */
        assert_int_equal(queue_tick(f->queue, &f->now, &wait_ms), 0);
        queue_fixture_commit(f);
    } while (wait_ms == 0);
    assert_in_range(n_ticks, 8, 11);
    assert_int_equal(queue_fixture_int(f, "SELECT count(*) FROM cell_twins"), 21);
    assert_int_equal(queue_claimable(f->queue), 21);
    assert_int_equal(reuse_fixture_take_all(f), 21);
    queue_fixture_sweep_is(f, second, "finished");
    queue_fixture_keeps_the_rules(f);
}

static void sweeps_submitted_at_once_find_each_other(void **state)
{
    struct queue_fixture *f = *state;
    f->options.slice = 5;
    queue_fixture_restart(f);
    queue_fixture_submit(f, "{\"replicates\":4," BIG); /* it takes longest to be written */
    queue_fixture_submit(f, "{\"reuse\":true," BIG);
    queue_fixture_submit(f, "{\"reuse\":true," BIG);
    queue_fixture_restart(f);
    queue_fixture_advance(f, 10);
    assert_int_equal(queue_fixture_int(f, "SELECT count(*) FROM cell_twins"), 21 + 42);
    assert_int_equal(queue_claimable(f->queue), 84 + 42);
}

static void a_sweep_that_searches_can_be_cancelled_retried_and_deleted(void **state)
{
    struct queue_fixture *f = *state;
    train_big_in_slices(f);
    int64_t second = queue_fixture_submit(f, "{\"reuse\":true," BIG);
    queue_fixture_act(f, second, QUEUE_CANCEL);
    queue_fixture_keeps_the_rules(f);
    queue_fixture_restart(f);
    queue_fixture_act(f, second, QUEUE_RETRY);
    queue_fixture_advance(f, 10);
    assert_int_equal(reuse_fixture_take_all(f), 21);
    int64_t third = queue_fixture_submit(f, "{\"reuse\":true," BIG);
    queue_fixture_act(f, third, QUEUE_CANCEL);
    queue_fixture_act(f, third, QUEUE_DELETE);
    queue_fixture_restart(f);
    queue_fixture_advance(f, 10);
    assert_int_equal(queue_fixture_int(f, "SELECT count(*) FROM sweeps"), 2);
    assert_int_equal(queue_fixture_int(f, "SELECT count(*) FROM cell_twins"), 21);
    queue_fixture_act(f, second, QUEUE_DELETE);
    queue_fixture_advance(f, 10);
    assert_int_equal(queue_fixture_int(f, "SELECT count(*) FROM cell_twins"), 0);
    queue_fixture_keeps_the_rules(f);
}

static void twins_of_a_cell_are_bounded_and_the_latest_are_kept(void **state)
{
    struct queue_fixture *f = *state;
    for (int i = 0; i < STORE_MAX_TWINS + 6; i++) {
        queue_fixture_submit(f, "{\"base\":{\"depth\":1}}");
    }
    queue_fixture_submit(f, "{\"reuse\":true,\"base\":{\"depth\":1}}");
    assert_int_equal(queue_fixture_int(f, "SELECT count(*) FROM cell_twins"), STORE_MAX_TWINS);
    assert_int_equal(queue_fixture_int(f, "SELECT min(twin) FROM cell_twins"), 7);
}

int main(void)
{
#define TEST(name)                                                                                 \
    cmocka_unit_test_setup_teardown(name, queue_fixture_setup, queue_fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_big_database_is_searched_in_slices_and_goes_on_after_a_crash),
        TEST(sweeps_submitted_at_once_find_each_other),
        TEST(a_sweep_that_searches_can_be_cancelled_retried_and_deleted),
        TEST(twins_of_a_cell_are_bounded_and_the_latest_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
