/*
 * The programs that the client starts: found where they were built or installed, in a process
 * group of their own (Ctrl-C is the client's to handle), and gone when the client is gone.
 */
#pragma once

#include "common/error.h"

#include <sys/types.h>

/* The path of a program of this project: beside this program, in its folder of the build tree,
 * or else found on PATH. The caller frees. ERROR_INVALID when there is none. */
int child_find(const char *name, char **ret, struct error *error);

/* What a person in this folder would type to start it: the name alone where PATH has it, or else
 * the shortest path. The caller frees. */
char *child_typed(const char *name);

struct child_request {
    char *const *argv;        /* argv[0] is the program; without a slash it is looked up on PATH */
    char *const *environment; /* NULL: as this process's */
    int in, out, errors;      /* what its standard streams shall be; -1: nothing (/dev/null) */
    int death_signal;         /* what it gets when this process dies */
};

/* 0, or -errno of whatever failed, exec included. */
int child_start(const struct child_request *request, pid_t *ret);

/* 1 and *ret_status as from waitpid once it has ended, 0 before, -errno. Not to be asked after 1.
 */
int child_poll(pid_t pid, int *ret_status);

/* The same, but waits up to `ms` for the end; gives up early when Ctrl-C comes twice. */
int child_wait(pid_t pid, int ms, int *ret_status);

/* SIGTERM, and SIGKILL to its group when it has not ended within grace_ms or Ctrl-C comes twice;
 * waits for the end. Returns its status as from waitpid. */
int child_stop(pid_t pid, int grace_ms);

/* "was killed by signal 9", "ended with status 1". The caller frees. */
char *child_describe_end(int status);
