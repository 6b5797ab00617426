#include "daemon/give_way.h"
#include "tests/test.h"

#define MS 1000000LL

/* A thread that has worked for `own_ms` in a window of 100 ms of which the loop used `loop_ms`. */
static int64_t rest_ms(struct give_way *work, int64_t loop_ms, int64_t own_ms)
{
    struct give_way_times now = {work->since.wall_ns + 100 * MS, work->since.loop_ns + loop_ms * MS,
                                 work->since.own_ns + own_ms * MS};
    return give_way_rest_ns(work, &now) / MS;
}

static void an_idle_loop_lets_others_work(void **state)
{
    (void)state;
    struct give_way work = {0};
    assert_int_equal(rest_ms(&work, 0, 5), 0);
    assert_int_equal(rest_ms(&work, 33, 5), 0);
}

static void a_busy_loop_gets_fifteen_sixteenths(void **state)
{
    (void)state;
    struct give_way work = {0};
    assert_int_equal(rest_ms(&work, 34, 2), 30);
    assert_int_equal(rest_ms(&work, 100, 1), 15);
}

static void a_loop_that_is_idle_again_is_noticed(void **state)
{
    (void)state;
    struct give_way work = {0};
    assert_int_equal(rest_ms(&work, 100, 50), 100); /* and no longer */
    assert_int_equal(rest_ms(&work, 10, 50), 0);
}

static void a_burst_of_the_loop_is_not_judged_by_itself(void **state)
{
    (void)state;
    struct give_way work = {0};
    struct give_way_times now = {.wall_ns = 2 * MS, .loop_ns = 2 * MS, .own_ns = 2 * MS};
    assert_int_equal(give_way_rest_ns(&work, &now), 0);
    now.wall_ns = 49 * MS;
    assert_int_equal(give_way_rest_ns(&work, &now), 0);
    now.wall_ns = 60 * MS;
    assert_int_equal(give_way_rest_ns(&work, &now), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_idle_loop_lets_others_work),
        cmocka_unit_test(a_busy_loop_gets_fifteen_sixteenths),
        cmocka_unit_test(a_loop_that_is_idle_again_is_noticed),
        cmocka_unit_test(a_burst_of_the_loop_is_not_judged_by_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
