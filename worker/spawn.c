#include "worker/spawn.h"

#include "worker/orphans.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { READ_END, WRITE_END };
enum { IN, OUT, ERRORS, EXEC_STATUS, N_PIPES };

static void close_pipes(int pipes[N_PIPES][2])
{
    for (int i = 0; i < N_PIPES; i++) {
        for (int end = 0; end < 2; end++) {
            if (pipes[i][end] >= 0) {
                close(pipes[i][end]);
            }
        }
    }
}

static int open_pipes(int pipes[N_PIPES][2])
{
    for (int i = 0; i < N_PIPES; i++) {
        pipes[i][READ_END] = pipes[i][WRITE_END] = -1;
    }
    for (int i = 0; i < N_PIPES; i++) {
        if (pipe2(pipes[i], O_CLOEXEC) < 0) {
            int r = -errno;
            close_pipes(pipes);
            return r;
        }
    }
    return 0;
}

/* Between fork and exec: async-signal-safe calls only. Never returns. */
static void run_child(const struct spawn_request *request, int pipes[N_PIPES][2], pid_t parent)
{
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) {
        _exit(127); /* it died before we asked to be told */
    }
    for (int signal = 1; signal < NSIG; signal++) {
        sigaction(signal, &(struct sigaction){.sa_handler = SIG_DFL}, NULL);
    }
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (request->core >= 0) {
        cpu_set_t cores;
        CPU_ZERO(&cores);
        CPU_SET(request->core, &cores);
        sched_setaffinity(0, sizeof cores, &cores); /* better unbound than not at all */
    }
    if (dup2(pipes[IN][READ_END], STDIN_FILENO) >= 0 &&
        dup2(pipes[OUT][WRITE_END], STDOUT_FILENO) >= 0 &&
        dup2(pipes[ERRORS][WRITE_END], STDERR_FILENO) >= 0) {
        execvpe(request->argv[0], (char *const *)request->argv, request->environment);
    }
    int error = errno;
    ssize_t n = write(pipes[EXEC_STATUS][WRITE_END], &error, sizeof error);
    _exit(n == sizeof error ? 127 : 126);
}

/* Waits for exec: the pipe closes when it succeeds and tells errno when it does not. */
static int exec_status(int fd)
{
    int error = 0;
    ssize_t n;
    do {
        n = read(fd, &error, sizeof error);
    } while (n < 0 && errno == EINTR);
    return n == sizeof error ? -error : 0;
}

static void hand_over(int pipes[N_PIPES][2], int pipe, int end, int *ret)
{
    int fd = pipes[pipe][end];
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    *ret = fd;
    pipes[pipe][end] = -1;
}

/* The request's environment with the run in it, instead of one that this process runs under. */
static char **name_run(const struct spawn_request *request, char *variable)
{
    static const char name[] = ORPHANS_RUN "=";
    size_t n = 0, n_kept = 0;
    while (request->environment[n]) {
        n++;
    }
    char **environment = calloc(n + 2, sizeof *environment);
    if (!environment) {
        return NULL;
    }
    for (size_t i = 0; i < n; i++) {
        if (strncmp(request->environment[i], name, sizeof name - 1) != 0) {
            environment[n_kept++] = request->environment[i];
        }
    }
    environment[n_kept] = variable;
    return environment;
}

static int start(const struct spawn_request *request, struct spawn_child *ret);

int spawn_start(const struct spawn_request *request, struct spawn_child *ret)
{
    if (!request->run) {
        return start(request, ret);
    }
    char variable[sizeof ORPHANS_RUN + ORPHANS_RUN_SIZE];
    snprintf(variable, sizeof variable, ORPHANS_RUN "=%s", request->run);
    struct spawn_request named = *request;
    named.environment = name_run(request, variable);
    if (!named.environment) {
        return -ENOMEM;
    }
    int r = start(&named, ret);
    free((char **)named.environment);
    return r;
}

static int start(const struct spawn_request *request, struct spawn_child *ret)
{
    int pipes[N_PIPES][2];
    int r = open_pipes(pipes);
    if (r < 0) {
        return r;
    }
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid < 0) {
        r = -errno;
        close_pipes(pipes);
        return r;
    }
    if (pid == 0) {
        run_child(request, pipes, parent);
    }
    close(pipes[EXEC_STATUS][WRITE_END]);
    pipes[EXEC_STATUS][WRITE_END] = -1;
    r = exec_status(pipes[EXEC_STATUS][READ_END]);
    int pid_fd = r == 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
    if (r == 0 && pid_fd < 0) {
        r = -errno;
        kill(pid, SIGKILL);
    }
    if (r < 0) {
        waitpid(pid, NULL, 0);
        close_pipes(pipes);
        return r;
    }
    ret->pid = pid;
    ret->pid_fd = pid_fd;
    hand_over(pipes, IN, WRITE_END, &ret->in);
    hand_over(pipes, OUT, READ_END, &ret->out);
    hand_over(pipes, ERRORS, READ_END, &ret->errors);
    close_pipes(pipes);
    return 0;
}

static size_t name_length(const char *variable)
{
    return strcspn(variable, "=");
}

static int is_changed(const char *variable, const char *const *changes)
{
    for (; *changes; changes++) {
        size_t n = name_length(*changes);
        if (n == name_length(variable) && strncmp(variable, *changes, n) == 0) {
            return 1;
        }
    }
    return 0;
}

char **spawn_environment(const char *const *changes)
{
    size_t n = 0, n_changes = 0;
    while (environ[n]) {
        n++;
    }
    while (changes[n_changes]) {
        n_changes++;
    }
    char **environment = calloc(n + n_changes + 1, sizeof *environment);
    if (!environment) {
        return NULL;
    }
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
        if (!is_changed(environ[i], changes)) {
            environment[at++] = environ[i];
        }
    }
    for (size_t i = 0; i < n_changes; i++) {
        if (strchr(changes[i], '=')) {
            environment[at++] = (char *)changes[i];
        }
    }
    return environment;
}
