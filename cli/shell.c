#include "cli/shell.h"

#include "cli/child.h"
#include "cli/interrupt.h"
#include "cli/memory.h"
#include "common/database_file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOOK_MS 100
#define STOP_GRACE_MS 1000
#define READ_SIZE 65536

/* The last answer: without it something made the shell pass over a question. */
#define END_MARK "ninety: all was asked"

const char *shell_database(const struct args *args)
{
    const char *given = args_value(args, "db");
    return given ? given : SHELL_DEFAULT_DATABASE;
}

/* ---- asking ---- */

size_t shell_words(const char *words[SHELL_WORDS])
{
    static const char *const first[] = {"sqlite3", "-init", "/dev/null", "-readonly", "-bail"};
    size_t n = sizeof(first) / sizeof(*first);

    memcpy(words, first, sizeof(first));
    return n;
}

/* A file without a name that holds the questions, at its beginning; -1 with errno. */
static int write_questions(const char *sql)
{
    int fd = memfd_create("questions", MFD_CLOEXEC);

    if (fd >= 0 &&
        (dprintf(fd, "%s\nSELECT '" END_MARK "';\n", sql) < 0 || lseek(fd, 0, SEEK_SET) != 0)) {
        close(fd);
        return -1;
    }
    return fd;
}

/* Starts the shell with its answers going to a pipe; the pipe's end to read, or -errno. */
static int start(const char *uri, const char *sql, pid_t *ret_pid)
{
    const char *words[SHELL_WORDS + 5];
    int answers[2];
    size_t n = shell_words(words);

    words[n++] = "-batch";
    words[n++] = "-noheader";
    words[n++] = "-list";
    words[n++] = uri;
    words[n] = NULL;
    int questions = write_questions(sql);
    if (questions < 0) {
        return -errno;
    }
    if (pipe2(answers, O_CLOEXEC) != 0) {
        int error = errno;
        close(questions);
        return -error;
    }
    struct child_request request = {.argv = (char *const *)words,
                                    .in = questions,
                                    .out = answers[1],
                                    .errors = STDERR_FILENO,
                                    .death_signal = SIGKILL};
    int result = child_start(&request, ret_pid);
    close(questions);
    close(answers[1]);
    if (result != 0) {
        close(answers[0]);
        return result;
    }
    return answers[0];
}

/* Waits for more from the shell; false after Ctrl-C. */
static bool wait_for_answer(int answers)
{
    struct pollfd poll_fd = {answers, POLLIN, 0};

    while (interrupt_count() == 0) {
        if (poll(&poll_fd, 1, LOOK_MS) > 0) {
            return true;
        }
    }
    return false;
}

struct answers {
    shell_line_fn *on_line;
    void *arg;
    char *text; /* what was read of a line that is not whole yet */
    size_t n;
    bool ended; /* the last line was the mark of the end */
};

static void take_line(struct answers *answers, const char *line)
{
    if (answers->ended) {
        answers->on_line(answers->arg, END_MARK "\n"); /* it was an answer, then */
    }
    answers->ended = strcmp(line, END_MARK "\n") == 0;
    if (!answers->ended) {
        answers->on_line(answers->arg, line);
    }
}

static void take_lines(struct answers *answers)
{
    char *end;

    while ((end = memchr(answers->text, '\n', answers->n))) {
        size_t length = (size_t)(end + 1 - answers->text);
        char *line = must(strndup(answers->text, length));
        take_line(answers, line);
        free(line);
        answers->n -= length;
        memmove(answers->text, end + 1, answers->n);
    }
}

/* Hands the answers on, line by line, to their end or Ctrl-C. */
static void listen_to(int fd, struct answers *answers)
{
    ssize_t n;

    do {
        answers->text = must(realloc(answers->text, answers->n + READ_SIZE));
        n = wait_for_answer(fd) ? read(fd, answers->text + answers->n, READ_SIZE) : 0;
        if (n > 0) {
            answers->n += (size_t)n;
            take_lines(answers);
        }
    } while (n > 0);
    free(answers->text);
    close(fd);
}

enum shell_outcome shell_ask(const char *uri, const char *sql, shell_line_fn *on_line, void *arg,
                             struct error *error)
{
    struct answers answers = {.on_line = on_line, .arg = arg};
    int status = 0;
    pid_t pid;

    interrupt_catch();
    int fd = start(uri, sql, &pid);
    if (fd < 0) {
        error_set(error, NULL, "cannot start sqlite3: %s%s", strerror(-fd),
                  fd == -ENOENT ? " (apt install sqlite3)" : "");
        return SHELL_FAILED;
    }
    listen_to(fd, &answers);
    if (interrupt_count() > 0) {
        child_stop(pid, STOP_GRACE_MS);
        return SHELL_INTERRUPTED;
    }
    waitpid(pid, &status, 0);
    return answers.ended && WIFEXITED(status) && WEXITSTATUS(status) == 0 ? SHELL_DONE
                                                                          : SHELL_FAILED;
}

void shell_explain(const char *database, const char *what, struct error *error)
{
    if (database_file_recognize(database) == DATABASE_FILE_OURS) {
        database_file_damaged(database, "see above", error);
    } else {
        error_set(error, NULL, "%s cannot be %s: is it a database of ninety?", database, what);
    }
}
