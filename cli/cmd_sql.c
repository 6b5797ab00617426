/* sql: SQLite's own shell on a database, opened so that it can only read. */
#include "cli/command.h"
#include "cli/shell.h"
#include "cli/terminal.h"
#include "common/database_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int run_sql(const struct args *args)
{
    const char *database = shell_database(args);
    const char *query = args_positional(args, 0);
    struct terminal terminal;
    struct error error = {0};
    const char *words[SHELL_WORDS + 6];
    char uri[DATABASE_FILE_URI_SIZE];

    if (database_file_read_uri(database, uri, &error) != 0) {
        command_complain(args, &error);
        return EXIT_FAILED;
    }
    terminal_inspect(stdout, &terminal);
    size_t n = shell_words(words);
    words[n++] = "-header";
    words[n++] = terminal.live ? (terminal.unicode ? "-box" : "-column") : "-csv";
    words[n++] = uri;
    if (query) {
        words[n++] = query;
    }
    words[n] = NULL;
    execvp(words[0], (char *const *)words);
    fprintf(stderr, "ninety sql: cannot start sqlite3: %s%s\n", strerror(errno),
            errno == ENOENT ? " (apt install sqlite3)" : "");
    return EXIT_FAILED;
}

static const struct option sql_options[] = {
    {"db", "FILE", "the database (default " SHELL_DEFAULT_DATABASE ")"},
    {NULL},
};

const struct command command_sql = {
    .name = "sql",
    .arguments = "[QUERY]",
    .summary = "ask the database in SQL, read-only, while the daemon runs or not",
    .details =
        "Starts the sqlite3 shell; without QUERY it waits for queries. docs/results.md has the\n"
        "views and examples:\n"
        "\n"
        "  ninety sql 'SELECT depth, batch_norm, median_steps, reached, n FROM summary'\n",
    .options = sql_options,
    .max_arguments = 1,
    .run = run_sql,
};
