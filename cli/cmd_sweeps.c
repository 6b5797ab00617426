/* status, watch, and the commands that change a sweep's state. */
#include "cli/command.h"
#include "cli/connection.h"
#include "cli/memory.h"
#include "cli/progress.h"
#include "cli/sweeps.h"
#include "cli/table.h"
#include "cli/text.h"

#include <stdlib.h>
#include <string.h>

/* ---- status ---- */

static char *progress_cell(const json_t *row, const char *key)
{
    struct progress progress;
    (void)key;

    progress_read(row, &progress);
    return text_format("%lld/%lld", (long long)progress_done(&progress),
                       (long long)progress.trials);
}

static const struct column status_columns[] = {
    {"id"},
    {"name"},
    {"state"},
    {"trials", "done", progress_cell},
    {"running"},
    {"reached"},
    {"censored"},
    {"failed"},
    {"trials_per_minute", "per minute"},
    {"seconds_left", "left", table_duration},
    {"created_at", "submitted", table_ago},
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
                      int (*action)(const struct args *, struct client *, const json_t *))
{
    struct error error = {0};
    struct connection connection;
    json_t *sweep;
    int code = EXIT_FAILED;

    if (connection_open(args, &connection, &error) != 0) {
        command_complain(args, &error);
    } else {
        code = sweeps_find(args, connection.client, args_positional(args, 0), &sweep);
    }
    if (code == EXIT_OK) {
        code = action(args, connection.client, sweep);
        json_decref(sweep);
    }
    connection_close(&connection);
    return code;
}

static int watch_action(const struct args *args, struct client *client, const json_t *sweep)
{
    return sweeps_watch(args, client, sweeps_id(sweep));
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
    .sets = OPTIONS_FORMAT | OPTIONS_DAEMON,
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

static int change_action(const struct args *args, struct client *client, const json_t *sweep)
{
    char path[96];
    struct error error = {0};
    json_t *answer;
    struct client_post post = {.path = path};

    snprintf(path, sizeof(path), "/v1/sweeps/%lld/%s", (long long)sweeps_id(sweep),
             args->command->name);
    if (client_post(client, &post, &answer, &error) != CLIENT_OK) {
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

const struct command command_cancel = {
    .name = "cancel",
    .arguments = "SWEEP",
    .summary = "end a sweep: its queued trials at once, running ones at their next report",
    .sets = OPTIONS_DAEMON | OPTIONS_DATABASE,
    .min_arguments = 1,
    .max_arguments = 1,
    .run = run_change,
};

const struct command command_pause = {
    .name = "pause",
    .arguments = "SWEEP",
    .summary = "hand out no more trials of a sweep; running ones go on",
    .sets = OPTIONS_DAEMON,
    .min_arguments = 1,
    .max_arguments = 1,
    .run = run_change,
};

const struct command command_resume = {
    .name = "resume",
    .arguments = "SWEEP",
    .summary = "hand out trials of a paused sweep again",
    .sets = OPTIONS_DAEMON,
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
        "space is given back to the disk, in slices. `ninety backup` before, if in doubt.\n",
    .sets = OPTIONS_DAEMON | OPTIONS_DATABASE,
    .min_arguments = 1,
    .max_arguments = 1,
    .run = run_change,
};
