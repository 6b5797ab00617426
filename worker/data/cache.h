/*
 * Where prepared data sets live. One directory per data set and, in it, one per content, so that a
 * data set that changed never changes under a trainer that has it mapped:
 *
 *     CACHE/mnist/lock                   held while somebody prepares
 *     CACHE/mnist/ac89db...9ff7/         named by data_sha256; the four plain files
 *     CACHE/mnist/from-3f2a...           link: what this source gave last time
 *     CACHE/mnist/download/              files under way
 *     CACHE/mnist/tmp-...                being built; whoever holds the lock may remove it
 *
 * A content appears by rename, whole and synced, or not at all. All of it is this user's alone
 * (cache_root.h), and what it holds is believed by its hash only (content.h).
 */
#pragma once

#include "common/error.h"
#include "common/hash.h"
#include "worker/data/dataset.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cache {
    char directory[400]; /* CACHE/NAME */
    int lock_fd;         /* -1 = not held */
};

/* Makes CACHE/NAME; takes no lock yet. `root` may be NULL: NINETY_CACHE, XDG_CACHE_HOME/ninety or
 * ~/.cache/ninety. 0, or PREPARE_TRY_LATER with *error filled. */
int cache_open(const char *root, const char *name, struct cache *ret, struct error *error);
void cache_close(struct cache *cache); /* gives the lock up */

/* Waits for the lock and clears away what a killed process left half built. `abort` may be NULL.
 * 0, PREPARE_TRY_LATER, -ECANCELED. */
int cache_lock(struct cache *cache, const atomic_bool *abort, struct error *error);

/* Whether that content is there and is what its name says (content_holds). With the lock held one
 * that is not is removed. */
bool cache_has(struct cache *cache, const char *data_sha256);

/* The content's directory. */
void cache_path(const struct cache *cache, const char *data_sha256, char ret_path[512]);

/* What the source described by `stamp` (a text that changes when it does) gave last time: true and
 * its data_sha256 if that content is still there. The lock is held. */
bool cache_recall(struct cache *cache, const char *stamp, char ret_sha256[SHA256_HEX_SIZE]);
/* Remembers it. A failure only costs time later. */
void cache_remember(struct cache *cache, const char *stamp, const char *data_sha256);

/* Building a content, the lock held: begin, add each file once, then publish or abandon. */
struct cache_build {
    struct cache *cache;
    char directory[512];
    char sha256[DATASET_FILE_COUNT][SHA256_HEX_SIZE];
};

/* 0, or PREPARE_TRY_LATER when so much more would take over half of what is free there: what others
 * send may fill no disk. */
int cache_check_room(const char *directory, int64_t size, struct error *error);

int cache_build_begin(struct cache *cache, struct cache_build *ret, struct error *error);
int cache_build_add(struct cache_build *build, enum dataset_file file, const uint8_t *bytes,
                    size_t size, struct error *error);
int cache_build_publish(struct cache_build *build, char ret_data_sha256[SHA256_HEX_SIZE],
                        struct error *error);
void cache_build_abandon(struct cache_build *build);
