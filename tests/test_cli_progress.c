#include "cli/progress.h"
#include "cli/text.h"
#include "tests/test.h"

#include <stdlib.h>
#include <string.h>

static json_t *sweep_with(int succeeded, int failed, int running)
{
    json_t *sweep =
        json_pack("{s:s, s:s, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:f, s:f}", "name", "depth",
                  "state", "active", "trials", 70, "queued", 70 - succeeded - failed - running,
                  "running", running, "succeeded", succeeded, "failed", failed, "cancelled", 0,
                  "reached", 25, "trials_per_minute", 31.5, "seconds_left", 82.0);
    assert_non_null(sweep);
    return sweep;
}

static void a_plain_line_says_it_all_in_words(void **state)
{
    json_t *sweep = sweep_with(27, 0, 2);
    struct progress progress;
    (void)state;

    progress_read(sweep, &progress);
    char *line = progress_line(&progress);
    assert_string_equal(line, "27 of 70 trials done, 25 reached the target, 2 running; "
                              "31.5 per minute, 1 min 22 s left");
    free(line);
    json_decref(sweep);
}

static void results_from_earlier_sweeps_are_told_apart(void **state)
{
    json_t *sweep = sweep_with(70, 0, 0);
    struct progress progress;
    (void)state;

    json_object_set_new(sweep, "reused", json_integer(60));
    progress_read(sweep, &progress);
    char *line = progress_line(&progress);
    assert_string_equal(line,
                        "70 of 70 trials done, 25 reached the target, 60 from earlier sweeps");
    free(line);
    json_decref(sweep);
}

static void an_unknown_rate_is_left_out(void **state)
{
    json_t *sweep = sweep_with(0, 0, 2);
    struct progress progress;
    (void)state;

    json_object_set_new(sweep, "trials_per_minute", json_null());
    json_object_set_new(sweep, "seconds_left", json_null());
    progress_read(sweep, &progress);
    char *line = progress_line(&progress);
    assert_null(strstr(line, "minute"));
    assert_null(strstr(line, "left"));
    free(line);
    json_decref(sweep);
}

/* B4 */
static void a_sweep_that_waits_says_for_what(void **state)
{
    static const char *const cases[][2] = {
        {"worker", "waiting for a worker"},
        {"free worker", "waiting: the workers are busy with other sweeps"},
        {"next attempt", "waiting: a failed trial is tried again shortly"},
        {"preparation", "waiting: the sweep is being prepared"},
        {"resume", "paused"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const struct terminal wide = {.live = true, .width = 200};
        json_t *sweep = sweep_with(2, 1, 0);
        struct progress progress;
        json_object_set_new(sweep, "waits_for", json_string(cases[i][0]));
        progress_read(sweep, &progress);
        char *line = progress_line(&progress), *bar = progress_bar(&progress, &wide);
        char expected[128];
        snprintf(expected, sizeof(expected), ", 1 failed; %s", cases[i][1]);
        assert_string_equal(strstr(line, ", 1 failed"),
                            expected); /* and no rate or time of before */
        snprintf(expected, sizeof(expected), "3/70  %s, 1 failed", cases[i][1]);
        assert_string_equal(strstr(bar, "3/70"), expected);
        free(line);
        free(bar);
        json_decref(sweep);
    }
}

static void failures_are_told(void **state)
{
    json_t *sweep = sweep_with(60, 10, 0);
    struct progress progress;
    (void)state;

    progress_read(sweep, &progress);
    assert_true(progress_finished(&progress));
    assert_int_equal(progress_done(&progress), 70);
    char *line = progress_line(&progress);
    assert_non_null(strstr(line, "10 failed"));
    assert_null(strstr(line, "left"));
    free(line);
    json_decref(sweep);
}

static void the_bar_is_filled_by_the_share_that_is_done(void **state)
{
    const struct terminal wide = {.live = true, .width = 200};
    json_t *sweep = sweep_with(35, 0, 2);
    struct progress progress;
    (void)state;

    progress_read(sweep, &progress);
    char *line = progress_bar(&progress, &wide);
    assert_string_equal(line, "depth  ####################....................  35/70  "
                              "31.5/min, 1 min 22 s left, 2 running");
    free(line);
    json_decref(sweep);
}

static void the_bar_fits_any_terminal(void **state)
{
    json_t *sweep = sweep_with(27, 3, 2);
    struct progress progress;
    (void)state;

    progress_read(sweep, &progress);
    for (int unicode = 0; unicode < 2; unicode++) {
        for (int width = 10; width < 150; width++) {
            struct terminal terminal = {.live = true, .unicode = unicode, .width = width};
            char *line = progress_bar(&progress, &terminal);
            assert_true(text_width(line) < (size_t)width);
            free(line);
        }
    }
    json_decref(sweep);
}

static void colours_come_only_where_they_are_wanted(void **state)
{
    json_t *sweep = sweep_with(27, 3, 2);
    struct progress progress;
    struct terminal terminal = {.live = true, .width = 100};
    (void)state;

    progress_read(sweep, &progress);
    char *line = progress_bar(&progress, &terminal);
    assert_null(strchr(line, '\033'));
    free(line);
    terminal.colour = true;
    line = progress_bar(&progress, &terminal);
    assert_non_null(strchr(line, '\033'));
    free(line);
    json_decref(sweep);
}

/* C1, C2: the words are those of the page and of `summary`. */
static void what_diverged_is_told_apart_from_what_failed(void **state)
{
    (void)state;
    json_t *sweep = sweep_with(12, 8, 0);
    struct progress progress;
    json_object_set_new(sweep, "reached", json_integer(11)); /* one of them diverged later */
    json_object_set_new(sweep, "censored", json_integer(2));
    json_object_set_new(sweep, "diverged", json_integer(4));
    progress_read(sweep, &progress);
    char *line = progress_line(&progress);
    assert_non_null(strstr(line, "11 reached the target, 4 diverged, 3 failed"));
    free(line);
    json_decref(sweep);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_diverged_is_told_apart_from_what_failed),
        cmocka_unit_test(a_plain_line_says_it_all_in_words),
        cmocka_unit_test(results_from_earlier_sweeps_are_told_apart),
        cmocka_unit_test(an_unknown_rate_is_left_out),
        cmocka_unit_test(a_sweep_that_waits_says_for_what),
        cmocka_unit_test(failures_are_told),
        cmocka_unit_test(the_bar_is_filled_by_the_share_that_is_done),
        cmocka_unit_test(the_bar_fits_any_terminal),
        cmocka_unit_test(colours_come_only_where_they_are_wanted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
