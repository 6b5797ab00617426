#include "common/start.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#define USUAL_LIMIT 1024

static void open_streams(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF) {
            continue;
        }
        int flags = fd == STDERR_FILENO ? O_WRONLY : O_RDONLY;
        if (open("/dev/null", flags) != fd) { /* the lowest that is free */
            _exit(EXIT_FAILURE);
        }
    }
}

bool start_allows_files(const char *name, unsigned n_files)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= n_files) {
        return true;
    }
    if (limit.rlim_max < n_files) {
        fprintf(stderr,
                "%s: it may open only %llu files at once and needs %u; raise the limit first: "
                "ulimit -n %u (the hard one too; LimitNOFILE= of systemd)\n",
                name, (unsigned long long)limit.rlim_max, n_files,
                n_files < USUAL_LIMIT ? USUAL_LIMIT : n_files);
        return false;
    }
    limit.rlim_cur = n_files;
    return setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

static void reset_signals(void)
{
    sigset_t none;

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGCHLD, SIG_DFL);
    signal(SIGXFSZ, SIG_IGN);
}

void start_program(const char *name, unsigned n_files)
{
    open_streams();
    reset_signals();
    if (!start_allows_files(name, n_files)) {
        exit(EXIT_FAILURE);
    }
}

bool start_heeds(int signal_number)
{
    struct sigaction action;

    return sigaction(signal_number, NULL, &action) != 0 || action.sa_handler != SIG_IGN;
}
