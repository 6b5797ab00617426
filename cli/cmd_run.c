/*
 * run: daemon, workers and client in one command.
 *
 *     sweep --> data ready --> local daemon --> submit or go on --> follow --> table, chart, SQL
 *
 * The same cells and seeds by the same trainer are the same sweep, so that the same command on the
 * same database goes on where it stopped (same.h). Where no result says which trainer a sweep is
 * of, its idempotency key does, which is made of its text and the trainer. Ctrl-C stops the daemon,
 * which hands the trials in work back to the queue.
 */
#include "cli/child.h"
#include "cli/command.h"
#include "cli/data.h"
#include "cli/follow.h"
#include "cli/interrupt.h"
#include "cli/local.h"
#include "cli/memory.h"
#include "cli/progress.h"
#include "cli/same.h"
#include "cli/spec.h"
#include "cli/sweeps.h"
#include "cli/table.h"
#include "cli/text.h"
#include "cli/train.h"
#include "common/engine.h"
#include "worker/machine.h"

#include <stdlib.h>
#include <string.h>

#define DEFAULT_DATABASE "ninety.db"
#define DEFAULT_DATASET "mnist"
#define LOOK_EVERY_MS 200
#define PATIENCE_MS 30000

struct run {
    const struct args *args;
    const char *database;
    enum format format;
    int64_t workers;
    struct terminal terminal; /* of standard error, where the progress is shown */
    json_t *spec;
    struct local *local;
    struct client *client;
    char trainer[64]; /* the name of what trains */
    json_t *sweep;    /* as last seen */
    char *other;      /* the URL of a daemon that has the database in use */
};

/* ---- data ---- */

static int prepare_dataset(const char *name, const struct args *args, struct error *error)
{
    struct prepared prepared;

    return data_prepare(name, args_value(args, "data"), &prepared, error);
}

/* Puts the data set that --fallback-dataset names in the place of one that cannot be had. */
static int fall_back(struct run *run, const struct error *why, struct error *error)
{
    const char *fallback = args_value(run->args, "fallback-dataset");
    json_t *base = json_object_get(run->spec, "base");

    if (prepare_dataset(fallback, run->args, error) != 0) {
        return ERROR_INVALID;
    }
    fprintf(stderr,
            "\n*** %s\n*** training on %s instead: these are NOT the article's images, and the\n"
            "*** numbers are not comparable with MNIST's\n\n",
            why->message, fallback);
    if (!json_is_object(base)) {
        base = must(json_object());
        must_do(json_object_set_new(run->spec, "base", base));
    }
    must_do(json_object_set_new(base, "dataset", must(json_string(fallback))));
    return 0;
}

/* Before anything is submitted: a person learns at once that data are missing, and sees them come.
 * What is wrong with the sweep itself is left for the daemon to say. */
static int prepare_data(struct run *run, struct error *error)
{
    const json_t *several = json_object_get(json_object_get(run->spec, "parameters"), "dataset");
    const json_t *one = json_object_get(json_object_get(run->spec, "base"), "dataset");
    struct error why = {0};
    size_t i;
    json_t *name;

    json_array_foreach(several, i, name)
    {
        if (json_is_string(name) &&
            prepare_dataset(json_string_value(name), run->args, error) != 0) {
            return ERROR_INVALID;
        }
    }
    if (several || (one && !json_is_string(one))) {
        return 0;
    }
    if (prepare_dataset(one ? json_string_value(one) : DEFAULT_DATASET, run->args, &why) == 0) {
        return 0;
    }
    if (args_has(run->args, "fallback-dataset") && interrupt_count() == 0) {
        return fall_back(run, &why, error);
    }
    *error = why;
    return ERROR_INVALID;
}

/* ---- daemon and sweep ---- */

/* Results are of one trainer: which is asked of another one than the built-in before anything. */
static int learn_trainer(struct run *run, struct error *error)
{
    const char *command = args_value(run->args, "trainer");

    if (!command) {
        snprintf(run->trainer, sizeof(run->trainer), "%s", ENGINE_TRAINER);
        return 0;
    }
    return train_ask_name(command, run->trainer, error);
}

static int start_daemon(struct run *run, struct error *error)
{
    struct local_options options = {
        .database = run->database,
        .data = args_value(run->args, "data"),
        .trainer = args_value(run->args, "trainer"),
        .log = args_value(run->args, "log"),
        .workers = machine_slots(),
    };

    int result =
        args_integer(run->args, "workers", (struct args_range){1, 1024}, &options.workers, error);
    if (result == 0) {
        result = local_start(&options, &run->local, error);
    }
    if (result == LOCAL_IN_USE) {
        run->other = local_url_of_other(run->database);
    }
    if (result != 0) {
        return ERROR_INVALID;
    }
    run->client = client_create(local_url(run->local), NULL);
    return 0;
}

static int post_to_sweep(struct run *run, const char *verb, json_t **ret, struct error *error)
{
    char path[96];
    struct client_post post = {.path = path};

    snprintf(path, sizeof(path), "/v1/sweeps/%lld/%s", (long long)sweeps_id(run->sweep), verb);
    return client_post(run->client, &post, ret, error) == CLIENT_OK ? 0 : ERROR_INVALID;
}

/* Of what this command says and does not count for which sweep it is. */
static void say_what_it_keeps(const struct run *run)
{
    static const char *const members[] = {"name", "priority", "max_running", "max_attempts",
                                          "max_seconds"};

    for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++) {
        const json_t *wanted = json_object_get(run->spec, members[i]);
        const json_t *kept = json_object_get(run->sweep, members[i]);
        if (wanted && kept && !json_equal(wanted, kept)) {
            char *text = table_plain(run->sweep, members[i]);
            fprintf(stderr, "it keeps its %s, which is %s\n", members[i], text);
            free(text);
        }
    }
}

/* The sweep was in the database already: says so, and sets it going if it stands still. */
static int take_up(struct run *run, struct error *error)
{
    struct progress progress;
    json_t *answer = NULL;

    progress_read(run->sweep, &progress);
    fprintf(stderr, "sweep %lld is in %s already: %lld of %lld trials are done\n",
            (long long)sweeps_id(run->sweep), run->database, (long long)progress_done(&progress),
            (long long)progress.trials);
    say_what_it_keeps(run);
    int result = 0;
    if (args_has(run->args, "retry") && progress.failed + progress.cancelled > 0) {
        result = post_to_sweep(run, "retry", &answer, error);
    } else if (strcmp(progress.state, "paused") == 0) {
        result = post_to_sweep(run, "resume", &answer, error);
    }
    json_decref(answer);
    return result;
}

/* The database is a queue: what was left in it goes on as well, and takes turns with this sweep. */
static void say_what_else_is_trained(struct run *run)
{
    struct error error;
    json_t *page, *sweep;
    size_t i;

    if (client_get(run->client, "/v1/sweeps?limit=1000", &page, &error) != CLIENT_OK) {
        return; /* then following will tell */
    }
    json_array_foreach(json_object_get(page, "sweeps"), i, sweep)
    {
        struct progress other;
        progress_read(sweep, &other);
        if (strcmp(other.state, "active") == 0 && sweeps_id(sweep) != sweeps_id(run->sweep)) {
            char *name = text_printable(other.name);
            fprintf(stderr,
                    "%s also holds sweep %lld (%s), %lld of %lld trials done: it takes turns with "
                    "this one; another --db keeps them apart\n",
                    run->database, (long long)sweeps_id(sweep), name,
                    (long long)progress_done(&other), (long long)other.trials);
            free(name);
        }
    }
    json_decref(page);
}

/* A daemon that does not answer may just have died: its own last words say more than ours. */
#define DEATH_LOOKS 50
static int complain_of_daemon(struct run *run, struct error *error)
{
    for (int i = 0; i < DEATH_LOOKS && local_check(run->local, NULL) == 0; i++) {
        interrupt_sleep_ms(20);
    }
    local_check(run->local, error);
    return ERROR_INVALID;
}

/* Sends the sweep. 0 and run->sweep; *ret_before: it was there already, under this key. */
static int post_sweep(struct run *run, const char *trainer, bool *ret_before, struct error *error)
{
    char key[SPEC_KEY_SIZE];
    char *text = spec_text(run->spec);
    json_t *sweep;

    spec_key(run->spec, trainer, key);
    struct client_post post = {.path = "/v1/sweeps", .body = text, .idempotency_key = key};
    enum client_outcome outcome = client_post(run->client, &post, &sweep, error);
    free(text);
    if (outcome != CLIENT_OK) {
        return outcome == CLIENT_REFUSED ? ERROR_INVALID : complain_of_daemon(run, error);
    }
    json_decref(run->sweep);
    run->sweep = sweep;
    sweeps_warn(run->args, sweep);
    *ret_before = client_status(run->client) == 200;
    return 0;
}

/* An older engine of the built-in trainer computes most configurations as this one does. */
static bool is_older_engine(const struct run *run, const char *trainer)
{
    return engine_of(run->trainer) > 0 && engine_of(trainer) > 0;
}

static void say_other_trainer(const struct run *run, int64_t sweep, const char *trainer)
{
    char *other = text_printable(trainer);

    fprintf(stderr, "sweep %lld has the same cells, but results of %s; these are of %s%s\n",
            (long long)sweep, other, run->trainer,
            is_older_engine(run, trainer) ? ", which takes over what both compute alike" : "");
    free(other);
}

/* Submits it under a key of its own. Until 0.2.0 the key did not tell trainers apart: a sweep that
 * is found by the old key may be another's. */
static int submit_new(struct run *run, const struct same_question *question, bool *ret_before,
                      struct error *error)
{
    bool built_in = engine_of(run->trainer) > 0, agree = true;
    char other[64];

    int result = post_sweep(run, built_in ? NULL : run->trainer, ret_before, error);
    if (result != 0 || !built_in || !*ret_before) {
        return result;
    }
    if (same_trainers(question, sweeps_id(run->sweep), &agree, other, error) != CLIENT_OK) {
        return complain_of_daemon(run, error);
    }
    if (agree) {
        return 0;
    }
    char engine[32];
    snprintf(engine, sizeof(engine), "engine %d", engine_of(run->trainer));
    return post_sweep(run, engine, ret_before, error);
}

static int submit(struct run *run, struct error *error)
{
    const struct same_question question = {run->client, run->spec, run->trainer};
    struct same_answer same;
    bool before = true;

    if (same_find(&question, &same, error) != CLIENT_OK) {
        return complain_of_daemon(run, error);
    }
    run->sweep = same.sweep;
    if (!same.sweep && same.other_sweep > 0 && is_older_engine(run, same.other_trainer)) {
        must_do(json_object_set_new(run->spec, "reuse", json_true()));
    }
    if (!same.sweep && submit_new(run, &question, &before, error) != 0) {
        return ERROR_INVALID;
    }
    if (before) {
        return take_up(run, error);
    }
    if (same.other_sweep > 0) {
        say_other_trainer(run, same.other_sweep, same.other_trainer);
    }
    char *size = sweeps_size(run->sweep);
    fprintf(stderr, "sweep %lld: %s\n", (long long)sweeps_id(run->sweep), size);
    free(size);
    return 0;
}

/* ---- following ---- */

static int check_daemon(void *arg, struct error *error)
{
    struct run *run = arg;

    return local_check(run->local, error);
}

static char *daemon_news(void *arg)
{
    struct run *run = arg;

    return local_news(run->local);
}

static enum follow_outcome follow(struct run *run, struct error *error)
{
    say_what_else_is_trained(run);
    struct follow follow = {
        .client = run->client,
        .sweep = sweeps_id(run->sweep),
        .interval_ms = LOOK_EVERY_MS,
        .patience_ms = PATIENCE_MS,
        .terminal = &run->terminal,
        .check = check_daemon,
        .news = daemon_news,
        .arg = run,
    };
    json_t *last = NULL;

    if (run->terminal.live) {
        fprintf(stderr, "dashboard while it runs: %s/\n", local_url(run->local));
    }
    enum follow_outcome outcome = follow_sweep(&follow, &last, error);
    if (last) {
        json_decref(run->sweep);
        run->sweep = last;
    }
    return outcome;
}

static int say_interrupted(struct run *run)
{
    struct progress progress;

    progress_read(run->sweep, &progress);
    fprintf(stderr,
            "interrupted: %lld of %lld trials are done and kept in %s; those in work go back to "
            "the queue.\nTo go on, run the same command again.\n",
            (long long)progress_done(&progress), (long long)progress.trials, run->database);
    return EXIT_INTERRUPTED;
}

/* "SELECT depth, batch_norm, median_steps, reached, n FROM summary WHERE sweep = 1" */
static void say_how_to_ask(const struct run *run)
{
    json_t *axes = spec_axes(run->spec), *axis;
    char *database = text_shell_word(run->database);
    size_t i;

    printf("\nresults are in %s; to ask for more:\n  sqlite3 -readonly %s \"SELECT ", run->database,
           database);
    json_array_foreach(axes, i, axis)
    {
        printf("%s, ", json_string_value(axis));
    }
    printf("median_steps, reached, n FROM summary WHERE sweep = %lld\"\n",
           (long long)sweeps_id(run->sweep));
    char *typed = child_typed("ninetyd"), *daemon = text_shell_word(typed);
    printf("to look at them in a browser: %s --db %s, then open http://127.0.0.1:9190/\n", daemon,
           database);
    free(daemon);
    free(typed);
    free(database);
    json_decref(axes);
}

static int show_outcome(struct run *run, struct error *error)
{
    int code = sweeps_print_outcome(run->client, run->sweep, run->format, error);

    if (code != EXIT_FAILED && run->format == FORMAT_TABLE) {
        say_how_to_ask(run);
        if (code == EXIT_BAD_RESULT) {
            puts("to train what failed again: the same command with --retry");
        }
    }
    return code;
}

/* ---- whole ---- */

/* With *error filled when it returns EXIT_FAILED or EXIT_USAGE. */
static int run_steps(struct run *run, struct error *error)
{
    run->workers = machine_slots();
    if (args_format(run->args, &run->format, error) != 0 ||
        args_integer(run->args, "workers", (struct args_range){1, 1024}, &run->workers, error) !=
            0) {
        return EXIT_USAGE;
    }
    int result = spec_from_args(run->args, &run->spec, error);
    if (result != 0) {
        return result == SPEC_USAGE ? EXIT_USAGE : EXIT_FAILED;
    }
    if (prepare_data(run, error) != 0 || learn_trainer(run, error) != 0 ||
        start_daemon(run, error) != 0 || submit(run, error) != 0) {
        return EXIT_FAILED;
    }
    switch (follow(run, error)) {
    case FOLLOW_FINISHED:
        return show_outcome(run, error);
    case FOLLOW_INTERRUPTED:
        return say_interrupted(run);
    case FOLLOW_FAILED:
        break;
    }
    return EXIT_FAILED;
}

static int run_run(const struct args *args)
{
    struct run run = {.args = args};
    struct error error = {0};

    run.database = args_value(args, "db") ? args_value(args, "db") : DEFAULT_DATABASE;
    terminal_inspect(stderr, &run.terminal);
    interrupt_catch();
    int code = run_steps(&run, &error);
    fflush(stdout);
    if (code == EXIT_FAILED && interrupt_count() > 0) {
        fputs("interrupted\n", stderr);
        code = EXIT_INTERRUPTED;
    } else if (code == EXIT_FAILED || code == EXIT_USAGE) {
        command_complain(args, &error);
        if (run.other) {
            fprintf(stderr,
                    "to give the sweep to that ninetyd: ninety submit --watch --daemon %s, with "
                    "the same file or flags\n",
                    run.other);
        }
    }
    local_stop(run.local);
    client_destroy(run.client);
    json_decref(run.sweep);
    json_decref(run.spec);
    free(run.other);
    return code;
}

static const struct option run_options[] = {
    {"db", "FILE", "where results are kept (default " DEFAULT_DATABASE ")"},
    {"workers", "N", "trials at once (default: the cores of this machine)"},
    {"data", "DIR", "where data sets lie, as DIR/mnist and so on"},
    {"trainer", "CMD", "another trainer (docs/trainer-protocol.md)"},
    {"retry", NULL, "train again what failed or was cancelled in an earlier run"},
    {"fallback-dataset", "NAME", "train on this one where the sweep's cannot be had"},
    {"log", "FILE", "keep the log of daemon and workers"},
    {NULL},
};

const struct command command_run = {
    .name = "run",
    .arguments = "[SWEEP.json | -]",
    .summary = "train a sweep here and now: daemon, workers and table in one",
    .details =
        "The sweep is a file, flags, or a file with some of its fields replaced by flags:\n"
        "\n"
        "  ninety run examples/depth-batch-norm.json\n"
        "  ninety run --depth 1..7 --batch-norm none,before --replicates 5\n"
        "\n"
        "Ctrl-C stops it and loses nothing: the same command on the same database goes on.\n",
    .options = run_options,
    .sets = OPTIONS_SWEEP | OPTIONS_CONFIG | OPTIONS_FORMAT,
    .max_arguments = 1,
    .run = run_run,
};
