/* backup: a consistent copy of a database, made by SQLite's shell while the daemon goes on. */
#include "cli/child.h"
#include "cli/command.h"
#include "cli/interrupt.h"
#include "cli/memory.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define DEFAULT_DATABASE "ninety.db"
#define LOOK_MS 20
#define STOP_GRACE_MS 1000

/* VACUUM INTO 'file', with quotes in the name doubled. malloc'd. */
static char *statement(const char *file)
{
    static const char start[] = "VACUUM INTO '";
    char *sql = must(malloc(sizeof(start) + 2 * strlen(file) + 2));
    char *at = sql + sizeof(start) - 1;

    memcpy(sql, start, sizeof(start));
    for (; *file; file++) {
        *at++ = *file;
        if (*file == '\'') {
            *at++ = '\'';
        }
    }
    memcpy(at, "'", 2);
    return sql;
}

/* Waits for the end of the shell, or makes it end at Ctrl-C; its status as from waitpid. */
static int wait_for_shell(pid_t pid)
{
    int status = -1, ended; /* -1: no good end */

    while ((ended = child_poll(pid, &status)) == 0 && interrupt_count() == 0) {
        interrupt_sleep_ms(LOOK_MS);
    }
    return ended == 0 ? child_stop(pid, STOP_GRACE_MS) : status;
}

/* Runs the shell, whose own words about a failure go to standard error before ours. */
static int copy(const char *database, const char *file)
{
    char *sql = statement(file);
    const char *const argv[] = {"sqlite3", "-readonly", "-bail", database, sql, NULL};
    struct child_request request = {.argv = (char *const *)argv,
                                    .in = -1,
                                    .out = -1,
                                    .errors = STDERR_FILENO,
                                    .death_signal = SIGKILL};
    pid_t pid;

    interrupt_catch();
    int result = child_start(&request, &pid);
    free(sql);
    if (result != 0) {
        fprintf(stderr, "ninety backup: cannot start sqlite3: %s%s\n", strerror(-result),
                result == -ENOENT ? " (apt install sqlite3)" : "");
        return EXIT_FAILED;
    }
    int status = wait_for_shell(pid);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        unlink(file); /* what there is of it is no database */
        fprintf(stderr, "ninety backup: %s could not be copied to %s\n", database, file);
        return interrupt_count() > 0 ? EXIT_INTERRUPTED : EXIT_FAILED;
    }
    printf("%s is copied to %s\n", database, file);
    return EXIT_OK;
}

static int run_backup(const struct args *args)
{
    const char *database = args_value(args, "db") ? args_value(args, "db") : DEFAULT_DATABASE;
    const char *file = args_positional(args, 0);

    if (access(database, R_OK) != 0) {
        fprintf(stderr, "ninety backup: cannot read %s: %s; name the database with --db FILE\n",
                database, strerror(errno));
        return EXIT_FAILED;
    }
    if (access(file, F_OK) == 0) {
        fprintf(stderr, "ninety backup: %s is there already, and is not overwritten\n", file);
        return EXIT_FAILED;
    }
    return copy(database, file);
}

static const struct option backup_options[] = {
    {"db", "FILE", "the database (default " DEFAULT_DATABASE ")"},
    {NULL},
};

const struct command command_backup = {
    .name = "backup",
    .arguments = "FILE",
    .summary = "write a copy of the database, also while the daemon runs",
    .details =
        "The copy is the database as it was at one moment, in one file, without gaps. The\n"
        "daemon is not disturbed; it only keeps its write-ahead log until the copy is done.\n",
    .options = backup_options,
    .min_arguments = 1,
    .max_arguments = 1,
    .run = run_backup,
};
