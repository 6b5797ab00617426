/* backup: a consistent copy of a database, made by SQLite's shell while the daemon goes on. */
#include "cli/command.h"
#include "cli/memory.h"
#include "cli/shell.h"
#include "common/database_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The copy is made under a name of its own, and gets its own when it is whole. */
struct copy {
    const char *database, *file;
    char *draft;
    size_t n_answers, n_good;
};

/* A quick check answers one "ok". */
static void on_line(void *arg, const char *line)
{
    struct copy *copy = arg;

    copy->n_answers++;
    copy->n_good += strcmp(line, "ok\n") == 0;
}

static int could_not(const struct copy *copy, struct error *error)
{
    return error_set(error, NULL, "%s could not be copied to %s: %s", copy->database, copy->file,
                     strerror(errno));
}

/* An empty file that only its owner may open, as the database may be. */
static int make_draft(struct copy *copy, struct error *error)
{
    copy->draft = text_format("%s.XXXXXX", copy->file);
    int fd = mkostemp(copy->draft, O_CLOEXEC);
    if (fd < 0) {
        free(copy->draft);
        copy->draft = NULL;
        return could_not(copy, error);
    }
    close(fd);
    return 0;
}

/* Copies into the draft, and reads all of it again. */
static enum shell_outcome fill_draft(struct copy *copy, const char *uri, struct error *error)
{
    char target[DATABASE_FILE_URI_SIZE];

    /* In a URI every quote is encoded. */
    if (database_file_uri(copy->draft, NULL, target) != 0) {
        error_set(error, NULL, "the name %s is too long", copy->draft);
        return SHELL_FAILED;
    }
    char *sql = text_format("VACUUM INTO '%s';", target);
    enum shell_outcome outcome = shell_ask(uri, sql, on_line, copy, error);
    free(sql);
    if (outcome == SHELL_DONE) {
        outcome = shell_ask(target, "PRAGMA quick_check;", on_line, copy, error);
    }
    if (outcome == SHELL_DONE && (copy->n_answers != 1 || copy->n_good != 1)) {
        error_set(error, NULL, "the copy of %s is not whole: does the disk keep what it is given?",
                  copy->database);
        return SHELL_FAILED;
    }
    return outcome;
}

/* Gives it its name, unless something got that name meanwhile; some file systems cannot promise. */
static int rename_draft(const struct copy *copy)
{
    int result = renameat2(AT_FDCWD, copy->draft, AT_FDCWD, copy->file, RENAME_NOREPLACE);

    return result != 0 && errno == EINVAL ? rename(copy->draft, copy->file) : result;
}

/* To disk, with the database's mode where there are modes, and under its name. */
static int place_draft(const struct copy *copy, struct error *error)
{
    struct stat info;
    int fd = open(copy->draft, O_RDONLY | O_CLOEXEC);

    if (fd >= 0 && stat(copy->database, &info) == 0) {
        fchmod(fd, info.st_mode & 0666);
    }
    bool good = fd >= 0 && fsync(fd) == 0 && rename_draft(copy) == 0;
    if (!good) {
        could_not(copy, error);
    }
    if (fd >= 0) {
        close(fd);
    }
    return good ? 0 : ERROR_INVALID;
}

static int make_copy(const struct args *args, struct copy *copy, const char *uri)
{
    struct error error = {0};
    enum shell_outcome outcome = SHELL_FAILED;

    if (make_draft(copy, &error) == 0) {
        outcome = fill_draft(copy, uri, &error);
    }
    if (outcome == SHELL_DONE && place_draft(copy, &error) != 0) {
        outcome = SHELL_FAILED;
    }
    if (copy->draft) {
        unlink(copy->draft);
        free(copy->draft);
    }
    if (outcome == SHELL_DONE) {
        printf("%s is copied to %s\n", copy->database, copy->file);
        return EXIT_OK;
    }
    if (!error.message[0]) {
        error_set(&error, NULL, "%s could not be copied to %s", copy->database, copy->file);
    }
    command_complain(args, &error);
    return outcome == SHELL_INTERRUPTED ? EXIT_INTERRUPTED : EXIT_FAILED;
}

static int run_backup(const struct args *args)
{
    struct copy copy = {.database = shell_database(args), .file = args_positional(args, 0)};
    struct error error = {0};
    struct stat info;
    char uri[DATABASE_FILE_URI_SIZE];

    if (database_file_check_name("FILE", copy.file, &error) != 0) {
        command_complain(args, &error);
        return EXIT_USAGE;
    }
    if (lstat(copy.file, &info) == 0) {
        fprintf(stderr, "ninety backup: %s is there already, and is not overwritten\n", copy.file);
        return EXIT_FAILED;
    }
    if (database_file_read_uri(copy.database, uri, &error) != 0) {
        command_complain(args, &error);
        return EXIT_FAILED;
    }
    int code = make_copy(args, &copy, uri);
    return code;
}

static const struct option backup_options[] = {
    {"db", "FILE", "the database (default " SHELL_DEFAULT_DATABASE ")"},
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
