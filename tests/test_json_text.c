#include "daemon/json_in.h"
#include "daemon/json_out.h"
#include "tests/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int parse(const char *text, struct error *error)
{
    json_t *json = NULL;
    int rc = json_in_parse(text, strlen(text), &json, error);
    assert_true((rc == 0) == (json != NULL));
    json_decref(json);
    return rc;
}

static void only_sound_objects_parse(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        " ",
        "[]",
        "1",
        "{\"a\": 1, \"a\": 2}",
        "{\"a\": }",
        "{} {}",
        "{\"a\": 01}",
        "{'a': 1}",
        "{\"a\": \"\xff\"}",
        "{",
        "{\"a\": NaN}",
        "{\"a\": 99999999999999999999}",
        "{\"a\": 1e999}",
        "{\"a\": \"\\u0000\"}",
    };
    assert_int_equal(parse("{}", NULL), 0);
    assert_int_equal(parse(" {\"a\": [1, 2.5, \"x\", null, true]} ", NULL), 0);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct error error = {0};
        assert_int_equal(parse(bad[i], &error), ERROR_INVALID);
        assert_string_not_equal(error.message, "");
        assert_string_equal(error.field, "");
    }
}

static int parse_nested(int depth)
{
    char text[4096];
    size_t n = 0;
    n += (size_t)sprintf(text, "{\"a\": ");
    for (int i = 1; i < depth; i++) {
        text[n++] = '[';
    }
    text[n++] = '1';
    for (int i = 1; i < depth; i++) {
        text[n++] = ']';
    }
    memcpy(text + n, "}", 2);
    return parse(text, NULL);
}

static void depth_is_bounded_and_brackets_in_strings_do_not_count(void **state)
{
    (void)state;
    assert_int_equal(parse_nested(JSON_IN_MAX_DEPTH), 0);
    assert_int_equal(parse_nested(JSON_IN_MAX_DEPTH + 1), ERROR_INVALID);
    assert_int_equal(parse_nested(1000), ERROR_INVALID);
    assert_int_equal(
        parse("{\"a\": \"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"[[[[[[[[[\"}", NULL), 0);
}

static void members_are_read_by_the_table_and_the_rest_is_refused_by_name(void **state)
{
    (void)state;
    static const struct {
        const char *text, *field;
    } cases[] = {
        {"{\"n\": 3, \"x\": 0.5, \"s\": \"text\", \"l\": []}", NULL},
        {"{\"n\": 3}", NULL},
        {"{\"n\": 3, \"x\": 1}", NULL},
        {"{\"x\": 0.5}", "n"},
        {"{\"n\": 3.0}", NULL}, /* D21: the same number */
        {"{\"n\": 3.5}", "n"},
        {"{\"n\": \"3\"}", "n"},
        {"{\"n\": 11}", "n"},
        {"{\"n\": -1}", "n"},
        {"{\"n\": null}", "n"},
        {"{\"n\": 3, \"x\": true}", "x"},
        {"{\"n\": 3, \"s\": \"\"}", "s"},
        {"{\"n\": 3, \"s\": \"too long\"}", "s"},
        {"{\"n\": 3, \"l\": {}}", "l"},
        {"{\"n\": 3, \"other\": 1}", "other"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t n = -7;
        double x = 0;
        const char *s = NULL;
        json_t *l = NULL;
        const struct json_in_member members[] = {
            {"n", JSON_IN_INTEGER, true, 0, 10, &n},
            {"x", JSON_IN_REAL, false, 0, 1, &x},
            {"s", JSON_IN_STRING, false, 1, 4, &s},
            {"l", JSON_IN_ARRAY, false, 0, 0, &l},
        };
        json_t *json = NULL;
        struct error error = {0};
        assert_int_equal(json_in_parse(cases[i].text, strlen(cases[i].text), &json, NULL), 0);
        int rc = json_in_members(json, members, 4, &error);
        if (cases[i].field == NULL) {
            assert_int_equal(rc, 0);
            assert_int_equal(n, 3);
        } else {
            assert_int_equal(rc, ERROR_INVALID);
            assert_string_equal(error.field, cases[i].field);
        }
        json_decref(json);
    }
}

static void strings_are_escaped_so_that_they_parse_again(void **state)
{
    (void)state;
    static const char text[] = "quote \" slash \\ line\n tab\t bell\a \xC3\xA9 /";
    struct json_out out = {0};
    json_out_format(&out, "{\"a\": ");
    json_out_string(&out, text);
    json_out_format(&out, "}");
    json_t *json = NULL;
    assert_int_equal(json_in_parse(out.text, out.size, &json, NULL), 0);
    assert_string_equal(json_string_value(json_object_get(json, "a")), text);
    json_decref(json);
    json_out_clear(&out);
}

static void integers_are_written_whole(void **state)
{
    (void)state;
    static const int64_t integers[] = {0, 7, 10, -1, -120, 1234567890123, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < sizeof integers / sizeof *integers; i++) {
        char expected[32];
        snprintf(expected, sizeof expected, "[%lld]", (long long)integers[i]);
        struct json_out out = {0};
        json_out_text(&out, "[");
        json_out_integer(&out, integers[i]);
        json_out_text(&out, "]");
        assert_string_equal(out.text, expected);
        json_out_clear(&out);
    }
}

static void output_grows_as_needed(void **state)
{
    (void)state;
    struct json_out out = {0};
    char *piece = malloc(1001);
    memset(piece, 'x', 1000);
    piece[1000] = '\0';
    for (int i = 0; i < 100; i++) {
        json_out_format(&out, "%d%s", i % 10, piece);
    }
    assert_false(out.failed);
    assert_int_equal(out.size, 100100);
    assert_int_equal(strlen(out.text), 100100);
    assert_int_equal(out.text[1001 * 7], '7');
    free(piece);
    json_out_clear(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_sound_objects_parse),
        cmocka_unit_test(depth_is_bounded_and_brackets_in_strings_do_not_count),
        cmocka_unit_test(members_are_read_by_the_table_and_the_rest_is_refused_by_name),
        cmocka_unit_test(strings_are_escaped_so_that_they_parse_again),
        cmocka_unit_test(integers_are_written_whole),
        cmocka_unit_test(output_grows_as_needed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
