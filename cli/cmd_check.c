/* check: the rules that must hold in any database, asked by SQLite's shell, which only reads. */
#include "cli/command.h"
#include "cli/memory.h"
#include "cli/shell.h"
#include "common/database_file.h"
#include "schema/schema_check.h"
#include "schema/schema_version.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Prints what is not "ok", and counts it. */
static void on_line(void *arg, const char *line)
{
    size_t *n_breaches = arg;

    if (strcmp(line, "ok\n") != 0) {
        fputs(line, stdout);
        (*n_breaches)++;
    }
}

static int judge(const char *database, enum shell_outcome outcome, size_t n_breaches)
{
    switch (outcome) {
    case SHELL_INTERRUPTED:
        return EXIT_INTERRUPTED;
    case SHELL_FAILED:
        return EXIT_FAILED;
    case SHELL_DONE:
        break;
    }
    if (n_breaches > 0) {
        printf("%s: %zu breaches\n", database, n_breaches);
        return EXIT_BAD_RESULT;
    }
    printf("%s: all rules hold\n", database);
    return EXIT_OK;
}

static void on_version(void *arg, const char *line)
{
    *(long *)arg = strtol(line, NULL, 10);
}

/* The rules speak of what the latest migration has left: of another version they would say
 * nonsense. 0, or ERROR_INVALID; a file that does not even tell its version is the rules' to judge.
 */
static int check_version(const char *database, const char *uri, struct error *error)
{
    struct error ignored = {0};
    long version = 0;

    if (shell_ask(uri, "PRAGMA user_version;", on_version, &version, &ignored) != SHELL_DONE ||
        version <= 0 || version == SCHEMA_VERSION) {
        return 0;
    }
    return version < SCHEMA_VERSION
               ? error_set(error, NULL,
                           "%s was written by an earlier version (its schema is %ld, this ninety "
                           "checks %d): 'ninetyd --db' or 'ninety run --db' brings it up to date",
                           database, version, SCHEMA_VERSION)
               : error_set(error, NULL,
                           "%s was written by a later version (its schema is %ld, this ninety "
                           "knows up to %d): check it with that one",
                           database, version, SCHEMA_VERSION);
}

static int run_check(const struct args *args)
{
    const char *database = shell_database(args);
    struct error error = {0};
    size_t n_breaches = 0;
    char uri[DATABASE_FILE_URI_SIZE];

    if (database_file_read_uri(database, uri, &error) != 0 ||
        check_version(database, uri, &error) != 0) {
        command_complain(args, &error);
        return EXIT_FAILED;
    }
    char *sql = text_format("PRAGMA integrity_check;\n%.*s", (int)schema_check[0].size,
                            (const char *)schema_check[0].data);
    enum shell_outcome outcome = shell_ask(uri, sql, on_line, &n_breaches, &error);
    free(sql);
    if (outcome == SHELL_FAILED) {
        if (!error.message[0]) {
            shell_explain(database, "checked", &error);
        }
        command_complain(args, &error);
    }
    return judge(database, outcome, n_breaches);
}

static const struct option check_options[] = {
    {"db", "FILE", "the database (default " SHELL_DEFAULT_DATABASE ")"},
    {NULL},
};

const struct command command_check = {
    .name = "check",
    .arguments = "",
    .summary = "whether a database keeps the rules, while its daemon runs or not",
    .details =
        "Asks SQLite for its own check of the file, and whether any rule of schema/check.sql is\n"
        "broken. Exit status 3 if so, with a line for each breach.\n",
    .options = check_options,
    .run = run_check,
};
