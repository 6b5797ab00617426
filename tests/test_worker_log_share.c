/* A15: what trainers say fills no disk. */
#include "tests/test.h"

#include "worker/log_share.h"

static void a_flood_is_cut_off_and_counted(void **state)
{
    (void)state;
    struct log_share share;
    uint64_t n_logged = 0, n = 100000;
    log_share_init(&share, 5000);
    for (uint64_t i = 0; i < n; i++) {
        n_logged += log_share_take(&share, 5000, 100) ? 100 : 0;
    }
    assert_int_equal(n_logged, LOG_SHARE_BURST / (100 + LOG_SHARE_LINE) * 100);
    assert_int_equal(log_share_take_left_out(&share), n * 100 - n_logged);
    assert_int_equal(log_share_take_left_out(&share), 0);
}

static void it_comes_back_with_time_and_never_all_at_once(void **state)
{
    (void)state;
    struct log_share share;
    log_share_init(&share, 0);
    while (log_share_take(&share, 0, 1000)) {
    }
    assert_false(log_share_take(&share, 20000, 1000)); /* not half of it yet */
    assert_true(log_share_take(&share, 40000, 1000));
    uint64_t now_ms = 1000000000000, n_logged = 0; /* however long it was quiet */
    while (log_share_take(&share, now_ms, 1000)) {
        n_logged++;
    }
    assert_int_equal(n_logged, LOG_SHARE_BURST / (1000 + LOG_SHARE_LINE));
}

static void an_hour_of_flood_is_bounded(void **state)
{
    (void)state;
    struct log_share share;
    uint64_t n_bytes = 0;
    log_share_init(&share, 0);
    for (uint64_t ms = 0; ms < 3600000; ms++) {
        for (int i = 0; i < 10; i++) {
            n_bytes += log_share_take(&share, ms, 1 << 16) ? LOG_SHARE_MOST + LOG_SHARE_LINE : 0;
        }
    }
    assert_in_range(n_bytes, 3000000 * LOG_SHARE_PER_MS,
                    LOG_SHARE_BURST + 3600000 * LOG_SHARE_PER_MS);
}

static void empty_lines_cost_as_well(void **state)
{
    (void)state;
    struct log_share share;
    int n_logged = 0;
    log_share_init(&share, 0);
    while (log_share_take(&share, 0, 0)) {
        n_logged++;
    }
    assert_int_equal(n_logged, LOG_SHARE_BURST / LOG_SHARE_LINE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_flood_is_cut_off_and_counted),
        cmocka_unit_test(it_comes_back_with_time_and_never_all_at_once),
        cmocka_unit_test(an_hour_of_flood_is_bounded),
        cmocka_unit_test(empty_lines_cost_as_well),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
