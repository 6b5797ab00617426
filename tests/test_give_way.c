#include "daemon/give_way.h"
#include "tests/test.h"

#define MS 1000000LL

static void an_idle_loop_lets_others_work(void **state)
{
    (void)state;
    assert_int_equal(give_way_rest_ns(0, 10 * MS, 10 * MS), 0);
    assert_int_equal(give_way_rest_ns(2 * MS, 10 * MS, 10 * MS), 0);
}

static void a_busy_loop_gets_fifteen_sixteenths(void **state)
{
    (void)state;
    assert_int_equal(give_way_rest_ns(3 * MS, 10 * MS, 2 * MS), 30 * MS);
    assert_int_equal(give_way_rest_ns(10 * MS, 10 * MS, MS), 15 * MS);
}

static void no_rest_is_so_long_that_an_idle_loop_goes_unnoticed(void **state)
{
    (void)state;
    assert_int_equal(give_way_rest_ns(50 * MS, 50 * MS, 50 * MS), 100 * MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_idle_loop_lets_others_work),
        cmocka_unit_test(a_busy_loop_gets_fifteen_sixteenths),
        cmocka_unit_test(no_rest_is_so_long_that_an_idle_loop_goes_unnoticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
