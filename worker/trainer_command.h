/*
 * How to start a trainer: the command and the environment it gets. For ninety-worker, and for
 * whoever else runs one (`ninety train`).
 */
#pragma once

#include "worker/kernel_choice.h"

#include <stddef.h>

/* Where ninety-trainer is: NINETY_TRAINER, or beside this program, or in trainer/ beside it (a
 * build directory), or in worker/trainer/ or ../worker/trainer/, or on PATH. 0 or -ENOENT. */
int trainer_find(char *ret_path, size_t size);

struct trainer_command {
    const char *argv[4]; /* NULL-ended */
    char **environment;  /* this process's, without the token, with one thread and the kernel */
    char text[4096];     /* what argv points to */
    char coretype[64];   /* what environment points to, too */
};

/* `command` is for the shell (a foreign trainer), or NULL: the program `path`. 0, -ENOMEM or
 * -ENAMETOOLONG. The result points into itself: do not copy it. */
int trainer_command_init(struct trainer_command *ret, const char *command, const char *path,
                         const struct kernel_choice *choice);
void trainer_command_finish(struct trainer_command *command);
