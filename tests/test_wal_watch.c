#include "daemon/wal_watch.h"
#include "tests/test.h"

static void a_growing_log_is_told_once_per_doubling(void **state)
{
    (void)state;
    struct wal_watch watch = {.warned_bytes = 0};
    int64_t limit = WAL_WATCH_WARN_BYTES;
    assert_int_equal(wal_watch_judge(&watch, 0), WAL_NO_NEWS);
    assert_int_equal(wal_watch_judge(&watch, limit - 1), WAL_NO_NEWS);
    assert_int_equal(wal_watch_judge(&watch, limit), WAL_TOO_LARGE);
    assert_int_equal(wal_watch_judge(&watch, limit), WAL_NO_NEWS);
    assert_int_equal(wal_watch_judge(&watch, 2 * limit - 1), WAL_NO_NEWS);
    assert_int_equal(wal_watch_judge(&watch, 3 * limit), WAL_TOO_LARGE);
    assert_int_equal(wal_watch_judge(&watch, 4 * limit), WAL_NO_NEWS);
}

static void its_end_is_told_once(void **state)
{
    (void)state;
    struct wal_watch watch = {.warned_bytes = 0};
    assert_int_equal(wal_watch_judge(&watch, WAL_WATCH_WARN_BYTES), WAL_TOO_LARGE);
    assert_int_equal(wal_watch_judge(&watch, 1), WAL_WELL_AGAIN);
    assert_int_equal(wal_watch_judge(&watch, 1), WAL_NO_NEWS);
    assert_int_equal(wal_watch_judge(&watch, WAL_WATCH_WARN_BYTES), WAL_TOO_LARGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_growing_log_is_told_once_per_doubling),
        cmocka_unit_test(its_end_is_told_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
