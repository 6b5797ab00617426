/*
 * A content of the cache: a directory of four plain files that is named by their digest. Whether it
 * is what its name says is found by hashing all of it, once in a process; from then on its files'
 * identity, sizes and times of change tell whether it still is.
 */
#pragma once

#include "common/hash.h"
#include "worker/data/dataset.h"

#include <stdbool.h>

/* data_sha256: SHA-256 of the four plain files' digests, one a line, in the order of enum
 * dataset_file. The same as `sha256sum FILES | cut -c1-64 | sha256sum`. */
void data_digest(char sha256[DATASET_FILE_COUNT][SHA256_HEX_SIZE], char ret_hex[SHA256_HEX_SIZE]);

/* Whether the directory holds the content of that data_sha256: four files of this user, no links,
 * which none but this user may write to. Hashes them unless this process has before and nothing has
 * changed (55 MB of MNIST: 0.1 to 0.4 s). From any thread. */
bool content_holds(const char *directory, const char *data_sha256);

/* Whether this process has hashed the directory and nothing has changed since: a few system calls.
 */
bool content_is_unchanged(const char *directory);
