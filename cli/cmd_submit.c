#include "cli/command.h"
#include "cli/connection.h"
#include "cli/data.h"
#include "cli/memory.h"
#include "cli/spec.h"
#include "cli/sweeps.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define KEY_SIZE 48

/* A key of this one submission, so that it can be repeated where its answer is lost on the way. */
static const char *make_key(char ret[KEY_SIZE])
{
    unsigned char bytes[16];

    if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes)) {
        return NULL;
    }
    size_t length = (size_t)snprintf(ret, KEY_SIZE, "submit-");
    for (size_t i = 0; i < sizeof(bytes); i++) {
        length += (size_t)snprintf(ret + length, KEY_SIZE - length, "%02x", bytes[i]);
    }
    return ret;
}

static enum client_outcome post_spec(const struct args *args, struct client *client,
                                     const json_t *spec, json_t **ret, struct error *error)
{
    char made[KEY_SIZE];
    const char *given = args_value(args, "idempotency-key");
    bool dry_run = args_has(args, "dry-run");
    char *text = spec_text(spec);
    struct client_post post = {
        .path = dry_run ? "/v1/sweeps?dry_run=1" : "/v1/sweeps",
        .body = text,
        .idempotency_key = given ? given : make_key(made),
    };
    enum client_outcome outcome = client_post(client, &post, ret, error);

    if (outcome == CLIENT_LOST && !dry_run) {
        size_t length = strlen(error->message);
        snprintf(
            error->message + length, sizeof(error->message) - length,
            "; the sweep may have been accepted: look with 'ninety status', or submit it again "
            "with --idempotency-key %s, which makes no second one",
            post.idempotency_key);
    }
    free(text);
    return outcome;
}

static int check_key(const struct args *args, struct error *error)
{
    const char *key = args_value(args, "idempotency-key");

    if (key && (strlen(key) < 1 || strlen(key) > 200)) {
        return error_set(error, NULL,
                         "--idempotency-key must have 1 to 200 characters; without it each "
                         "submission gets a key of its own");
    }
    for (; key && *key; key++) {
        if (*key < 0x20 || *key == 0x7f) {
            return error_set(error, NULL,
                             "--idempotency-key must be of printable ASCII characters");
        }
    }
    return 0;
}

static int show_submitted(const struct args *args, struct client *client, const json_t *answer)
{
    sweeps_warn(args, answer);
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

    int result = check_key(args, &error) != 0 ? SPEC_USAGE : spec_from_args(args, &spec, &error);
    if (result != 0) {
        command_complain(args, &error);
        return result == SPEC_USAGE ? EXIT_USAGE : EXIT_FAILED;
    }
    if (connection_open(args, &connection, &error) != 0 ||
        post_spec(args, connection.client, spec, &answer, &error) != CLIENT_OK) {
        command_complain(args, &error);
    } else {
        data_warn_of_names("submit", spec);
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
    {"idempotency-key", "TEXT",
     "submitting again with this key gives the same sweep (default: a key of its own)"},
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
