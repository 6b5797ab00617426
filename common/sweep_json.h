/*
 * A sweep from JSON, as POST /v1/sweeps takes it (docs/http-api.md). Pure: no clock, no I/O, no
 * shared state, so it may run on any thread; a sweep of a million cells takes most of a second and
 * belongs on the thread pool.
 */
#pragma once

#include "common/error.h"
#include "common/sweep.h"

#include <jansson.h>

/* Flags for json_loads: a member given twice is an error, not a guess. */
#define SWEEP_JSON_FLAGS JSON_REJECT_DUPLICATES

/* Parses and checks (sweep_check) a whole sweep; the caller destroys *ret.
 * 0; ERROR_INVALID (400 invalid_field) or SWEEP_TOO_MANY (422 too_many_trials) with *error naming
 * field, value and remedy; -ENOMEM. *ret is untouched but on 0. */
int sweep_from_json(const json_t *json, struct sweep **ret, struct error *error);

/* The same from text that was accepted before: what the store hands back after a restart. */
int sweep_from_text(const char *text, struct sweep **ret, struct error *error);
