#include "tests/test.h"

#include "common/utf8.h"

#include <stdio.h>
#include <string.h>

static void cleaning_keeps_what_is_fit_and_replaces_the_rest(void **state)
{
    (void)state;
    static const struct {
        const char *dirty, *name, *prose;
    } cases[] = {
        {"plain\ttext\nand more", "plain text?and more", "plain\ttext\nand more"},
        {"gr\xC3\xBC\xC3\x9F", "gr\xC3\xBC\xC3\x9F", "gr\xC3\xBC\xC3\x9F"},
        {"\xF0\x9F\x98\x80!", "\xF0\x9F\x98\x80!", "\xF0\x9F\x98\x80!"},
        {"\x1B[31mred\x7F", "?[31mred?", "?[31mred?"},
        {"latin\xE9", "latin?", "latin?"},
        {"cut \xE2\x82", "cut ??", "cut ??"},
        {"long \xC0\xAF", "long ??", "long ??"},
        {"surrogate \xED\xA0\x80", "surrogate ???", "surrogate ???"},
        {"beyond \xF4\x90\x80\x80", "beyond ????", "beyond ????"},
        {"c1 \xC2\x9Bm", "c1 ?m", "c1 ?m"},
        {"\u202Eback\u202C, \u2067on\u2069", "?back?, ?on?", "?back?, ?on?"},
        {"\u200E\u200F\u061C\u2028\u2029.", "?????.", "?????."},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[64];
        snprintf(text, sizeof(text), "%s", cases[i].dirty);
        utf8_clean(text, UTF8_NAME);
        assert_string_equal(text, cases[i].name);
        assert_true(utf8_is_fit(text, UTF8_NAME));
        assert_int_equal(utf8_is_fit(cases[i].dirty, UTF8_NAME),
                         strcmp(cases[i].dirty, cases[i].name) == 0);
        snprintf(text, sizeof(text), "%s", cases[i].dirty);
        utf8_clean(text, UTF8_PROSE);
        assert_string_equal(text, cases[i].prose);
        assert_int_equal(utf8_is_fit(cases[i].dirty, UTF8_PROSE),
                         strcmp(cases[i].dirty, cases[i].prose) == 0);
    }
}

/* Neighbours of what is refused, and what people write: Arabic, Hebrew, accents of their own. */
static void names_of_all_scripts_are_fit(void **state)
{
    (void)state;
    static const char *const names[] = {
        "",
        " ~",
        "\u00A0",
        "\u061B\u061D",
        "\u200B\u200D",
        "\u2010\u2027\u202F",
        "\u2065\u206A",
        "\u05E9\u05DC\u05D5\u05DD",
        "e\u0301",
        "\U0010FFFF",
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        assert_true(utf8_is_fit(names[i], UTF8_NAME));
    }
}

static void a_cut_ends_between_characters(void **state)
{
    (void)state;
    assert_int_equal(utf8_cut("abc", 5), 3);
    assert_int_equal(utf8_cut("abc", 3), 3);
    assert_int_equal(utf8_cut("abc", 2), 2);
    assert_int_equal(utf8_cut("\u20AC", 3), 3);
    assert_int_equal(utf8_cut("a\u20AC", 3), 1);
    assert_int_equal(utf8_cut("a\u20AC", 2), 1);
    assert_int_equal(utf8_cut("\U0001F600", 3), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cleaning_keeps_what_is_fit_and_replaces_the_rest),
        cmocka_unit_test(names_of_all_scripts_are_fit),
        cmocka_unit_test(a_cut_ends_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
