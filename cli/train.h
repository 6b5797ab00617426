/*
 * One trial trained here, without a daemon: data made ready, the kernel chosen, a trainer started
 * and listened to.
 *
 *     prepare data -> choose kernel -> start trainer -> ready -> job -> measurements -> done
 *                                            \______________\_____________\-> failed, died
 */
#pragma once

#include "common/error.h"
#include "common/protocol.h"

#include <stdbool.h>

struct train_request {
    const struct trial_config *config;
    const char *data;      /* folder to look for the data set first; may be NULL */
    const char *trainer;   /* a shell command that speaks the line protocol; NULL: ninety-trainer */
    const char *kernel;    /* a value for OPENBLAS_CORETYPE; NULL: the fastest */
    bool only_that_kernel; /* or else fail, where OpenBLAS has none of that name here */
    const char *const *options; /* for ninety-trainer, as --save and FILE; NULL-ended; NULL: none */
};

#define TRAIN_OPTIONS_MAX 16

/* Gets every event of the trainer, the last one included. */
typedef void train_listener(void *arg, const struct trainer_event *event);

enum train_outcome {
    TRAIN_DONE = 0,
    TRAIN_IMPOSSIBLE = 1, /* no data, no trainer, a trainer that died: *error says */
    TRAIN_FAILED = 2,     /* the trial failed ("diverged at step 12"): *error says */
    TRAIN_INTERRUPTED = 3,
};

/* Starts that trainer, lets it say how it is called, with its version, and ends it. 0 or
 * ERROR_INVALID. Interrupts must be caught. */
int train_ask_name(const char *command, char ret[64], struct error *error);

/* Interrupts must be caught (interrupt.h). *ret is written on TRAIN_DONE. */
enum train_outcome train(const struct train_request *request, train_listener *listener, void *arg,
                         struct trial_result *ret, struct error *error);
