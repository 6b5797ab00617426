/*
 * A file over HTTP or HTTPS (libcurl), in the calling thread. A transfer that breaks off goes on
 * where it stopped for as long as it gets further; what is there stays for the next call, which
 * goes on from it too, from another mirror if need be. Who calls checks the digest.
 */
#pragma once

#include "common/error.h"
#include "worker/data/prepare.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct fetch {
    const char *url;
    const char *token;            /* bearer token, or NULL; redirects are not followed with one */
    int64_t max_bytes;            /* of the whole file; what sends more is refused */
    const char *name;             /* for progress */
    prepare_progress_fn progress; /* may be NULL */
    void *progress_arg;
    const atomic_bool *abort; /* may be NULL */
};

/* Completes the file `path`, which may be partly there; a server that cannot resume sends it
 * afresh. 0; ERROR_INVALID (refused, unknown there, too large) or PREPARE_TRY_LATER (network or
 * server trouble) with *error filled; -ECANCELED; -ENOMEM. */
int fetch_file(const struct fetch *fetch, const char *path, struct error *error);

#define FETCH_NOT_FOUND 3 /* 404; beside the codes above */

/* A small answer as text; malloc'd, NUL-terminated, the caller frees. */
int fetch_text(const struct fetch *fetch, char **ret_text, struct error *error);
