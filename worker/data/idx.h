/*
 * The IDX format of MNIST: a magic number that tells the type and the number of dimensions, the
 * dimensions, then the values; all big-endian (LeCun, Cortes, Burges, "The MNIST database").
 *
 *     00 00 08 03 | n | rows | columns | n * rows * columns bytes      images
 *     00 00 08 01 | n | n bytes                                        labels
 *
 * Works on bytes in memory and nothing else, whoever got them: a mapping, a decompressor, a fuzzer.
 */
#pragma once

#include "common/error.h"

#include <stddef.h>
#include <stdint.h>

#define IDX_MAX_DIMENSIONS 4

#define IDX_IMAGE_SIDE 28
#define IDX_PIXELS (IDX_IMAGE_SIDE * IDX_IMAGE_SIDE)
#define IDX_CLASSES 10
#define IDX_IMAGES_HEADER 16
#define IDX_LABELS_HEADER 8

struct idx {
    int n_dimensions;
    uint32_t dimension[IDX_MAX_DIMENSIONS];
    const uint8_t *values; /* into the bytes that were parsed */
    size_t n_values;       /* the product of the dimensions */
};

/* Takes the header apart and checks that exactly the values it announces follow. Only unsigned
 * bytes (type 08) are known. `name` is what messages call the file. 0 or ERROR_INVALID. */
int idx_parse(const uint8_t *bytes, size_t size, const char *name, struct idx *ret,
              struct error *error);

/* idx_parse, and what a set of images must have: three dimensions, 28 x 28, at least one image. */
int idx_parse_images(const uint8_t *bytes, size_t size, const char *name, struct idx *ret,
                     struct error *error);

/* idx_parse, and what labels must have: one dimension, at least one label, each 0..9. */
int idx_parse_labels(const uint8_t *bytes, size_t size, const char *name, struct idx *ret,
                     struct error *error);

/* That there are as many labels as images; the names are what the message calls the two files. */
int idx_check_pair(const struct idx *images, const char *images_name, const struct idx *labels,
                   const char *labels_name, struct error *error);

/* The headers of files that idx_parse_images and idx_parse_labels accept. */
void idx_write_images_header(uint32_t n_images, uint8_t ret_header[IDX_IMAGES_HEADER]);
void idx_write_labels_header(uint32_t n_labels, uint8_t ret_header[IDX_LABELS_HEADER]);
