/*
 * The safetensors format: named arrays in one file, readable by any framework
 * (https://huggingface.co/docs/safetensors). Of its element types we write and read F32.
 *
 *     8 bytes: length of the header, little-endian
 *     header:  JSON, {"__metadata__": {"key": "text", ...},
 *                     "name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, ...}
 *     data:    the arrays, one behind the other without gaps, little-endian
 *
 * The parser works on bytes in memory, from wherever they are, and trusts none of them.
 */
#pragma once

#include "common/error.h"

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#define SAFETENSORS_MAX_DIMENSIONS 8

struct safetensors; /* a parsed file; borrows its bytes */

struct safetensor {
    int n_dimensions;
    int64_t shape[SAFETENSORS_MAX_DIMENSIONS];
    size_t n;             /* values: the product of the shape */
    const uint8_t *bytes; /* 4 n of them, perhaps unaligned: copy them with memcpy */
};

/* Checks the whole file: every entry well-formed, the data covered exactly once. `name` is what
 * messages call it. `bytes` must outlive the result; free it with safetensors_free.
 * 0, ERROR_INVALID or -ENOMEM. */
int safetensors_parse(const uint8_t *bytes, size_t size, const char *name, struct safetensors **ret,
                      struct error *error);
void safetensors_free(struct safetensors *file);

/* 0, or ERROR_INVALID if there is no such array or it is not F32. */
int safetensors_get(const struct safetensors *file, const char *name, struct safetensor *ret,
                    struct error *error);

/* A text of __metadata__, valid as long as the file; NULL if there is none by that name. */
const char *safetensors_metadata(const struct safetensors *file, const char *key);

/* Calls visit for the name of every array until it returns another value than 0; returns that. */
int safetensors_visit(const struct safetensors *file, int (*visit)(void *context, const char *name),
                      void *context);

/* ---- writing ---- */

/* A file being written: declare every array, in the order of the file, then write their values in
 * that order. */
struct safetensors_writer;

/* `metadata`: an object of texts; the reference is taken over. NULL only when out of memory. */
struct safetensors_writer *safetensors_begin(json_t *metadata);
/* A two-dimensional array, or a one-dimensional one if n_columns is 0. 0 or -ENOMEM. */
int safetensors_declare(struct safetensors_writer *writer, const char *name, int n_rows,
                        int n_columns);
/* Opens the file (common/output_file.h) and writes the header. 0 or ERROR_INVALID. */
int safetensors_open(struct safetensors_writer *writer, const char *path, struct error *error);
/* The next n values. What goes wrong is told by safetensors_end. */
void safetensors_put(struct safetensors_writer *writer, const float *values, size_t n);
/* Puts the file in place, whole and synced, if all went well so far; frees the writer in any case.
 * 0, -errno, or ERROR_INVALID where it was never open. NULL is fine. */
int safetensors_end(struct safetensors_writer *writer);
