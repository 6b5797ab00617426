/* results, summary, layers and workers: what the daemon knows, as tables. */
#include "cli/command.h"
#include "cli/connection.h"
#include "cli/layers.h"
#include "cli/memory.h"
#include "cli/summary.h"
#include "cli/sweeps.h"
#include "cli/table.h"
#include "cli/varying.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const struct option all_option[] = {
    {"all", NULL, "of all sweeps"},
    {NULL},
};

static const char which_sweep[] =
    "SWEEP is a sweep's number or name; without it the newest sweep is meant. csv and json have\n"
    "the rows and columns of the view of the same name (docs/results.md).\n";

/* What these commands share: format, client, and the sweep that is meant (NULL with --all). */
struct request {
    enum format format;
    struct connection connection;
    json_t *sweep;
    int64_t step;      /* of layers */
    const char *value; /* of layers: which of a layer's numbers */
};

static const char *const layer_values[] = {
    "gradient_rms", "preactivation_gradient_rms", "weight_rms",       "update_ratio", "saturated",
    "dead",         "preactivation_mean",         "preactivation_std"};

static int check_value(const char *value, struct error *error)
{
    char names[256] = "";

    for (size_t i = 0; i < sizeof(layer_values) / sizeof(*layer_values); i++) {
        if (strcmp(value, layer_values[i]) == 0) {
            return 0;
        }
        size_t length = strlen(names);
        snprintf(names + length, sizeof(names) - length, "%s%s", i ? ", " : "", layer_values[i]);
    }
    return error_set(error, NULL, "--value must be one of %s, not '%.60s'", names, value);
}

static int request_open(const struct args *args, struct request *ret)
{
    struct error error = {0};
    int code = EXIT_OK;

    *ret = (struct request){.step = 1, .value = args_value(args, "value")};
    if (!ret->value) {
        ret->value = "gradient_rms";
    }
    if (args_format(args, &ret->format, &error) != 0 || check_value(ret->value, &error) != 0 ||
        args_integer(args, "step", (struct args_range){0, INT64_MAX}, &ret->step, &error) != 0) {
        command_complain(args, &error);
        return EXIT_USAGE;
    }
    if (connection_open(args, &ret->connection, &error) != 0) {
        command_complain(args, &error);
        return EXIT_FAILED;
    }
    if (!args_has(args, "all")) {
        code = sweeps_find(args, ret->connection.client, args_positional(args, 0), &ret->sweep);
    }
    return code;
}

static void request_close(struct request *request)
{
    json_decref(request->sweep);
    connection_close(&request->connection);
}

/* "/v1/results?format=csv&sweep=3"; the caller frees. */
static char *view_path(const struct request *request, const char *view)
{
    const char *format = request->format == FORMAT_CSV ? "csv" : "json";
    char *path = text_format("/v1/%s?format=%s", view, format);

    if (request->sweep) {
        char *longer = text_format("%s&sweep=%lld", path, (long long)sweeps_id(request->sweep));
        free(path);
        path = longer;
    }
    if (strcmp(view, "layers") == 0) {
        char *value = client_escape(request->value);
        char *longer = text_format("%s&step=%lld&value=%s", path, (long long)request->step, value);
        free(value);
        free(path);
        path = longer;
    }
    return path;
}

static void print_results(const json_t *rows)
{
    static const struct column measures[] = {
        {"seed"},
        {"state", .spare = 6},
        {"outcome"},
        {"steps_to_target", "steps"},
        {"seconds_to_target", "seconds", .spare = 2},
        {"final_accuracy", "accuracy", table_percent, .spare = 1},
        {"ms_per_step", "ms/step", .spare = 4},
        {"kernel", .spare = 5},
        {"attempts", .spare = 3},
        {"error"},
        {NULL},
    };
    static const struct column id = {"trial", NULL, NULL};
    struct column columns[VARYING_COLUMNS_MAX + 1] = {id};
    struct terminal terminal;

    terminal_inspect(stdout, &terminal);
    varying_columns(rows, measures, columns + 1);
    table_print(rows, columns, &terminal, stdout);
}

static void print_summary(const json_t *rows, const struct request *request)
{
    struct terminal terminal;

    terminal_inspect(stdout, &terminal);
    if (request->sweep) {
        summary_print(rows, request->sweep, &terminal, stdout);
    } else {
        summary_print_list(rows, &terminal, stdout);
    }
}

static void print_layers(const json_t *rows, const struct request *request)
{
    struct terminal terminal;

    terminal_inspect(stdout, &terminal);
    layers_print(rows, request->value, &terminal, stdout);
}

static void print_view(const json_t *rows, const struct request *request, const char *view)
{
    if (strcmp(view, "results") == 0) {
        print_results(rows);
    } else if (strcmp(view, "layers") == 0) {
        print_layers(rows, request);
    } else {
        print_summary(rows, request);
    }
}

/* csv and json as the daemon writes them; a table of the rows for people. */
static enum client_outcome show_view(const struct request *request, const char *view,
                                     struct error *error)
{
    struct client *client = request->connection.client;
    char *path = view_path(request, view);
    json_t *answer = NULL;

    enum client_outcome outcome = request->format != FORMAT_TABLE
                                      ? client_download(client, path, stdout, error)
                                      : client_get(client, path, &answer, error);
    if (outcome == CLIENT_OK && answer) {
        print_view(json_object_get(answer, view), request, view);
    }
    json_decref(answer);
    free(path);
    return outcome;
}

static int run_view(const struct args *args)
{
    struct request request;
    struct error error = {0};
    int code = request_open(args, &request);

    if (code == EXIT_OK && show_view(&request, args->command->name, &error) != CLIENT_OK) {
        command_complain(args, &error);
        code = EXIT_FAILED;
    }
    request_close(&request);
    return code;
}

const struct command command_results = {
    .name = "results",
    .arguments = "[SWEEP]",
    .summary = "a sweep's trials, one per row",
    .details = which_sweep,
    .options = all_option,
    .sets = OPTIONS_FORMAT | OPTIONS_DAEMON | OPTIONS_DATABASE,
    .max_arguments = 1,
    .run = run_view,
};

const struct command command_summary = {
    .name = "summary",
    .arguments = "[SWEEP]",
    .summary = "a sweep's cells: median steps to the target, quartiles, a chart",
    .details = which_sweep,
    .options = all_option,
    .sets = OPTIONS_FORMAT | OPTIONS_DAEMON | OPTIONS_DATABASE,
    .max_arguments = 1,
    .run = run_view,
};

static const struct option layers_options[] = {
    {"all", NULL, "of all sweeps"},
    {"step", "N", "at this step of training: 1 (which is the default), 2, 4, 8, ..."},
    {"value", "NAME", "a column of the view layers; gradient_rms unless given"},
    {NULL},
};

const struct command command_layers = {
    .name = "layers",
    .arguments = "[SWEEP]",
    .summary = "gradients (or weights, ...) by layer: the median of each cell",
    .details = "SWEEP is a sweep's number or name; without it the newest sweep is meant. Layer\n"
               "0 is the one at the input. Values: gradient_rms preactivation_gradient_rms\n"
               "weight_rms update_ratio saturated dead preactivation_mean preactivation_std.\n"
               "csv and json have a row per cell and layer, with quartiles.\n",
    .options = layers_options,
    .sets = OPTIONS_FORMAT | OPTIONS_DAEMON | OPTIONS_DATABASE,
    .max_arguments = 1,
    .run = run_view,
};

/* ---- workers ---- */

static const struct column worker_columns[] = {
    {"id"},
    {"host"},
    {"pid", .spare = 6},
    {"state"},
    {"slots"},
    {"running"},
    {"succeeded"},
    {"failed"},
    {"trials_per_minute", "per minute", .spare = 4},
    {"kernel", .spare = 2},
    {"seen_at", "seen", table_ago, .spare = 1},
    {"cpu", .spare = 5},
    {NULL},
};

static void print_workers(const json_t *rows, enum format format)
{
    table_print_as(rows, worker_columns, format,
                   "no worker has registered; to start one: ninety-worker --daemon URL");
}

static int run_workers(const struct args *args)
{
    struct error error = {0};
    struct connection connection = {0};
    enum format format;
    json_t *answer;
    int code = EXIT_FAILED;

    if (args_format(args, &format, &error) != 0) {
        command_complain(args, &error);
        return EXIT_USAGE;
    }
    if (connection_open(args, &connection, &error) != 0 ||
        client_get(connection.client, "/v1/workers", &answer, &error) != CLIENT_OK) {
        command_complain(args, &error);
    } else {
        print_workers(json_object_get(answer, "workers"), format);
        json_decref(answer);
        code = EXIT_OK;
    }
    connection_close(&connection);
    return code;
}

const struct command command_workers = {
    .name = "workers",
    .arguments = "",
    .summary = "the worker processes that registered with the daemon",
    .sets = OPTIONS_FORMAT | OPTIONS_DAEMON | OPTIONS_DATABASE,
    .run = run_workers,
};
