#include "worker/kernel_probe.h"

#include "worker/spawn.h"
#include "worker/trainer_status.h"

#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PROBE_WITHIN_MS 10000
#define REPEAT "8" /* the best of so many; on a busy machine the first are not */

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Reads until the end of the stream; -1 when that does not come in time or is too far. */
static int read_all(int fd, char *ret, size_t size)
{
    int64_t end_ms = now_ms() + PROBE_WITHIN_MS;
    size_t used = 0;
    while (used + 1 < size) {
        struct pollfd wish = {.fd = fd, .events = POLLIN};
        int64_t left_ms = end_ms - now_ms();
        if (left_ms <= 0 || (poll(&wish, 1, (int)left_ms) < 0 && errno != EINTR)) {
            return -1;
        }
        ssize_t n = read(fd, ret + used, size - used - 1);
        if (n == 0) {
            ret[used] = '\0';
            return 0;
        }
        if (n < 0 && errno != EAGAIN && errno != EINTR) {
            return -1;
        }
        used += n > 0 ? (size_t)n : 0;
    }
    return -1;
}

static int parse(const char *line, struct kernel_probe *ret)
{
    json_t *json = json_loads(line, 0, NULL);
    const char *kernel, *library = "";
    double gflops;
    int r = -1, is_right = 1;
    if (json &&
        json_unpack(json, "{s:s, s:F, s?s, s?b}", "kernel", &kernel, "gflops", &gflops, "library",
                    &library, "right", &is_right) == 0 &&
        gflops > 0) {
        snprintf(ret->kernel, sizeof ret->kernel, "%s", kernel);
        snprintf(ret->library, sizeof ret->library, "%s", library);
        ret->gflops = gflops;
        r = is_right ? KERNEL_PROBE_OK : KERNEL_PROBE_WRONG;
    }
    json_decref(json);
    return r;
}

int kernel_probe_run(const char *trainer, const char *coretype, struct kernel_probe *ret)
{
    char variable[64];
    snprintf(variable, sizeof variable, coretype[0] ? "OPENBLAS_CORETYPE=%s" : "OPENBLAS_CORETYPE",
             coretype);
    const char *changes[] = {"OPENBLAS_NUM_THREADS=1", variable, NULL};
    char **environment = spawn_environment(changes);
    if (!environment) {
        return -1;
    }
    const char *argv[] = {trainer, "--probe", "--repeat", REPEAT, NULL};
    const struct spawn_request request = {.argv = argv, .environment = environment, .core = -1};
    struct spawn_child child;
    int r = spawn_start(&request, &child);
    free(environment);
    if (r < 0) {
        return r;
    }
    char line[2048];
    close(child.in);
    r = read_all(child.out, line, sizeof line);
    kill(-child.pid, SIGKILL); /* it has said all it will */
    int status;
    waitpid(child.pid, &status, 0);
    close(child.out);
    close(child.errors);
    close(child.pid_fd);
    if (r == 0 && WIFEXITED(status) && WEXITSTATUS(status) == TRAINER_NO_MEMORY) {
        return KERNEL_PROBE_HOPELESS;
    }
    return r == 0 ? parse(line, ret) : -1;
}
