/*
 * One trial from its job line to its last event: training, the question after every step whether
 * the target is reached, full measurements where `measure_every` wants them, at the
 * crossing and at the end, layer statistics at the powers of two and at the end. The clock is here:
 * what is timed is training alone, not evaluation.
 */
#pragma once

#include "common/protocol.h"
#include "worker/trainer/trial_files.h"

/* Trains `job`, with its `files`, and hands every event (measurements, layers, then one `done` or
 * `failed`) to `emit` as it occurs. Whatever goes wrong becomes `failed`. */
void trial_run(const struct trainer_job *job, struct trial_files *files,
               void (*emit)(void *context, const struct trainer_event *event), void *context);
