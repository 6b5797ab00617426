/*
 * SHA-256 (FIPS 180-4) by GnuTLS: for data files, weights and canonical configurations.
 */
#pragma once

#include <stddef.h>

#define SHA256_HEX_SIZE 65 /* 64 lower-case digits and the NUL */

struct sha256;

/* A running hash; NULL only when out of memory. */
struct sha256 *sha256_begin(void);
void sha256_add(struct sha256 *hash, const void *data, size_t size);
/* Writes the digest and frees the hash; `ret_hex` may be NULL to only free. NULL hash is fine. */
void sha256_end(struct sha256 *hash, char ret_hex[SHA256_HEX_SIZE]);

void sha256_hex(const void *data, size_t size, char ret_hex[SHA256_HEX_SIZE]);

/* 0, or -errno of open or read. */
int sha256_file(const char *path, char ret_hex[SHA256_HEX_SIZE]);
