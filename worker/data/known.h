/*
 * The data sets whose bytes are known in advance: where to fetch them and the digests that make a
 * mirror trustworthy. A name in this table means these bytes and no others.
 */
#pragma once

#include "common/hash.h"
#include "worker/data/dataset.h"

#define KNOWN_SYNTHETIC "synthetic-digits"

struct known_file {
    const char *gz_sha256;    /* of the published .gz; NULL = not published */
    const char *plain_sha256; /* of its decompressed bytes; NULL = not recorded */
};

struct known_dataset {
    const char *name;
    const char *torchvision;    /* its folder there: FOLDER/raw holds the files; NULL = none */
    const char *const *mirrors; /* NULL-ended; the files' names follow directly, with .gz */
    struct known_file file[DATASET_FILE_COUNT];
    const char *data_sha256; /* of the whole (data_digest); NULL = not recorded */
};

/* NULL when nothing is known about that name. */
const struct known_dataset *known_find(const char *name);

/* The known name that this one is but for case, '-', '_' and '.': "mnist" for "MNIST"; NULL if it
 * is a known name itself, or like none. */
const char *known_like(const char *name);

enum known_verdict { KNOWN_SAME, KNOWN_DIFFERENT, KNOWN_UNCERTAIN };

/* Whether a file with these digests (stored: as it lay on disk) is the known one. */
enum known_verdict known_compare(const struct known_dataset *dataset, enum dataset_file file,
                                 const char *stored_sha256, const char *plain_sha256);
