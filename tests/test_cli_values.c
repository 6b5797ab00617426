#include "cli/values.h"
#include "tests/test.h"

#include <stdlib.h>
#include <string.h>

static void assert_values(enum config_field field, const char *text, const char *expected)
{
    struct error error = {0};
    json_t *values = json_array();

    assert_int_equal(values_parse(field, text, values, &error), 0);
    char *found = json_dumps(values, JSON_COMPACT);
    assert_string_equal(found, expected);
    free(found);
    json_decref(values);
}

static void assert_refused(enum config_field field, const char *text, const char *flag,
                           const char *said)
{
    struct error error = {0};
    json_t *values = json_pack("[i]", 7);

    assert_int_equal(values_parse(field, text, values, &error), ERROR_INVALID);
    assert_string_equal(error.field, flag);
    assert_non_null(strstr(error.message, said));
    assert_int_equal(json_array_size(values), 1); /* left as it was */
    json_decref(values);
}

static void integers_come_alone_in_lists_and_in_ranges(void **state)
{
    (void)state;
    assert_values(CONFIG_DEPTH, "3", "[3]");
    assert_values(CONFIG_DEPTH, "1,4,7", "[1,4,7]");
    assert_values(CONFIG_DEPTH, "1..7", "[1,2,3,4,5,6,7]");
    assert_values(CONFIG_DEPTH, "1..3, 6 .. 7", "[1,2,3,6,7]");
    assert_values(CONFIG_DEPTH, "5..5", "[5]");
}

static void words_numbers_and_truth_values_come_in_lists(void **state)
{
    (void)state;
    assert_values(CONFIG_BATCH_NORM, "none,before", "[\"none\",\"before\"]");
    assert_values(CONFIG_LEARNING_RATE, "0.5,0.25", "[0.5,0.25]");
    assert_values(CONFIG_STOP_AT_TARGET, "true,false", "[true,false]");
    assert_values(CONFIG_DATASET, "mnist", "[\"mnist\"]");
}

static void lists_of_units_are_separated_by_semicolons(void **state)
{
    (void)state;
    assert_values(CONFIG_HIDDEN_UNITS, "500,400,300", "[[500,400,300]]");
    assert_values(CONFIG_HIDDEN_UNITS, "500,400;30", "[[500,400],[30]]");
}

static void a_wrong_value_blames_its_flag(void **state)
{
    (void)state;
    assert_refused(CONFIG_DEPTH, "70", "--depth", "70");
    assert_refused(CONFIG_DEPTH, "1,,2", "--depth", "''");
    assert_refused(CONFIG_BATCH_NORM, "none,befor", "--batch-norm", "befor");
}

static void a_wrong_range_says_what_is_wrong_with_it(void **state)
{
    (void)state;
    assert_refused(CONFIG_DEPTH, "7..1", "--depth", "1..7");
    assert_refused(CONFIG_DEPTH, "1..", "--depth", "whole numbers");
    assert_refused(CONFIG_DEPTH, "1..x", "--depth", "whole numbers");
    assert_refused(CONFIG_LEARNING_RATE, "0.1..0.2", "--learning-rate", "range");
    assert_refused(CONFIG_MAX_STEPS, "1..1000000000", "--max-steps", "more than");
    assert_refused(CONFIG_MAX_STEPS, "-9223372036854775808..9223372036854775807", "--max-steps",
                   "more than");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_come_alone_in_lists_and_in_ranges),
        cmocka_unit_test(words_numbers_and_truth_values_come_in_lists),
        cmocka_unit_test(lists_of_units_are_separated_by_semicolons),
        cmocka_unit_test(a_wrong_value_blames_its_flag),
        cmocka_unit_test(a_wrong_range_says_what_is_wrong_with_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
