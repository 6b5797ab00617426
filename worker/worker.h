/*
 * ninety-worker as a whole: slots, leases and the connection, on one event loop.
 *
 *     daemon <--register, claim, report-- session, outbox --slots--> trainers
 *
 * Every callback stores what it learnt and calls one step, which begins the calls that are due.
 */
#pragma once

#include "worker/data/prepare.h"

#include <stdbool.h>
#include <stdint.h>

#define WORKER_MAX_SLOTS 1024

/* What worker_run returns, and ninety-worker exits with. */
enum worker_exit {
    WORKER_DONE = 0,          /* told to stop, or idle for as long as was asked */
    WORKER_BROKEN = 1,        /* something this machine lacks: memory, ... */
    WORKER_NO_TRAINER = 69,   /* no trainer starts or computes right here (EX_UNAVAILABLE) */
    WORKER_WRONG_KERNEL = 70, /* worker_run only: with another kernel the trainer may be right */
    WORKER_NO_DAEMON = 75, /* idle for as long as was asked, and never registered (EX_TEMPFAIL) */
    WORKER_UNAUTHORIZED = 77, /* the daemon does not take our token (EX_NOPERM of sysexits.h) */
};

struct worker_options {
    const char *daemon_url;
    const char *token;               /* NULL = none */
    int n_slots;                     /* 1..WORKER_MAX_SLOTS */
    bool pin;                        /* bind each trainer to a core if there is one slot for each */
    const char *trainer_command;     /* as a person would name it */
    const char *const *trainer_argv; /* the trainer's command and environment, as for spawn */
    char *const *trainer_environment;
    const char *kernel; /* what registers as this worker's OpenBLAS kernel */
    const char *const *data_directories;
    const char *cache_directory; /* NULL = the usual one */
    uint64_t idle_ms;            /* stop after this long without a trial; 0 = never */
    uint64_t silence_ms;         /* as in slot.h */
};

/* Runs until a signal (SIGTERM, SIGINT, SIGHUP), idleness, a refused token or a trainer that cannot
 * start ends it. */
enum worker_exit worker_run(const struct worker_options *options);
