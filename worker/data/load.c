#include "worker/data/load.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#define GZIP_WINDOW (16 + MAX_WBITS) /* 16: gzip framing, with its CRC and length checked */

static bool ends_in_gz(const char *name)
{
    const size_t length = strlen(name);
    return length > 3 && strcmp(name + length - 3, ".gz") == 0;
}

static int unreadable(const char *path, struct error *error)
{
    return error_set(error, NULL, "%s: cannot be read: %s; check the path and its permissions",
                     path, strerror(errno));
}

static int read_open_file(int fd, const char *path, struct load *ret, struct error *error)
{
    struct stat status;
    if (fstat(fd, &status) != 0) {
        return unreadable(path, error);
    }
    if (!S_ISREG(status.st_mode)) {
        return error_set(error, NULL, "%s: not a regular file; check the path", path);
    }
    if ((uint64_t)status.st_size > LOAD_MAX_SIZE) {
        return error_set(error, NULL, "%s: %lld bytes; at most %zu can be read", path,
                         (long long)status.st_size, LOAD_MAX_SIZE);
    }
    struct load load = {.bytes = malloc((size_t)status.st_size + 1)};
    if (load.bytes == NULL) {
        return -ENOMEM;
    }
    while (load.size < (size_t)status.st_size) {
        const ssize_t n = read(fd, load.bytes + load.size, (size_t)status.st_size - load.size);
        if (n < 0 && errno != EINTR) {
            free(load.bytes);
            return unreadable(path, error);
        }
        if (n == 0) {
            break; /* it shrank; the parser will say so */
        }
        load.size += n > 0 ? (size_t)n : 0;
    }
    *ret = load;
    return 0;
}

static int read_file(const char *path, struct load *ret, struct error *error)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return unreadable(path, error);
    }
    const int r = read_open_file(fd, path, ret, error);
    close(fd);
    return r;
}

/* Makes room behind `size`; fails beyond LOAD_MAX_SIZE. */
static int grow(struct load *load, size_t *capacity, const char *name, struct error *error)
{
    if (*capacity >= LOAD_MAX_SIZE) {
        return error_set(error, NULL,
                         "%s: decompresses to more than %zu bytes; check that it is the right file",
                         name, LOAD_MAX_SIZE);
    }
    const size_t wanted = *capacity > LOAD_MAX_SIZE / 2 ? LOAD_MAX_SIZE : 2 * *capacity;
    uint8_t *bytes = realloc(load->bytes, wanted);
    if (bytes == NULL) {
        return -ENOMEM;
    }
    load->bytes = bytes;
    *capacity = wanted;
    return 0;
}

static int damaged(const char *name, const z_stream *stream, struct error *error)
{
    return error_set(error, NULL,
                     "%s: the compressed data are damaged near byte %lu: %s; fetch it again", name,
                     stream->total_in, stream->msg != NULL ? stream->msg : "unknown fault");
}

static bool begins_gzip(const uint8_t *bytes, size_t size)
{
    return size >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b;
}

/* All members, as gzip does (cat a.gz b.gz). */
static int inflate_all(z_stream *stream, const char *name, struct load *load, struct error *error)
{
    size_t capacity = 1 << 16;
    load->bytes = malloc(capacity);
    if (load->bytes == NULL) {
        return -ENOMEM;
    }
    int status = Z_OK;
    while (status != Z_STREAM_END || begins_gzip(stream->next_in, stream->avail_in)) {
        if (status == Z_STREAM_END && inflateReset(stream) != Z_OK) { /* another member follows */
            return -ENOMEM;
        }
        if (load->size == capacity) {
            int r = grow(load, &capacity, name, error);
            if (r != 0) {
                return r;
            }
        }
        stream->next_out = load->bytes + load->size;
        stream->avail_out = (uInt)(capacity - load->size);
        status = inflate(stream, Z_NO_FLUSH);
        load->size = capacity - stream->avail_out;
        if (status == Z_MEM_ERROR) {
            return -ENOMEM;
        }
        if (status == Z_BUF_ERROR ||
            (status == Z_OK && stream->avail_in == 0 && stream->avail_out > 0)) {
            return error_set(error, NULL,
                             "%s: the file is truncated: its compressed data do not end; fetch it "
                             "again",
                             name);
        }
        if (status != Z_OK && status != Z_STREAM_END) {
            return damaged(name, stream, error);
        }
    }
    if (stream->avail_in > 0) {
        return error_set(error, NULL,
                         "%s: %u trailing bytes behind the compressed data; fetch it again", name,
                         stream->avail_in);
    }
    return 0;
}

static int gunzip(const uint8_t *stored, size_t size, const char *name, struct load *ret,
                  struct error *error)
{
    if (size == 0) {
        return error_set(error, NULL, "%s: the file is empty; fetch it again", name);
    }
    if (!begins_gzip(stored, size)) {
        return error_set(error, NULL,
                         "%s: not gzip-compressed, in spite of its name: it starts with 0x%02x; "
                         "fetch it again, or take .gz off its name",
                         name, stored[0]);
    }
    z_stream stream = {.next_in = (Bytef *)(uintptr_t)stored, .avail_in = (uInt)size};
    if (inflateInit2(&stream, GZIP_WINDOW) != Z_OK) {
        return -ENOMEM;
    }
    struct load load = {0};
    const int r = inflate_all(&stream, name, &load, error);
    inflateEnd(&stream);
    if (r != 0) {
        free(load.bytes);
        return r;
    }
    *ret = load;
    return 0;
}

int load_file(const char *path, struct load *ret, struct error *error)
{
    struct load stored, load;
    int r = read_file(path, &stored, error);
    if (r != 0) {
        return r;
    }
    if (ends_in_gz(path)) {
        r = gunzip(stored.bytes, stored.size, path, &load, error);
        if (r == 0) {
            sha256_hex(stored.bytes, stored.size, load.stored_sha256);
            sha256_hex(load.bytes, load.size, load.sha256);
            *ret = load;
        }
        load_clear(&stored);
        return r;
    }
    sha256_hex(stored.bytes, stored.size, stored.sha256);
    memcpy(stored.stored_sha256, stored.sha256, sizeof stored.sha256);
    *ret = stored;
    return 0;
}

void load_clear(struct load *load)
{
    free(load->bytes);
    *load = (struct load){0};
}
