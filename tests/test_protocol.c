#include "tests/test.h"

#include "common/protocol.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define HASH "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static int read_report(const char *text, struct report *ret, struct error *error)
{
    json_t *json = json_loads(text, 0, NULL);
    assert_non_null(json);
    int rc = report_from_json(json, ret, error);
    json_decref(json);
    return rc;
}

static void a_done_report_survives_the_trip(void **state)
{
    (void)state;
    struct measurement measurements[] = {{0, 0.1, NAN, 0, 0}, {1, 0.3125, 2.25, 12.5, 13}};
    struct layer_stat layers[] = {
        {1, 7, 1e-9, 1e-8, 0.05, 1e-3, NAN, 0.25, -0.125, 1.5},
    };
    struct report report = {
        .trial = 12,
        .attempt = 2,
        .measurements = measurements,
        .n_measurements = 2,
        .layers = layers,
        .n_layers = 1,
        .end = REPORT_DONE,
        .result = {.steps = 51,
                   .steps_to_target = 51,
                   .seconds_to_target = 0.5,
                   .final_accuracy = 0.9012,
                   .final_loss = 0.25,
                   .ms_per_step = 11.5,
                   .weights_sha256 = HASH,
                   .kernel = "SkylakeX",
                   .trainer = "ninety-trainer 0.1"},
    };
    json_t *json = report_to_json(&report);
    assert_non_null(json);
    struct report back;
    assert_int_equal(report_from_json(json, &back, NULL), 0);
    assert_int_equal(back.trial, 12);
    assert_int_equal(back.attempt, 2);
    assert_int_equal(back.n_measurements, 2);
    assert_true(isnan(back.measurements[0].train_loss));
    assert_true(back.measurements[1].train_loss == 2.25);
    assert_int_equal(back.n_layers, 1);
    assert_int_equal(back.layers[0].layer, 7);
    assert_true(isnan(back.layers[0].saturated));
    assert_true(back.layers[0].dead == 0.25);
    assert_int_equal(back.end, REPORT_DONE);
    assert_int_equal(back.result.steps_to_target, 51);
    assert_true(back.result.final_accuracy == 0.9012);
    assert_string_equal(back.result.kernel, "SkylakeX");
    assert_string_equal(back.result.data_sha256, "");
    report_clear(&back);
    json_decref(json);
}

static void a_censored_result_has_no_steps_to_target(void **state)
{
    (void)state;
    struct report report = {
        .trial = 1,
        .attempt = 1,
        .end = REPORT_DONE,
        .result = {
            .steps = 400, .steps_to_target = -1, .seconds_to_target = NAN, .final_accuracy = 0.56}};
    json_t *json = report_to_json(&report);
    assert_null(json_object_get(json_object_get(json, "done"), "steps_to_target"));
    struct report back;
    assert_int_equal(report_from_json(json, &back, NULL), 0);
    assert_int_equal(back.result.steps_to_target, -1);
    assert_true(isnan(back.result.seconds_to_target));
    report_clear(&back);
    json_decref(json);
}

static void a_reused_report_survives_the_trip(void **state)
{
    (void)state;
    struct report report = {.trial = 12, .attempt = 1, .end = REPORT_REUSED, .reused_from = 5};
    json_t *json = report_to_json(&report);
    struct report back;
    assert_int_equal(report_from_json(json, &back, NULL), 0);
    assert_int_equal(back.end, REPORT_REUSED);
    assert_int_equal(back.reused_from, 5);
    report_clear(&back);
    json_decref(json);
}

static void offers_survive_the_trip_and_what_is_none_is_passed_over(void **state)
{
    (void)state;
    struct reuse_offers offers = {
        .n = 2,
        .at = {{.trial = 7, .trainer = "t 1", .kernel = "Haswell", .data_sha256 = "aa"},
               {.trial = 5, .trainer = "t 2", .kernel = "Zen", .data_sha256 = "bb"}}};
    struct reuse_offers back;
    json_t *json = reuse_offers_to_json(&offers);
    assert_int_equal(json_array_insert_new(json, 1, json_pack("{s:i}", "trial", 6)), 0);
    reuse_offers_from_json(json, &back);
    assert_int_equal(back.n, 2);
    assert_int_equal(back.at[0].trial, 7);
    assert_string_equal(back.at[1].trainer, "t 2");
    assert_string_equal(back.at[1].kernel, "Zen");
    assert_string_equal(back.at[1].data_sha256, "bb");
    for (int i = 0; i < REUSE_MAX_OFFERS; i++) { /* from a daemon that has more to offer */
        json_array_append(json, json_array_get(json, 0));
    }
    reuse_offers_from_json(json, &back);
    assert_int_equal(back.n, REUSE_MAX_OFFERS);
    json_decref(json);
    reuse_offers_from_json(NULL, &back);
    assert_int_equal(back.n, 0);
}

/* Found by the fuzzers: what was left out as empty was then missing. */
static void empty_texts_that_must_be_there_survive_the_trip(void **state)
{
    (void)state;
    struct report report = {.trial = 1, .attempt = 1, .end = REPORT_FAILED}, again;
    struct trainer_event event = {.type = TRAINER_READY, .protocol = 1}, read;
    json_t *json = report_to_json(&report);
    assert_int_equal(report_from_json(json, &again, NULL), 0);
    assert_int_equal(again.end, REPORT_FAILED);
    assert_string_equal(again.failure.reason, "");
    report_clear(&again);
    json_decref(json);
    char *line = trainer_event_to_line(&event);
    assert_int_equal(trainer_event_from_line(line, &read, NULL), 0);
    free(line);
}

#define MEASURED "{\"trial\": 1, \"attempt\": 1, \"measurements\": [{\"step\": 1, "
#define LAYER "{\"trial\": 1, \"attempt\": 1, \"layers\": [{\"step\": 1, \"layer\": 0, "
#define DONE "{\"trial\": 1, \"attempt\": 1, \"done\": {\"steps\": 1, "

static void bad_reports_name_the_member(void **state)
{
    (void)state;
    static const struct {
        const char *text, *field;
    } cases[] = {
        {"{\"attempt\": 1}", "trial"},
        {"{\"trial\": 1, \"attempt\": 0}", "attempt"},
        {"{\"trial\": 1, \"attempt\": 1, \"measurements\": {}}", "measurements"},
        {"{\"trial\": 1, \"attempt\": 1, \"measurements\": [{\"step\": 1}]}",
         "measurements[0].test_accuracy"},
        {"{\"trial\": 1, \"attempt\": 1, \"layers\": [{\"step\": 1, \"layer\": 65}]}",
         "layers[0].layer"},
        {"{\"trial\": 1, \"attempt\": 1, \"done\": {\"steps\": -1}}", "done.steps"},
        {"{\"trial\": 1, \"attempt\": 1, \"failed\": {\"reason\": 3}}", "failed.reason"},
        {"{\"trial\": 1, \"attempt\": 1, \"released\": false}", "released"},
        {"{\"trial\": 1, \"attempt\": 1, \"released\": true, \"failed\": {}}", ""},
        {"[]", ""},
        /* A6: what no value can be */
        {MEASURED "\"test_accuracy\": 2, \"cpu_ms\": 1, \"wall_ms\": 1}]}",
         "measurements[0].test_accuracy"},
        {MEASURED "\"test_accuracy\": -5, \"cpu_ms\": 1, \"wall_ms\": 1}]}",
         "measurements[0].test_accuracy"},
        {MEASURED "\"test_accuracy\": 0.5, \"cpu_ms\": -1, \"wall_ms\": 1}]}",
         "measurements[0].cpu_ms"},
        {MEASURED "\"test_accuracy\": 0.5, \"cpu_ms\": 1, \"wall_ms\": -0.5}]}",
         "measurements[0].wall_ms"},
        {LAYER "\"saturated\": 1.5}]}", "layers[0].saturated"},
        {LAYER "\"dead\": -0.1}]}", "layers[0].dead"},
        {LAYER "\"gradient_rms\": -1}]}", "layers[0].gradient_rms"},
        {DONE "\"final_accuracy\": 1e308}}", "done.final_accuracy"},
        {DONE "\"final_accuracy\": 0.5, \"seconds_to_target\": -1}}", "done.seconds_to_target"},
        {DONE "\"final_accuracy\": 0.5, \"ms_per_step\": -1}}", "done.ms_per_step"},
        {DONE "\"final_accuracy\": 0.5, \"weights_sha256\": \"not a hash\"}}",
         "done.weights_sha256"},
        {DONE "\"final_accuracy\": 0.5, \"data_sha256\": \"" HASH "0\"}}", "done.data_sha256"},
        /* A11: what no terminal should get */
        {DONE "\"final_accuracy\": 0.5, \"kernel\": \"\\u001b[2J\"}}", "done.kernel"},
        {DONE "\"final_accuracy\": 0.5, \"trainer\": \"\\u202e1.0\"}}", "done.trainer"},
        {"{\"trial\": 1, \"attempt\": 1, \"failed\": {\"reason\": \"\\u0007\"}}", "failed.reason"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct report report;
        struct error error = {0};
        assert_int_equal(read_report(cases[i].text, &report, &error), ERROR_INVALID);
        assert_string_equal(error.field, cases[i].field);
        assert_true(error.message[0] != '\0');
        char body[512];
        struct report *none;
        struct worker_badge badge;
        size_t n;
        int size = snprintf(body, sizeof(body), "{\"worker\":1,\"reports\":[%s]}", cases[i].text);
        assert_false(reports_scan(body, (size_t)size, &badge, &none, &n));
    }
}

static void a_job_survives_the_trip(void **state)
{
    (void)state;
    struct trainer_job job = {
        .trial = 3, .attempt = 1, .data_dir = "/some where/\"mnist\"", .data_sha256 = "00"};
    json_t *json = json_pack("{s:i, s:s}", "depth", 2, "activation", "tanh");
    assert_int_equal(config_from_json(json, &job.config, NULL), 0);
    json_decref(json);
    char *line = trainer_job_to_line(&job);
    assert_int_equal(line[strlen(line) - 1], '\n');
    assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
    struct trainer_job back;
    assert_int_equal(trainer_job_from_line(line, &back, NULL), 0);
    assert_string_equal(back.data_dir, job.data_dir);
    assert_int_equal(back.config.n_hidden, 2);
    assert_int_equal(back.config.activation, ACTIVATION_TANH);
    free(line);

    struct error error;
    assert_int_equal(trainer_job_from_line("{\"trial\":1,\"attempt\":1,\"data_dir\":\"x\","
                                           "\"config\":{\"depth\":9}}",
                                           &back, &error),
                     ERROR_INVALID);
    assert_string_equal(error.field, "config.depth");
}

static void every_event_survives_the_trip(void **state)
{
    (void)state;
    const struct trainer_event events[] = {
        {.type = TRAINER_READY, .protocol = 1, .trainer = "t 1", .kernel = "Haswell"},
        {.type = TRAINER_MEASUREMENT, .trial = 1, .attempt = 2, .measurement = {8, 0.5, 1, 2, 3}},
        {.type = TRAINER_LAYER, .trial = 1, .attempt = 2, .layer = {.step = 8, .layer = 1}},
        {.type = TRAINER_DONE,
         .trial = 1,
         .attempt = 2,
         .result = {.steps = 3, .steps_to_target = 3, .final_accuracy = 1}},
        {.type = TRAINER_FAILED, .trial = 1, .attempt = 2, .failure = {"diverged", true}},
        {.type = TRAINER_STEP, .trial = 1, .attempt = 2, .step = 4711}, /* D9 */
    };
    for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
        char *line = trainer_event_to_line(&events[i]);
        struct trainer_event back;
        assert_int_equal(trainer_event_from_line(line, &back, NULL), 0);
        char *again = trainer_event_to_line(&back);
        assert_string_equal(line, again);
        assert_int_equal(back.type, events[i].type);
        free(line);
        free(again);
    }
}

static void garbage_lines_are_errors(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "",
        "hello",
        "{}",
        "[]",
        "{\"type\":\"done\"}",
        "{\"type\":\"dance\",\"trial\":1}",
        "{\"type\":3}",
        "{\"type\":\"measurement\",\"trial\":1,\"attempt\":1}",
    };
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        struct trainer_event event;
        struct error error = {0};
        assert_int_equal(trainer_event_from_line(lines[i], &event, &error), ERROR_INVALID);
        assert_true(error.message[0] != '\0');
    }
}

/* D21 */
static void whole_numbers_of_other_programs_may_have_a_point(void **state)
{
    (void)state;
    struct report report;
    struct error error = {0};
    assert_int_equal(
        read_report("{\"trial\": 12.0, \"attempt\": 2.0, \"measurements\": [{\"step\": 8.0,"
                    " \"test_accuracy\": 0.5, \"cpu_ms\": 1, \"wall_ms\": 1}]}",
                    &report, &error),
        0);
    assert_int_equal(report.trial, 12);
    assert_int_equal(report.measurements[0].step, 8);
    report_clear(&report);
    assert_int_equal(read_report("{\"trial\": 12.5, \"attempt\": 2}", &report, &error),
                     ERROR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_numbers_of_other_programs_may_have_a_point),
        cmocka_unit_test(a_done_report_survives_the_trip),
        cmocka_unit_test(a_censored_result_has_no_steps_to_target),
        cmocka_unit_test(a_reused_report_survives_the_trip),
        cmocka_unit_test(offers_survive_the_trip_and_what_is_none_is_passed_over),
        cmocka_unit_test(empty_texts_that_must_be_there_survive_the_trip),
        cmocka_unit_test(bad_reports_name_the_member),
        cmocka_unit_test(a_job_survives_the_trip),
        cmocka_unit_test(every_event_survives_the_trip),
        cmocka_unit_test(garbage_lines_are_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
