#include "cli/command.h"
#include "cli/connection.h"
#include "cli/memory.h"
#include "cli/spec.h"
#include "cli/sweeps.h"

#include <stdlib.h>

static enum client_outcome post_spec(const struct args *args, struct client *client,
                                     const json_t *spec, json_t **ret, struct error *error)
{
    char *text = spec_text(spec);
    struct client_post post = {
        .path = args_has(args, "dry-run") ? "/v1/sweeps?dry_run=1" : "/v1/sweeps",
        .body = text,
        .idempotency_key = args_value(args, "idempotency-key"),
    };
    enum client_outcome outcome = client_post(client, &post, ret, error);

    free(text);
    return outcome;
}

static int show_submitted(const struct args *args, struct client *client, const json_t *answer)
{
    char *size = sweeps_size(answer);
    long long id = (long long)sweeps_id(answer);

    if (args_has(args, "dry-run")) {
        printf("%s; nothing was submitted\n", size);
        free(size);
        return EXIT_OK;
    }
    printf("sweep %lld%s: %s\n", id, client_status(client) == 200 ? " (submitted before)" : "",
           size);
    free(size);
    if (args_has(args, "watch")) {
        fflush(stdout);
        return sweeps_watch(args, client, id);
    }
    printf("to follow it: ninety watch %lld\n", id);
    return EXIT_OK;
}

static int run_submit(const struct args *args)
{
    struct error error = {0};
    struct connection connection = {0};
    json_t *spec = NULL, *answer = NULL;
    int code = EXIT_FAILED;

    int result = spec_from_args(args, &spec, &error);
    if (result != 0) {
        command_complain(args, &error);
        return result == SPEC_USAGE ? EXIT_USAGE : EXIT_FAILED;
    }
    if (connection_open(args, &connection, &error) != 0 ||
        post_spec(args, connection.client, spec, &answer, &error) != CLIENT_OK) {
        command_complain(args, &error);
    } else {
        code = show_submitted(args, connection.client, answer);
    }
    json_decref(answer);
    json_decref(spec);
    connection_close(&connection);
    return code;
}

static const struct option submit_options[] = {
    {"dry-run", NULL, "only say how many trials it would be"},
    {"watch", NULL, "follow the sweep to its end"},
    {"idempotency-key", "TEXT", "submitting again with this key gives the same sweep"},
    {NULL},
};

const struct command command_submit = {
    .name = "submit",
    .arguments = "[SWEEP.json | -]",
    .summary = "give a sweep to the daemon",
    .details =
        "A sweep is a JSON file (- is standard input), flags, or a file with some of its fields\n"
        "replaced by flags. A flag with several values is varied, in the order of the flags:\n"
        "\n"
        "  ninety submit --depth 1..7 --batch-norm none,before --replicates 5\n"
        "  ninety submit --hidden-units '500,400;300,300,300' --learning-rate 0.01,0.001\n"
        "  ninety submit examples/activations.json --max-steps 500 --watch\n",
    .options = submit_options,
    .sets = OPTIONS_SWEEP | OPTIONS_CONFIG | OPTIONS_FORMAT | OPTIONS_DAEMON,
    .max_arguments = 1,
    .run = run_submit,
};
