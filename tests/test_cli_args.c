#include "cli/args.h"
#include "cli/command.h"
#include "cli/options.h"
#include "tests/test.h"

#include <string.h>

static const struct option own_options[] = {
    {"dry-run", NULL, "only count"},
    {"workers", "N", "how many"},
    {NULL},
};

static const struct command command = {
    .name = "try",
    .arguments = "FILE",
    .options = own_options,
    .sets = OPTIONS_CONFIG | OPTIONS_FORMAT,
    .max_arguments = 1,
};

/* Words end with NULL. */
static int parse(const char *const *words, struct args *args, struct error *error)
{
    int n = 0;

    while (words[n]) {
        n++;
    }
    return args_parse(&command, n, (char **)words, args, error);
}

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void assert_refused(const char *const *words, const char *said)
{
    struct args args;
    struct error error = {0};

    assert_int_equal(parse(words, &args, &error), ERROR_INVALID);
    assert_non_null(strstr(error.message, said));
}

static void options_and_arguments_may_stand_in_any_order(void **state)
{
    struct args args;
    (void)state;

    assert_int_equal(
        parse(WORDS("--workers", "2", "a.json", "--depth=1..7", "--dry-run"), &args, NULL), 0);
    assert_string_equal(args_value(&args, "workers"), "2");
    assert_string_equal(args_value(&args, "depth"), "1..7");
    assert_true(args_has(&args, "dry-run"));
    assert_false(args_has(&args, "batch-norm"));
    assert_string_equal(args_positional(&args, 0), "a.json");
    assert_null(args_positional(&args, 1));
    args_clear(&args);
}

static void behind_two_dashes_everything_is_an_argument(void **state)
{
    struct args args;
    (void)state;

    assert_int_equal(parse(WORDS("--", "--dry-run"), &args, NULL), 0);
    assert_string_equal(args_positional(&args, 0), "--dry-run");
    assert_false(args_has(&args, "dry-run"));
    args_clear(&args);
}

static void a_single_dash_is_an_argument(void **state)
{
    struct args args;
    (void)state;

    assert_int_equal(parse(WORDS("-"), &args, NULL), 0);
    assert_string_equal(args_positional(&args, 0), "-");
    args_clear(&args);
}

static void the_last_of_a_repeated_option_counts(void **state)
{
    struct args args;
    (void)state;

    assert_int_equal(parse(WORDS("--workers", "1", "--workers", "2"), &args, NULL), 0);
    assert_string_equal(args_value(&args, "workers"), "2");
    args_clear(&args);
}

static void help_stops_the_checking(void **state)
{
    struct args args;
    (void)state;

    assert_int_equal(parse(WORDS("--help", "--nonsense"), &args, NULL), 0);
    assert_true(args.help);
    args_clear(&args);
}

static void an_unknown_option_suggests_the_nearest(void **state)
{
    (void)state;
    assert_refused(WORDS("--batchnorm", "none"), "did you mean --batch-norm?");
    assert_refused(WORDS("--wrokers=2"), "did you mean --workers?");
    assert_refused(WORDS("--zzz"), "ninety try --help");
    assert_refused(WORDS("-n"), "-n");
}

static void values_are_missed_and_refused_where_they_belong(void **state)
{
    (void)state;
    assert_refused(WORDS("--workers"), "--workers needs a value");
    assert_refused(WORDS("--workers", "--dry-run"), "--workers needs a value");
    assert_refused(WORDS("--dry-run=yes"), "takes no value");
    assert_refused(WORDS("a", "b"), "'b'");
}

static void integers_are_checked_against_their_range(void **state)
{
    struct args args;
    struct error error = {0};
    int64_t n = 4;
    (void)state;

    assert_int_equal(parse(WORDS("--workers", "12x"), &args, NULL), 0);
    assert_int_equal(args_integer(&args, "workers", (struct args_range){0, 99}, &n, &error),
                     ERROR_INVALID);
    assert_non_null(strstr(error.message, "12x"));
    assert_int_equal(n, 4);
    args_clear(&args);

    assert_int_equal(parse(WORDS("--workers", "12"), &args, NULL), 0);
    assert_int_equal(args_integer(&args, "workers", (struct args_range){0, 9}, &n, &error),
                     ERROR_INVALID);
    assert_int_equal(args_integer(&args, "workers", (struct args_range){0, 12}, &n, &error), 0);
    assert_int_equal(n, 12);
    args_clear(&args);
}

static void every_configuration_field_but_the_seed_has_a_flag(void **state)
{
    (void)state;
    assert_non_null(options_find(&command, "batch-norm-output"));
    assert_non_null(options_find(&command, "target-accuracy"));
    assert_null(options_find(&command, "seed"));
    assert_null(options_find(&command, "replicates")); /* not a set of this command */
    assert_int_equal(options_config_field("batch-norm-output"), CONFIG_BATCH_NORM_OUTPUT);
    assert_int_equal(options_config_field("dry-run"), CONFIG_FIELD_COUNT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_and_arguments_may_stand_in_any_order),
        cmocka_unit_test(behind_two_dashes_everything_is_an_argument),
        cmocka_unit_test(a_single_dash_is_an_argument),
        cmocka_unit_test(the_last_of_a_repeated_option_counts),
        cmocka_unit_test(help_stops_the_checking),
        cmocka_unit_test(an_unknown_option_suggests_the_nearest),
        cmocka_unit_test(values_are_missed_and_refused_where_they_belong),
        cmocka_unit_test(integers_are_checked_against_their_range),
        cmocka_unit_test(every_configuration_field_but_the_seed_has_a_flag),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
