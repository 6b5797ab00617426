#include "common/suggest.h"
#include "tests/test.h"

static const char *nearest(const char *typed, const char *const *words)
{
    struct suggestion suggestion;

    suggest_begin(&suggestion, typed);
    for (; *words; words++) {
        suggest_offer(&suggestion, *words);
    }
    return suggestion.word;
}

static const char *const commands[] = {"run",     "submit", "status", "watch",
                                       "results", "resume", "retry",  NULL};

static void distance_counts_edits_and_swaps_of_neighbours(void **state)
{
    (void)state;
    assert_int_equal(suggest_distance("watch", "watch"), 0);
    assert_int_equal(suggest_distance("wacth", "watch"), 1);
    assert_int_equal(suggest_distance("watc", "watch"), 1);
    assert_int_equal(suggest_distance("wwatch", "watch"), 1);
    assert_int_equal(suggest_distance("kitten", "sitting"), 3);
    assert_int_equal(suggest_distance("", "run"), 3);
}

static void a_slip_finds_the_word_that_was_meant(void **state)
{
    (void)state;
    assert_string_equal(nearest("sumbit", commands), "submit");
    assert_string_equal(nearest("stauts", commands), "status");
    assert_string_equal(nearest("result", commands), "results");
    assert_string_equal(nearest("rum", commands), "run");
}

static void the_start_of_a_word_finds_it(void **state)
{
    (void)state;
    assert_string_equal(nearest("sub", commands), "submit");
    assert_string_equal(nearest("stat", commands), "status");
}

static void a_word_far_from_all_finds_none(void **state)
{
    (void)state;
    assert_null(nearest("frobnicate", commands));
    assert_null(nearest("x", commands));
    assert_null(nearest("a-word-much-longer-than-any-option-could-reasonably-be", commands));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(distance_counts_edits_and_swaps_of_neighbours),
        cmocka_unit_test(a_slip_finds_the_word_that_was_meant),
        cmocka_unit_test(the_start_of_a_word_finds_it),
        cmocka_unit_test(a_word_far_from_all_finds_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
