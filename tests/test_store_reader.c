#include "tests/queue_fixture.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A fixture with a sweep of two cells and two replicates: one trial done, one failed, one running,
 * one queued. */
struct scene {
    struct queue_fixture *f;
    struct reader *reader;
    int64_t worker;
    char *answer;
    size_t size;
};

static int setup(void **state)
{
    struct scene *scene = calloc(1, sizeof(*scene));
    assert_non_null(scene);
    queue_fixture_setup((void **)&scene->f);
    struct queue_fixture *f = scene->f;
    struct error error = {0};
    assert_int_equal(reader_open(f->path, &scene->reader, &error), 0);
    queue_fixture_submit(f, "{\"name\":\"a \\\"quoted\\\", name\\u00e9\",\"base\":{\"depth\":2},"
                            "\"parameters\":{\"learning_rate\":[0.1,0.30000000000000004]},"
                            "\"replicates\":2,\"max_attempts\":1}");
    scene->worker = queue_fixture_worker(f);
    struct queue_claim done = queue_fixture_claim(f, scene->worker);
    struct measurement m[] = {{.step = 0, .test_accuracy = 0.1, .train_loss = NAN},
                              {.step = 5, .test_accuracy = 0.75, .train_loss = INFINITY}};
    struct layer_stat l = {.step = 5, .layer = 1, .gradient_rms = 0.25, .dead = NAN};
    struct report report = queue_fixture_done(&done, 10);
    report.measurements = m;
    report.n_measurements = 2;
    report.layers = &l;
    report.n_layers = 1;
    queue_fixture_send(f, scene->worker, &report);
    struct queue_claim failed = queue_fixture_claim(f, scene->worker);
    queue_fixture_report(f, scene->worker, &failed, REPORT_FAILED);
    queue_fixture_claim(f, scene->worker);
    *state = scene;
    return 0;
}

static int teardown(void **state)
{
    struct scene *scene = *state;
    reader_close(scene->reader);
    queue_fixture_teardown((void **)&scene->f);
    free(scene->answer);
    free(scene);
    return 0;
}

static enum reader_wish collect(void *arg, const char *data, size_t size)
{
    struct scene *scene = arg;
    scene->answer = realloc(scene->answer, scene->size + size + 1);
    assert_non_null(scene->answer);
    memcpy(scene->answer + scene->size, data, size);
    scene->size += size;
    scene->answer[scene->size] = '\0';
    return READER_MORE;
}

static int ask(struct scene *scene, enum reader_query query, struct reader_params params,
               enum reader_format format)
{
    free(scene->answer);
    scene->answer = NULL;
    scene->size = 0;
    return reader_run(scene->reader, query, &params, format, collect, scene);
}

static json_t *ask_json(struct scene *scene, enum reader_query query, struct reader_params params)
{
    assert_int_equal(ask(scene, query, params, READER_JSON), 0);
    json_error_t error;
    json_t *json = json_loads(scene->answer, JSON_REJECT_DUPLICATES, &error);
    if (!json) {
        fail_msg("%s: %s", error.text, scene->answer);
    }
    return json;
}

static struct reader_params all(void)
{
    struct reader_params params;
    reader_params_init(&params);
    return params;
}

static void a_sweep_has_its_counts_and_its_spec(void **state)
{
    struct scene *scene = *state;
    struct reader_params params = all();
    params.id = 1;
    json_t *sweep = ask_json(scene, READER_SWEEP, params);
    const char *name, *state_name;
    json_int_t queued, running, succeeded, failed, censored, cells, trials;
    assert_int_equal(json_unpack(sweep, "{s:s,s:s,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:{s:o}}", "name",
                                 &name, "state", &state_name, "queued", &queued, "running",
                                 &running, "succeeded", &succeeded, "failed", &failed, "censored",
                                 &censored, "cells", &cells, "trials", &trials, "spec", "base",
                                 &(json_t *){NULL}),
                     0);
    assert_string_equal(name, "a \"quoted\", name\u00e9");
    assert_string_equal(state_name, "active");
    assert_int_equal(queued * 1000 + running * 100 + succeeded * 10 + failed, 1111);
    assert_int_equal(cells * 10 + trials, 24);
    assert_true(json_is_null(json_object_get(sweep, "finished_at")));
    json_decref(sweep);
}

static void a_trial_has_its_configuration_and_attempts(void **state)
{
    struct scene *scene = *state;
    struct reader_params params = all();
    params.id = 3;
    json_t *trial = ask_json(scene, READER_TRIAL, params);
    struct trial_config config;
    struct error error = {0};
    assert_int_equal(config_from_json(json_object_get(trial, "config"), &config, &error), 0);
    assert_true(config.learning_rate == 0.30000000000000004); /* exactly */
    assert_int_equal(config.n_hidden, 2);
    json_t *list = json_object_get(trial, "attempt_list");
    assert_int_equal(json_array_size(list), 1);
    assert_string_equal(json_string_value(json_object_get(json_array_get(list, 0), "state")),
                        "running");
    json_decref(trial);
    params.id = 2;
    trial = ask_json(scene, READER_TRIAL, params);
    assert_string_equal(json_string_value(json_object_get(trial, "error")), "it broke");
    json_decref(trial);
}

/* SQLite writes it from the columns, the rest of the daemon from the struct. */
static void the_configuration_of_a_trial_is_the_canonical_one(void **state)
{
    struct scene *scene = *state;
    struct reader_params params = all();
    queue_fixture_submit(scene->f, "{\"base\":{\"depth\":1},\"seed\":2,"
                                   "\"parameters\":{\"measure_every\":[0,5]}}");
    for (params.id = 5; params.id <= 6; params.id++) {
        json_t *trial = ask_json(scene, READER_TRIAL, params);
        json_t *config = json_object_get(trial, "config");
        struct trial_config same;
        assert_int_equal(config_from_json(config, &same, NULL), 0);
        assert_int_equal(same.measure_every, params.id == 5 ? 0 : 5);
        json_t *canonical = config_to_json(&same);
        assert_true(json_equal(config, canonical));
        json_decref(canonical);
        json_decref(trial);
    }
}

static void lists_go_on_page_by_page(void **state)
{
    struct scene *scene = *state;
    struct reader_params params = all();
    params.sweep = 1;
    params.limit = 3;
    json_t *page = ask_json(scene, READER_TRIALS, params);
    assert_int_equal(json_array_size(json_object_get(page, "trials")), 3);
    params.after = json_integer_value(json_object_get(page, "next"));
    assert_int_equal(params.after, 3);
    json_decref(page);
    page = ask_json(scene, READER_TRIALS, params);
    assert_int_equal(json_array_size(json_object_get(page, "trials")), 1);
    assert_true(json_is_null(json_object_get(page, "next")));
    json_decref(page);
    queue_fixture_submit(scene->f, "{\"base\":{\"depth\":1}}");
    params = all();
    params.limit = 1;
    page = ask_json(scene, READER_SWEEPS, params);
    assert_int_equal(json_integer_value(json_object_get(page, "next")), 2); /* newest first */
    json_decref(page);
}

static void trials_are_filtered_by_sweep_and_state(void **state)
{
    struct scene *scene = *state;
    struct reader_params params = all();
    params.state = "failed";
    json_t *page = ask_json(scene, READER_TRIALS, params);
    assert_int_equal(json_array_size(json_object_get(page, "trials")), 1);
    json_decref(page);
    queue_fixture_submit(scene->f, "{\"base\":{\"depth\":1}}");
    params.sweep = 2;
    page = ask_json(scene, READER_TRIALS, params);
    assert_int_equal(json_array_size(json_object_get(page, "trials")), 0);
    json_decref(page);
}

static size_t count_curves(struct scene *scene, struct reader_params params)
{
    json_t *curves = ask_json(scene, READER_CURVES, params);
    size_t n = json_array_size(json_object_get(curves, "curves"));
    json_decref(curves);
    return n;
}

static void curves_are_filtered_by_depth_and_replicates(void **state)
{
    struct scene *scene = *state;
    struct queue_claim second = queue_fixture_claim(scene->f, scene->worker);
    assert_int_equal(second.trial, 4); /* replicate 1 */
    struct measurement m = {.step = 1, .test_accuracy = 0.9};
    struct report report = queue_fixture_done(&second, 1);
    report.measurements = &m;
    report.n_measurements = 1;
    queue_fixture_send(scene->f, scene->worker, &report);
    for (int64_t sweep = 0; sweep <= 1; sweep++) { /* of all sweeps, and of this one */
        struct reader_params params = all();
        params.sweep = sweep;
        assert_int_equal(count_curves(scene, params), 3);
        params.replicates = 1;
        assert_int_equal(count_curves(scene, params), 2);
        params.replicates = 2;
        params.depth = 2;
        assert_int_equal(count_curves(scene, params), 3);
        params.depth = 3;
        assert_int_equal(count_curves(scene, params), 0);
    }
}

/* Trains the next trial to step 3: layer 0 as given at steps 1, 2 and 3, layer 1 ten times that at
 * step 1. Reaches the target unless told otherwise. */
static void end_with_layers(struct scene *scene, double gradient, bool reaches, const char *reason)
{
    struct queue_claim claim = queue_fixture_claim(scene->f, scene->worker);
    struct layer_stat layers[] = {
        {.step = 1, .layer = 0, .gradient_rms = gradient, .dead = NAN},
        {.step = 1, .layer = 1, .gradient_rms = 10 * gradient, .dead = NAN},
        {.step = 2, .layer = 0, .gradient_rms = gradient + 100, .dead = NAN},
        {.step = 3, .layer = 0, .gradient_rms = gradient + 200, .dead = NAN},
    };
    struct report report = queue_fixture_done(&claim, reaches ? 3 : -1);
    report.layers = layers;
    report.n_layers = 4;
    report.result.steps = 3;
    if (reason) {
        report.end = REPORT_FAILED;
        snprintf(report.failure.reason, sizeof report.failure.reason, "%s", reason);
    }
    assert_int_equal(queue_fixture_send(scene->f, scene->worker, &report), REPORT_OK);
}

static void train_with_layers(struct scene *scene, double gradient, bool reaches)
{
    end_with_layers(scene, gradient, reaches, NULL);
}

/* Two cells, depth 1 and 2, of four and of one trial with statistics. */
static int64_t submit_with_layers(struct scene *scene)
{
    queue_fixture_claim(scene->f, scene->worker); /* the last of the first sweep */
    int64_t sweep = queue_fixture_submit(scene->f, "{\"base\":{\"max_steps\":4},\"replicates\":4,"
                                                   "\"parameters\":{\"depth\":[1,2]}}");
    static const double gradients[] = {8, 1, 4, 2};
    for (int i = 0; i < 4; i++) {
        train_with_layers(scene, gradients[i], true);
    }
    train_with_layers(scene, 16, true);
    return sweep;
}

static const char *row_text(json_t *rows, size_t at)
{
    static char text[128];
    json_t *row = json_array_get(rows, at);
    snprintf(text, sizeof text, "cell %lld depth %lld layer %lld: %g [%g, %g] of %lld",
             json_integer_value(json_object_get(row, "cell")),
             json_integer_value(json_object_get(row, "depth")),
             json_integer_value(json_object_get(row, "layer")),
             json_number_value(json_object_get(row, "median")),
             json_number_value(json_object_get(row, "q1")),
             json_number_value(json_object_get(row, "q3")),
             json_integer_value(json_object_get(row, "trials")));
    return text;
}

static void layers_have_quartiles_over_the_trials_of_a_cell(void **state)
{
    struct scene *scene = *state;
    struct reader_params params = all();
    params.sweep = submit_with_layers(scene);
    json_t *answer = ask_json(scene, READER_LAYER_QUARTILES, params);
    json_t *rows = json_object_get(answer, "layers");
    assert_int_equal(json_array_size(rows), 4);
    assert_string_equal(row_text(rows, 0), "cell 0 depth 1 layer 0: 3 [1.75, 5] of 4");
    assert_string_equal(row_text(rows, 1), "cell 0 depth 1 layer 1: 30 [17.5, 50] of 4");
    assert_string_equal(row_text(rows, 2), "cell 1 depth 2 layer 0: 16 [16, 16] of 1");
    json_decref(answer);
    params.step = 2;
    params.depth = 1;
    answer = ask_json(scene, READER_LAYER_QUARTILES, params);
    rows = json_object_get(answer, "layers");
    assert_int_equal(json_array_size(rows), 1);
    assert_string_equal(row_text(rows, 0), "cell 0 depth 1 layer 0: 103 [101.75, 105] of 4");
    json_decref(answer);
}

/* C11: the trials of the view `summary`, n of them. */
static void layers_are_of_the_trials_that_count_in_a_summary(void **state)
{
    struct scene *scene = *state;
    struct reader_params params = all();
    params.sweep = submit_with_layers(scene);
    end_with_layers(scene, 18, false, "diverged at step 4");
    end_with_layers(scene, 1000, false, "the machine caught fire");
    queue_fixture_claim(scene->f, scene->worker); /* the last one runs */
    params.cell = 1;
    json_t *answer = ask_json(scene, READER_LAYER_QUARTILES, params);
    json_t *rows = json_object_get(answer, "layers");
    assert_string_equal(row_text(rows, 0), "cell 1 depth 2 layer 0: 17 [16.5, 17.5] of 2");
    json_decref(answer);
    answer = ask_json(scene, READER_LAYER_STEPS, params);
    rows = json_object_get(answer, "steps");
    assert_int_equal(json_integer_value(json_object_get(json_array_get(rows, 0), "trials")), 6);
    json_decref(answer);
    answer = ask_json(scene, READER_SUMMARY, params);
    rows = json_object_get(answer, "summary");
    assert_int_equal(json_integer_value(json_object_get(json_array_get(rows, 1), "n")), 2);
    json_decref(answer);
}

/* B2: figures of single arms ask for their cells. */
static void curves_and_layers_of_one_cell_are_asked_for_alone(void **state)
{
    struct scene *scene = *state;
    struct reader_params params = all();
    params.sweep = submit_with_layers(scene);
    params.cell = 1;
    json_t *answer = ask_json(scene, READER_LAYER_QUARTILES, params);
    json_t *rows = json_object_get(answer, "layers");
    assert_int_equal(json_array_size(rows), 2);
    assert_string_equal(row_text(rows, 0), "cell 1 depth 2 layer 0: 16 [16, 16] of 1");
    json_decref(answer);
    params.cell = 2;
    answer = ask_json(scene, READER_CURVES, params);
    assert_int_equal(json_array_size(json_object_get(answer, "curves")), 0);
    json_decref(answer);
}

static void a_layer_without_the_value_has_no_quartiles(void **state)
{
    struct scene *scene = *state;
    struct reader_params params = all();
    params.sweep = submit_with_layers(scene);
    params.value = "dead";
    json_t *answer = ask_json(scene, READER_LAYER_QUARTILES, params);
    json_t *row = json_array_get(json_object_get(answer, "layers"), 0);
    assert_true(json_is_null(json_object_get(row, "median")));
    assert_int_equal(json_integer_value(json_object_get(row, "trials")), 4);
    json_decref(answer);
}

static void steps_where_trials_merely_ended_are_not_listed(void **state)
{
    struct scene *scene = *state;
    struct reader_params params = all();
    params.sweep = submit_with_layers(scene);
    assert_int_equal(ask(scene, READER_LAYER_STEPS, params, READER_JSON), 0);
    assert_string_equal(scene->answer,
                        "{\"steps\":[{\"step\":1,\"trials\":5},{\"step\":2,\"trials\":5}]}");
    params.sweep =
        queue_fixture_submit(scene->f, "{\"base\":{\"depth\":1,\"max_steps\":3},\"priority\":9}");
    train_with_layers(scene, 1, false);
    assert_int_equal(ask(scene, READER_LAYER_STEPS, params, READER_NDJSON), 0);
    assert_non_null(strstr(scene->answer, "{\"step\":3,\"trials\":1}")); /* all of them go so far */
}

static void what_is_not_there_is_not_found(void **state)
{
    struct scene *scene = *state;
    static const enum reader_query by_id[] = {READER_SWEEP, READER_TRIAL, READER_MEASUREMENTS,
                                              READER_LAYERS};
    static const enum reader_query by_sweep[] = {READER_TRIALS,          READER_RESULTS,
                                                 READER_SUMMARY,         READER_CURVES,
                                                 READER_LAYER_QUARTILES, READER_LAYER_STEPS};
    for (int i = 0; i < 4; i++) {
        struct reader_params params = all();
        params.id = 99;
        assert_int_equal(ask(scene, by_id[i], params, READER_JSON), READER_NOT_FOUND);
    }
    for (int i = 0; i < 6; i++) {
        struct reader_params params = all();
        params.sweep = 99;
        assert_int_equal(ask(scene, by_sweep[i], params, READER_JSON), READER_NOT_FOUND);
        assert_null(scene->answer);
    }
}

static void every_list_is_valid_json_also_when_empty(void **state)
{
    struct scene *scene = *state;
    for (int query = 0; query < READER_QUERY_COUNT; query++) {
        struct reader_params params = all();
        params.id = 4; /* a trial that has nothing yet */
        if (query == READER_SWEEP) {
            continue;
        }
        json_t *json = ask_json(scene, (enum reader_query)query, params);
        assert_true(json_is_object(json));
        json_decref(json);
    }
}

static void numbers_that_do_not_exist_are_null(void **state)
{
    struct scene *scene = *state;
    struct reader_params params = all();
    params.id = 1;
    assert_int_equal(ask(scene, READER_MEASUREMENTS, params, READER_JSON), 0);
    assert_string_equal(scene->answer,
                        "{\"measurements\":[{\"step\":0,\"test_accuracy\":0.1,\"train_loss\":null,"
                        "\"cpu_ms\":0,\"wall_ms\":0},{\"step\":5,\"test_accuracy\":0.75,"
                        "\"train_loss\":null,\"cpu_ms\":0,\"wall_ms\":0}]}");
    json_t *layers = ask_json(scene, READER_LAYERS, params);
    json_t *first = json_array_get(json_object_get(layers, "layers"), 0);
    assert_true(json_is_null(json_object_get(first, "dead")));
    assert_true(json_real_value(json_object_get(first, "gradient_rms")) == 0.25);
    json_decref(layers);
}

static void csv_is_quoted_where_it_must_be(void **state)
{
    struct scene *scene = *state;
    struct reader_params params = all();
    params.sweep = 1;
    assert_int_equal(ask(scene, READER_RESULTS, params, READER_CSV), 0);
    assert_memory_equal(scene->answer, "trial,sweep,sweep_name,cell,", 28);
    char *second = strstr(scene->answer, "\r\n") + 2;
    assert_memory_equal(second, "1,1,\"a \"\"quoted\"\", name", 22);
    int lines = 0;
    for (const char *at = scene->answer; (at = strstr(at, "\r\n")); at += 2) {
        lines++;
    }
    assert_int_equal(lines, 5);
}

static void ndjson_has_an_object_a_line(void **state)
{
    struct scene *scene = *state;
    assert_int_equal(ask(scene, READER_SUMMARY, all(), READER_NDJSON), 0);
    int lines = 0;
    for (char *line = strtok(scene->answer, "\n"); line; line = strtok(NULL, "\n")) {
        json_t *json = json_loads(line, 0, NULL);
        assert_true(json_is_object(json));
        assert_true(json_object_get(json, "median_steps") != NULL);
        json_decref(json);
        lines++;
    }
    assert_int_equal(lines, 2);
}

static enum reader_wish refuse(void *arg, const char *data, size_t size)
{
    (void)data, (void)size;
    ++*(int *)arg;
    return READER_STOP;
}

static void a_sink_that_refuses_stops_the_query(void **state)
{
    struct scene *scene = *state;
    queue_fixture_submit(scene->f, "{\"base\":{\"depth\":1},\"replicates\":2000}");
    struct reader_params params = all();
    int calls = 0;
    assert_int_equal(
        reader_run(scene->reader, READER_RESULTS, &params, READER_JSON, refuse, &calls),
        READER_STOPPED);
    assert_int_equal(calls, 1);
}

static int count_to_ten(void *arg)
{
    return ++*(int *)arg == 10;
}

static void a_query_without_rows_yet_can_be_stopped(void **state)
{
    struct scene *scene = *state;
    queue_fixture_submit(scene->f, "{\"base\":{\"depth\":1},\"replicates\":2000}");
    struct reader_params params = all();
    int calls = 0, pieces = 0;
    reader_on_progress(scene->reader, count_to_ten, &calls);
    assert_int_equal(
        reader_run(scene->reader, READER_SUMMARY, &params, READER_JSON, refuse, &pieces),
        READER_STOPPED);
    assert_int_equal(calls, 10);
    assert_int_equal(pieces, 0);
    reader_on_progress(scene->reader, NULL, NULL);
    assert_int_equal(ask(scene, READER_SUMMARY, all(), READER_JSON), 0);
}

static void events_tell_what_happened(void **state)
{
    struct scene *scene = *state;
    struct reader_params params = all();
    json_t *events = ask_json(scene, READER_EVENTS, params);
    json_t *list = json_object_get(events, "events");
    assert_int_equal(json_array_size(list), 3); /* submitted, registered, failed */
    assert_string_equal(json_string_value(json_object_get(json_array_get(list, 2), "kind")),
                        "trial_failed");
    json_decref(events);
}

static void a_sweep_on_its_way_out_is_unknown(void **state)
{
    struct scene *scene = *state;
    struct queue_fixture *f = scene->f;
    f->options.slice = 5;
    queue_fixture_restart(f);
    int64_t gone = queue_fixture_submit(f, "{\"base\":{\"depth\":1},\"replicates\":20}");
    queue_fixture_advance(f, 1);
    queue_fixture_act(f, gone, QUEUE_CANCEL);
    queue_fixture_act(f, gone, QUEUE_DELETE);
    queue_fixture_sweep_is(f, gone, "cancelled"); /* the row is there still */
    struct reader_params params = all();
    params.id = gone;
    assert_int_equal(ask(scene, READER_SWEEP, params, READER_JSON), READER_NOT_FOUND);
    params.sweep = gone;
    assert_int_equal(ask(scene, READER_TRIALS, params, READER_JSON), READER_NOT_FOUND);
    json_t *answer = ask_json(scene, READER_SWEEPS, all());
    assert_int_equal(json_array_size(json_object_get(answer, "sweeps")), 1);
    json_decref(answer);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_sweep_has_its_counts_and_its_spec),
        TEST(a_trial_has_its_configuration_and_attempts),
        TEST(the_configuration_of_a_trial_is_the_canonical_one),
        TEST(lists_go_on_page_by_page),
        TEST(trials_are_filtered_by_sweep_and_state),
        TEST(curves_are_filtered_by_depth_and_replicates),
        TEST(layers_have_quartiles_over_the_trials_of_a_cell),
        TEST(layers_are_of_the_trials_that_count_in_a_summary),
        TEST(curves_and_layers_of_one_cell_are_asked_for_alone),
        TEST(a_layer_without_the_value_has_no_quartiles),
        TEST(steps_where_trials_merely_ended_are_not_listed),
        TEST(what_is_not_there_is_not_found),
        TEST(every_list_is_valid_json_also_when_empty),
        TEST(numbers_that_do_not_exist_are_null),
        TEST(csv_is_quoted_where_it_must_be),
        TEST(ndjson_has_an_object_a_line),
        TEST(a_sink_that_refuses_stops_the_query),
        TEST(a_query_without_rows_yet_can_be_stopped),
        TEST(events_tell_what_happened),
        TEST(a_sweep_on_its_way_out_is_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
