#include "tests/test.h"

#include "worker/backoff.h"
#include "worker/lines.h"

#include <string.h>

/* ---- lines ---- */

static void feed(struct lines *lines, const char *bytes)
{
    size_t room;
    char *to = lines_room(lines, &room);
    assert_true(strlen(bytes) <= room);
    memcpy(to, bytes, strlen(bytes));
    lines_added(lines, strlen(bytes));
}

static void lines_come_whole_however_the_bytes_come(void **state)
{
    (void)state;
    struct lines lines;
    assert_int_equal(lines_init(&lines), 0);
    feed(&lines, "fir");
    assert_null(lines_next(&lines));
    feed(&lines, "st\nsecond\n\nthi");
    assert_string_equal(lines_next(&lines), "first");
    assert_string_equal(lines_next(&lines), "second");
    assert_string_equal(lines_next(&lines), "");
    assert_null(lines_next(&lines));
    feed(&lines, "rd");
    assert_null(lines_next(&lines));
    assert_string_equal(lines_rest(&lines), "third");
    assert_null(lines_rest(&lines));
    lines_finish(&lines);
}

static void a_line_too_long_leaves_no_room(void **state)
{
    (void)state;
    struct lines lines;
    size_t room;
    assert_int_equal(lines_init(&lines), 0);
    feed(&lines, "short\n");
    assert_string_equal(lines_next(&lines), "short");
    char *to = lines_room(&lines, &room);
    assert_int_equal(room, LINES_MAX);
    memset(to, 'x', room);
    lines_added(&lines, room);
    assert_null(lines_next(&lines));
    lines_room(&lines, &room);
    assert_int_equal(room, 0);
    lines_finish(&lines);
}

/* ---- back-off ---- */

static void waits_double_up_to_a_bound_and_start_anew(void **state)
{
    (void)state;
    struct backoff backoff = {.first_ms = 100, .most_ms = 1000};
    struct rng rng;
    rng_init(&rng, 1, RNG_JITTER, 0);
    static const uint32_t whole_ms[] = {100, 200, 400, 800, 1000, 1000};
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 6; i++) {
            assert_in_range(backoff_next(&backoff, &rng), whole_ms[i] / 2, whole_ms[i]);
        }
        backoff_reset(&backoff);
    }
    backoff.n_failures = 4000000000;
    assert_in_range(backoff_next(&backoff, &rng), 500, 1000);
}

static void waits_differ_between_workers(void **state)
{
    (void)state;
    struct rng rng;
    int n_equal = 0;
    rng_init(&rng, 1, RNG_JITTER, 0);
    for (int i = 0; i < 100; i++) {
        struct backoff one = {.first_ms = 10000, .most_ms = 10000}, other = one;
        n_equal += backoff_next(&one, &rng) == backoff_next(&other, &rng);
    }
    assert_in_range(n_equal, 0, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_come_whole_however_the_bytes_come),
        cmocka_unit_test(a_line_too_long_leaves_no_room),
        cmocka_unit_test(waits_double_up_to_a_bound_and_start_anew),
        cmocka_unit_test(waits_differ_between_workers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
