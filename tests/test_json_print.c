#include "tests/test.h"

#include "common/json_print.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static void assert_printed(const char *input, enum json_print_style style, const char *expected)
{
    json_t *json = json_loads(input, JSON_DECODE_ANY, NULL);
    assert_non_null(json);
    char *text = json_print_text(json, style);
    assert_string_equal(text, expected);
    json_t *again = json_loads(text, JSON_DECODE_ANY, NULL);
    assert_non_null(again);
    json_decref(again);
    free(text);
    json_decref(json);
}

static void numbers_have_no_more_digits_than_they_need(void **state)
{
    (void)state;
    assert_printed("[0.27, 0.1, 1e-8, 100.0, -2.5, 0.30000000000000004, 9007199254740993]",
                   JSON_PRINT_COMPACT,
                   "[0.27,0.1,1e-08,100,-2.5,0.30000000000000004,9007199254740993]");
    assert_printed("0.9", JSON_PRINT_INDENTED, "0.9");
}

static void texts_and_names_are_escaped(void **state)
{
    (void)state;
    assert_printed("{\"a\\\"b\": \"line\\nfeed \\u0001 \xc3\xa9\", \"t\": [true, false, null]}",
                   JSON_PRINT_COMPACT,
                   "{\"a\\\"b\":\"line\\nfeed \\u0001 \xc3\xa9\",\"t\":[true,false,null]}");
}

static void members_keep_their_order_unless_sorted(void **state)
{
    (void)state;
    assert_printed("{\"b\": {\"d\": 1, \"c\": 2}, \"a\": []}", JSON_PRINT_COMPACT,
                   "{\"b\":{\"d\":1,\"c\":2},\"a\":[]}");
    assert_printed("{\"b\": {\"d\": 1, \"c\": 2}, \"a\": []}", JSON_PRINT_SORTED,
                   "{\"a\":[],\"b\":{\"c\":2,\"d\":1}}");
}

static void for_people_each_item_has_a_line(void **state)
{
    (void)state;
    assert_printed("{\"a\": [1, {\"b\": 0.5}], \"c\": {}, \"d\": []}", JSON_PRINT_INDENTED,
                   "{\n"
                   "  \"a\": [\n"
                   "    1,\n"
                   "    {\n"
                   "      \"b\": 0.5\n"
                   "    }\n"
                   "  ],\n"
                   "  \"c\": {},\n"
                   "  \"d\": []\n"
                   "}");
}

static void nothing_is_printed_of_nothing(void **state)
{
    (void)state;
    assert_null(json_print_text(NULL, JSON_PRINT_COMPACT));
}

/* What could not be written is no lack of memory; the file says what it is. */
static void a_full_file_is_for_its_owner_to_tell(void **state)
{
    (void)state;
    json_t *json = json_loads("{\"a\": [1, 0.5, \"text\", true]}", 0, NULL);
    FILE *out = fopen("/dev/full", "w");
    assert_non_null(out);
    setvbuf(out, NULL, _IONBF, 0);
    assert_int_equal(json_print_file(json, JSON_PRINT_COMPACT, out), 0);
    assert_true(ferror(out));
    fclose(out);
    json_decref(json);
}

/* D26: what many programs write for a number that does not exist. */
static void nan_is_answered_with_the_remedy(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool remedy;
    } cases[] = {{"[NaN]", true},  {"[1, Infinity]", true}, {"{\"a\": -Infinity}", true},
                 {"[nan]", false}, {"[1, +]", false},       {"{\"NaN\"}", false}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        json_error_t problem;
        assert_null(json_loads(cases[i].text, 0, &problem));
        assert_int_equal(json_print_remedy(&problem)[0] != '\0', cases[i].remedy);
    }
}

static void a_short_value_is_shown_whole_and_a_long_one_cut_between_characters(void **state)
{
    (void)state;
    char text[JSON_PRINT_SHORT_SIZE], is[128] = "";
    json_t *list = json_pack("[s, i]", "a\u202Eb", 5);
    assert_string_equal(json_print_short(list, text), "[\"a?b\",5]");
    json_decref(list);
    for (int i = 0; i < 30; i++) {
        strcat(is, "\u20AC");
    }
    json_t *long_one = json_string(is);
    json_print_short(long_one, text);
    assert_int_equal(strlen(text), 1 + 19 * 3 + 3);
    assert_string_equal(text + 1 + 19 * 3, "...");
    json_decref(long_one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nan_is_answered_with_the_remedy),
        cmocka_unit_test(a_short_value_is_shown_whole_and_a_long_one_cut_between_characters),
        cmocka_unit_test(numbers_have_no_more_digits_than_they_need),
        cmocka_unit_test(texts_and_names_are_escaped),
        cmocka_unit_test(members_keep_their_order_unless_sorted),
        cmocka_unit_test(for_people_each_item_has_a_line),
        cmocka_unit_test(nothing_is_printed_of_nothing),
        cmocka_unit_test(a_full_file_is_for_its_owner_to_tell),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
