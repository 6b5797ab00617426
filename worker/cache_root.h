/*
 * The directory for what is worth keeping between runs: prepared data sets, the kernel choice. It
 * is trusted, and so must be this user's alone.
 */
#pragma once

#include "common/error.h"

#include <stddef.h>

/* Writes the path of ROOT/name, without links in it, and makes it with its parents; ROOT is `root`,
 * or if that is NULL NINETY_CACHE, XDG_CACHE_HOME/ninety or ~/.cache/ninety (HOME, or else the
 * user's entry of the system). 0; -errno of mkdir and the like; or ERROR_INVALID and *error says
 * what is unsafe: a directory of somebody else, or one that others may put theirs in the place of.
 * One of this user that others may write to is closed for them. */
int cache_root_open(const char *root, const char *name, char *ret_path, size_t size,
                    struct error *error);
