#include "tests/test.h"

#include "common/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int parse(const char *text, struct trial_config *ret, struct error *error)
{
    json_t *json = json_loads(text, 0, NULL);
    assert_non_null(json);
    int rc = config_from_json(json, ret, error);
    json_decref(json);
    return rc;
}

static void defaults_are_those_of_the_article(void **state)
{
    (void)state;
    struct trial_config c;
    struct error error;
    assert_int_equal(parse("{\"depth\": 7, \"batch_norm\": \"before\"}", &c, &error), 0);
    assert_string_equal(c.dataset, "mnist");
    assert_int_equal(c.n_hidden, 7);
    assert_int_equal(c.hidden_units[0], 500);
    assert_int_equal(c.hidden_units[6], 25);
    assert_int_equal(c.activation, ACTIVATION_RELU);
    assert_true(c.batch_norm_output);
    assert_int_equal(c.batch_size, 550);
    assert_int_equal(c.train_size, 55000);
    assert_int_equal(c.max_steps, 2000);
    assert_true(c.stop_at_target);
    assert_int_equal(c.measure_every, 0);
    assert_true(c.learning_rate == 0.01);
}

static void rmsprop_forgets_faster_by_default(void **state)
{
    (void)state;
    struct trial_config c;
    struct error error;
    assert_int_equal(parse("{\"depth\": 1}", &c, &error), 0);
    assert_true(c.beta2 == 0.999);
    assert_int_equal(parse("{\"depth\": 1, \"optimizer\": \"rmsprop\"}", &c, &error), 0);
    assert_true(c.beta2 == 0.9);
    assert_int_equal(
        parse("{\"depth\": 1, \"optimizer\": \"rmsprop\", \"beta2\": 0.99}", &c, &error), 0);
    assert_true(c.beta2 == 0.99);
}

static void canonical_text_reads_back_as_itself(void **state)
{
    (void)state;
    static const char *const inputs[] = {
        "{\"depth\": 3}",
        ("{\"depth\": 64, \"width\": 16384, \"batch_norm\": \"after\", \"learning_rate\": 0.1,"
         " \"measure_every\": 100000000}"),
        "{\"hidden_units\": [], \"seed\": 9223372036854775807, \"learning_rate\": 3e-4}",
        "{\"hidden_units\": [10, 20], \"batch_norm\": \"before\", \"batch_norm_output\": false}",
    };
    for (size_t i = 0; i < sizeof(inputs) / sizeof(inputs[0]); i++) {
        struct trial_config c, again;
        assert_int_equal(parse(inputs[i], &c, NULL), 0);
        char *text = config_to_text(&c);
        assert_int_equal(parse(text, &again, NULL), 0);
        char *text_again = config_to_text(&again);
        assert_string_equal(text, text_again);
        json_t *json = config_to_json(&c), *read = json_loads(text, 0, NULL);
        assert_int_equal(json_object_size(json), CONFIG_FIELD_COUNT - (c.measure_every ? 2 : 3));
        assert_true(json_equal(json, read));
        assert_int_equal(config_from_json(json, &again, NULL), 0);
        json_decref(json);
        json_decref(read);
        free(text);
        free(text_again);
    }
    struct trial_config c;
    assert_int_equal(parse(inputs[1], &c, NULL), 0);
    char *text = config_to_text(&c);
    assert_non_null(strstr(text, "\"learning_rate\":0.1,"));
    free(text);
}

/* Every field makes another cell, whichever is added one day; the seed does not. */
static void configurations_are_the_same_cell_when_every_field_but_the_seed_is(void **state)
{
    (void)state;
    static const char one[] = "{\"hidden_units\": [64, 32], \"batch_norm\": \"before\","
                              " \"measure_every\": 3}"; /* 0 would not be told */
    struct trial_config a, b;
    assert_int_equal(parse(one, &a, NULL), 0);
    json_t *canonical = config_to_json(&a), *value;
    const char *name;
    json_object_foreach(canonical, name, value)
    {
        json_t *other = json_deep_copy(canonical);
        const struct config_field_info *info = &config_fields[config_field_by_name(name)];
        json_t *changed = info->type == CONFIG_BOOL     ? json_boolean(!json_is_true(value))
                          : info->type == CONFIG_CHOICE ? json_string(info->choices[2])
                          : info->type == CONFIG_NAME   ? json_string("other")
                          : info->type == CONFIG_INTS   ? json_pack("[i, i]", 64, 33)
                          : info->type == CONFIG_INT ? json_integer(json_integer_value(value) + 1)
                                                     : json_real(json_number_value(value) / 2);
        json_object_set_new(other, name, changed);
        assert_int_equal(config_from_json(other, &b, NULL), 0);
        if (config_same_cell(&a, &b) != (strcmp(name, "seed") == 0)) {
            fail_msg("%s", name);
        }
        json_decref(other);
    }
    json_decref(canonical);
    assert_int_equal(parse("{\"hidden_units\": [64]}", &b, NULL), 0);
    assert_int_equal(parse("{\"hidden_units\": [64, 32]}", &a, NULL), 0);
    assert_false(config_same_cell(&a, &b));
    assert_true(config_same_cell(&b, &b));
}

/* Daemons, workers and trainers may be of different age: one that knows no measure_every sends
 * none, and must be sent none where its default is meant. */
static void an_absent_measure_every_is_zero_and_zero_is_absent(void **state)
{
    (void)state;
    static const char from_before[] =
        "{\"dataset\":\"mnist\",\"hidden_units\":[500],\"activation\":\"relu\","
        "\"batch_norm\":\"none\",\"batch_norm_output\":false,\"bn_momentum\":0.9,"
        "\"bn_epsilon\":0.001,\"initializer\":\"he_normal\",\"optimizer\":\"adam\","
        "\"learning_rate\":0.01,\"beta1\":0.9,\"beta2\":0.999,\"epsilon\":1e-08,"
        "\"momentum\":0.9,\"batch_size\":550,\"train_size\":55000,\"target_accuracy\":0.9,"
        "\"max_steps\":2000,\"stop_at_target\":true,\"seed\":7}";
    struct trial_config c;
    assert_int_equal(parse(from_before, &c, NULL), 0);
    assert_int_equal(c.measure_every, 0);
    char *text = config_to_text(&c);
    assert_string_equal(text, from_before);
    free(text);
    c.measure_every = 5;
    text = config_to_text(&c);
    assert_non_null(strstr(text, ",\"measure_every\":5,\"seed\":7}"));
    free(text);
}

static void bad_input_names_field_value_and_remedy(void **state)
{
    (void)state;
    static const struct {
        const char *input, *field, *message;
    } cases[] = {
        {"{\"depht\": 3}", "depht", "no field 'depht' in a configuration; did you mean 'depth'?"},
        {"{\"color\": 3}", "color", "docs/configuration.md lists them"},
        {"{\"depth\": 8}", "depth", "needs width"},
        {"{\"depth\": 0}", "depth", "from 1 to 64, not 0"},
        {"{\"depth\": 65, \"width\": 3}", "depth", "not 65"},
        {"{\"depth\": \"3\"}", "depth", "not \"3\""},
        {"{\"depth\": 2.5}", "depth", "not 2.5"},
        {"{}", "depth", "give depth"},
        {"{\"width\": 3}", "width", "width needs depth"},
        {"{\"depth\": 3, \"hidden_units\": [3]}", "depth", "contradicts hidden_units"},
        {"{\"width\": 3, \"hidden_units\": [3]}", "width", "contradicts hidden_units"},
        {"{\"hidden_units\": [0]}", "hidden_units", "not [0]"},
        {"{\"hidden_units\": [99999]}", "hidden_units", "to 16384"},
        {"{\"depth\": 3, \"activation\": \"swish\"}", "activation", "one of relu, leaky_relu"},
        {"{\"depth\": 3, \"stop_at_target\": 1}", "stop_at_target", "true or false, not 1"},
        {"{\"depth\": 3, \"measure_every\": -1}", "measure_every", "from 0 to 100000000, not -1"},
        {"{\"depth\": 3, \"dataset\": \"../etc\"}", "dataset", "not \"../etc\""},
        {"{\"depth\": 3, \"dataset\": \"\"}", "dataset", "1 to 63"},
        {"{\"depth\": 3, \"learning_rate\": 0}", "learning_rate", "not 0"},
        {"{\"depth\": 3, \"seed\": -1}", "seed", "not -1"},
        {"{\"depth\": 3, \"batch_size\": 551, \"train_size\": 550}", "batch_size",
         "more than train_size 550"},
        {"{\"depth\": 3, \"batch_size\": 1, \"batch_norm\": \"after\"}", "batch_size",
         "at least 2"},
        {"{\"depth\": 3, \"batch_norm_output\": true}", "batch_norm_output", "contradicts"},
        {"[1]", "", "must be a JSON object"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct trial_config c;
        struct error error = {0};
        assert_int_equal(parse(cases[i].input, &c, &error), ERROR_INVALID);
        assert_string_equal(error.field, cases[i].field);
        if (!strstr(error.message, cases[i].message)) {
            fail_msg("%s: '%s' lacks '%s'", cases[i].input, error.message, cases[i].message);
        }
    }
}

static void a_failed_parse_leaves_the_output_untouched(void **state)
{
    (void)state;
    struct trial_config c, before;
    memset(&c, 7, sizeof(c));
    memcpy(&before, &c, sizeof(c));
    assert_int_equal(parse("{\"depth\": 3, \"batch_size\": 0}", &c, NULL), ERROR_INVALID);
    assert_memory_equal(&c, &before, sizeof(c));
}

static void flags_read_like_json(void **state)
{
    (void)state;
    static const struct {
        enum config_field field;
        const char *text, *json;
    } good[] = {
        {CONFIG_DEPTH, "7", "7"},
        {CONFIG_LEARNING_RATE, "1e-3", "0.001"},
        {CONFIG_STOP_AT_TARGET, "false", "false"},
        {CONFIG_ACTIVATION, "tanh", "\"tanh\""},
        {CONFIG_HIDDEN_UNITS, "500,400", "[500,400]"},
        {CONFIG_HIDDEN_UNITS, "", "[]"},
        {CONFIG_DATASET, "fashion-mnist", "\"fashion-mnist\""},
        {CONFIG_SEED, "9223372036854775807", "9223372036854775807"},
    };
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        struct config_value value;
        assert_int_equal(config_value_from_text(good[i].field, good[i].text, &value, NULL), 0);
        json_t *json = config_value_to_json(good[i].field, &value);
        json_t *wanted = json_loads(good[i].json, JSON_DECODE_ANY, NULL);
        assert_true(json_equal(json, wanted));
        json_decref(json);
        json_decref(wanted);
    }
    static const struct {
        enum config_field field;
        const char *text;
    } bad[] = {
        {CONFIG_DEPTH, ""},
        {CONFIG_DEPTH, "7x"},
        {CONFIG_DEPTH, " 7"},
        {CONFIG_SEED, "9223372036854775808"},
        {CONFIG_LEARNING_RATE, "nan"},
        {CONFIG_LEARNING_RATE, "inf"},
        {CONFIG_HIDDEN_UNITS, "5,,4"},
        {CONFIG_HIDDEN_UNITS, "5,"},
        {CONFIG_STOP_AT_TARGET, "1"},
        {CONFIG_BATCH_NORM, "yes"},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct config_value value;
        struct error error;
        if (config_value_from_text(bad[i].field, bad[i].text, &value, &error) == 0) {
            fail_msg("%s accepts '%s'", config_fields[bad[i].field].name, bad[i].text);
        }
        assert_string_equal(error.field, config_fields[bad[i].field].name);
    }
}

static void the_reference_page_knows_every_field_and_choice(void **state)
{
    (void)state;
    char path[1024], page[16384];
    const char *root = getenv("NINETY_SOURCE_ROOT");
    assert_non_null(root);
    snprintf(path, sizeof(path), "%s/docs/configuration.md", root);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    page[fread(page, 1, sizeof(page) - 1, file)] = '\0';
    fclose(file);
    for (int field = 0; field < CONFIG_FIELD_COUNT; field++) {
        const struct config_field_info *info = &config_fields[field];
        char quoted[80];
        snprintf(quoted, sizeof(quoted), "`%s`", info->name);
        if (!strstr(page, quoted)) {
            fail_msg("docs/configuration.md lacks %s", quoted);
        }
        for (int i = 0; info->choices && info->choices[i]; i++) {
            snprintf(quoted, sizeof(quoted), "`%s`", info->choices[i]);
            if (!strstr(page, quoted)) {
                fail_msg("docs/configuration.md lacks %s of %s", quoted, info->name);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_those_of_the_article),
        cmocka_unit_test(rmsprop_forgets_faster_by_default),
        cmocka_unit_test(canonical_text_reads_back_as_itself),
        cmocka_unit_test(configurations_are_the_same_cell_when_every_field_but_the_seed_is),
        cmocka_unit_test(an_absent_measure_every_is_zero_and_zero_is_absent),
        cmocka_unit_test(bad_input_names_field_value_and_remedy),
        cmocka_unit_test(a_failed_parse_leaves_the_output_untouched),
        cmocka_unit_test(flags_read_like_json),
        cmocka_unit_test(the_reference_page_knows_every_field_and_choice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
