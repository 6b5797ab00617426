#include "cli/child.h"

#include "cli/interrupt.h"
#include "cli/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- finding ---- */

static char *own_folder(void)
{
    char path[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 1);

    if (length <= 0) {
        return must(strdup("."));
    }
    path[length] = '\0';
    *strrchr(path, '/') = '\0';
    return must(strdup(path));
}

static char *find_on_path(const char *name)
{
    const char *path = getenv("PATH");
    char *copy = must(strdup(path ? path : "/usr/local/bin:/usr/bin:/bin"));
    char *rest = copy, *found = NULL;

    for (char *folder; !found && (folder = strsep(&rest, ":"));) {
        char *candidate = text_format("%s/%s", *folder ? folder : ".", name);
        if (access(candidate, X_OK) == 0) {
            found = candidate;
        } else {
            free(candidate);
        }
    }
    free(copy);
    return found;
}

int child_find(const char *name, char **ret, struct error *error)
{
    /* Installed together, or in the folders of the build tree. */
    static const char *const places[] = {"", "../daemon/", "../worker/", "../worker/trainer/"};
    char *folder = own_folder();
    char *found = NULL;

    for (size_t i = 0; !found && i < sizeof(places) / sizeof(*places); i++) {
        char *candidate = text_format("%s/%s%s", folder, places[i], name);
        if (access(candidate, X_OK) == 0) {
            found = candidate;
        } else {
            free(candidate);
        }
    }
    if (!found) {
        found = find_on_path(name);
    }
    if (!found) {
        error_set(error, NULL, "cannot find the program %s beside this one (%s) or on PATH", name,
                  folder);
    }
    free(folder);
    if (!found) {
        return ERROR_INVALID;
    }
    *ret = found;
    return 0;
}

char *child_typed(const char *name)
{
    char *on_path = find_on_path(name), *path = NULL, real[PATH_MAX], here[PATH_MAX];
    struct error error;

    free(on_path);
    if (on_path || child_find(name, &path, &error) != 0 || !realpath(path, real) ||
        !getcwd(here, sizeof(here))) {
        free(path);
        return must(strdup(name));
    }
    free(path);
    size_t length = strlen(here);
    bool below = strncmp(real, here, length) == 0 && real[length] == '/';
    return must(strdup(below ? real + length + 1 : real));
}

/* ---- starting ---- */

static int give_stream(int fd, int stream, int nothing)
{
    return dup2(fd >= 0 ? fd : nothing, stream);
}

/* Between fork and exec: async-signal-safe calls only. Never returns. */
static void become(const struct child_request *request, pid_t parent, int report)
{
    int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);

    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, request->death_signal);
    if (getppid() != parent) {
        _exit(127); /* it died before we asked to be told */
    }
    if (give_stream(request->in, STDIN_FILENO, nothing) >= 0 &&
        give_stream(request->out, STDOUT_FILENO, nothing) >= 0 &&
        give_stream(request->errors, STDERR_FILENO, nothing) >= 0) {
        execvpe(request->argv[0], request->argv,
                request->environment ? request->environment : environ);
    }
    int error = errno;
    ssize_t written = write(report, &error, sizeof(error));
    _exit(written == sizeof(error) ? 127 : 126);
}

int child_start(const struct child_request *request, pid_t *ret)
{
    pid_t parent = getpid();
    int report[2], error = 0;

    if (pipe2(report, O_CLOEXEC) != 0) {
        return -errno;
    }
    pid_t pid = fork();
    if (pid == 0) {
        become(request, parent, report[1]);
    }
    close(report[1]);
    if (pid < 0) {
        error = errno;
    } else if (TEMP_FAILURE_RETRY(read(report[0], &error, sizeof(error))) > 0) {
        waitpid(pid, NULL, 0); /* exec failed */
    }
    close(report[0]);
    if (error == 0) {
        *ret = pid;
    }
    return -error;
}

/* ---- ending ---- */

int child_poll(pid_t pid, int *ret_status)
{
    pid_t ended = waitpid(pid, ret_status, WNOHANG);

    if (ended < 0) {
        return -errno;
    }
    return ended == pid;
}

#define WAIT_LOOK_MS 20

int child_wait(pid_t pid, int ms, int *ret_status)
{
    for (int waited = 0; waited < ms && interrupt_count() < 2; waited += WAIT_LOOK_MS) {
        int ended = child_poll(pid, ret_status);
        if (ended != 0) {
            return ended;
        }
        interrupt_sleep_ms(WAIT_LOOK_MS);
    }
    return 0;
}

int child_stop(pid_t pid, int grace_ms)
{
    int status = 0;

    kill(pid, SIGTERM);
    if (child_wait(pid, grace_ms, &status) == 0) {
        kill(-pid, SIGKILL);
        waitpid(pid, &status, 0);
    }
    return status;
}

char *child_describe_end(int status)
{
    if (WIFSIGNALED(status)) {
        return text_format("was killed by signal %d (%s)", WTERMSIG(status),
                           strsignal(WTERMSIG(status)));
    }
    return text_format("ended with status %d", WEXITSTATUS(status));
}
