/*
 * From a data set's name to a directory of four plain IDX files that trainers map (dataset.h):
 * found, fetched or drawn, checked, decompressed once per machine and kept in a cache.
 *
 *     cache --hit--> directory
 *       | miss
 *       v
 *     directories given, NINETY_DATA, data/, ../shared/ --> daemon --> mirrors of a known data set
 *                                                     (synthetic-digits is drawn on the spot)
 *
 * Blocking: call it off the event loop. Any number of threads and processes may prepare the same
 * data set at once; one does the work, the others wait for it. docs/data.md tells the user's side.
 */
#pragma once

#include "common/error.h"
#include "common/hash.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Beside 0, ERROR_INVALID and -errno: filled in *error as well, but another try later may succeed
 * (network down, disk full). ERROR_INVALID says that it would fail in the same way. */
#define PREPARE_TRY_LATER 2

/* Bytes of `file` here so far; `total` is -1 while unknown. Called from the thread that prepares,
 * a few times per second at most. */
typedef void (*prepare_progress_fn)(void *arg, const char *file, int64_t n_bytes, int64_t total);

/* Where to look. All of it may be zero. */
struct prepare_options {
    const char *const *directories; /* NULL-ended: each a data set's own directory or the parent
                                       of NAME/; looked into before NINETY_DATA */
    const char *daemon_url;         /* "http://host:9190" */
    const char *token;              /* bearer token, for the daemon only */
    const char *cache_directory;    /* NULL: NINETY_CACHE, XDG_CACHE_HOME/ninety, ~/.cache/ninety */
    prepare_progress_fn progress;
    void *progress_arg;
    const atomic_bool *abort; /* set it, and prepare returns -ECANCELED within about a second */
};

struct prepared {
    char directory[512];
    char data_sha256[SHA256_HEX_SIZE]; /* of the four plain files: docs/data.md */
};

/* 0; ERROR_INVALID or PREPARE_TRY_LATER with *error filled; -ENOMEM; -ECANCELED. The content is
 * hashed when a process asks for it first, and again when its files have changed. */
int prepare(const char *name, const struct prepare_options *options, struct prepared *ret,
            struct error *error);

/* Whether its files are as they were then: a few system calls. */
bool prepared_holds(const struct prepared *prepared);
