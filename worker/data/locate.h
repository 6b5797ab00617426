/*
 * Looks for a data set's four files in directories. D holds data set NAME when the files lie in
 * D/NAME, or in D itself if D is called NAME or its labels are those of the known data set NAME;
 * and where torchvision leaves those of a known one (D/MNIST/raw, or D/raw if D is called MNIST). A
 * file is plain or has the ending .gz; Kaggle's train-images.idx3-ubyte is as good a name.
 */
#pragma once

#include "common/error.h"
#include "worker/data/dataset.h"
#include "worker/data/known.h"

#include <stdbool.h>
#include <stddef.h>

#define LOCATE_NOTHING 3 /* in none of the directories */

/* Four files that make a data set, plain or .gz. */
struct located {
    char path[DATASET_FILE_COUNT][512];
};

/* Looks into `directories` (NULL-ended, may be NULL) and NINETY_DATA, in that order: what a person
 * named. `known` may be NULL. 0, LOCATE_NOTHING, or ERROR_INVALID where a directory has the name
 * but not all of the files, or has them compressed in a way that cannot be read. */
int locate_given(const char *name, const struct known_dataset *known,
                 const char *const *directories, struct located *ret, struct error *error);

/* The same in data/ and ../shared/. */
int locate_usual(const char *name, const struct known_dataset *known, struct located *ret,
                 struct error *error);

/* Another file of the same name, plain or compressed, beside a located one; false = none. */
bool located_twin(const char *path, char ret_path[512]);

/* Says in a few words which named directories are not there: "; NINETY_DATA names /x, which is no
 * directory"; "" if all are. */
void locate_describe_missing(const char *const *directories, char *ret, size_t size);

/* A text that changes when one of the files does: path, size, inode and time of change of each,
 * and of its twin. */
#define LOCATED_STAMP_SIZE (DATASET_FILE_COUNT * 1200)
void located_stamp(const struct located *located, char ret_stamp[LOCATED_STAMP_SIZE]);
