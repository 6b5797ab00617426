/* sql: SQLite's own shell on a database, opened so that it can only read. */
#include "cli/command.h"
#include "cli/terminal.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#define DEFAULT_DATABASE "ninety.db"

/* SQLite takes any file for an empty database until something is read from it. */
static bool is_database(const char *path)
{
    static const char magic[16] = "SQLite format 3";
    char head[sizeof(magic)];
    FILE *file = fopen(path, "r");
    bool same = file && fread(head, 1, sizeof(head), file) == sizeof(head) &&
                memcmp(head, magic, sizeof(head)) == 0;

    if (file) {
        fclose(file);
    }
    return same;
}

static int run_sql(const struct args *args)
{
    const char *database = args_value(args, "db") ? args_value(args, "db") : DEFAULT_DATABASE;
    const char *query = args_positional(args, 0);
    struct terminal terminal;
    const char *words[8];
    size_t n = 0;

    if (access(database, R_OK) != 0) {
        fprintf(stderr, "ninety sql: cannot read %s: %s; name the database with --db FILE\n",
                database, strerror(errno));
        return EXIT_FAILED;
    }
    if (!is_database(database)) {
        fprintf(stderr, "ninety sql: %s is no SQLite database; name the database with --db FILE\n",
                database);
        return EXIT_FAILED;
    }
    terminal_inspect(stdout, &terminal);
    words[n++] = "sqlite3";
    words[n++] = "-readonly";
    words[n++] = "-header";
    words[n++] = terminal.live ? (terminal.unicode ? "-box" : "-column") : "-csv";
    words[n++] = database;
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
    {"db", "FILE", "the database (default " DEFAULT_DATABASE ")"},
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
