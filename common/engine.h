/*
 * Which trainers compute the same numbers. The built-in trainer counts by its engine's number,
 * which rises only when results change, and not with each release: its name is
 *
 *     ninety-trainer 0.3.0 engine 2        (ninety-trainer 0.2.0, without a number, is engine 1)
 *
 * A change seldom concerns every network. engine_since says for a configuration which engine was
 * the first to compute it as this one does:
 *
 *     2  parameters whose gradient is zero by construction stay as they are (engine_is_inert_*);
 *        before, they were moved by what rounding left of it. No other network is concerned.
 *
 * Another trainer is known by its whole name alone.
 */
#pragma once

#include "common/config.h"

#include <stdbool.h>

#define ENGINE_NUMBER 2

/* What the built-in trainer calls itself. */
#define ENGINE_TRAINER "ninety-trainer " NINETY_VERSION " engine 2"

/* The engine of a trainer by its name; 0 = not the built-in one, or of before 0.2.0. */
int engine_of(const char *trainer);

/* The oldest engine that computes this configuration as ENGINE_NUMBER does: 1 to ENGINE_NUMBER. */
int engine_since(const struct trial_config *config);

/* Whether two trainers, by their names, compute the same numbers of this configuration: on the
 * same data and kernel family, to the bit. */
bool engine_trainers_agree(const struct trial_config *config, const char *a, const char *b);

/* The same for every configuration. */
bool engine_trainers_always_agree(const char *a, const char *b);

/* Whether the gradient of hidden layer `layer`'s bias is zero by construction: it adds a constant
 * to a column, nothing but a linear activation follows, and then a batch normalization, which
 * subtracts the constant again. The layer must have a bias. 0 <= layer <= n_hidden, the last being
 * the logits' layer. */
bool engine_is_inert_bias(const struct trial_config *config, int layer);

/* The same for a normalized layer's beta: nothing but linear maps lies between it and the next
 * batch normalization. */
bool engine_is_inert_beta(const struct trial_config *config, int layer);
