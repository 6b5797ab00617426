/*
 * A sweep as the client sends it: read from a file, built from flags, or both (a flag replaces
 * what the file says about its field). What a sweep may hold is the daemon's to judge; this module
 * only reads JSON and flags.
 *
 *     file or standard input --read--> spec <--apply-- flags       spec --text, key--> daemon
 */
#pragma once

#include "cli/args.h"
#include "common/error.h"

#include <jansson.h>

#define SPEC_KEY_SIZE 80

/* Reads a JSON object; "-" is standard input. A file without "name" gets the file's. ERROR_INVALID
 * names the file, with line and column of a slip. New reference. */
int spec_read(const char *path, json_t **ret, struct error *error);

/* Sets what the command's flags say: one value goes to "base", several to "parameters". */
int spec_apply(json_t *spec, const struct args *args, struct error *error);

#define SPEC_USAGE 2 /* the command line is wrong, not the file */

/* spec_read if the command was given a file, else an empty spec; then spec_apply. 0, ERROR_INVALID
 * or SPEC_USAGE. New reference. */
int spec_from_args(const struct args *args, json_t **ret, struct error *error);

/* Compact JSON, members sorted but for "parameters", whose order is the order of the axes; two
 * files that differ in layout only have the same text. The caller frees. */
char *spec_text(const json_t *spec);

/* An idempotency key made of the spec's text and, unless it is NULL, the trainer's name: the same
 * sweep has the same key. */
void spec_key(const json_t *spec, const char *trainer, char ret_key[SPEC_KEY_SIZE]);

/* The axes: names of the parameters with more than one value, in their order. New reference to an
 * array of strings. */
json_t *spec_axes(const json_t *spec);
