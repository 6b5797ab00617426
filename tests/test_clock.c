#include "daemon/clock.h"
#include "tests/test.h"

#include <stdlib.h>

static void time_passes_as_the_loop_sees_it(void **state)
{
    (void)state;
    uv_loop_t loop;
    struct clock clock;
    uv_loop_init(&loop);
    clock_init(&clock, &loop);
    int64_t begin = clock_now(&clock).mono_ms;
    clock.last_ms -= 250; /* as if it had been read 250 ms ago */
    assert_int_equal(clock_now(&clock).mono_ms, begin + 250);
    assert_int_equal(clock_now(&clock).mono_ms, begin + 250);
    uv_loop_close(&loop);
}

static void a_frozen_process_does_not_age_its_leases(void **state)
{
    (void)state;
    uv_loop_t loop;
    struct clock clock;
    uv_loop_init(&loop);
    clock_init(&clock, &loop);
    int64_t begin = clock_now(&clock).mono_ms;
    clock.last_ms -= 3600 * 1000;
    assert_int_equal(clock_now(&clock).mono_ms, begin + CLOCK_MAX_GAP_MS);
    uv_loop_close(&loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(time_passes_as_the_loop_sees_it),
        cmocka_unit_test(a_frozen_process_does_not_age_its_leases),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
