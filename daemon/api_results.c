/* Trials and what came of them: everything here is read on the thread pool. */
#include "daemon/api_internal.h"

void api_get_trials(struct api_call *call)
{
    static const char *const states[] = {"queued", "running",   "succeeded",
                                         "failed", "cancelled", NULL};
    struct read_question question = api_question(READER_TRIALS, 200, "unknown_trial");
    int state = -1;
    question.params.limit = 100;
    const struct api_parameter parameters[] = {
        api_integer("sweep", 1, INT64_MAX, &question.params.sweep),
        api_word("state", states, &state),
        api_integer("limit", 1, 1000, &question.params.limit),
        api_integer("after", 0, INT64_MAX, &question.params.after),
    };
    if (api_query(call, parameters, 4)) {
        question.params.state = state >= 0 ? states[state] : NULL;
        api_read(call, &question);
    }
}

void api_get_trial(struct api_call *call)
{
    struct read_question question =
        api_question((enum reader_query)call->argument, 200, "unknown_trial");
    question.params.id = call->id;
    if (api_query(call, NULL, 0)) {
        api_read(call, &question);
    }
}

static const char *const formats[] = {
    [READER_JSON] = "json", [READER_NDJSON] = "ndjson", [READER_CSV] = "csv", NULL};

void api_get_view(struct api_call *call)
{
    struct read_question question =
        api_question((enum reader_query)call->argument, 200, "unknown_sweep");
    int format = READER_JSON;
    const struct api_parameter parameters[] = {
        api_integer("sweep", 1, INT64_MAX, &question.params.sweep),
        api_word("format", formats, &format),
        api_integer("depth", 0, 64, &question.params.depth),
        api_integer("replicates", 1, INT64_MAX, &question.params.replicates),
        api_integer("cell", 0, INT64_MAX, &question.params.cell),
    };
    if (api_query(call, parameters, question.query == READER_CURVES ? 5 : 2)) {
        question.format = (enum reader_format)format;
        api_read(call, &question);
    }
}

void api_get_layers(struct api_call *call)
{
    static const char *const values[] = {"gradient_rms",
                                         "preactivation_gradient_rms",
                                         "weight_rms",
                                         "update_ratio",
                                         "saturated",
                                         "dead",
                                         "preactivation_mean",
                                         "preactivation_std",
                                         NULL};
    struct read_question question = api_question(READER_LAYER_QUARTILES, 200, "unknown_sweep");
    int format = READER_JSON, value = 0;
    const struct api_parameter parameters[] = {
        api_integer("sweep", 1, INT64_MAX, &question.params.sweep),
        api_word("format", formats, &format),
        api_integer("depth", 0, 64, &question.params.depth),
        api_integer("step", 0, INT64_MAX, &question.params.step),
        api_word("value", values, &value),
        api_integer("cell", 0, INT64_MAX, &question.params.cell),
    };
    if (api_query(call, parameters, 6)) {
        question.format = (enum reader_format)format;
        question.params.value = values[value];
        api_read(call, &question);
    }
}
