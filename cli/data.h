/*
 * Making a data set ready on this machine, with what takes long shown on standard error.
 */
#pragma once

#include "common/error.h"
#include "worker/data/prepare.h"

#include <jansson.h>
#include <stdbool.h>

/* `folder` (may be NULL) is looked into first. Ends early when an interrupt comes. ERROR_INVALID
 * with a line that names the data set and the remedy. */
int data_prepare(const char *name, const char *folder, struct prepared *ret, struct error *error);

/* Warns, on standard error, of data sets of a sweep that are named nearly as a known one: the
 * daemon takes every name, and only workers learn what it means. */
void data_warn_of_names(const char *command, const json_t *spec);
