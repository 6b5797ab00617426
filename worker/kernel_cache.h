/*
 * The kernel choice remembered on disk: one small JSON file for each CPU model and trainer, so that
 * a home directory shared by unlike machines is no trouble. It holds only while the trainer and
 * the OpenBLAS library that it loads are the same files: same size, same time of change. With it
 * are the names of kernels whose products were wrong; where one of them was the choice, there is
 * none.
 */
#pragma once

#include "worker/kernel_choice.h"

#include <stdbool.h>

struct kernel_cache {
    const char *trainer;
    char path[1024]; /* of the file; "" = there is no place for one */
    int lock_fd;     /* -1 = not locked */
};

/* `root` as for cache_root_open; borrows the trainer's path. */
void kernel_cache_open(const char *root, const char *trainer, struct kernel_cache *ret);
void kernel_cache_close(struct kernel_cache *cache);

/* Waits for whoever has the lock; without a place to write to there is nothing to wait for. */
void kernel_cache_lock(struct kernel_cache *cache);

/* Whether there is a valid choice; *ret is untouched if not. Adds the names of wrong kernels,
 * choice or not. */
bool kernel_cache_load(const struct kernel_cache *cache, struct kernel_names *wrong,
                       struct kernel_choice *ret);
/* `library` is the file OpenBLAS was loaded from, "" = unknown. A failure only costs time at the
 * next start. */
void kernel_cache_store(const struct kernel_cache *cache, const char *library,
                        const struct kernel_names *wrong, const struct kernel_choice *choice);
/* Takes back the choice, and adds the kernel to the wrong ones. */
void kernel_cache_condemn(const struct kernel_cache *cache, const char *kernel);
