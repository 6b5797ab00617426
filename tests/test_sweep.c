#include "tests/test.h"

#include "common/sweep_effect.h"
#include "common/sweep_json.h"

#include <stdlib.h>
#include <string.h>

static struct sweep *good(const char *text)
{
    struct sweep *sweep = NULL;
    struct error error = {0};
    int rc = sweep_from_text(text, &sweep, &error);
    if (rc != 0) {
        fail_msg("%s: %s: %s", text, error.field, error.message);
    }
    return sweep;
}

static void defaults_are_those_of_the_documentation(void **state)
{
    (void)state;
    struct sweep *sweep = good("{\"base\": {\"depth\": 2}}");
    assert_string_equal(sweep->name, "sweep");
    assert_int_equal(sweep->search, SWEEP_GRID);
    assert_int_equal(sweep->replicates, 1);
    assert_int_equal(sweep->seed, 0);
    assert_int_equal(sweep->priority, 0);
    assert_int_equal(sweep->max_running, 0);
    assert_int_equal(sweep->max_attempts, 3);
    assert_false(sweep->reuse);
    assert_int_equal(sweep->n_cells, 1);
    assert_int_equal(sweep->n_trials, 1);
    sweep_destroy(sweep);
}

static void the_last_axis_varies_fastest(void **state)
{
    (void)state;
    struct sweep *sweep =
        good("{\"base\": {\"activation\": \"tanh\"}, \"seed\": 7, \"replicates\": 5,"
             "\"parameters\": {\"depth\": [1,2,3], \"learning_rate\": [0.1, 0.2],"
             "\"dataset\": [\"mnist\", \"synthetic-digits\"]}}");
    assert_int_equal(sweep->n_cells, 12);
    assert_int_equal(sweep->n_trials, 60);
    struct trial_config c;
    sweep_cell(sweep, 0, &c);
    assert_int_equal(c.n_hidden, 1);
    assert_true(c.learning_rate == 0.1);
    assert_string_equal(c.dataset, "mnist");
    assert_int_equal(c.activation, ACTIVATION_TANH);
    assert_int_equal(c.seed, 7);
    sweep_cell(sweep, 1, &c);
    assert_string_equal(c.dataset, "synthetic-digits");
    assert_true(c.learning_rate == 0.1);
    sweep_cell(sweep, 2, &c);
    assert_string_equal(c.dataset, "mnist");
    assert_true(c.learning_rate == 0.2);
    sweep_cell(sweep, 11, &c);
    assert_int_equal(c.n_hidden, 3);
    assert_true(c.learning_rate == 0.2);
    assert_string_equal(c.dataset, "synthetic-digits");
    sweep_destroy(sweep);
}

static void lists_of_layers_are_an_axis(void **state)
{
    (void)state;
    struct sweep *sweep = good("{\"parameters\": {\"hidden_units\": [[], [10], [10, 20]]}}");
    struct trial_config c;
    sweep_cell(sweep, 0, &c);
    assert_int_equal(c.n_hidden, 0);
    sweep_cell(sweep, 2, &c);
    assert_int_equal(c.n_hidden, 2);
    assert_int_equal(c.hidden_units[1], 20);
    sweep_destroy(sweep);
}

static void every_mistake_names_its_field(void **state)
{
    (void)state;
    static const struct {
        const char *text, *field;
        int code;
    } cases[] = {
        {"[]", "", ERROR_INVALID},
        {"{\"base\": {\"depth\": 1}, \"bogus\": 1}", "bogus", ERROR_INVALID},
        {"{\"base\": {\"depth\": 1}, \"depth\": 1}", "depth", ERROR_INVALID},
        {"{\"base\": {\"deepth\": 1}}", "base.deepth", ERROR_INVALID},
        {"{\"base\": {\"depth\": 70}}", "base.depth", ERROR_INVALID},
        {"{\"base\": {}}", "base.depth", ERROR_INVALID},
        {"{\"base\": []}", "base", ERROR_INVALID},
        {"{\"base\": {\"depth\": 1, \"seed\": 3}}", "base.seed", ERROR_INVALID},
        {"{\"parameters\": 3}", "parameters", ERROR_INVALID},
        {"{\"parameters\": {\"seed\": [1]}}", "parameters.seed", ERROR_INVALID},
        {"{\"parameters\": {\"deepth\": [1]}}", "parameters.deepth", ERROR_INVALID},
        {"{\"parameters\": {\"depth\": []}}", "parameters.depth", ERROR_INVALID},
        {"{\"parameters\": {\"depth\": 1}}", "parameters.depth", ERROR_INVALID},
        {"{\"parameters\": {\"depth\": {\"min\": 1, \"max\": 3}}}", "parameters.depth",
         ERROR_INVALID},
        {"{\"parameters\": {\"depth\": [1, 2, 99]}}", "parameters.depth[2]", ERROR_INVALID},
        {"{\"parameters\": {\"depth\": [1, 2, 1]}}", "parameters.depth[2]", ERROR_INVALID},
        {"{\"parameters\": {\"depth\": [1, 1.0]}}", "parameters.depth[1]", ERROR_INVALID},
        {"{\"base\": {\"depth\": 1}, \"parameters\": {\"depth\": [1]}}", "parameters.depth",
         ERROR_INVALID},
        {"{\"base\": {\"hidden_units\": [5]}, \"parameters\": {\"depth\": [1]}}",
         "parameters.depth[0]", ERROR_INVALID},
        {"{\"base\": {\"depth\": 1}, \"parameters\": {\"train_size\": [55000, 100]}}",
         "base.batch_size", ERROR_INVALID},
        {"{\"base\": {\"depth\": 1}, \"replicates\": 0}", "replicates", ERROR_INVALID},
        {"{\"base\": {\"depth\": 1}, \"reuse\": 1}", "reuse", ERROR_INVALID},
        {"{\"base\": {\"depth\": 1}, \"replicates\": \"5\"}", "replicates", ERROR_INVALID},
        {"{\"base\": {\"depth\": 1}, \"max_attempts\": 0}", "max_attempts", ERROR_INVALID},
        {"{\"base\": {\"depth\": 1}, \"priority\": 1001}", "priority", ERROR_INVALID},
        {"{\"base\": {\"depth\": 1}, \"seed\": -1}", "seed", ERROR_INVALID},
        {"{\"base\": {\"depth\": 1}, \"seed\": 9223372036854775807, \"replicates\": 2}", "seed",
         ERROR_INVALID},
        {"{\"base\": {\"depth\": 1}, \"name\": \"\"}", "name", ERROR_INVALID},
        {"{\"base\": {\"depth\": 1}, \"name\": 5}", "name", ERROR_INVALID},
        {"{\"base\": {\"depth\": 1}, \"name\": \"a\\u0007b\"}", "name", ERROR_INVALID},
        {"{\"base\": {\"depth\": 1}, \"search\": \"magic\"}", "search", ERROR_INVALID},
        {"{\"base\": {\"depth\": 1, \"depth\": 2}}", "", ERROR_INVALID},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sweep *sweep = NULL;
        struct error error = {0};
        int rc = sweep_from_text(cases[i].text, &sweep, &error);
        if (rc != cases[i].code || strcmp(error.field, cases[i].field) != 0 || sweep) {
            fail_msg("%s: %d '%s' %s", cases[i].text, rc, error.field, error.message);
        }
        assert_true(strlen(error.message) > 10);
    }
}

/* D21: one rule for integers everywhere; 5.0 is one. */
static void whole_numbers_may_be_written_with_a_point(void **state)
{
    (void)state;
    struct sweep *sweep = good("{\"base\": {\"depth\": 2.0, \"width\": 1e1}, \"replicates\": 5.0,"
                               "\"seed\": 7e0, \"priority\": -3.0}");
    assert_int_equal(sweep->replicates, 5);
    assert_int_equal(sweep->seed, 7);
    assert_int_equal(sweep->priority, -3);
    assert_int_equal(sweep->base.value[CONFIG_WIDTH].integer, 10);
    sweep_destroy(sweep);

    static const char *const texts[] = {"5.5", "1e300", "0.5"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        char text[128];
        struct error error = {0};
        snprintf(text, sizeof(text), "{\"base\": {\"depth\": 2}, \"replicates\": %s}", texts[i]);
        assert_int_equal(sweep_from_text(text, &sweep, &error), ERROR_INVALID);
        assert_non_null(strstr(error.message, i == 1 ? "not 1e+300" : texts[i]));
    }
}

/* D20 */
static void an_axis_that_nothing_reads_is_refused_with_what_it_needs(void **state)
{
    (void)state;
    static const struct {
        const char *text, *field, *needs;
    } cases[] = {
        {"{\"base\": {\"depth\": 1}, \"parameters\": {\"momentum\": [0.1, 0.9]}}",
         "parameters.momentum", "optimizer momentum or nesterov"},
        {"{\"base\": {\"depth\": 1, \"optimizer\": \"sgd\"}, \"parameters\": {\"beta1\": [0.1, "
         "0.9]}}",
         "parameters.beta1", "optimizer adam"},
        {"{\"base\": {\"depth\": 1}, \"parameters\": {\"optimizer\": [\"sgd\", \"momentum\"],"
         " \"beta2\": [0.1, 0.9]}}",
         "parameters.beta2", "adam or rmsprop"},
        {"{\"base\": {\"depth\": 1}, \"parameters\": {\"bn_momentum\": [0.1, 0.9]}}",
         "parameters.bn_momentum", "batch_norm before or after"},
        {"{\"parameters\": {\"hidden_units\": [[]], \"activation\": [\"relu\", \"tanh\"]}}",
         "parameters.activation", "hidden layers"},
        {"{\"parameters\": {\"hidden_units\": [[]], \"batch_norm\": [\"before\"],"
         " \"batch_norm_output\": [false], \"bn_epsilon\": [0.1, 0.2]}}",
         "parameters.bn_epsilon", "batch_norm"},
        {"{\"base\": {\"depth\": 1, \"train_size\": 60001}}", "base.train_size", "60000"},
        {"{\"base\": {\"depth\": 1}, \"parameters\": {\"train_size\": [55000, 70000]}}",
         "parameters.train_size", "70000 is more than the 60000 training samples of mnist"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sweep *sweep = good(cases[i].text); /* as 0.2.0 took it: a database may hold it */
        struct error error = {0};
        uint32_t unread = 0;
        assert_int_equal(effect_check(sweep, &unread, &error), ERROR_INVALID);
        assert_string_equal(error.field, cases[i].field);
        if (!strstr(error.message, cases[i].needs)) {
            fail_msg("%s: %s", cases[i].text, error.message);
        }
        sweep_destroy(sweep);
    }
}

/* D20 */
static void what_some_cell_reads_is_accepted_and_a_fixed_field_warned_of(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint32_t unread;
    } cases[] = {
        {"{\"base\": {\"depth\": 1}, \"parameters\": {\"optimizer\": [\"adam\", \"momentum\"],"
         " \"momentum\": [0.1, 0.9]}}",
         0},
        {"{\"base\": {\"depth\": 1}, \"parameters\": {\"momentum\": [0.1, 0.9],"
         " \"optimizer\": [\"sgd\", \"nesterov\"]}}",
         0},
        {"{\"base\": {\"activation\": \"relu\"}, \"parameters\": {\"hidden_units\": [[], [5]]}}",
         0},
        {"{\"base\": {\"depth\": 1, \"momentum\": 0.5}}", 1u << CONFIG_MOMENTUM},
        {"{\"base\": {\"depth\": 1}, \"parameters\": {\"momentum\": [0.5]}}",
         1u << CONFIG_MOMENTUM},
        {"{\"base\": {\"depth\": 1, \"bn_momentum\": 0.5, \"bn_epsilon\": 0.1}}",
         1u << CONFIG_BN_MOMENTUM | 1u << CONFIG_BN_EPSILON},
        {"{\"base\": {\"depth\": 1, \"train_size\": 60000}}", 0},
        {"{\"base\": {\"depth\": 1, \"train_size\": 70000, \"dataset\": \"emnist\"}}", 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sweep *sweep = good(cases[i].text);
        struct error error = {0};
        uint32_t unread = 0;
        if (effect_check(sweep, &unread, &error) != 0 || unread != cases[i].unread) {
            fail_msg("%s: %x %s", cases[i].text, unread, error.message);
        }
        sweep_destroy(sweep);
    }
}

/* n values of learning_rate and momentum: n * n cells. */
static char *square(int n, int64_t replicates)
{
    char *text = malloc((size_t)n * 40 + 200), *at = text;
    if (!text) {
        abort();
    }
    at += sprintf(at, "{\"base\":{\"depth\":1},\"replicates\":%lld,\"parameters\":{",
                  (long long)replicates);
    for (int axis = 0; axis < 2; axis++) {
        at += sprintf(at, "%s\"%s\":[", axis ? "," : "", axis ? "momentum" : "learning_rate");
        for (int i = 0; i < n; i++) {
            at += sprintf(at, "%s%.6f", i ? "," : "", 0.0001 + i * 0.000009);
        }
        at += sprintf(at, "]");
    }
    strcpy(at, "}}");
    return text;
}

static void too_many_trials_are_counted_and_refused(void **state)
{
    (void)state;
    struct sweep *sweep = NULL;
    struct error error;
    char *text = square(1001, 1);
    assert_int_equal(sweep_from_text(text, &sweep, &error), SWEEP_TOO_MANY);
    assert_non_null(strstr(error.message, "1002001"));
    free(text);
    text = square(50, 100000);
    assert_int_equal(sweep_from_text(text, &sweep, &error), SWEEP_TOO_MANY);
    assert_string_equal(error.field, "replicates");
    assert_non_null(strstr(error.message, "250000000"));
    free(text);
}

static void products_beyond_64_bits_are_refused(void **state)
{
    (void)state;
    static const enum config_field fields[] = {CONFIG_LEARNING_RATE, CONFIG_MOMENTUM, CONFIG_BETA1,
                                               CONFIG_BETA2, CONFIG_EPSILON};
    struct sweep *sweep = sweep_create();
    for (int i = 0; i < 5; i++) {
        assert_int_equal(sweep_add_axis(sweep, fields[i], 65536), 0);
    }
    struct error error;
    assert_int_equal(sweep_check(sweep, &error), SWEEP_TOO_MANY);
    sweep_destroy(sweep);
}

static void a_large_grid_has_no_two_equal_cells(void **state)
{
    (void)state;
    char *text = square(100, 2);
    struct sweep *sweep = good(text);
    assert_int_equal(sweep->n_trials, 20000);
    sweep_destroy(sweep);
    free(text);
}

static void a_cell_is_found_by_its_configuration(void **state)
{
    (void)state;
    char *text = square(100, 2);
    struct sweep *other = good(text);
    char *reusing = malloc(strlen(text) + 32);
    assert_non_null(reusing);
    sprintf(reusing, "{\"reuse\": true, %s", text + 1);
    struct sweep *sweep = good(reusing);
    assert_null(other->index); /* memory only for those that ask */
    for (int64_t cell = 0; cell < sweep->n_cells; cell++) {
        struct trial_config config;
        sweep_cell(other, cell, &config);
        config.seed = 77;
        assert_int_equal(sweep_find_cell(sweep, &config), cell);
        config.max_steps++;
        assert_int_equal(sweep_find_cell(sweep, &config), -1);
    }
    sweep_destroy(sweep);
    sweep_destroy(other);
    free(reusing);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_those_of_the_documentation),
        cmocka_unit_test(the_last_axis_varies_fastest),
        cmocka_unit_test(lists_of_layers_are_an_axis),
        cmocka_unit_test(every_mistake_names_its_field),
        cmocka_unit_test(whole_numbers_may_be_written_with_a_point),
        cmocka_unit_test(an_axis_that_nothing_reads_is_refused_with_what_it_needs),
        cmocka_unit_test(what_some_cell_reads_is_accepted_and_a_fixed_field_warned_of),
        cmocka_unit_test(too_many_trials_are_counted_and_refused),
        cmocka_unit_test(products_beyond_64_bits_are_refused),
        cmocka_unit_test(a_large_grid_has_no_two_equal_cells),
        cmocka_unit_test(a_cell_is_found_by_its_configuration),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
