#include "worker/data/cache.h"

#include "worker/cache_root.h"
#include "worker/data/content.h"
#include "worker/data/prepare.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#define LOCK_POLL_MS 50

static int disk_error(const char *path, const char *what, struct error *error)
{
    error_set(error, NULL,
              "%s: %s: %s; see to the disk, or let NINETY_CACHE name another directory", path, what,
              strerror(errno));
    return PREPARE_TRY_LATER;
}

/* ---- opening and locking ---- */

int cache_open(const char *root, const char *name, struct cache *ret, struct error *error)
{
    struct cache cache = {.lock_fd = -1};
    const int r = cache_root_open(root, name, cache.directory, sizeof cache.directory, error);
    if (r > 0) {
        return PREPARE_TRY_LATER; /* another machine, or this one put right */
    }
    if (r != 0) {
        errno = -r;
        return disk_error(cache.directory, "cannot make the cache directory", error);
    }
    *ret = cache;
    return 0;
}

void cache_close(struct cache *cache)
{
    if (cache->lock_fd >= 0) {
        close(cache->lock_fd);
    }
    cache->lock_fd = -1;
}

static void remove_directory(const char *path)
{
    const int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *directory = fd >= 0 ? fdopendir(fd) : NULL;
    if (directory == NULL) {
        unlink(path); /* a link or file in the place of one */
        return;
    }
    for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory)) {
        unlinkat(dirfd(directory), entry->d_name, 0);
    }
    closedir(directory);
    rmdir(path);
}

static void remove_half_built(const struct cache *cache)
{
    DIR *directory = opendir(cache->directory);
    if (directory == NULL) {
        return;
    }
    for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory)) {
        if (strncmp(entry->d_name, "tmp-", 4) == 0) {
            char path[sizeof cache->directory + sizeof entry->d_name];
            snprintf(path, sizeof path, "%s/%s", cache->directory, entry->d_name);
            remove_directory(path);
        }
    }
    closedir(directory);
}

int cache_lock(struct cache *cache, const atomic_bool *abort, struct error *error)
{
    char path[sizeof cache->directory + 8];
    snprintf(path, sizeof path, "%s/lock", cache->directory);
    const int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd < 0) {
        return disk_error(path, "cannot be opened", error);
    }
    while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR) {
            const int r = disk_error(path, "cannot be locked", error);
            close(fd);
            return r;
        }
        if (abort != NULL && atomic_load(abort)) {
            close(fd);
            return -ECANCELED;
        }
        nanosleep(&(struct timespec){.tv_nsec = LOCK_POLL_MS * 1000000L}, NULL);
    }
    cache->lock_fd = fd;
    remove_half_built(cache);
    return 0;
}

/* ---- contents ---- */

void cache_path(const struct cache *cache, const char *data_sha256, char ret_path[512])
{
    snprintf(ret_path, 512, "%s/%s", cache->directory, data_sha256);
}

static int write_file(const char *path, const void *bytes, size_t size)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd < 0) {
        return -errno;
    }
    int r = 0;
    for (size_t done = 0; done < size && r == 0;) {
        const ssize_t n = write(fd, (const char *)bytes + done, size - done);
        if (n > 0) {
            done += (size_t)n;
        } else if (n == 0 || errno != EINTR) {
            r = n == 0 ? -ENOSPC : -errno;
        }
    }
    if (r == 0 && fsync(fd) != 0) {
        r = -errno;
    }
    if (close(fd) != 0 && r == 0) {
        r = -errno;
    }
    return r;
}

bool cache_has(struct cache *cache, const char *data_sha256)
{
    char directory[512];
    cache_path(cache, data_sha256, directory);
    if (content_holds(directory, data_sha256)) {
        return true;
    }
    if (cache->lock_fd >= 0) {
        remove_directory(directory);
    }
    return false;
}

/* ---- sources ---- */

static void source_link(const struct cache *cache, const char *stamp, char *ret_path, size_t size)
{
    char hex[SHA256_HEX_SIZE];
    sha256_hex(stamp, strlen(stamp), hex);
    snprintf(ret_path, size, "%s/from-%.32s", cache->directory, hex);
}

bool cache_recall(struct cache *cache, const char *stamp, char ret_sha256[SHA256_HEX_SIZE])
{
    char link[512], target[SHA256_HEX_SIZE + 1];
    source_link(cache, stamp, link, sizeof link);
    const ssize_t n = readlink(link, target, sizeof target);
    if (n != SHA256_HEX_SIZE - 1) {
        return false;
    }
    target[n] = '\0';
    if (!cache_has(cache, target)) {
        return false;
    }
    memcpy(ret_sha256, target, SHA256_HEX_SIZE);
    return true;
}

void cache_remember(struct cache *cache, const char *stamp, const char *data_sha256)
{
    char link[512], temporary[512];
    source_link(cache, stamp, link, sizeof link);
    snprintf(temporary, sizeof temporary, "%s/tmp-link", cache->directory);
    unlink(temporary);
    if (symlink(data_sha256, temporary) == 0 && rename(temporary, link) != 0) {
        unlink(temporary);
    }
}

/* ---- building ---- */

int cache_build_begin(struct cache *cache, struct cache_build *ret, struct error *error)
{
    struct cache_build build = {.cache = cache};
    snprintf(build.directory, sizeof build.directory, "%s/tmp-XXXXXX", cache->directory);
    if (mkdtemp(build.directory) == NULL || chmod(build.directory, 0755) != 0) {
        return disk_error(cache->directory, "cannot be written to", error);
    }
    *ret = build;
    return 0;
}

int cache_check_room(const char *directory, int64_t size, struct error *error)
{
    struct statvfs disk;
    if (statvfs(directory, &disk) != 0 ||
        (uint64_t)size <= (uint64_t)disk.f_bavail * disk.f_frsize / 2) {
        return 0;
    }
    error_set(error, NULL,
              "%s: %lld bytes of a data set are more than half of what is free on its disk; make "
              "room, or let NINETY_CACHE name another directory",
              directory, (long long)size);
    return PREPARE_TRY_LATER;
}

int cache_build_add(struct cache_build *build, enum dataset_file file, const uint8_t *bytes,
                    size_t size, struct error *error)
{
    char path[600];
    snprintf(path, sizeof path, "%s/%s", build->directory, dataset_file_names[file]);
    int r = cache_check_room(build->directory, (int64_t)size, error);
    if (r != 0) {
        return r;
    }
    r = write_file(path, bytes, size);
    if (r != 0) {
        errno = -r;
        return disk_error(path, "cannot be written", error);
    }
    sha256_hex(bytes, size, build->sha256[file]);
    return 0;
}

static void sync_directory(const char *path)
{
    const int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        fsync(fd); /* some file systems cannot; then the rename itself has to do */
        close(fd);
    }
}

int cache_build_publish(struct cache_build *build, char ret_data_sha256[SHA256_HEX_SIZE],
                        struct error *error)
{
    char digest[SHA256_HEX_SIZE], target[512];
    data_digest(build->sha256, digest);
    cache_path(build->cache, digest, target);
    if (cache_has(build->cache, digest)) { /* another source had the same bytes */
        cache_build_abandon(build);
    } else {
        sync_directory(build->directory);
        if (rename(build->directory, target) != 0) {
            return disk_error(target, "cannot be put in place", error);
        }
        sync_directory(build->cache->directory);
        if (!content_holds(target, digest)) {
            errno = EIO;
            return disk_error(target, "does not hold what was written to it", error);
        }
    }
    memcpy(ret_data_sha256, digest, sizeof digest);
    return 0;
}

void cache_build_abandon(struct cache_build *build)
{
    remove_directory(build->directory);
}
