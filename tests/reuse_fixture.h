/*
 * What tests of reuse share: a queue fixture's trials trained so that each result tells which it
 * was, and results taken over.
 */
#pragma once

#include "tests/queue_fixture.h"

/* Trains a claimed trial: its steps and its rows, two of a curve and one of layers, have its id. */
void reuse_fixture_train(struct queue_fixture *f, int64_t worker, const struct queue_claim *claim);
void reuse_fixture_train_all(struct queue_fixture *f, int64_t worker);

enum report_status reuse_fixture_take(struct queue_fixture *f, int64_t worker,
                                      const struct queue_claim *claim, int64_t from);
/* Everything that can be claimed comes with an offer, which is taken; each time by a worker of whom
 * nothing is known yet. Returns how many. */
int reuse_fixture_take_all(struct queue_fixture *f);
