/*
 * A data set to train on: four IDX files of one directory, mapped read-only, so that all trainers
 * of a machine share one copy of the 8-bit images. Knows no JSON, network, clock or global state;
 * prepare.h makes such a directory.
 */
#pragma once

#include "common/error.h"
#include "worker/data/idx.h"

#include <stddef.h>
#include <stdint.h>

enum dataset_file {
    DATASET_TRAIN_IMAGES,
    DATASET_TRAIN_LABELS,
    DATASET_TEST_IMAGES,
    DATASET_TEST_LABELS,
    DATASET_FILE_COUNT,
};

/* Their usual names, without .gz: "train-images-idx3-ubyte", ... */
extern const char *const dataset_file_names[DATASET_FILE_COUNT];

struct dataset {
    const uint8_t *train_images; /* n_train x pixels, row-major, 0..255 */
    const uint8_t *train_labels; /* n_train, each below classes */
    const uint8_t *test_images;  /* n_test x pixels */
    const uint8_t *test_labels;  /* n_test */
    int n_train, n_test;
    int pixels;  /* IDX_PIXELS */
    int classes; /* IDX_CLASSES */

    struct dataset_mapping {
        void *address; /* NULL = not mapped */
        size_t size;
    } mapping[DATASET_FILE_COUNT];
};

/* Maps and checks the four plain files of `directory`. The files may be replaced by rename while
 * they are mapped, but not be written to. 0, or ERROR_INVALID with a message that names the file;
 * *ret is untouched then. */
int dataset_open(const char *directory, struct dataset *ret, struct error *error);

/* Unmaps; a zeroed or closed one is fine. */
void dataset_close(struct dataset *dataset);
