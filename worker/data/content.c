#include "worker/data/content.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_SIZE 600
#define N_HASHED 16
#define STAMP_SIZE (DATASET_FILE_COUNT * 128)

/* The contents that this process has hashed last. */
static struct {
    char directory[512], stamp[STAMP_SIZE];
} hashed[N_HASHED];
static size_t n_hashed;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void data_digest(char sha256[DATASET_FILE_COUNT][SHA256_HEX_SIZE], char ret_hex[SHA256_HEX_SIZE])
{
    char lines[DATASET_FILE_COUNT * SHA256_HEX_SIZE + 1];
    for (int i = 0; i < DATASET_FILE_COUNT; i++) {
        snprintf(lines + i * SHA256_HEX_SIZE, SHA256_HEX_SIZE + 1, "%s\n", sha256[i]);
    }
    sha256_hex(lines, DATASET_FILE_COUNT * SHA256_HEX_SIZE, ret_hex);
}

/* No link, and nobody else's to write to. */
static bool is_ours(const char *path, mode_t type, struct stat *ret)
{
    return lstat(path, ret) == 0 && (ret->st_mode & S_IFMT) == type && ret->st_uid == geteuid() &&
           (ret->st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

/* What tells one state of the four files from another; the time of a change of the inode (ctime)
 * cannot be set back. False if one is not there, or not ours alone. */
static bool make_stamp(const char *directory, char ret[STAMP_SIZE])
{
    size_t length = 0;
    struct stat status;
    if (!is_ours(directory, S_IFDIR, &status)) {
        return false;
    }
    for (int i = 0; i < DATASET_FILE_COUNT; i++) {
        char path[PATH_SIZE];
        snprintf(path, sizeof path, "%s/%s", directory, dataset_file_names[i]);
        if (!is_ours(path, S_IFREG, &status)) {
            return false;
        }
        length += (size_t)snprintf(
            ret + length, STAMP_SIZE - length, "%llu %llu %lld %lld.%09ld %lld.%09ld\n",
            (unsigned long long)status.st_dev, (unsigned long long)status.st_ino,
            (long long)status.st_size, (long long)status.st_mtim.tv_sec, status.st_mtim.tv_nsec,
            (long long)status.st_ctim.tv_sec, status.st_ctim.tv_nsec);
    }
    return length < STAMP_SIZE;
}

static bool is_hashed(const char *directory, const char *stamp)
{
    bool found = false;
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < N_HASHED && !found; i++) {
        found = strcmp(hashed[i].directory, directory) == 0 && strcmp(hashed[i].stamp, stamp) == 0;
    }
    pthread_mutex_unlock(&lock);
    return found;
}

static void remember(const char *directory, const char *stamp)
{
    pthread_mutex_lock(&lock);
    size_t at = n_hashed++ % N_HASHED;
    snprintf(hashed[at].directory, sizeof hashed[at].directory, "%s", directory);
    snprintf(hashed[at].stamp, sizeof hashed[at].stamp, "%s", stamp);
    pthread_mutex_unlock(&lock);
}

static bool has_digest(const char *directory, const char *data_sha256)
{
    char sha256[DATASET_FILE_COUNT][SHA256_HEX_SIZE], whole[SHA256_HEX_SIZE];
    for (int i = 0; i < DATASET_FILE_COUNT; i++) {
        char path[PATH_SIZE];
        snprintf(path, sizeof path, "%s/%s", directory, dataset_file_names[i]);
        if (sha256_file(path, sha256[i]) != 0) {
            return false;
        }
    }
    data_digest(sha256, whole);
    return strcmp(whole, data_sha256) == 0;
}

bool content_holds(const char *directory, const char *data_sha256)
{
    char before[STAMP_SIZE], after[STAMP_SIZE];
    if (!make_stamp(directory, before)) {
        return false;
    }
    if (is_hashed(directory, before)) {
        return true;
    }
    if (!has_digest(directory, data_sha256) || !make_stamp(directory, after) ||
        strcmp(before, after) != 0) {
        return false;
    }
    remember(directory, before);
    return true;
}

bool content_is_unchanged(const char *directory)
{
    char stamp[STAMP_SIZE];
    return make_stamp(directory, stamp) && is_hashed(directory, stamp);
}
