#include "cli/chart.h"
#include "cli/pivot.h"
#include "cli/population.h"
#include "cli/summary.h"
#include "cli/text.h"
#include "tests/test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct terminal ascii = {.width = 80};
static const struct terminal unicode = {.width = 80, .unicode = true};

/* A row of the view summary; steps < 0 = not reached by half. */
static json_t *cell(int depth, const char *batch_norm, double median)
{
    json_t *row =
        json_pack("{s:i, s:s, s:i, s:f, s:i, s:i}", "depth", depth, "batch_norm", batch_norm,
                  "max_steps", 2000, "target_accuracy", 0.9, "n", 5, "reached", median < 0 ? 1 : 5);
    assert_non_null(row);
    json_object_set_new(row, "median_steps", median < 0 ? json_null() : json_real(median));
    json_object_set_new(row, "q1_steps", median < 0 ? json_real(90) : json_real(median - 1));
    json_object_set_new(row, "q3_steps", median < 0 ? json_null() : json_real(median + 2));
    return row;
}

static json_t *depth_rows(void)
{
    /* in no particular order, as a database may give them */
    return json_pack("[o, o, o, o, o, o]", cell(3, "none", 51), cell(1, "before", 14),
                     cell(1, "none", 16), cell(2, "before", 10), cell(3, "before", 22),
                     cell(2, "none", 28));
}

static json_t *sweep_with(const char *parameters)
{
    json_t *sweep = json_pack("{s:{s:o}}", "spec", "parameters", json_loads(parameters, 0, NULL));

    assert_non_null(sweep);
    return sweep;
}

#define DEPTH_AXES "{\"depth\": [1, 2, 3], \"batch_norm\": [\"none\", \"before\"]}"

static char *printed(json_t *rows, json_t *sweep, const struct terminal *terminal)
{
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    summary_print(rows, sweep, terminal, out);
    fclose(out);
    json_decref(rows);
    json_decref(sweep);
    return text;
}

static void two_axes_make_a_table_with_two_sides(void **state)
{
    (void)state;
    char *text = printed(depth_rows(), sweep_with(DEPTH_AXES), &ascii);
    assert_non_null(strstr(text, "steps to 90 % test accuracy: median [quartiles]"));
    assert_non_null(strstr(text, "depth  batch_norm=none   batch_norm=before\n"
                                 "    1  16 [15, 18]  5/5  14 [13, 16]  5/5\n"
                                 "    2  28 [27, 30]  5/5  10 [9, 12]   5/5\n"
                                 "    3  51 [50, 53]  5/5  22 [21, 24]  5/5\n"));
    free(text);
}

static void a_target_that_half_never_reached_is_beyond_max_steps(void **state)
{
    (void)state;
    char *text = printed(
        json_pack("[o, o, o]", cell(1, "none", 16), cell(2, "none", -1), cell(3, "none", 51)),
        sweep_with("{\"depth\": [1, 2, 3]}"), &ascii);
    assert_non_null(strstr(text, ">2000 [90, >2000]  1/5"));
    assert_non_null(strstr(text, "^ not reached by half of the trials"));
    free(text);
}

static void cells_without_a_result_are_dashes(void **state)
{
    (void)state;
    json_t *waiting = cell(1, "before", -1);
    json_object_set_new(waiting, "n", json_integer(0));
    json_object_set_new(waiting, "reached", json_integer(0));
    json_object_set_new(waiting, "pending", json_integer(5));
    char *text = printed(json_pack("[o, o]", waiting, cell(2, "before", 10)),
                         sweep_with(DEPTH_AXES), &ascii);
    assert_non_null(strstr(text, "                  -  "));
    assert_non_null(strstr(text, "\n\n5 trials have not ended yet\n"));
    assert_non_null(strstr(text, "10 [9, 12]  5/5\n"));
    free(text);
}

static void set_counts(json_t *row, int n, int diverged, int failed)
{
    json_object_set_new(row, "n", json_integer(n));
    json_object_set_new(row, "diverged", json_integer(diverged));
    json_object_set_new(row, "failed", json_integer(failed));
}

/* C1, C2, C11: nothing is left out in silence. */
static void what_diverged_or_failed_is_said_below_the_table(void **state)
{
    (void)state;
    json_t *rows = depth_rows();
    set_counts(json_array_get(rows, 0), 5, 4, 0);
    set_counts(json_array_get(rows, 1), 2, 1, 3);
    char *text = printed(rows, sweep_with(DEPTH_AXES), &ascii);
    assert_non_null(strstr(text, "5/2")); /* reached / n */
    assert_non_null(strstr(text, "\n\n5 trials diverged: counted as never reaching the target\n"
                                 "3 trials failed: in no figure here\n\n"));
    free(text);
    text = printed(depth_rows(), sweep_with(DEPTH_AXES), &ascii);
    assert_null(strstr(text, "diverged"));
    assert_null(strstr(text, "warning"));
    free(text);
}

/* C11: what `verify` takes for a cell's recorded seeds is what `summary` counts. */
static void trials_count_by_their_outcome(void **state)
{
    static const struct {
        const char *outcome;
        bool counts;
    } cases[] = {{"reached", true}, {"censored", true},   {"diverged", true},
                 {"failed", false}, {"cancelled", false}, {"pending", false}};
    (void)state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        json_t *trial = json_pack("{s:s}", "outcome", cases[i].outcome);
        assert_true(population_has(trial) == cases[i].counts);
        json_decref(trial);
    }
}

/* C6 */
static void cells_that_mix_kernels_are_warned_of(void **state)
{
    (void)state;
    json_t *rows = depth_rows();
    for (size_t i = 0; i < json_array_size(rows); i++) {
        json_t *row = json_array_get(rows, i);
        json_object_set_new(row, "cell", json_integer((json_int_t)i));
        json_object_set_new(row, "kernel", json_string(i < 5 ? "mixed" : "Haswell"));
        json_object_set_new(row, "cpu", json_string(i == 2 ? "mixed" : "a CPU"));
    }
    char *text = printed(rows, sweep_with(DEPTH_AXES), &ascii);
    assert_non_null(strstr(text, "warning: cells 0, 1, 2 and 2 more mix kernels: numbers differ by "
                                 "rounding, seconds by more\n"
                                 "warning: cell 2 mixes CPUs: seconds are not comparable\n"));
    free(text);
}

static void cells_off_the_axes_make_a_plain_list(void **state)
{
    (void)state;
    char *text = printed(depth_rows(), sweep_with("{\"width\": [10, 20]}"), &ascii);
    assert_non_null(strstr(text, "depth  batch_norm  n  reached  median  q1  q3"));
    assert_non_null(strstr(text, "    2  before      5        5      10   9  12"));
    free(text);
}

static void what_was_not_reached_is_beyond_max_steps_in_a_list_too(void **state)
{
    (void)state;
    json_t *rows = json_pack("[o, o]", cell(1, "none", -1), cell(2, "none", 14));
    json_object_set_new(json_array_get(rows, 1), "n", json_integer(0)); /* none has ended */
    json_object_set_new(json_array_get(rows, 1), "median_steps", json_null());
    json_object_set_new(json_array_get(rows, 1), "q1_steps", json_null());
    json_object_set_new(json_array_get(rows, 1), "q3_steps", json_null());
    char *text = printed(rows, sweep_with("{}"), &ascii);
    assert_non_null(strstr(text, "depth  n  reached  median  q1     q3\n"
                                 "    1  5        1   >2000  90  >2000\n"
                                 "    2  0        5       -   -      -\n"));
    free(text);
}

static void columns_that_follow_from_others_are_left_out(void **state)
{
    json_t *rows = json_pack("[{s:i,s:s,s:i,s:s,s:i}, {s:i,s:s,s:n,s:s,s:i}]", "depth", 1,
                             "hidden_units", "500", "width", 500, "batch_norm", "none",
                             "batch_norm_output", 0, "depth", 2, "hidden_units", "500,400", "width",
                             "batch_norm", "before", "batch_norm_output", 1);
    (void)state;

    char *text = printed(rows, sweep_with("{}"), &ascii);
    assert_int_equal(strncmp(text, "depth  batch_norm\n", 18), 0);
    free(text);

    rows = json_pack("[{s:i,s:s}, {s:i,s:s}]", "depth", 1, "hidden_units", "500", "depth", 1,
                     "hidden_units", "40");
    text = printed(rows, sweep_with("{}"), &ascii);
    assert_int_equal(strncmp(text, "hidden_units\n", 13), 0);
    free(text);
}

static void three_axes_combine_all_but_the_first(void **state)
{
    json_t *sweep = sweep_with("{\"depth\": [1, 2], \"batch_norm\": [\"none\", \"after\"],"
                               " \"max_steps\": [5, 6]}");
    struct pivot pivot;
    json_t *rows =
        json_pack("[{s:i, s:s, s:i}]", "depth", 2, "batch_norm", "after", "max_steps", 5);
    (void)state;

    assert_int_equal(pivot_build(rows, json_object_get(sweep, "spec"), &pivot), 0);
    assert_int_equal(pivot.n_columns, 4);
    assert_string_equal(pivot.column_labels[1], "batch_norm=none max_steps=6");
    assert_ptr_equal(pivot.cells[1 * 4 + 2], json_array_get(rows, 0));
    assert_null(pivot.cells[0]);
    pivot_clear(&pivot);
    json_decref(rows);
    json_decref(sweep);
}

static void assert_same(const char *submitted, const char *stored, bool expected)
{
    json_t *a = json_loads(submitted, JSON_DECODE_ANY, NULL);
    json_t *b = json_loads(stored, JSON_DECODE_ANY, NULL);

    assert_true(pivot_same_value(a, b) == expected);
    json_decref(a);
    json_decref(b);
}

static void submitted_values_are_found_in_the_views_columns(void **state)
{
    (void)state;
    assert_same("1", "1.0", true);
    assert_same("true", "1", true);
    assert_same("false", "1", false);
    assert_same("\"relu\"", "\"relu\"", true);
    assert_same("[500, 400]", "\"500,400\"", true);
    assert_same("[500, 400]", "\"[500,400]\"", true);
    assert_same("[500, 400]", "[500,400]", true);
    assert_same("[500]", "\"500,400\"", false);
    assert_same("\"1\"", "1", false);
}

static char *lines_chart(const struct terminal *terminal)
{
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    static const char *labels[] = {"1", "2", "3"}, *series[] = {"none", "before"};
    static const struct chart_point points[] = {
        {true, 10, 10, 10},
        {true, 30, 25, 35},
        {true, 50, 45, INFINITY},
        {true, 10, 10, 10},
        {true, INFINITY, 9, INFINITY},
        {false},
    };
    struct chart chart = {"steps", "depth", labels, 3, series, 2, points};

    chart_print_lines(&chart, terminal, out);
    fclose(out);
    return text;
}

static void plain_charts_use_plain_letters(void **state)
{
    (void)state;
    char *text = lines_chart(&ascii);
    for (char *c = text; *c; c++) {
        assert_true((unsigned char)*c < 0x80);
    }
    assert_non_null(strstr(text, "* none  o before  ^ not reached by half"));
    assert_non_null(strstr(text, "depth"));
    free(text);
}

static void ticks_stand_at_equal_distances(void **state)
{
    static const char *labels[] = {"1", "2", "3"}, *series[] = {""};
    (void)state;
    for (int highest = 1; highest <= 100; highest++) {
        struct chart_point points[] = {
            {true, highest, highest, highest}, {true, 50, 50, 50}, {true, 9, 9, 9}};
        struct chart chart = {"steps", "depth", labels, 3, series, 1, points};
        char *text;
        size_t size;
        FILE *out = open_memstream(&text, &size);
        chart_print_lines(&chart, &ascii, out);
        fclose(out);
        int row = 0, before = -1, distance = 0;
        for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"), row++) {
            if (line[6] != ' ' || line[7] != '+' || line[5] == ' ') {
                continue; /* no tick */
            }
            assert_true(distance == 0 || row - before == distance);
            distance = before < 0 ? 0 : row - before;
            before = row;
        }
        assert_int_not_equal(distance, 0);
        free(text);
    }
}

static void unicode_charts_draw_in_braille_and_colour_only_if_asked(void **state)
{
    (void)state;
    char *text = lines_chart(&unicode);
    assert_non_null(strstr(text, "●"));
    assert_non_null(strstr(text, "↑"));
    assert_null(strchr(text, '\033'));
    free(text);

    struct terminal colourful = {.width = 80, .unicode = true, .colour = true};
    text = lines_chart(&colourful);
    assert_non_null(strstr(text, "\033["));
    free(text);
}

static void charts_fit_the_terminal_or_are_left_out(void **state)
{
    enum { MANY = 64 };
    const char *labels[MANY], *series[] = {""};
    struct chart_point points[MANY];
    struct chart chart = {"steps", "width", labels, MANY, series, 1, points};
    (void)state;

    for (int i = 0; i < MANY; i++) {
        labels[i] = "1024";
        points[i] = (struct chart_point){true, 10 + i, 9 + i, 12 + i};
    }
    for (int width = 20; width < 160; width += 10) {
        char *text;
        size_t size;
        FILE *out = open_memstream(&text, &size);
        struct terminal terminal = {.width = width, .unicode = true};
        chart_print_lines(&chart, &terminal, out);
        chart_print_bars(&chart, &terminal, out);
        fclose(out);
        assert_true((size == 0) == (width < MANY + 19));
        for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
            assert_true(text_width(line) <= (size_t)width);
        }
        free(text);
    }
}

static void bars_are_as_long_as_their_values(void **state)
{
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    static const char *labels[] = {"relu", "sigmoid"}, *series[] = {""};
    static const struct chart_point points[] = {{true, 10, 10, 10}, {true, 20, 20, 20}};
    struct chart chart = {"steps", "activation", labels, 2, series, 1, points};
    (void)state;

    chart_print_bars(&chart, &ascii, out);
    fclose(out);
    assert_string_equal(text, "steps\n"
                              "  relu     ######################### 10\n"
                              "  sigmoid  ################################################## 20\n");
    free(text);
}

static void scales_end_on_round_numbers(void **state)
{
    struct chart_scale scale;
    (void)state;

    chart_scale_choose(16, 51, &scale);
    assert_false(scale.logarithmic);
    assert_float_equal(scale.min, 0, 0);
    assert_float_equal(scale.max, 60, 0);
    assert_int_equal(scale.n_ticks, 4);
    assert_float_equal(chart_scale_place(&scale, 30), 0.5, 1e-12);

    chart_scale_choose(14, 1500, &scale);
    assert_true(scale.logarithmic);
    assert_float_equal(scale.min, 10, 1e-9);
    assert_float_equal(scale.max, 10000, 1e-6);
    assert_float_equal(chart_scale_place(&scale, 100), 1.0 / 3, 1e-9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_axes_make_a_table_with_two_sides),
        cmocka_unit_test(a_target_that_half_never_reached_is_beyond_max_steps),
        cmocka_unit_test(cells_without_a_result_are_dashes),
        cmocka_unit_test(what_diverged_or_failed_is_said_below_the_table),
        cmocka_unit_test(trials_count_by_their_outcome),
        cmocka_unit_test(cells_that_mix_kernels_are_warned_of),
        cmocka_unit_test(cells_off_the_axes_make_a_plain_list),
        cmocka_unit_test(what_was_not_reached_is_beyond_max_steps_in_a_list_too),
        cmocka_unit_test(columns_that_follow_from_others_are_left_out),
        cmocka_unit_test(three_axes_combine_all_but_the_first),
        cmocka_unit_test(submitted_values_are_found_in_the_views_columns),
        cmocka_unit_test(plain_charts_use_plain_letters),
        cmocka_unit_test(ticks_stand_at_equal_distances),
        cmocka_unit_test(unicode_charts_draw_in_braille_and_colour_only_if_asked),
        cmocka_unit_test(charts_fit_the_terminal_or_are_left_out),
        cmocka_unit_test(bars_are_as_long_as_their_values),
        cmocka_unit_test(scales_end_on_round_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
