#include "common/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/crypto.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#define DIGEST_SIZE 32

struct sha256 {
    gnutls_hash_hd_t handle;
};

struct sha256 *sha256_begin(void)
{
    struct sha256 *hash = malloc(sizeof(*hash));
    if (hash && gnutls_hash_init(&hash->handle, GNUTLS_DIG_SHA256) != 0) {
        free(hash);
        hash = NULL;
    }
    return hash;
}

void sha256_add(struct sha256 *hash, const void *data, size_t size)
{
    gnutls_hash(hash->handle, data, size);
}

static void write_hex(const uint8_t digest[DIGEST_SIZE], char ret_hex[SHA256_HEX_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    for (int i = 0; i < DIGEST_SIZE; i++) {
        ret_hex[2 * i] = digits[digest[i] >> 4];
        ret_hex[2 * i + 1] = digits[digest[i] & 15];
    }
    ret_hex[2 * DIGEST_SIZE] = '\0';
}

void sha256_end(struct sha256 *hash, char ret_hex[SHA256_HEX_SIZE])
{
    if (!hash) {
        return;
    }
    uint8_t digest[DIGEST_SIZE];
    gnutls_hash_deinit(hash->handle, digest);
    free(hash);
    if (ret_hex) {
        write_hex(digest, ret_hex);
    }
}

void sha256_hex(const void *data, size_t size, char ret_hex[SHA256_HEX_SIZE])
{
    uint8_t digest[DIGEST_SIZE];
    if (gnutls_hash_fast(GNUTLS_DIG_SHA256, data, size, digest) != 0) {
        abort(); /* only out of memory */
    }
    write_hex(digest, ret_hex);
}

int sha256_file(const char *path, char ret_hex[SHA256_HEX_SIZE])
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return -errno;
    }
    int rc = 0;
    struct sha256 *hash = sha256_begin();
    if (!hash) {
        rc = -ENOMEM;
        goto out;
    }
    char buffer[64 * 1024];
    ssize_t n;
    while ((n = read(fd, buffer, sizeof(buffer))) != 0) {
        if (n < 0) {
            if (errno == EINTR) {
                continue;
            }
            rc = -errno;
            goto out;
        }
        sha256_add(hash, buffer, (size_t)n);
    }
    sha256_end(hash, ret_hex);
    hash = NULL;
out:
    sha256_end(hash, NULL);
    close(fd);
    return rc;
}
