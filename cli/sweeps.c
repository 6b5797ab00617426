#include "cli/sweeps.h"

#include "cli/command.h"
#include "cli/follow.h"
#include "cli/interrupt.h"
#include "cli/memory.h"
#include "cli/progress.h"
#include "cli/summary.h"
#include "cli/terminal.h"
#include "cli/text.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define WATCH_INTERVAL_MS 500
#define WATCH_PATIENCE_MS 60000
#define FAILURES_SHOWN 5

int64_t sweeps_id(const json_t *sweep)
{
    return json_integer_value(json_object_get(sweep, "id"));
}

char *sweeps_size(const json_t *sweep)
{
    int64_t trials = json_integer_value(json_object_get(sweep, "trials"));
    int64_t cells = json_integer_value(json_object_get(sweep, "cells"));

    return text_format("%lld trial%s in %lld cell%s", (long long)trials, text_plural(trials),
                       (long long)cells, text_plural(cells));
}

void sweeps_warn(const struct args *args, const json_t *answer)
{
    size_t i;
    json_t *warning;

    json_array_foreach(json_object_get(answer, "warnings"), i, warning)
    {
        const char *said = json_string_value(warning);
        char *text = text_printable(said ? said : "");
        fprintf(stderr, "ninety %s: warning: %s\n", args->command->name, text);
        free(text);
    }
}

/* Longer ones are no ids, and would not fit. */
static bool is_number(const char *word)
{
    size_t digits = strspn(word, "0123456789");

    return digits > 0 && digits < 19 && word[digits] == '\0';
}

/* The id of the newest sweep of that name (NULL: of any); 0 if there is none. */
static enum client_outcome find_by_name(struct client *client, const char *name, int64_t *ret_id,
                                        struct error *error)
{
    int64_t after = 0;

    *ret_id = 0;
    do {
        char path[96];
        json_t *page, *sweep;
        size_t i;
        int length = snprintf(path, sizeof(path), "/v1/sweeps?limit=%d", name ? 1000 : 1);
        if (after > 0) {
            snprintf(path + length, sizeof(path) - (size_t)length, "&after=%lld", (long long)after);
        }
        enum client_outcome outcome = client_get(client, path, &page, error);
        if (outcome != CLIENT_OK) {
            return outcome;
        }
        json_array_foreach(json_object_get(page, "sweeps"), i, sweep)
        {
            const char *found = json_string_value(json_object_get(sweep, "name"));
            if (*ret_id == 0 && (!name || (found && strcmp(found, name) == 0))) {
                *ret_id = sweeps_id(sweep);
            }
        }
        after = json_integer_value(json_object_get(page, "next"));
        json_decref(page);
    } while (name && *ret_id == 0 && after > 0);
    return CLIENT_OK;
}

static enum client_outcome get_by_id(struct client *client, int64_t id, json_t **ret,
                                     struct error *error)
{
    char path[64];

    snprintf(path, sizeof(path), "/v1/sweeps/%lld", (long long)id);
    return client_get(client, path, ret, error);
}

static enum client_outcome get_by_name(struct client *client, const char *name, json_t **ret,
                                       struct error *error)
{
    int64_t id;
    enum client_outcome outcome = find_by_name(client, name, &id, error);

    if (outcome != CLIENT_OK) {
        return outcome;
    }
    if (id == 0) {
        error_set(error, NULL, name ? "there is no sweep named '%s'" : "there is no sweep yet",
                  name);
        return CLIENT_REFUSED;
    }
    return get_by_id(client, id, ret, error);
}

int sweeps_find(const struct args *args, struct client *client, const char *word, json_t **ret)
{
    struct error error = {0};
    bool number = word && is_number(word);
    enum client_outcome outcome = number ? get_by_id(client, strtoll(word, NULL, 10), ret, &error)
                                         : get_by_name(client, word, ret, &error);

    if (number && outcome == CLIENT_REFUSED && client_status(client) == 404) {
        struct error of_name;
        if (get_by_name(client, word, ret, &of_name) == CLIENT_OK) {
            return EXIT_OK;
        }
    }
    if (outcome != CLIENT_OK) {
        command_complain(args, &error);
        return EXIT_FAILED;
    }
    return EXIT_OK;
}

enum client_outcome sweeps_summary(struct client *client, int64_t sweep, json_t **ret,
                                   struct error *error)
{
    char path[64] = "/v1/summary";
    json_t *answer;

    if (sweep > 0) {
        snprintf(path, sizeof(path), "/v1/summary?sweep=%lld", (long long)sweep);
    }
    enum client_outcome outcome = client_get(client, path, &answer, error);
    if (outcome == CLIENT_OK) {
        json_t *rows = json_object_get(answer, "summary");
        *ret = rows ? json_incref(rows) : must(json_array());
        json_decref(answer);
    }
    return outcome;
}

/* ---- the outcome ---- */

/* The first few failed trials with their reasons. */
static enum client_outcome print_failures(struct client *client, int64_t sweep, int64_t n_failed,
                                          struct error *error)
{
    char path[96];
    json_t *answer, *trial;
    size_t i;

    snprintf(path, sizeof(path), "/v1/trials?sweep=%lld&state=failed&limit=%d", (long long)sweep,
             FAILURES_SHOWN);
    enum client_outcome outcome = client_get(client, path, &answer, error);
    if (outcome != CLIENT_OK) {
        return outcome;
    }
    json_array_foreach(json_object_get(answer, "trials"), i, trial)
    {
        const char *why = json_string_value(json_object_get(trial, "error"));
        char *text = text_printable(why ? why : "no reason told");
        printf("trial %lld failed: %s\n", (long long)sweeps_id(trial), text);
        free(text);
    }
    if (n_failed > FAILURES_SHOWN) {
        printf("... and %lld more\n", (long long)n_failed - FAILURES_SHOWN);
    }
    json_decref(answer);
    return CLIENT_OK;
}

static enum client_outcome print_rows(struct client *client, int64_t sweep, const char *format,
                                      struct error *error)
{
    char path[96];

    snprintf(path, sizeof(path), "/v1/summary?sweep=%lld&format=%s", (long long)sweep, format);
    return client_download(client, path, stdout, error);
}

static enum client_outcome print_table(struct client *client, const json_t *sweep,
                                       struct error *error)
{
    struct terminal terminal;
    json_t *rows;
    int64_t n_failed = json_integer_value(json_object_get(sweep, "failed"));
    enum client_outcome outcome = sweeps_summary(client, sweeps_id(sweep), &rows, error);

    if (outcome != CLIENT_OK) {
        return outcome;
    }
    terminal_inspect(stdout, &terminal);
    putchar('\n');
    summary_print(rows, sweep, &terminal, stdout);
    json_decref(rows);
    if (n_failed > 0) {
        putchar('\n');
        outcome = print_failures(client, sweeps_id(sweep), n_failed, error);
    }
    return outcome;
}

int sweeps_print_outcome(struct client *client, const json_t *sweep, enum format format,
                         struct error *error)
{
    struct progress progress;
    enum client_outcome outcome;

    progress_read(sweep, &progress);
    if (format == FORMAT_TABLE) {
        outcome = print_table(client, sweep, error);
    } else {
        outcome =
            print_rows(client, sweeps_id(sweep), format == FORMAT_CSV ? "csv" : "json", error);
    }
    if (outcome != CLIENT_OK) {
        return EXIT_FAILED;
    }
    return progress.failed + progress.cancelled > 0 ? EXIT_BAD_RESULT : EXIT_OK;
}

int sweeps_watch(const struct args *args, struct client *client, int64_t id)
{
    struct terminal terminal;
    struct error error = {0};
    enum format format;
    json_t *sweep = NULL;
    int code = EXIT_FAILED;

    if (args_format(args, &format, &error) != 0) {
        command_complain(args, &error);
        return EXIT_USAGE;
    }
    terminal_inspect(stderr, &terminal);
    interrupt_catch();
    struct follow follow = {
        .client = client,
        .sweep = id,
        .interval_ms = WATCH_INTERVAL_MS,
        .patience_ms = WATCH_PATIENCE_MS,
        .terminal = &terminal,
    };
    switch (follow_sweep(&follow, &sweep, &error)) {
    case FOLLOW_FINISHED:
        code = sweeps_print_outcome(client, sweep, format, &error);
        break;
    case FOLLOW_INTERRUPTED:
        fprintf(stderr, "no longer watching; the sweep goes on. Again: ninety watch %lld\n",
                (long long)id);
        code = EXIT_INTERRUPTED;
        break;
    case FOLLOW_FAILED:
        break;
    }
    if (code == EXIT_FAILED) {
        command_complain(args, &error);
    }
    json_decref(sweep);
    return code;
}
