/*
 * The files that may go with a trial: a network to start from and one to leave behind, an order of
 * samples to follow, a trace to write. All of it does nothing where no path is given.
 */
#pragma once

#include "common/config.h"
#include "common/error.h"
#include "common/output_file.h"
#include "worker/nn/training.h"
#include "worker/trainer/model_file.h"

struct trial_files {
    const char *load;  /* start from this network (model_file.h), not from the seed's */
    const char *save;  /* the trained network */
    const char *trace; /* a line per step (trace.h) */
    const char *order; /* the samples to train on, in this order, instead of the seed's */

    struct output_file trace_out; /* open between begin and end */
};

/* Before the first step. 0, or ERROR_INVALID with *error filled; likewise below. */
int trial_files_begin(struct trial_files *files, struct training *training,
                      const struct trial_config *config, struct error *error);

/* After each step; `loss` is what it returned. */
int trial_files_step(struct trial_files *files, const struct training *training, double loss,
                     struct error *error);

/* After the last step of a training that went well. */
int trial_files_save(struct trial_files *files, const struct training *training,
                     const struct trial_config *config, const struct model_facts *facts,
                     struct error *error);

/* Closes what is open, in any case. */
void trial_files_end(struct trial_files *files);
