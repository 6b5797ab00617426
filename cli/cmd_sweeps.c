/* status, watch, and the commands that change a sweep's state. */
#include "cli/command.h"
#include "cli/connection.h"
#include "cli/memory.h"
#include "cli/progress.h"
#include "cli/sweeps.h"
#include "cli/table.h"
#include "cli/text.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- status ---- */

static char *progress_cell(const json_t *row, const char *key)
{
    struct progress progress;
    (void)key;

    progress_read(row, &progress);
    return text_format("%lld/%lld", (long long)progress_done(&progress),
                       (long long)progress.trials);
}

/* The time left, or why there is none to tell. */
static char *left_cell(const json_t *row, const char *key)
{
    static const struct {
        const char *waits_for, *text;
    } reasons[] = {{"worker", "no worker"},
                   {"free worker", "workers busy"},
                   {"next attempt", "retry soon"},
                   {"preparation", "preparing"}};
    const char *waits_for = json_string_value(json_object_get(row, "waits_for"));

    for (size_t i = 0; waits_for && i < sizeof(reasons) / sizeof(*reasons); i++) {
        if (strcmp(waits_for, reasons[i].waits_for) == 0) {
            return must(strdup(reasons[i].text));
        }
    }
    return table_duration(row, key);
}

static const struct column status_columns[] = {
    {"id"},
    {"name"},
    {"state"},
    {"trials", "done", progress_cell},
    {"running"},
    {"reached", .spare = 1},
    {"censored", .spare = 3},
    {"diverged", .spare = 3},
    {"failed"},
    {"trials_per_minute", "per minute", .spare = 4},
    {"seconds_left", "left", left_cell},
    {"created_at", "submitted", table_ago, .spare = 2},
    {NULL},
};

/* As many pages as it takes. */
static enum client_outcome all_sweeps(struct client *client, json_t **ret, struct error *error)
{
    json_t *all = must(json_array());
    int64_t after = 0;

    do {
        char path[80];
        json_t *page;
        int length = snprintf(path, sizeof(path), "/v1/sweeps?limit=1000");
        if (after > 0) {
            snprintf(path + length, sizeof(path) - (size_t)length, "&after=%lld", (long long)after);
        }
        enum client_outcome outcome = client_get(client, path, &page, error);
        if (outcome != CLIENT_OK) {
            json_decref(all);
            return outcome;
        }
        must_do(json_array_extend(all, json_object_get(page, "sweeps")));
        after = json_integer_value(json_object_get(page, "next"));
        json_decref(page);
    } while (after > 0);
    *ret = all;
    return CLIENT_OK;
}

static void print_status(const json_t *rows, enum format format)
{
    table_print_as(rows, status_columns, format,
                   "no sweeps yet; to make one: ninety submit SWEEP.json");
}

static int status_of_all(const struct args *args, struct client *client, enum format format)
{
    struct error error = {0};
    json_t *rows;

    if (all_sweeps(client, &rows, &error) != CLIENT_OK) {
        command_complain(args, &error);
        return EXIT_FAILED;
    }
    print_status(rows, format);
    json_decref(rows);
    return EXIT_OK;
}

static int status_of_one(const struct args *args, struct client *client, enum format format)
{
    json_t *sweep;
    int code = sweeps_find(args, client, args_positional(args, 0), &sweep);

    if (code != EXIT_OK) {
        return code;
    }
    if (format == FORMAT_JSON) {
        table_print_json(sweep, stdout);
    } else {
        json_t *rows = must(json_array());
        must_do(json_array_append(rows, sweep));
        print_status(rows, format);
        json_decref(rows);
    }
    json_decref(sweep);
    return EXIT_OK;
}

static int run_status(const struct args *args)
{
    struct error error = {0};
    struct connection connection;
    enum format format;
    int code = EXIT_FAILED;

    if (args_format(args, &format, &error) != 0) {
        command_complain(args, &error);
        return EXIT_USAGE;
    }
    if (connection_open(args, &connection, &error) != 0) {
        command_complain(args, &error);
    } else {
        code = args_positional(args, 0) ? status_of_one(args, connection.client, format)
                                        : status_of_all(args, connection.client, format);
    }
    connection_close(&connection);
    return code;
}

const struct command command_status = {
    .name = "status",
    .arguments = "[SWEEP]",
    .summary = "how far the sweeps are",
    .details = "SWEEP is a sweep's number or name; without it all are listed, newest first.\n",
    .sets = OPTIONS_FORMAT | OPTIONS_DAEMON | OPTIONS_DATABASE,
    .max_arguments = 1,
    .run = run_status,
};

/* ---- commands on one sweep ---- */

/* Runs `action` on the sweep that the first argument names. */
static int with_sweep(const struct args *args,
                      int (*action)(const struct args *, const struct connection *, const json_t *))
{
    struct error error = {0};
    struct connection connection;
    json_t *sweep = NULL;
    int code = EXIT_FAILED;

    if (connection_open(args, &connection, &error) != 0) {
        command_complain(args, &error);
    } else {
        code = sweeps_find(args, connection.client, args_positional(args, 0), &sweep);
    }
    if (code == EXIT_OK) {
        code = action(args, &connection, sweep);
    }
    json_decref(sweep);
    connection_close(&connection);
    return code;
}

/* A daemon of our own, without workers, would be watched for ever. */
static bool is_worth_waiting(const struct connection *connection, const json_t *sweep,
                             struct error *error)
{
    struct progress progress;

    progress_read(sweep, &progress);
    if (!connection->local || progress_finished(&progress)) {
        return true;
    }
    error_set(error, NULL,
              "no daemon has this database open, so nothing moves in it; start one with 'ninetyd "
              "--workers 2 --db FILE', or look with 'ninety status --db FILE'");
    return false;
}

static int watch_action(const struct args *args, const struct connection *connection,
                        const json_t *sweep)
{
    struct error error = {0};

    if (!is_worth_waiting(connection, sweep, &error)) {
        command_complain(args, &error);
        return EXIT_FAILED;
    }
    return sweeps_watch(args, connection->client, sweeps_id(sweep));
}

static int run_watch(const struct args *args)
{
    return with_sweep(args, watch_action);
}

const struct command command_watch = {
    .name = "watch",
    .arguments = "[SWEEP]",
    .summary = "follow a sweep to its end, then print its summary",
    .details = "SWEEP is a sweep's number or name; without it the newest is followed. Ctrl-C only\n"
               "stops watching.\n",
    .sets = OPTIONS_FORMAT | OPTIONS_DAEMON | OPTIONS_DATABASE,
    .max_arguments = 1,
    .run = run_watch,
};

/* ---- cancel, pause, resume, retry ---- */

/* What was done, in words. */
static void say_done(const char *verb, int64_t sweep_id, const json_t *sweep)
{
    struct progress progress;
    long long id = (long long)sweep_id;

    progress_read(sweep, &progress);
    if (strcmp(verb, "retry") == 0) {
        int64_t n = json_integer_value(json_object_get(sweep, "retried"));
        printf("sweep %lld: %lld trial%s queued again\n", id, (long long)n, text_plural(n));
        return;
    }
    if (strcmp(verb, "delete") == 0) {
        int64_t n = json_integer_value(json_object_get(sweep, "deleted"));
        printf("sweep %lld: deleted, with %lld trial%s\n", id, (long long)n, text_plural(n));
        return;
    }
    printf("sweep %lld is %s: %lld of %lld trials done\n", id, progress.state,
           (long long)progress_done(&progress), (long long)progress.trials);
}

static int change_action(const struct args *args, const struct connection *connection,
                         const json_t *sweep)
{
    char path[96];
    struct error error = {0};
    json_t *answer;
    struct client_post post = {.path = path};

    snprintf(path, sizeof(path), "/v1/sweeps/%lld/%s", (long long)sweeps_id(sweep),
             args->command->name);
    if (client_post(connection->client, &post, &answer, &error) != CLIENT_OK) {
        command_complain(args, &error);
        return EXIT_FAILED;
    }
    say_done(args->command->name, sweeps_id(sweep), answer);
    json_decref(answer);
    return EXIT_OK;
}

static int run_change(const struct args *args)
{
    return with_sweep(args, change_action);
}

/* Whether the person at the terminal wants it; where there is none, a script does. */
static bool is_confirmed(const struct args *args, const json_t *sweep)
{
    char answer[16] = "";

    if (args_has(args, "yes") || !isatty(STDIN_FILENO) || !isatty(STDERR_FILENO)) {
        return true;
    }
    const char *name = json_string_value(json_object_get(sweep, "name"));
    char *shown = text_printable(name ? name : "");
    int64_t n = json_integer_value(json_object_get(sweep, "trials"));
    fprintf(stderr, "delete sweep %lld (%s), its %lld trial%s and all their results? [y/N] ",
            (long long)sweeps_id(sweep), shown, (long long)n, text_plural(n));
    free(shown);
    bool answered = fgets(answer, sizeof(answer), stdin) != NULL;
    if (!answered) {
        fputc('\n', stderr);
    }
    return answered && strchr("yY", answer[0]) && answer[0];
}

static int delete_action(const struct args *args, const struct connection *connection,
                         const json_t *sweep)
{
    if (!is_confirmed(args, sweep)) {
        fprintf(stderr, "sweep %lld is kept\n", (long long)sweeps_id(sweep));
        return EXIT_FAILED;
    }
    return change_action(args, connection, sweep);
}

static int run_delete(const struct args *args)
{
    return with_sweep(args, delete_action);
}

static const struct option delete_options[] = {
    {"yes", NULL, "do not ask; without a terminal nobody is asked"},
    {NULL},
};

const struct command command_cancel = {
    .name = "cancel",
    .arguments = "SWEEP",
    .summary = "end a sweep: queued trials at once, running ones when they report",
    .sets = OPTIONS_DAEMON | OPTIONS_DATABASE,
    .min_arguments = 1,
    .max_arguments = 1,
    .run = run_change,
};

const struct command command_pause = {
    .name = "pause",
    .arguments = "SWEEP",
    .summary = "hand out no more trials of a sweep; running ones go on",
    .sets = OPTIONS_DAEMON | OPTIONS_DATABASE,
    .min_arguments = 1,
    .max_arguments = 1,
    .run = run_change,
};

const struct command command_resume = {
    .name = "resume",
    .arguments = "SWEEP",
    .summary = "hand out trials of a paused sweep again",
    .sets = OPTIONS_DAEMON | OPTIONS_DATABASE,
    .min_arguments = 1,
    .max_arguments = 1,
    .run = run_change,
};

const struct command command_retry = {
    .name = "retry",
    .arguments = "SWEEP",
    .summary = "queue a sweep's failed and cancelled trials again",
    .sets = OPTIONS_DAEMON | OPTIONS_DATABASE,
    .min_arguments = 1,
    .max_arguments = 1,
    .run = run_change,
};

const struct command command_delete = {
    .name = "delete",
    .arguments = "SWEEP",
    .summary = "remove a sweep that has ended, its results too",
    .details =
        "Only a finished sweep, or a cancelled one with no trial running, can be deleted. Its\n"
        "space is given back to the disk, in slices. `ninety backup` before, if in doubt. On a\n"
        "terminal it asks first.\n",
    .options = delete_options,
    .sets = OPTIONS_DAEMON | OPTIONS_DATABASE,
    .min_arguments = 1,
    .max_arguments = 1,
    .run = run_delete,
};
