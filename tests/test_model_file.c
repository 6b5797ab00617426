/* Networks in files, and the trace of a training and the order it may follow. */
#include "tests/test.h"

#include "common/config.h"
#include "worker/trainer/model_file.h"
#include "worker/trainer/trace.h"
#include "worker/trainer/trial_files.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PIXELS = 6, CLASSES = 3, N = 40, ROWS = 8, STEPS = 5 };

static char directory[] = "/tmp/ninety-model-XXXXXX";
static char path[64], other_path[64];
static struct error error;

static int setup(void **state)
{
    (void)state;
    strcpy(directory + strlen(directory) - 6, "XXXXXX");
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/file", directory);
    snprintf(other_path, sizeof other_path, "%s/other", directory);
    memset(&error, 0, sizeof error);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    unlink(path);
    unlink(other_path);
    return rmdir(directory);
}

static struct trial_config configure(const char *text)
{
    struct trial_config config;
    json_t *json = json_loads(text, 0, NULL);
    assert_non_null(json);
    if (config_from_json(json, &config, &error) != 0) {
        fail_msg("%s: %s", error.field, error.message);
    }
    json_decref(json);
    return config;
}

#define COMMON "\"batch_size\": 8, \"train_size\": 30, \"max_steps\": 5, \"seed\": 3"

static const char *const configurations[] = {
    "{\"hidden_units\": [5, 4], " COMMON "}",
    "{\"hidden_units\": [5, 4], \"batch_norm\": \"before\", " COMMON "}",
    "{\"hidden_units\": [5, 4], \"batch_norm\": \"after\", " COMMON "}",
    "{\"hidden_units\": [5], \"batch_norm\": \"after\", \"batch_norm_output\": false, " COMMON "}",
    "{\"hidden_units\": [], " COMMON "}",
};
enum { N_CONFIGURATIONS = sizeof configurations / sizeof configurations[0] };

static struct samples make_samples(void)
{
    static uint8_t images[N * PIXELS], labels[N];
    for (int i = 0; i < N; i++) {
        labels[i] = (uint8_t)(i * 7 % CLASSES);
        for (int p = 0; p < PIXELS; p++) {
            images[i * PIXELS + p] = (uint8_t)(i * 31 + p * p * 17 + 80 * (p == labels[i]));
        }
    }
    return (struct samples){images, labels, N, PIXELS, CLASSES};
}

static void start(struct training *training, const struct trial_config *config)
{
    const struct samples samples = make_samples();
    assert_int_equal(training_init(training, config, &samples, kernels_best()), 0);
}

static void append(void *context, const float *array, size_t n)
{
    FILE *out = context;
    assert_int_equal(fwrite(array, sizeof *array, n, out), n);
}

/* All its numbers; malloc'd. */
static char *dump(const struct network *network, size_t *ret_size)
{
    char *text;
    FILE *out = open_memstream(&text, ret_size);
    assert_non_null(out);
    network_visit(network, append, out);
    assert_int_equal(fclose(out), 0);
    return text;
}

static void assert_same(const struct network *a, const struct network *b)
{
    size_t size_a, size_b;
    char *dump_a = dump(a, &size_a), *dump_b = dump(b, &size_b);
    assert_int_equal(size_a, size_b);
    assert_memory_equal(dump_a, dump_b, size_a);
    free(dump_a);
    free(dump_b);
}

static const struct model_facts facts = {5, 0.5, "abc", "def"};

static void a_saved_network_is_loaded_to_the_bit(void **state)
{
    (void)state;
    for (int i = 0; i < N_CONFIGURATIONS; i++) {
        struct trial_config config = configure(configurations[i]);
        struct training trained, fresh;
        start(&trained, &config);
        for (int step = 0; step < STEPS; step++) {
            training_step(&trained, NULL);
        }
        assert_int_equal(model_save(path, &trained.network, &config, &facts, &error), 0);
        config.seed++;
        start(&fresh, &config);
        if (model_load(path, &fresh.network, &error) != 0) {
            fail_msg("%s", error.message);
        }
        assert_same(&trained.network, &fresh.network);
        training_free(&trained);
        training_free(&fresh);
    }
}

static void a_network_of_another_shape_is_refused(void **state)
{
    (void)state;
    const struct {
        const char *saved, *loaded, *says;
    } table[] = {
        {"{\"hidden_units\": [5, 4], " COMMON "}", "{\"hidden_units\": [5, 6], " COMMON "}",
         "array layers.1.dense.weight does not fit"},
        {"{\"hidden_units\": [5], " COMMON "}", "{\"hidden_units\": [5, 5], " COMMON "}",
         "array layers.1.dense.weight does not fit"},
        {"{\"hidden_units\": [3, 3], " COMMON "}", "{\"hidden_units\": [3], " COMMON "}",
         "array layers.2.dense.weight has no place"}, /* E14: which one */
        {"{\"hidden_units\": [5], " COMMON "}",
         "{\"hidden_units\": [5], \"batch_norm\": \"before\", " COMMON "}",
         "it has no array layers.0.norm.weight"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        const struct trial_config saved = configure(table[i].saved);
        const struct trial_config loaded = configure(table[i].loaded);
        struct training from, to;
        start(&from, &saved);
        start(&to, &loaded);
        assert_int_equal(model_save(path, &from.network, &saved, &facts, &error), 0);
        assert_int_equal(model_load(path, &to.network, &error), ERROR_INVALID);
        if (strstr(error.message, table[i].says) == NULL) {
            fail_msg("\"%s\" does not say \"%s\"", error.message, table[i].says);
        }
        training_free(&from);
        training_free(&to);
    }
}

/* E14 */
static void metadata_are_the_shortest_decimals(void **state)
{
    (void)state;
    const struct trial_config config = configure(configurations[0]);
    const struct model_facts odd = {5, 0.8959, "abc", "def"};
    struct training training;
    char text[4096] = "";
    start(&training, &config);
    assert_int_equal(model_save(path, &training.network, &config, &odd, &error), 0);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_true(fread(text + 1, 1, sizeof text - 2, file) > 8);
    fclose(file);
    assert_non_null(strstr(text + 9, "\"test_accuracy\":\"0.8959\""));
    assert_non_null(strstr(text + 9, "\"step\":\"5\""));
    training_free(&training);
}

/* The saved file with one more array, a scalar of type I64, as PyTorch writes it. */
static void add_scalar(const char *name)
{
    static char old[100000], new[100000];
    uint64_t length;
    FILE *file = fopen(path, "r");
    const size_t size = fread(old, 1, sizeof old, file);
    fclose(file);
    memcpy(&length, old, 8);
    const size_t data = size - 8 - length;
    while (old[8 + length - 1] != '}') {
        length--; /* padding */
    }
    const int n =
        snprintf(new + 8, sizeof new - 8,
                 "%.*s,\"%s\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[%zu,%zu]}}",
                 (int)length - 1, old + 8, name, data, data + 8);
    const uint64_t new_length = (uint64_t)n;
    memcpy(new, &new_length, 8);
    memcpy(new + 8 + n, old + size - data, data);
    memset(new + 8 + n + data, 0, 8);
    file = fopen(path, "w");
    assert_int_equal(fwrite(new, 1, 8 + (size_t)n + data + 8, file), 8 + (size_t)n + data + 8);
    fclose(file);
}

/* E14 */
static void pytorchs_counts_of_batches_are_ignored_and_other_arrays_named(void **state)
{
    (void)state;
    const struct trial_config config = configure(configurations[1]);
    static const struct {
        const char *name;
        bool fits;
    } table[] = {{"layers.0.norm.num_batches_tracked", true},
                 {"layers.7.norm.num_batches_tracked", false},
                 {"num_batches_tracked", false},
                 {"layers.0.dense.num_batches_tracked", false},
                 {"decoder.weight", false}};
    struct training training;
    start(&training, &config);
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        assert_int_equal(model_save(path, &training.network, &config, &facts, &error), 0);
        add_scalar(table[i].name);
        assert_int_equal(model_load(path, &training.network, &error),
                         table[i].fits ? 0 : ERROR_INVALID);
        if (!table[i].fits && strstr(error.message, table[i].name) == NULL) {
            fail_msg("\"%s\" does not name %s", error.message, table[i].name);
        }
    }
    training_free(&training);
}

static void files_that_cannot_be_read_or_written_are_named(void **state)
{
    (void)state;
    const struct trial_config config = configure(configurations[0]);
    struct training training;
    start(&training, &config);
    assert_int_equal(model_load("/nowhere/at/all", &training.network, &error), ERROR_INVALID);
    assert_non_null(strstr(error.message, "/nowhere/at/all: cannot be read: No such file"));
    assert_int_equal(model_load(directory, &training.network, &error), ERROR_INVALID);
    fclose(fopen(path, "w"));
    assert_int_equal(model_load(path, &training.network, &error), ERROR_INVALID);
    assert_non_null(strstr(error.message, "no safetensors file"));
    assert_int_equal(model_save("/nowhere/at/all", &training.network, &config, &facts, &error),
                     ERROR_INVALID);
    assert_non_null(strstr(error.message, "cannot write /nowhere/at/all: No such file"));
    training_free(&training);
}

/* ---- traces ---- */

/* Trains with `files` and returns the trace's lines as a JSON array. */
static json_t *train(const struct trial_config *config, struct trial_files *files,
                     struct training *ret)
{
    start(ret, config);
    if (trial_files_begin(files, ret, config, &error) != 0) {
        fail_msg("%s", error.message);
    }
    for (int step = 0; step < STEPS; step++) {
        const double loss = training_step(ret, NULL);
        assert_int_equal(trial_files_step(files, ret, loss, &error), 0);
    }
    assert_int_equal(trial_files_save(files, ret, config, &facts, &error), 0);
    trial_files_end(files);
    json_t *lines = json_array();
    FILE *in = fopen(files->trace, "r");
    assert_non_null(in);
    for (json_t *line; (line = json_loadf(in, JSON_DISABLE_EOF_CHECK, NULL)) != NULL;) {
        json_array_append_new(lines, line);
    }
    fclose(in);
    return lines;
}

static void a_trace_replayed_by_its_samples_is_the_same_training(void **state)
{
    (void)state;
    struct trial_config config = configure(configurations[1]);
    struct training first, second, unstarted;
    start(&unstarted, &config);
    assert_int_equal(model_save(other_path, &unstarted.network, &config, &facts, &error), 0);
    training_free(&unstarted);

    struct trial_files files = {.trace = path};
    json_t *lines = train(&config, &files, &first);
    assert_int_equal(json_array_size(lines), STEPS);
    const json_t *line = json_array_get(lines, 0);
    assert_int_equal(json_integer_value(json_object_get(line, "step")), 1);
    assert_true(json_real_value(json_object_get(line, "loss")) > 0.5);
    const json_t *norms = json_object_get(line, "gradient_norms");
    assert_int_equal(json_object_size(norms), 3 * 3); /* weights, gamma, beta: no moments */
    assert_true(json_real_value(json_object_get(norms, "layers.0.dense.weight")) > 0);

    char order_path[80];
    snprintf(order_path, sizeof order_path, "%s/order", directory);
    FILE *out = fopen(order_path, "w");
    size_t i, k;
    json_t *entry, *sample;
    json_array_foreach(lines, i, entry)
    {
        json_array_foreach(json_object_get(entry, "samples"), k, sample)
        {
            fprintf(out, "%lld\n", (long long)json_integer_value(sample));
        }
    }
    fclose(out);
    config.seed = 99; /* neither start nor order come from it now */
    struct trial_files replay = {.trace = path, .load = other_path, .order = order_path};
    json_t *again = train(&config, &replay, &second);
    assert_true(json_equal(lines, again));
    assert_same(&first.network, &second.network);
    json_decref(lines);
    json_decref(again);
    training_free(&first);
    training_free(&second);
    unlink(order_path);
}

static void the_norms_are_those_of_the_gradient(void **state)
{
    (void)state;
    const struct trial_config config = configure(configurations[0]);
    struct training training;
    struct trial_files files = {.trace = path};
    json_t *lines = train(&config, &files, &training);
    const json_t *norms = json_object_get(json_array_get(lines, STEPS - 1), "gradient_norms");
    const struct layer *layer = &training.network.layers[1];
    const float *gradient =
        network_twin(&training.network, layer->weights, &training.pass.gradient);
    double sum = 0;
    for (int i = 0; i < layer->n_in * layer->n_out; i++) {
        sum += (double)gradient[i] * gradient[i];
    }
    assert_true(sum > 0);
    assert_true(json_real_value(json_object_get(norms, "layers.1.dense.weight")) == sqrt(sum));
    json_decref(lines);
    training_free(&training);
}

static void orders_that_make_no_sense_are_refused(void **state)
{
    (void)state;
    const struct {
        const char *text, *says;
    } table[] = {
        {"10 11 12", "3 sample numbers, but max_steps times batch_size needs 4"},
        {"10 11 12 x", "entry 4 is no number"},
        {"10 11 9 12", "entry 3 is sample 9; those to train on are 10 to 39"},
        {"10 11 12 40", "entry 4 is sample 40"},
    };
    int32_t *indices;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        FILE *out = fopen(path, "w");
        fputs(table[i].text, out);
        fclose(out);
        assert_int_equal(trace_read_order(path, 4, 10, 40, &indices, &error), ERROR_INVALID);
        if (strstr(error.message, table[i].says) == NULL) {
            fail_msg("\"%s\" does not say \"%s\"", error.message, table[i].says);
        }
    }
    assert_int_equal(trace_read_order("/nowhere", 4, 10, 40, &indices, &error), ERROR_INVALID);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_saved_network_is_loaded_to_the_bit),
        TEST(a_network_of_another_shape_is_refused),
        TEST(metadata_are_the_shortest_decimals),
        TEST(pytorchs_counts_of_batches_are_ignored_and_other_arrays_named),
        TEST(files_that_cannot_be_read_or_written_are_named),
        TEST(a_trace_replayed_by_its_samples_is_the_same_training),
        TEST(the_norms_are_those_of_the_gradient),
        TEST(orders_that_make_no_sense_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
