/*
 * SQLite's shell on a database, for the commands that read the file themselves. It only reads, and
 * nothing but what it is asked here reaches it: no ~/.sqliterc, no name that is not a file.
 */
#pragma once

#include "cli/args.h"
#include "common/error.h"

#define SHELL_DEFAULT_DATABASE "ninety.db"

/* The file that --db names, or the usual one. */
const char *shell_database(const struct args *args);

/* The first words of a shell: its program, what keeps others' settings away, read-only. Fills
 * `words` and returns their number, at most SHELL_WORDS. */
#define SHELL_WORDS 8
size_t shell_words(const char *words[SHELL_WORDS]);

enum shell_outcome {
    SHELL_DONE = 0,        /* all was asked and answered */
    SHELL_FAILED = 1,      /* the shell has said why on standard error, or *error does */
    SHELL_INTERRUPTED = 2, /* Ctrl-C */
};

/* Gets each line of the answers, with its end. */
typedef void shell_line_fn(void *arg, const char *line);

/* Asks all of `sql` (of a database by its database_file_read_uri), whole statements, and stops at
 * the first that fails. */
enum shell_outcome shell_ask(const char *uri, const char *sql, shell_line_fn *on_line, void *arg,
                             struct error *error);

/* Fills *error when the shell itself has said why it failed: what that means for the database,
 * which was to be "checked", say, and what to do. */
void shell_explain(const char *database, const char *what, struct error *error);
