#include "cli/command.h"
#include "cli/spec.h"
#include "tests/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct command command = {
    .name = "submit",
    .arguments = "[SWEEP.json]",
    .sets = OPTIONS_SWEEP | OPTIONS_CONFIG,
    .max_arguments = 1,
};

static char folder[] = "/tmp/ninety-spec-XXXXXX";

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

/* Words end with NULL. The spec as text, or the error's message; the caller frees. */
static char *spec_of(const char *const *words)
{
    struct args args;
    struct error error = {0};
    json_t *spec;
    int n = 0;

    while (words[n]) {
        n++;
    }
    assert_int_equal(args_parse(&command, n, (char **)words, &args, NULL), 0);
    if (spec_from_args(&args, &spec, &error) != 0) {
        args_clear(&args);
        return strdup(error.message);
    }
    char *text = spec_text(spec);
    json_decref(spec);
    args_clear(&args);
    return text;
}

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void assert_spec(const char *const *words, const char *expected)
{
    char *text = spec_of(words);

    assert_string_equal(text, expected);
    free(text);
}

/* A file named sweep.json with this content, gone after the call. */
static char *spec_of_file(const char *content, const char *const *more)
{
    char path[64];
    const char *words[8] = {path};

    snprintf(path, sizeof(path), "%s/sweep.json", folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(content, file);
    fclose(file);
    for (int i = 0; more && more[i]; i++) {
        words[i + 1] = more[i];
    }
    char *text = spec_of(words);
    unlink(path);
    return text;
}

static void flags_with_several_values_become_parameters_in_their_order(void **state)
{
    (void)state;
    assert_spec(WORDS("--depth", "1..3", "--batch-norm", "none,before", "--replicates", "5"),
                "{\"name\":\"depth-batch_norm\",\"replicates\":5,\"parameters\":"
                "{\"depth\":[1,2,3],\"batch_norm\":[\"none\",\"before\"]}}");
    assert_spec(WORDS("--batch-norm", "none,before", "--depth", "1,2"),
                "{\"name\":\"batch_norm-depth\",\"parameters\":"
                "{\"batch_norm\":[\"none\",\"before\"],\"depth\":[1,2]}}");
}

static void flags_with_one_value_go_to_base(void **state)
{
    (void)state;
    assert_spec(WORDS("--depth", "7", "--learning-rate", "0.1", "--seed", "3", "--name", "x"),
                "{\"base\":{\"depth\":7,\"learning_rate\":0.1},\"name\":\"x\",\"seed\":3}");
}

static void a_repeated_flag_adds_values(void **state)
{
    (void)state;
    assert_spec(WORDS("--hidden-units", "500,400", "--max-steps", "9", "--hidden-units", "30",
                      "--name", "x"),
                "{\"base\":{\"max_steps\":9},\"name\":\"x\",\"parameters\":"
                "{\"hidden_units\":[[500,400],[30]]}}");
}

static void a_flag_replaces_what_the_file_says_of_its_field(void **state)
{
    (void)state;
    char *text = spec_of_file("{\"base\": {\"max_steps\": 5}, \"replicates\": 2,"
                              " \"parameters\": {\"depth\": [1, 2], \"batch_norm\": [\"none\"]}}",
                              WORDS("--depth", "4", "--max-steps", "6,7"));
    assert_string_equal(text, "{\"base\":{\"depth\":4},\"name\":\"sweep\",\"replicates\":2,"
                              "\"parameters\":{\"batch_norm\":[\"none\"],\"max_steps\":[6,7]}}");
    free(text);
}

static void a_slip_in_a_file_is_told_with_line_and_column(void **state)
{
    (void)state;
    char *text = spec_of_file("{\"base\": {},\n \"replicates\": x}", NULL);
    assert_non_null(strstr(text, "sweep.json"));
    assert_non_null(strstr(text, "line 2, column 16"));
    free(text);

    text = spec_of_file("{\"name\": \"a\", \"name\": \"b\"}", NULL);
    assert_non_null(strstr(text, "duplicate"));
    free(text);

    text = spec_of_file("[]", NULL);
    assert_non_null(strstr(text, "JSON object"));
    free(text);
}

static void a_missing_file_and_no_flags_are_told(void **state)
{
    (void)state;
    char *text = spec_of(WORDS("/nonexistent/sweep.json"));
    assert_non_null(strstr(text, "cannot read /nonexistent/sweep.json: No such file"));
    free(text);

    text = spec_of((const char *const[]){NULL});
    assert_non_null(strstr(text, "nothing to train"));
    free(text);
}

static void keys_are_alike_for_the_same_sweep_in_another_layout(void **state)
{
    char key[3][SPEC_KEY_SIZE];
    json_t *specs[3] = {
        json_loads("{\"name\":\"x\",\"base\":{\"depth\":1,\"learning_rate\":0.1},"
                   "\"parameters\":{\"optimizer\":[\"adam\"],\"momentum\":[0.3]}}",
                   0, NULL),
        json_loads(" { \"base\": {\"learning_rate\": 0.10, \"depth\": 1}, \"parameters\":"
                   "{\"optimizer\": [\"adam\"], \"momentum\": [3e-1]},\n \"name\": \"x\"}",
                   0, NULL),
        json_loads("{\"name\":\"x\",\"base\":{\"depth\":1,\"learning_rate\":0.1},"
                   "\"parameters\":{\"momentum\":[0.3],\"optimizer\":[\"adam\"]}}",
                   0, NULL),
    };
    (void)state;

    for (int i = 0; i < 3; i++) {
        spec_key(specs[i], NULL, key[i]);
        json_decref(specs[i]);
    }
    assert_string_equal(key[0], key[1]);
    assert_string_not_equal(key[0], key[2]); /* another order of axes is another sweep */
    /* It stands in databases: a release must not change it. */
    assert_string_equal(key[0],
                        "run-657cecd0ea0e7b6a34ab9da809d7d018f1c9ac465f2b8c0ed7da20c80dd542b1");
}

static void axes_are_the_parameters_that_vary(void **state)
{
    json_t *spec = json_loads("{\"parameters\": {\"depth\": [1, 2], \"activation\": [\"relu\"],"
                              "\"batch_norm\": [\"none\", \"after\"]}}",
                              0, NULL);
    (void)state;

    json_t *axes = spec_axes(spec);
    char *text = json_dumps(axes, JSON_COMPACT);
    assert_string_equal(text, "[\"depth\",\"batch_norm\"]");
    free(text);
    json_decref(axes);
    json_decref(spec);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flags_with_several_values_become_parameters_in_their_order),
        cmocka_unit_test(flags_with_one_value_go_to_base),
        cmocka_unit_test(a_repeated_flag_adds_values),
        cmocka_unit_test(a_flag_replaces_what_the_file_says_of_its_field),
        cmocka_unit_test(a_slip_in_a_file_is_told_with_line_and_column),
        cmocka_unit_test(a_missing_file_and_no_flags_are_told),
        cmocka_unit_test(keys_are_alike_for_the_same_sweep_in_another_layout),
        cmocka_unit_test(axes_are_the_parameters_that_vary),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
