#include "daemon/datasets.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A hash, good as long as the file looks the same. */
struct known_hash {
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec modified;
    char sha256[SHA256_HEX_SIZE];
    struct known_hash *next;
};

struct datasets {
    char *directory;
    pthread_mutex_t lock; /* of known */
    struct known_hash *known;
};

static const char *const file_names[DATASETS_MAX_FILES] = {
    "t10k-images-idx3-ubyte",    "t10k-images-idx3-ubyte.gz",  "t10k-labels-idx1-ubyte",
    "t10k-labels-idx1-ubyte.gz", "train-images-idx3-ubyte",    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte",   "train-labels-idx1-ubyte.gz",
};

struct datasets *datasets_create(const char *directory)
{
    struct datasets *datasets = calloc(1, sizeof *datasets);
    if (datasets == NULL) {
        return NULL;
    }
    pthread_mutex_init(&datasets->lock, NULL);
    datasets->directory = directory != NULL ? strdup(directory) : NULL;
    if (directory != NULL && datasets->directory == NULL) {
        datasets_destroy(datasets);
        return NULL;
    }
    return datasets;
}

void datasets_destroy(struct datasets *datasets)
{
    if (datasets == NULL) {
        return;
    }
    while (datasets->known != NULL) {
        struct known_hash *next = datasets->known->next;
        free(datasets->known);
        datasets->known = next;
    }
    pthread_mutex_destroy(&datasets->lock);
    free(datasets->directory);
    free(datasets);
}

/* ---- names ---- */

static bool is_name(const char *name)
{
    return name[0] != '\0' && name[0] != '.' && strchr(name, '/') == NULL && strlen(name) < 64;
}

static bool is_file_name(const char *name)
{
    for (size_t i = 0; i < DATASETS_MAX_FILES; i++) {
        if (strcmp(name, file_names[i]) == 0) {
            return true;
        }
    }
    return false;
}

static int open_directory(const struct datasets *datasets, const char *name, int *ret_fd)
{
    if (datasets->directory == NULL || !is_name(name)) {
        return DATASETS_UNKNOWN;
    }
    char path[4096];
    if (snprintf(path, sizeof path, "%s/%s", datasets->directory, name) >= (int)sizeof path) {
        return -ENAMETOOLONG;
    }
    *ret_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*ret_fd < 0) {
        return errno == ENOENT || errno == ENOTDIR ? DATASETS_UNKNOWN : -errno;
    }
    return 0;
}

/* O_NONBLOCK so that a pipe put there does not hold us. */
static int open_file(int directory_fd, const char *file, int *ret_fd, struct stat *ret_info)
{
    int fd = openat(directory_fd, file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return errno == ENOENT ? DATASETS_UNKNOWN : -errno;
    }
    if (fstat(fd, ret_info) != 0 || !S_ISREG(ret_info->st_mode)) {
        close(fd);
        return DATASETS_UNKNOWN;
    }
    *ret_fd = fd;
    return 0;
}

int datasets_open(struct datasets *datasets, const char *name, const char *file, int *ret_fd,
                  int64_t *ret_size)
{
    int directory_fd;
    struct stat info;
    if (!is_file_name(file)) {
        return DATASETS_UNKNOWN;
    }
    int rc = open_directory(datasets, name, &directory_fd);
    if (rc == 0) {
        rc = open_file(directory_fd, file, ret_fd, &info);
        close(directory_fd);
    }
    if (rc == 0) {
        *ret_size = info.st_size;
    }
    return rc;
}

/* ---- hashes ---- */

static bool is_same(const struct known_hash *known, const struct stat *info)
{
    return known->device == info->st_dev && known->inode == info->st_ino &&
           known->size == info->st_size && known->modified.tv_sec == info->st_mtim.tv_sec &&
           known->modified.tv_nsec == info->st_mtim.tv_nsec;
}

static bool find_known(struct datasets *datasets, const struct stat *info,
                       char ret[SHA256_HEX_SIZE])
{
    bool found = false;
    pthread_mutex_lock(&datasets->lock);
    for (const struct known_hash *k = datasets->known; k != NULL && !found; k = k->next) {
        found = is_same(k, info);
        if (found) {
            memcpy(ret, k->sha256, SHA256_HEX_SIZE);
        }
    }
    pthread_mutex_unlock(&datasets->lock);
    return found;
}

/* The entry of a file, new if there is none; NULL without memory: hashed again next time. */
static struct known_hash *entry_of(struct datasets *datasets, const struct stat *info)
{
    struct known_hash *known = datasets->known;
    while (known != NULL && (known->device != info->st_dev || known->inode != info->st_ino)) {
        known = known->next;
    }
    if (known == NULL && (known = calloc(1, sizeof *known)) != NULL) {
        known->next = datasets->known;
        datasets->known = known;
    }
    return known;
}

static void remember(struct datasets *datasets, const struct stat *info,
                     const char sha256[SHA256_HEX_SIZE])
{
    pthread_mutex_lock(&datasets->lock);
    struct known_hash *known = entry_of(datasets, info);
    if (known != NULL) {
        known->device = info->st_dev;
        known->inode = info->st_ino;
        known->size = info->st_size;
        known->modified = info->st_mtim;
        memcpy(known->sha256, sha256, SHA256_HEX_SIZE);
    }
    pthread_mutex_unlock(&datasets->lock);
}

static int hash_descriptor(int fd, char ret[SHA256_HEX_SIZE])
{
    static const size_t block = 256 * 1024;
    char *buffer = malloc(block);
    struct sha256 *hash = sha256_begin();
    ssize_t n = -1;
    if (buffer == NULL || hash == NULL) {
        errno = ENOMEM;
    } else {
        while ((n = read(fd, buffer, block)) > 0) {
            sha256_add(hash, buffer, (size_t)n);
        }
    }
    int rc = n < 0 ? -errno : 0;
    sha256_end(hash, rc == 0 ? ret : NULL);
    free(buffer);
    return rc;
}

static int describe_file(struct datasets *datasets, int directory_fd, const char *name,
                         struct datasets_file *ret)
{
    int fd = -1;
    struct stat info;
    int rc = open_file(directory_fd, name, &fd, &info);
    if (rc != 0) {
        return rc;
    }
    if (!find_known(datasets, &info, ret->sha256)) {
        rc = hash_descriptor(fd, ret->sha256);
        if (rc == 0) {
            remember(datasets, &info, ret->sha256);
        }
    }
    close(fd);
    snprintf(ret->name, sizeof ret->name, "%s", name);
    ret->size = info.st_size;
    return rc;
}

int datasets_describe(struct datasets *datasets, const char *name,
                      struct datasets_file ret_files[DATASETS_MAX_FILES], size_t *ret_n)
{
    int directory_fd;
    int rc = open_directory(datasets, name, &directory_fd);
    if (rc != 0) {
        return rc;
    }
    size_t n = 0;
    for (size_t i = 0; i < DATASETS_MAX_FILES && rc >= 0; i++) {
        rc = describe_file(datasets, directory_fd, file_names[i], &ret_files[n]);
        n += rc == 0;
    }
    close(directory_fd);
    *ret_n = n;
    if (rc >= 0) {
        rc = n > 0 ? 0 : DATASETS_UNKNOWN;
    }
    return rc;
}

/* ---- the list ---- */

static bool holds_files(const struct datasets *datasets, const char *name)
{
    int directory_fd;
    if (open_directory(datasets, name, &directory_fd) != 0) {
        return false;
    }
    bool found = false;
    for (size_t i = 0; i < DATASETS_MAX_FILES && !found; i++) {
        found = faccessat(directory_fd, file_names[i], R_OK, 0) == 0;
    }
    close(directory_fd);
    return found;
}

int datasets_list(struct datasets *datasets, void (*fn)(void *ctx, const char *name), void *ctx)
{
    if (datasets->directory == NULL) {
        return 0;
    }
    struct dirent **entries;
    int n = scandir(datasets->directory, &entries, NULL, alphasort);
    if (n < 0) {
        return -errno;
    }
    for (int i = 0; i < n; i++) {
        if (holds_files(datasets, entries[i]->d_name)) {
            fn(ctx, entries[i]->d_name);
        }
        free(entries[i]);
    }
    free(entries);
    return 0;
}
