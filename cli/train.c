#include "cli/train.h"

#include "cli/child.h"
#include "cli/data.h"
#include "cli/interrupt.h"
#include "cli/memory.h"
#include "worker/kernel_choice.h"
#include "worker/orphans.h"
#include "worker/spawn.h"
#include "worker/trainer_command.h"
#include "worker/trainer_status.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_BYTES ((size_t)1 << 20)
#define STOP_GRACE_MS 2000
#define DIVERGED "diverged at step "
#define READY_PATIENCE_S 120 /* docs/trainer-protocol.md promises it so long */

/* A trial in the hands of a trainer. */
struct session {
    const struct train_request *request;
    struct prepared data;
    struct spawn_child child;
    char run[ORPHANS_RUN_SIZE];
    train_listener *listener;
    void *arg;
    char *buffer; /* what was read of the line that is not whole yet */
    size_t n_buffer;
    bool only_ready;     /* its name is all that is wanted */
    int64_t deadline_ms; /* for ready, by the monotonic clock; 0 = none */
    bool ended;          /* done or failed came, or ready where it was all */
    struct trainer_event last;
    char path[PATH_MAX];       /* of ninety-trainer */
    struct kernel_names wrong; /* found on the way */
    struct kernel_request kernel;
    struct kernel_choice choice;
};

/* ---- the trainer's lines ---- */

static int send_job(struct session *session, struct error *error)
{
    struct trainer_job job = {.trial = 1, .attempt = 1, .config = *session->request->config};

    snprintf(job.data_dir, sizeof(job.data_dir), "%s", session->data.directory);
    snprintf(job.data_sha256, sizeof(job.data_sha256), "%s", session->data.data_sha256);
    char *line = must(trainer_job_to_line(&job));
    size_t length = strlen(line);
    /* A line is shorter than a pipe's buffer: one write takes it. */
    void (*before)(int) = signal(SIGPIPE, SIG_IGN);
    ssize_t written = write(session->child.in, line, length);
    signal(SIGPIPE, before);
    free(line);
    if (written != (ssize_t)length) {
        return error_set(error, NULL, "cannot write to the trainer: %s", strerror(errno));
    }
    return 0;
}

/* OpenBLAS takes its own choice for a name that it does not know, without a word. */
static int check_kernel(const struct train_request *request, const char *kernel,
                        struct error *error)
{
    if (!request->only_that_kernel || !request->kernel ||
        strcmp(request->kernel, KERNEL_DEFAULT) == 0 || strcasecmp(request->kernel, kernel) == 0) {
        return 0;
    }
    return error_set(error, NULL,
                     "OpenBLAS has no kernel '%.40s' on this machine and would run %s; it knows "
                     "some of %s",
                     request->kernel, kernel,
#if defined(__x86_64__)
                     "Prescott, Nehalem, Sandybridge, Haswell, Zen, SkylakeX, Cooperlake, "
                     "SapphireRapids"
#else
                     "ARMV8, CortexA53, CortexA57, CortexA72, NeoverseN1, NeoverseV1, NeoverseN2"
#endif
    );
}

static int on_line(struct session *session, const char *line, struct error *error)
{
    struct trainer_event event;
    struct error why = {0};

    if (trainer_event_from_line(line, &event, &why) != 0) {
        return error_set(error, NULL,
                         "the trainer wrote a line that is not of the protocol: %s%s%s", why.field,
                         why.field[0] ? ": " : "", why.message);
    }
    if (event.type == TRAINER_READY && check_kernel(session->request, event.kernel, error) != 0) {
        return ERROR_INVALID;
    }
    session->last = event;
    if (session->only_ready) {
        session->ended = event.type == TRAINER_READY;
        return 0;
    }
    session->listener(session->arg, &event);
    if (event.type == TRAINER_READY) {
        session->deadline_ms = 0;
        return send_job(session, error);
    }
    session->ended = event.type == TRAINER_DONE || event.type == TRAINER_FAILED;
    return 0;
}

/* Takes whole lines out of the buffer. */
static int take_lines(struct session *session, struct error *error)
{
    char *start = session->buffer, *end;
    char *stop = session->buffer + session->n_buffer;
    int result = 0;

    while (result == 0 && !session->ended && (end = memchr(start, '\n', (size_t)(stop - start)))) {
        *end = '\0';
        result = on_line(session, start, error);
        start = end + 1;
    }
    session->n_buffer = (size_t)(stop - start);
    memmove(session->buffer, start, session->n_buffer);
    if (result == 0 && session->n_buffer == LINE_MAX_BYTES) {
        return error_set(error, NULL, "the trainer wrote a line longer than %zu bytes",
                         LINE_MAX_BYTES);
    }
    return result;
}

enum stream_state { STREAM_OPEN, STREAM_ENDED, STREAM_BROKEN };

static enum stream_state read_lines(struct session *session, struct error *error)
{
    ssize_t n = read(session->child.out, session->buffer + session->n_buffer,
                     LINE_MAX_BYTES - session->n_buffer);

    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return STREAM_OPEN;
    }
    if (n <= 0) {
        return STREAM_ENDED;
    }
    session->n_buffer += (size_t)n;
    return take_lines(session, error) == 0 ? STREAM_OPEN : STREAM_BROKEN;
}

/* What the trainer writes to its standard error is for the person at ours. */
static bool pass_errors_on(int fd)
{
    char text[4096];
    ssize_t n = read(fd, text, sizeof(text));

    if (n > 0) {
        fwrite(text, 1, (size_t)n, stderr);
    }
    return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Until done or failed (STREAM_OPEN), an interrupt or the deadline (STREAM_OPEN as well), the end,
 * or a breach. */
static enum stream_state listen_to(struct session *session, struct error *error)
{
    struct pollfd fds[2] = {{session->child.out, POLLIN, 0}, {session->child.errors, POLLIN, 0}};
    enum stream_state state = STREAM_OPEN;

    while (state == STREAM_OPEN && !session->ended && interrupt_count() == 0 &&
           (session->deadline_ms == 0 || now_ms() < session->deadline_ms)) {
        if (poll(fds, 2, 500) <= 0) {
            continue;
        }
        if (fds[1].revents && !pass_errors_on(session->child.errors)) {
            fds[1].fd = -1;
        }
        if (fds[0].revents) {
            state = read_lines(session, error);
        }
    }
    while (pass_errors_on(session->child.errors) && state == STREAM_ENDED) {
    }
    return state;
}

/* ---- the trainer's life ---- */

static int spawn_with_options(const struct trainer_command *command, const char *const *options,
                              struct session *session)
{
    const char *argv[sizeof(command->argv) / sizeof(*command->argv) + TRAIN_OPTIONS_MAX];
    size_t n = 0;

    for (size_t i = 0; command->argv[i]; i++) {
        argv[n++] = command->argv[i];
    }
    for (size_t i = 0; options && options[i]; i++) {
        argv[n++] = options[i];
    }
    argv[n] = NULL;
    orphans_adopt();
    orphans_name_run(session->run);
    struct spawn_request spawn = {
        .argv = argv, .environment = command->environment, .core = -1, .run = session->run};
    return spawn_start(&spawn, &session->child);
}

static int start_trainer(struct session *session, struct error *error)
{
    const struct train_request *request = session->request;
    char *path = session->path;
    struct trainer_command command;

    if (trainer_find(path, sizeof(session->path)) != 0 && !request->trainer) {
        return error_set(error, NULL, "cannot find ninety-trainer beside this program or on PATH");
    }
    session->kernel = (struct kernel_request){
        .forced = request->kernel, .trainer = path[0] ? path : NULL, .wrong = &session->wrong};
    kernel_choose(&session->kernel, &session->choice);
    if (session->choice.source == KERNEL_NONE_RIGHT && !request->trainer) {
        return error_set(error, NULL, "every OpenBLAS kernel computes wrong matrix products here");
    }
    int result = trainer_command_init(&command, request->trainer, path, &session->choice);
    if (result == 0) {
        result = spawn_with_options(&command, request->options, session);
        trainer_command_finish(&command);
    }
    if (result != 0) {
        return error_set(error, NULL, "cannot start the trainer %s: %s",
                         request->trainer ? request->trainer : path, strerror(-result));
    }
    return 0;
}

/* The end of its input tells a trainer that is done to leave; the status as from waitpid. */
static int end_trainer(struct session *session)
{
    int status = 0;

    close(session->child.in);
    bool left = session->ended && child_wait(session->child.pid, STOP_GRACE_MS, &status) != 0;
    close(session->child.out);
    close(session->child.errors);
    close(session->child.pid_fd);
    if (!left) {
        status = child_stop(session->child.pid, STOP_GRACE_MS);
    }
    orphans_kill_run(session->run);
    return status;
}

/* A network that diverges is a result of a kind; whatever else fails a trial here is in the way of
 * one (docs/trainer-protocol.md). */
static enum train_outcome judge_failure(const char *reason, struct error *error)
{
    error_set(error, NULL, "%s", reason);
    return strncmp(reason, DIVERGED, strlen(DIVERGED)) == 0 ? TRAIN_FAILED : TRAIN_IMPOSSIBLE;
}

static enum train_outcome judge(const struct session *session, enum stream_state state, int status,
                                struct error *error)
{
    if (state == STREAM_BROKEN) {
        return TRAIN_IMPOSSIBLE;
    }
    if (!session->ended && interrupt_count() > 0) {
        return TRAIN_INTERRUPTED;
    }
    if (!session->ended && state == STREAM_OPEN) {
        error_set(error, NULL, "the trainer is not ready after %d s", READY_PATIENCE_S);
        return TRAIN_IMPOSSIBLE;
    }
    if (!session->ended) {
        char *end = child_describe_end(status);
        error_set(error, NULL, "the trainer %s without a result", end);
        free(end);
        return TRAIN_IMPOSSIBLE;
    }
    return session->last.type == TRAINER_FAILED ? judge_failure(session->last.failure.reason, error)
                                                : TRAIN_DONE;
}

static enum train_outcome train_once(struct session *session, int *ret_status, struct error *error)
{
    *ret_status = 0;
    session->ended = false;
    session->n_buffer = 0;
    if (start_trainer(session, error) != 0) {
        return interrupt_count() > 0 ? TRAIN_INTERRUPTED : TRAIN_IMPOSSIBLE;
    }
    session->deadline_ms = now_ms() + READY_PATIENCE_S * 1000;
    session->buffer = must(malloc(LINE_MAX_BYTES));
    enum stream_state state = listen_to(session, error);
    *ret_status = end_trainer(session);
    free(session->buffer);
    return judge(session, state, *ret_status, error);
}

/* After a wrong product; not if the kernel is not for us to choose. */
static bool may_try_another_kernel(struct session *session, int status, const struct error *error)
{
    if (session->request->trainer || !WIFEXITED(status) ||
        WEXITSTATUS(status) != TRAINER_WRONG_KERNEL ||
        !kernel_condemn(&session->kernel, &session->choice)) {
        return false;
    }
    fprintf(stderr, "%s; trying another kernel\n", error->message);
    return true;
}

enum train_outcome train(const struct train_request *request, train_listener *listener, void *arg,
                         struct trial_result *ret, struct error *error)
{
    struct session session = {.request = request, .listener = listener, .arg = arg};
    enum train_outcome outcome;
    int status = 0;

    if (data_prepare(request->config->dataset, request->data, &session.data, error) != 0) {
        return interrupt_count() > 0 ? TRAIN_INTERRUPTED : TRAIN_IMPOSSIBLE;
    }
    do {
        outcome = train_once(&session, &status, error);
    } while (outcome == TRAIN_IMPOSSIBLE && may_try_another_kernel(&session, status, error));
    if (outcome == TRAIN_DONE) {
        *ret = session.last.result;
    }
    return outcome;
}

int train_ask_name(const char *command, char ret[64], struct error *error)
{
    const struct train_request request = {.trainer = command};
    struct session session = {.request = &request, .only_ready = true};

    if (start_trainer(&session, error) != 0) {
        return ERROR_INVALID;
    }
    session.deadline_ms = now_ms() + READY_PATIENCE_S * 1000;
    session.buffer = must(malloc(LINE_MAX_BYTES));
    enum stream_state state = listen_to(&session, error);
    bool told = session.ended;
    int status = end_trainer(&session);
    free(session.buffer);
    if (told) {
        snprintf(ret, 64, "%s", session.last.trainer);
        return 0;
    }
    if (interrupt_count() > 0) {
        return error_set(error, NULL, "interrupted");
    }
    if (state == STREAM_OPEN) {
        return error_set(error, NULL, "the trainer %s is not ready after %d s", command,
                         READY_PATIENCE_S);
    }
    if (state == STREAM_ENDED) {
        char *end = child_describe_end(status);
        error_set(error, NULL, "the trainer %s %s before it was ready", command, end);
        free(end);
    }
    return ERROR_INVALID;
}
