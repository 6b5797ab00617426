/*
 * What the tests of worker/data share: a directory of their own with a cache in it, small data sets
 * to put there, and an HTTP server on loopback that misbehaves on request.
 */
#pragma once

#include "worker/data/dataset.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The test's own directory; the working directory is fixture_root/here, the cache (NINETY_CACHE)
 * fixture_root/cache; NINETY_DATA and NINETY_MIRRORS are unset. For cmocka. */
extern char fixture_root[64];
int fixture_setup(void **state);
int fixture_teardown(void **state);

void fixture_write(const char *path, const void *bytes, size_t size);
void fixture_write_gz(const char *path, const void *bytes, size_t size);
/* malloc'd, or the test fails. */
uint8_t *fixture_read(const char *path, size_t *ret_size);

/* Makes `directory` (and what is above it) with four files: n_train and n_test images whose pixels
 * are all `shade`, labels 0 1 2 ... 9 0 ...; with .gz or without. */
void fixture_write_dataset(const char *directory, int n_train, int n_test, int shade, bool gz);

/* The directory of the real MNIST, or NULL where there is none. To be called before setup. */
const char *fixture_find_mnist(void);

/* ---- server ---- */

struct file_server;

struct file_server_stats {
    int n_requests;
    int n_ranges;            /* requests that asked for a part */
    char authorization[128]; /* of the last request; "" = none */
};

/* Serves the files below `directory` on a free port of 127.0.0.1, with ranges. */
struct file_server *file_server_start(const char *directory);
void file_server_stop(struct file_server *server);
const char *file_server_url(const struct file_server *server); /* "http://127.0.0.1:PORT" */
struct file_server_stats file_server_stats(struct file_server *server);

void file_server_cut_after(struct file_server *server, size_t n_bytes); /* each answer; 0 = never */
void file_server_ignore_ranges(struct file_server *server);
void file_server_answer(struct file_server *server, unsigned status); /* to all; 0 = as usual */
/* Sends the first half of a file and then nothing until it is stopped. */
void file_server_stall(struct file_server *server);
