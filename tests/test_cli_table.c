#include "cli/table.h"
#include "cli/text.h"
#include "tests/test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct terminal plain = {.width = 80};

static char *table_of(const char *json, const struct column *columns,
                      const struct terminal *terminal)
{
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    json_t *rows = json_loads(json, 0, NULL);

    assert_non_null(rows);
    table_print(rows, columns, terminal, out);
    json_decref(rows);
    fclose(out);
    return text;
}

static char *csv_of(const char *json)
{
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    json_t *rows = json_loads(json, 0, NULL);

    assert_non_null(rows);
    table_print_csv(rows, out);
    json_decref(rows);
    fclose(out);
    return text;
}

static const struct column columns[] = {{"name"}, {"steps", "median"}, {"note"}, {NULL}};

static void numbers_stand_to_the_right_and_words_to_the_left(void **state)
{
    (void)state;
    char *text = table_of("[{\"name\": \"a\", \"steps\": 5, \"note\": \"x\"},"
                          " {\"name\": \"long name\", \"steps\": 51.5, \"note\": null},"
                          " {\"name\": \"b\", \"steps\": null, \"note\": \"y\"}]",
                          columns, &plain);
    assert_string_equal(text, "name       median  note\n"
                              "a               5  x\n"
                              "long name    51.5  -\n"
                              "b               -  y\n");
    free(text);
}

static void wide_letters_take_their_columns(void **state)
{
    (void)state;
    char *text = table_of("[{\"name\": \"深い\", \"steps\": 1, \"note\": \"x\"},"
                          " {\"name\": \"é\", \"steps\": 2, \"note\": \"x\"}]",
                          columns, &plain);
    assert_string_equal(text, "name  median  note\n"
                              "深い       1  x\n"
                              "é          2  x\n");
    free(text);
}

static void control_characters_never_reach_the_terminal(void **state)
{
    (void)state;
    char *text = table_of("[{\"name\": \"a\\u001b[31mred\\n\", \"steps\": 1, \"note\": \"x\"}]",
                          columns, &plain);
    assert_null(strchr(text, '\033'));
    assert_non_null(strstr(text, "a?[31mred?"));
    free(text);
}

/* Takes the text. */
static void assert_lines_fit(char *text, size_t width)
{
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        assert_true(text_width(line) <= width);
    }
    free(text);
}

static void the_widest_columns_are_shortened_to_fit_a_live_terminal(void **state)
{
    const struct terminal narrow = {.live = true, .width = 30};
    (void)state;

    char *text = table_of("[{\"name\": \"a\", \"steps\": 1, \"note\": "
                          "\"a reason that is much too long for this\"}]",
                          columns, &narrow);
    assert_non_null(strstr(text, "a reason that .."));
    assert_lines_fit(text, 30);

    text = table_of("[{\"name\": \"\u540d\u524d\u540d\u524d of a sweep that is long\","
                    " \"steps\": 1, \"note\": \"also much too long\"}]",
                    columns, &narrow);
    assert_non_null(strstr(text, "\u540d\u524d\u540d.."));
    assert_non_null(strstr(text, " 1  "));
    assert_lines_fit(text, 30);
}

static void cells_can_be_printed_in_other_ways(void **state)
{
    static const struct column ways[] = {
        {"share", NULL, table_percent}, {"time", NULL, table_duration}, {"units"}, {"yes"}, {NULL}};
    (void)state;

    char *text = table_of(
        "[{\"share\": 0.9012, \"time\": 125, \"units\": [500, 40], \"yes\": true}]", ways, &plain);
    assert_non_null(strstr(text, "90.12 %  2 min 05 s  500,40  yes"));
    free(text);
}

static void csv_quotes_what_needs_it(void **state)
{
    (void)state;
    char *text = csv_of("[{\"a\": 1, \"b\": \"x,y\", \"c\": null},"
                        " {\"c\": \"say \\\"hi\\\"\", \"a\": 0.1, \"b\": \"line\\nbreak\"}]");
    assert_string_equal(text, "a,b,c\r\n"
                              "1,\"x,y\",\r\n"
                              "0.1,\"line\nbreak\",\"say \"\"hi\"\"\"\r\n");
    free(text);
}

static void assert_duration(double seconds, const char *expected)
{
    char text[TEXT_SIZE];

    text_duration(seconds, text);
    assert_string_equal(text, expected);
}

static void durations_read_well_at_every_size(void **state)
{
    (void)state;
    assert_duration(0.04, "0.0 s");
    assert_duration(9.94, "9.9 s");
    assert_duration(9.96, "10 s");
    assert_duration(59.6, "1 min 00 s");
    assert_duration(187, "3 min 07 s");
    assert_duration(7500, "2 h 05 min");
    assert_duration(270000, "3 d 3 h");
    assert_duration(NAN, "-");
    assert_duration(INFINITY, "11574074 d 1 h");
}

/* D16, D26 */
static void parameters_keep_every_digit(void **state)
{
    static const struct column ways[] = {{"beta2", NULL, table_parameter},
                                         {"rate", NULL, table_parameter},
                                         {"units", NULL, table_parameter},
                                         {"list", NULL, table_parameter},
                                         {NULL}};
    (void)state;

    char *text =
        table_of("[{\"beta2\": 0.99999, \"rate\": 0.012346, \"units\": \"\", \"list\": []},"
                 " {\"beta2\": 0.9, \"rate\": 1e-08, \"units\": \"5,4\", \"list\": [5]}]",
                 ways, &plain);
    assert_non_null(strstr(text, "0.99999  0.012346  none   none\n"));
    assert_non_null(strstr(text, "    0.9     1e-08  5,4    5\n"));
    free(text);
}

/* D16 */
static void a_percentage_is_no_rounder_than_its_share(void **state)
{
    (void)state;
    static const struct {
        double share;
        const char *text;
    } cases[] = {{0.9, "90"},  {0.99999, "99.999"}, {0.07, "7"},
                 {0.57, "57"}, {1, "100"},          {0.905, "90.5"}};

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char text[TEXT_SIZE];
        text_percent(cases[i].share, text);
        assert_string_equal(text, cases[i].text);
    }
}

/* D22 */
static void words_are_quoted_for_the_shell_where_they_must_be(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"ninety.db", "ninety.db"}, {"/a/b-c_1.db", "/a/b-c_1.db"}, {"my file", "'my file'"},
        {"it's", "'it'\\''s'"},     {"$HOME;x", "'$HOME;x'"},       {"", "''"},
        {"-x.db", "./-x.db"},       {"-my file", "'./-my file'"},   {"~/x", "'~/x'"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char *word = text_shell_word(cases[i][0]);
        assert_string_equal(word, cases[i][1]);
        free(word);
    }
}

static void assert_number(double number, const char *expected)
{
    char text[TEXT_SIZE];

    text_number(number, text);
    assert_string_equal(text, expected);
}

static void numbers_have_four_digits_that_count(void **state)
{
    (void)state;
    assert_number(51, "51");
    assert_number(51.5, "51.5");
    assert_number(11.7345, "11.73");
    assert_number(123456, "123456");
    assert_number(0.01, "0.01");
    assert_number(NAN, "-");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_stand_to_the_right_and_words_to_the_left),
        cmocka_unit_test(wide_letters_take_their_columns),
        cmocka_unit_test(control_characters_never_reach_the_terminal),
        cmocka_unit_test(the_widest_columns_are_shortened_to_fit_a_live_terminal),
        cmocka_unit_test(cells_can_be_printed_in_other_ways),
        cmocka_unit_test(csv_quotes_what_needs_it),
        cmocka_unit_test(durations_read_well_at_every_size),
        cmocka_unit_test(parameters_keep_every_digit),
        cmocka_unit_test(a_percentage_is_no_rounder_than_its_share),
        cmocka_unit_test(words_are_quoted_for_the_shell_where_they_must_be),
        cmocka_unit_test(numbers_have_four_digits_that_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
