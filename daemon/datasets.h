/*
 * The data sets that the daemon hands to its workers: DIR/NAME/FILE, where FILE is one of the four
 * IDX names, with or without .gz. Nothing outside DIR can be named. No HTTP, no loop: a hash is
 * computed when it is first asked for and kept as long as the file's size and time stay; any
 * thread may call.
 */
#pragma once

#include "common/hash.h"

#include <stddef.h>
#include <stdint.h>

#define DATASETS_MAX_FILES 8

struct datasets;

struct datasets_file {
    char name[64];
    int64_t size;
    char sha256[SHA256_HEX_SIZE];
};

/* `directory` NULL: there are none. NULL only when out of memory. */
struct datasets *datasets_create(const char *directory);
void datasets_destroy(struct datasets *datasets);

#define DATASETS_UNKNOWN 1

/* The files of one data set, hashed. 0, DATASETS_UNKNOWN or -errno. */
int datasets_describe(struct datasets *datasets, const char *name,
                      struct datasets_file ret_files[DATASETS_MAX_FILES], size_t *ret_n);

/* Opens a file to read. 0 with descriptor and size; DATASETS_UNKNOWN or -errno. */
int datasets_open(struct datasets *datasets, const char *name, const char *file, int *ret_fd,
                  int64_t *ret_size);

/* Names of all data sets, sorted: calls `fn` for each. 0 or -errno. */
int datasets_list(struct datasets *datasets, void (*fn)(void *ctx, const char *name), void *ctx);
