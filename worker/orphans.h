/*
 * What trainers leave behind. A process of a trainer that left its process group (setsid) outlives
 * it; as its parents end it falls to this process, which has made itself the one to inherit them
 * (PR_SET_CHILD_SUBREAPER), and is killed here once its trainer has ended.
 *
 * Each trainer runs under a name that its descendants inherit in their environment. One that has
 * thrown its environment away is taken for a live trainer's if there is one that is older.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define ORPHANS_RUN "NINETY_TRAINER_RUN" /* the variable */
#define ORPHANS_RUN_SIZE 32

/* From now on this process inherits what its descendants leave behind. */
void orphans_adopt(void);

/* A name for the next trainer to run under, like no other's. */
void orphans_name_run(char ret[ORPHANS_RUN_SIZE]);

/* What a child of this process is. */
enum orphans_kin {
    ORPHANS_LEFT,    /* left behind by a trainer that has ended */
    ORPHANS_OF_LIVE, /* left behind by one that lives: it stays */
    ORPHANS_TRAINER, /* a trainer, which is somebody else's to bury */
};

struct orphans_child {
    pid_t pid;
    char run[ORPHANS_RUN_SIZE]; /* the name that it inherited; "" where it has none, or has ended */
    int64_t start_time;         /* machine_start_time */
};
typedef enum orphans_kin (*orphans_kin_fn)(void *arg, const struct orphans_child *child);

/* Kills the children that were left behind and buries all but trainers that have ended. Returns how
 * many were left behind: as they end, what they have started falls to this process, so again a
 * little later until it is 0. */
size_t orphans_kill(orphans_kin_fn kin, void *arg);

/* The same for all children, again and again until there are none, for 0.2 s at most: blocks. */
void orphans_kill_all(void);

/* The same for what was left behind by the trainer of that name, which has ended. */
void orphans_kill_run(const char *run);
