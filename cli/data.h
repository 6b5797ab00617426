/*
 * Making a data set ready on this machine, with what takes long shown on standard error.
 */
#pragma once

#include "common/error.h"
#include "worker/data/prepare.h"

#include <stdbool.h>

/* `folder` (may be NULL) is looked into first. Ends early when an interrupt comes. ERROR_INVALID
 * with a line that names the data set and the remedy. */
int data_prepare(const char *name, const char *folder, struct prepared *ret, struct error *error);
