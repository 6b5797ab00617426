/*
 * Starts a child process with pipes at its three standard streams. Unlike libuv's, the child dies
 * with its parent even when that is killed, runs in a process group of its own (a Ctrl-C on the
 * terminal is ours to handle, not its), and is bound to its core before it runs a line.
 */
#pragma once

#include <sys/types.h>

struct spawn_request {
    const char *const *argv;  /* argv[0] is looked up on PATH */
    char *const *environment; /* as from spawn_environment */
    int core;                 /* -1 = any */
    const char *run;          /* the name it runs under (orphans.h); NULL = none */
};

struct spawn_child {
    pid_t pid;           /* also its process group; the caller reaps it */
    int pid_fd;          /* readable once it has ended */
    int in, out, errors; /* our ends: write, read, read; close-on-exec, non-blocking */
};

/* 0, or -errno of whatever failed, exec included. */
int spawn_start(const struct spawn_request *request, struct spawn_child *ret);

/* This process's environment with each "NAME=value" of the NULL-ended list put in, or NAME taken
 * out for one without '='. One malloc'd block for the caller to free, valid while the environment
 * and the list are; NULL only when out of memory. */
char **spawn_environment(const char *const *changes);
