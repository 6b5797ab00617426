/*
 * The directory for what is worth keeping between runs: prepared data sets, the kernel choice.
 */
#pragma once

#include <stddef.h>

/* Writes the path of ROOT/name and makes it with its parents; ROOT is `root`, or if that is NULL
 * NINETY_CACHE, XDG_CACHE_HOME/ninety or ~/.cache/ninety. 0; -ENAMETOOLONG with the path cut
 * short, or -errno of mkdir. */
int cache_root_open(const char *root, const char *name, char *ret_path, size_t size);
