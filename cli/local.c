#include "cli/local.h"

#include "cli/child.h"
#include "cli/interrupt.h"
#include "cli/memory.h"
#include "cli/text.h"
#include "common/database_lock.h"
#include "common/output_file.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define START_LOOK_MS 10
#define START_PATIENCE_MS 60000 /* a big database may have to be migrated or checked first */
#define STOP_GRACE_MS 20000

#define TOLD_MAX 16
struct local {
    pid_t pid;
    bool ended;
    bool in_use; /* it ended because another one has the database */
    int log_fd;
    off_t log_start;         /* where this daemon's own log begins */
    off_t log_read;          /* up to here news were looked for */
    char *last_words;        /* the latest warning or error, as local_news gives it */
    uint64_t told[TOLD_MAX]; /* kinds of news given lately, see kind_of_news */
    size_t n_told;
    char *url;
    int port_fd; /* a pipe, its standard output, on which it says its port */
};

/* ---- the log ---- */

static int open_log(const struct local_options *options, struct local *local, struct error *error)
{
    if (options->log) {
        if (output_file_check(options->log, error) != 0) {
            return ERROR_INVALID;
        }
        local->log_fd = open(options->log, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    } else {
        local->log_fd = memfd_create("log", MFD_CLOEXEC);
    }
    if (local->log_fd < 0 || fcntl(local->log_fd, F_SETFL, O_APPEND) != 0) {
        return error_set(error, NULL, "cannot open the log%s%s: %s", options->log ? " " : "",
                         options->log ? options->log : "", strerror(errno));
    }
    local->log_start = lseek(local->log_fd, 0, SEEK_END);
    local->log_read = local->log_start;
    return 0;
}

/* The next whole line of the log, or NULL. malloc'd. */
static char *next_line(struct local *local)
{
    char buffer[2048];
    ssize_t n = pread(local->log_fd, buffer, sizeof(buffer) - 1, local->log_read);

    if (n <= 0) {
        return NULL;
    }
    buffer[n] = '\0';
    char *end = strchr(buffer, '\n');
    if (!end && n < (ssize_t)sizeof(buffer) - 1) {
        return NULL; /* still being written */
    }
    local->log_read += end ? end + 1 - buffer : n;
    if (end) {
        *end = '\0';
    }
    return must(strdup(buffer));
}

/* "TIME warn ninetyd: message" -> "ninetyd: message"; NULL for lower levels. A line in no such
 * form came from a program in trouble (a loader, a sanitizer) and is news as it is. */
static char *news_in(const char *line)
{
    char level[8] = "";
    int offset = 0;

    if (sscanf(line, "%*4d-%*2d-%*2dT%*s %7s %n", level, &offset) < 1 || offset == 0) {
        return text_printable(line);
    }
    if (strcmp(level, "warn") != 0 && strcmp(level, "error") != 0) {
        return NULL;
    }
    return text_printable(line + offset);
}

/* A hash (FNV-1a) of what is said, numbers left out: the tenth trainer that dies of the same cause,
 * in whatever slot, is the same kind of news. */
static uint64_t kind_of_news(const char *news)
{
    uint64_t hash = 0xcbf29ce484222325;

    for (; *news; news++) {
        if (*news < '0' || *news > '9') {
            hash = (hash ^ (unsigned char)*news) * 0x100000001b3;
        }
    }
    return hash;
}

/* Remembers it, in the place of the oldest. */
static bool told_before(struct local *local, const char *news)
{
    uint64_t kind = kind_of_news(news);

    for (size_t i = 0; i < TOLD_MAX && i < local->n_told; i++) {
        if (local->told[i] == kind) {
            return true;
        }
    }
    local->told[local->n_told++ % TOLD_MAX] = kind;
    return false;
}

/* The next warning or error, told before or not. */
static char *next_news(struct local *local)
{
    char *line, *news = NULL;

    while (!news && (line = next_line(local))) {
        news = news_in(line);
        free(line);
    }
    if (news) {
        free(local->last_words);
        local->last_words = must(strdup(news));
    }
    return news;
}

char *local_news(struct local *local)
{
    char *news;

    while ((news = next_news(local)) && told_before(local, news)) {
        free(news);
    }
    return news;
}

static void drain_news(struct local *local)
{
    char *news;

    while ((news = next_news(local))) {
        free(news);
    }
}

/* ---- starting ---- */

/* Starts it with its standard output going to `port_fd`. */
static int spawn_daemon(const struct local_options *options, struct local *local, int port_fd,
                        struct error *error)
{
    char *program, workers[24];
    const char *argv[20];
    size_t n = 0;

    if (child_find("ninetyd", &program, error) != 0) {
        return ERROR_INVALID;
    }
    snprintf(workers, sizeof(workers), "%lld", (long long)options->workers);
    argv[n++] = program;
    argv[n++] = "--listen";
    argv[n++] = "127.0.0.1:0";
    argv[n++] = "--port-file";
    argv[n++] = "/proc/self/fd/1";
    argv[n++] = "--db";
    argv[n++] = options->database;
    argv[n++] = "--workers";
    argv[n++] = workers;
    argv[n++] = "--end-with-worker";
    if (options->read_only) {
        argv[n++] = "--read-only";
    }
    if (options->data) {
        argv[n++] = "--data";
        argv[n++] = options->data;
    }
    if (options->trainer) {
        argv[n++] = "--trainer";
        argv[n++] = options->trainer;
    }
    argv[n] = NULL;
    struct child_request request = {.argv = (char *const *)argv,
                                    .in = -1,
                                    .out = port_fd,
                                    .errors = local->log_fd,
                                    .death_signal = SIGTERM};
    int result = child_start(&request, &local->pid);
    if (result != 0) {
        error_set(error, NULL, "cannot start %s: %s", program, strerror(-result));
    }
    free(program);
    return result == 0 ? 0 : ERROR_INVALID;
}

static int start_daemon(const struct local_options *options, struct local *local,
                        struct error *error)
{
    int pipe_fds[2];

    if (pipe2(pipe_fds, O_CLOEXEC) != 0) {
        return error_set(error, NULL, "cannot make a pipe: %s", strerror(errno));
    }
    fcntl(pipe_fds[0], F_SETFL, O_NONBLOCK);
    local->port_fd = pipe_fds[0];
    int result = spawn_daemon(options, local, pipe_fds[1], error);
    close(pipe_fds[1]);
    return result;
}

/* 0 while it has not said it. It writes its line in one piece. */
static int read_port(int fd)
{
    char text[16] = "";

    return read(fd, text, sizeof(text) - 1) > 0 ? atoi(text) : 0;
}

static int wait_until_it_listens(struct local *local, struct error *error)
{
    for (int waited = 0; waited < START_PATIENCE_MS; waited += START_LOOK_MS) {
        int port = read_port(local->port_fd);
        if (port > 0) {
            local->url = text_format("http://127.0.0.1:%d", port);
            return 0;
        }
        if (local_check(local, error) != 0) {
            return ERROR_INVALID;
        }
        if (interrupt_count() > 0) {
            return error_set(error, NULL, "interrupted");
        }
        interrupt_sleep_ms(START_LOOK_MS);
    }
    return error_set(error, NULL, "ninetyd does not listen after %d s", START_PATIENCE_MS / 1000);
}

int local_start(const struct local_options *options, struct local **ret, struct error *error)
{
    struct local *local = must(calloc(1, sizeof(*local)));

    local->log_fd = local->port_fd = -1;
    int result = open_log(options, local, error);
    if (result == 0) {
        result = start_daemon(options, local, error);
    }
    if (result == 0) {
        result = wait_until_it_listens(local, error);
    }
    if (result != 0) {
        result = local->in_use ? LOCAL_IN_USE : result;
        local_stop(local);
        return result;
    }
    *ret = local;
    return 0;
}

char *local_url_of_other(const char *database)
{
    struct database_holder holder;

    return database_lock_ask(database, &holder) == DATABASE_LOCK_HELD && holder.url[0]
               ? must(strdup(holder.url))
               : NULL;
}

/* ---- running and stopping ---- */

const char *local_url(const struct local *local)
{
    return local->url;
}

int local_check(struct local *local, struct error *error)
{
    int status;

    if (!local->ended) {
        if (child_poll(local->pid, &status) == 0) {
            return 0;
        }
        local->ended = true;
        local->in_use = WIFEXITED(status) && WEXITSTATUS(status) == DATABASE_LOCK_EXIT_STATUS;
        drain_news(local);
        if (!local->last_words) {
            char *end = child_describe_end(status);
            local->last_words = text_format("the local ninetyd %s", end);
            free(end);
        }
    }
    return error_set(error, NULL, "%s", local->last_words);
}

void local_stop(struct local *local)
{
    if (!local) {
        return;
    }
    if (local->pid > 0 && !local->ended) {
        child_stop(local->pid, STOP_GRACE_MS);
    }
    if (local->log_fd >= 0) {
        close(local->log_fd);
    }
    if (local->port_fd >= 0) {
        close(local->port_fd);
    }
    free(local->last_words);
    free(local->url);
    free(local);
}
