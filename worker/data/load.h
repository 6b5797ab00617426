/*
 * A whole file in memory, decompressed where its name ends in .gz (RFC 1952, by zlib), with the
 * digests of what lay on disk and of what came out.
 */
#pragma once

#include "common/error.h"
#include "common/hash.h"

#include <stddef.h>
#include <stdint.h>

#define LOAD_MAX_SIZE ((size_t)1 << 30) /* of the result: a small .gz must not fill the memory */

struct load {
    uint8_t *bytes;
    size_t size;
    char stored_sha256[SHA256_HEX_SIZE]; /* of the file as it lies on disk */
    char sha256[SHA256_HEX_SIZE];        /* of `bytes` */
};

/* 0, ERROR_INVALID with a message that names the file, or -ENOMEM. Free with load_clear. */
int load_file(const char *path, struct load *ret, struct error *error);

void load_clear(struct load *load);
