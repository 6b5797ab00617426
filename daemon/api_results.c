/* Trials and what came of them: everything here is read on the thread pool. */
#include "daemon/api_internal.h"

#include <string.h>

/* ---- trials ---- */

static bool is_state(const char *text)
{
    static const char *const states[] = {"queued", "running", "succeeded", "failed", "cancelled"};
    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        if (strcmp(text, states[i]) == 0) {
            return true;
        }
    }
    return false;
}

static void fail_with_field(struct api_call *call, const char *field, const char *message)
{
    struct error error;
    error_set(&error, field, "%s", message);
    api_fail_with(call, 400, "invalid_field", &error);
}

void api_get_trials(struct api_call *call)
{
    struct read_question question = api_question(READER_TRIALS, 200, "unknown_trial");
    question.params.limit = 100;
    const struct api_parameter parameters[] = {
        {.name = "sweep",
         .type = API_INTEGER,
         .min = 1,
         .max = INT64_MAX,
         .ret_integer = &question.params.sweep},
        {.name = "state",
         .type = API_TEXT,
         .ret_text = question.state,
         .size = sizeof question.state},
        {.name = "limit",
         .type = API_INTEGER,
         .min = 1,
         .max = 1000,
         .ret_integer = &question.params.limit},
        {.name = "after",
         .type = API_INTEGER,
         .min = 0,
         .max = INT64_MAX,
         .ret_integer = &question.params.after},
    };
    if (!api_query(call, parameters, 4)) {
        return;
    }
    if (question.state[0] != '\0' && !is_state(question.state)) {
        fail_with_field(call, "state",
                        "state must be queued, running, succeeded, failed or cancelled");
        return;
    }
    api_read(call, &question);
}

static void read_of_trial(struct api_call *call, enum reader_query query)
{
    struct read_question question = api_question(query, 200, "unknown_trial");
    question.params.id = call->id;
    if (api_query(call, NULL, 0)) {
        api_read(call, &question);
    }
}

void api_get_trial(struct api_call *call)
{
    read_of_trial(call, READER_TRIAL);
}

void api_get_measurements(struct api_call *call)
{
    read_of_trial(call, READER_MEASUREMENTS);
}

void api_get_layers(struct api_call *call)
{
    read_of_trial(call, READER_LAYERS);
}

/* ---- views ---- */

static void read_view(struct api_call *call, enum reader_query query)
{
    struct read_question question = api_question(query, 200, "unknown_sweep");
    char format[8] = "json";
    const struct api_parameter parameters[] = {
        {.name = "sweep",
         .type = API_INTEGER,
         .min = 1,
         .max = INT64_MAX,
         .ret_integer = &question.params.sweep},
        {.name = "format", .type = API_TEXT, .ret_text = format, .size = sizeof format},
        {.name = "depth",
         .type = API_INTEGER,
         .min = 0,
         .max = 64,
         .ret_integer = &question.params.depth},
        {.name = "replicates",
         .type = API_INTEGER,
         .min = 1,
         .max = INT64_MAX,
         .ret_integer = &question.params.replicates},
    };
    if (!api_query(call, parameters, query == READER_CURVES ? 4 : 2)) {
        return;
    }
    int known = reader_format_by_name(format);
    if (known < 0) {
        fail_with_field(call, "format", "format must be json, ndjson or csv");
        return;
    }
    question.format = (enum reader_format)known;
    api_read(call, &question);
}

void api_get_results(struct api_call *call)
{
    read_view(call, READER_RESULTS);
}

void api_get_summary(struct api_call *call)
{
    read_view(call, READER_SUMMARY);
}

void api_get_curves(struct api_call *call)
{
    read_view(call, READER_CURVES);
}
