/* check: the rules that must hold in any database, asked by SQLite's shell, which only reads. */
#include "cli/child.h"
#include "cli/command.h"
#include "cli/memory.h"
#include "schema/schema_check.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define DEFAULT_DATABASE "ninety.db"

/* A file without a name that holds the questions, at its beginning; -1 with errno. */
static int write_questions(void)
{
    static const char first[] = "PRAGMA integrity_check;\n";
    FILE *file = tmpfile();

    if (!file) {
        return -1;
    }
    fputs(first, file);
    fwrite(schema_check[0].data, 1, schema_check[0].size, file);
    int fd = fflush(file) == 0 && !ferror(file) ? dup(fileno(file)) : -1;
    fclose(file);
    if (fd >= 0) {
        lseek(fd, 0, SEEK_SET);
    }
    return fd;
}

/* Starts the shell with its answers going to a pipe; the pipe's end to read, or -errno. */
static int start_shell(const char *database, int questions, pid_t *ret_pid)
{
    const char *const argv[] = {"sqlite3", "-readonly", "-bail", "-list", database, NULL};
    int answers[2];

    if (pipe2(answers, O_CLOEXEC) != 0) {
        return -errno;
    }
    struct child_request request = {.argv = (char *const *)argv,
                                    .in = questions,
                                    .out = answers[1],
                                    .errors = STDERR_FILENO,
                                    .death_signal = SIGKILL};
    int result = child_start(&request, ret_pid);
    close(answers[1]);
    if (result != 0) {
        close(answers[0]);
        return result;
    }
    return answers[0];
}

/* Prints what is not "ok"; the number of such lines. */
static size_t print_breaches(FILE *answers)
{
    char *line = NULL;
    size_t size = 0, n = 0;
    ssize_t length;

    while ((length = getline(&line, &size, answers)) >= 0) {
        if (strcmp(line, "ok\n") != 0) {
            fputs(line, stdout);
            n++;
        }
    }
    free(line);
    return n;
}

static int check_database(const char *database)
{
    pid_t pid = 0;
    int status = 0;
    int questions = write_questions();

    if (questions < 0) {
        fprintf(stderr, "ninety check: cannot write a temporary file: %s\n", strerror(errno));
        return EXIT_FAILED;
    }
    int answers = start_shell(database, questions, &pid);
    close(questions);
    if (answers < 0) {
        fprintf(stderr, "ninety check: cannot start sqlite3: %s%s\n", strerror(-answers),
                answers == -ENOENT ? " (apt install sqlite3)" : "");
        return EXIT_FAILED;
    }
    FILE *stream = must(fdopen(answers, "r"));
    size_t n = print_breaches(stream);
    fclose(stream);
    waitpid(pid, &status, 0);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        fprintf(stderr, "ninety check: %s cannot be checked: is it a database of ninety?\n",
                database);
        return EXIT_FAILED;
    }
    if (n > 0) {
        printf("%s: %zu breaches\n", database, n);
        return EXIT_BAD_RESULT;
    }
    printf("%s: all rules hold\n", database);
    return EXIT_OK;
}

static int run_check(const struct args *args)
{
    const char *database = args_value(args, "db") ? args_value(args, "db") : DEFAULT_DATABASE;

    if (access(database, R_OK) != 0) {
        fprintf(stderr, "ninety check: cannot read %s: %s; name the database with --db FILE\n",
                database, strerror(errno));
        return EXIT_FAILED;
    }
    return check_database(database);
}

static const struct option check_options[] = {
    {"db", "FILE", "the database (default " DEFAULT_DATABASE ")"},
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
