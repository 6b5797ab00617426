/*
 * A data set's files from elsewhere: the daemon, which lists what it has with digests, or the
 * mirrors of a known data set, whose digests are in known.h.
 */
#pragma once

#include "common/error.h"
#include "common/hash.h"
#include "worker/data/known.h"
#include "worker/data/locate.h"
#include "worker/data/prepare.h"

#define REMOTE_MAX_BYTES ((int64_t)1 << 30)

/* What a daemon offers under a name: of each file its name there and its digest. */
struct remote_listing {
    char file[DATASET_FILE_COUNT][64];
    char sha256[DATASET_FILE_COUNT][SHA256_HEX_SIZE];
    int64_t size[DATASET_FILE_COUNT]; /* all of them together REMOTE_MAX_BYTES at most */
};

/* Asks options->daemon_url. 0; LOCATE_NOTHING: it does not know the name; else as fetch_file. */
int remote_list(const char *name, const struct prepare_options *options, struct remote_listing *ret,
                struct error *error);

/* Reads the daemon's answer, GET /v1/datasets/{name} of docs/http-api.md. 0 or ERROR_INVALID. */
int remote_parse_listing(const char *text, struct remote_listing *ret, struct error *error);

/* Bytes of all four. */
int64_t remote_size(const struct remote_listing *listing);

/* Fetch the four files into `directory`, each checked; what is there already is not fetched again.
 * Codes of fetch_file; wrong bytes are ERROR_INVALID with the digests expected and got. */
int remote_fetch_listed(const char *name, const struct remote_listing *listing,
                        const struct prepare_options *options, const char *directory,
                        struct located *ret, struct error *error);
/* Mirrors: NINETY_MIRRORS (URLs between blanks or commas, to which NAME/FILE.gz is added), or else
 * those of the table; the next one is tried where one fails. */
int remote_fetch_known(const struct known_dataset *known, const struct prepare_options *options,
                       const char *directory, struct located *ret, struct error *error);
