/*
 * Looks for a data set's four files in directories. D holds data set NAME when the files lie in
 * D/NAME, or in D itself if D is called NAME or its labels are those of the known data set NAME.
 */
#pragma once

#include "common/error.h"
#include "worker/data/dataset.h"
#include "worker/data/known.h"

#define LOCATE_NOTHING 3 /* in none of the directories */

/* Four files that make a data set, plain or .gz. */
struct located {
    char path[DATASET_FILE_COUNT][512];
};

/* Looks into `directories` (NULL-ended, may be NULL), NINETY_DATA, data/ and ../shared/, in that
 * order. `known` may be NULL. 0, LOCATE_NOTHING, or ERROR_INVALID where a directory has
 * the name but not all of the files. */
int locate_dataset(const char *name, const struct known_dataset *known,
                   const char *const *directories, struct located *ret, struct error *error);

/* A text that changes when one of the files does: path, size, inode and time of change of each. */
#define LOCATED_STAMP_SIZE (DATASET_FILE_COUNT * 600)
void located_stamp(const struct located *located, char ret_stamp[LOCATED_STAMP_SIZE]);
