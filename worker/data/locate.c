#include "worker/data/locate.h"

#include "worker/data/load.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool find_file(const char *directory, enum dataset_file file, char ret_path[512])
{
    const char *endings[] = {"", ".gz"};
    for (int i = 0; i < 2; i++) {
        const int n =
            snprintf(ret_path, 512, "%s/%s%s", directory, dataset_file_names[file], endings[i]);
        if (n < 512 && access(ret_path, F_OK) == 0) {
            return true;
        }
    }
    return false;
}

/* How many of the four files the directory has; *ret_missing is one that it has not. */
static int find_files(const char *directory, struct located *ret, enum dataset_file *ret_missing)
{
    int n_found = 0;
    for (int i = 0; i < DATASET_FILE_COUNT; i++) {
        if (find_file(directory, (enum dataset_file)i, ret->path[i])) {
            n_found++;
        } else {
            *ret_missing = (enum dataset_file)i;
        }
    }
    return n_found;
}

static bool is_called(const char *directory, const char *name)
{
    char *path = realpath(directory, NULL);
    if (path == NULL) {
        return false;
    }
    const char *slash = strrchr(path, '/');
    const bool called = slash != NULL && strcmp(slash + 1, name) == 0;
    free(path);
    return called;
}

static bool has_known_labels(const struct located *located, const struct known_dataset *known)
{
    const enum dataset_file labels[] = {DATASET_TRAIN_LABELS, DATASET_TEST_LABELS};
    for (int i = 0; i < 2; i++) {
        struct load load;
        if (load_file(located->path[labels[i]], &load, NULL) != 0) {
            return false;
        }
        const enum known_verdict verdict =
            known_compare(known, labels[i], load.stored_sha256, load.sha256);
        load_clear(&load);
        if (verdict != KNOWN_SAME) {
            return false;
        }
    }
    return true;
}

static int look_into_named(const char *directory, struct located *ret, struct error *error)
{
    enum dataset_file missing = DATASET_FILE_COUNT;
    switch (find_files(directory, ret, &missing)) {
    case 0:
        return LOCATE_NOTHING;
    case DATASET_FILE_COUNT:
        return 0;
    default:
        return error_set(error, NULL,
                         "%s/%s: missing, with or without .gz, though others of the four files are "
                         "there; add it, or move the others away",
                         directory, dataset_file_names[missing]);
    }
}

static int look_into(const char *directory, const char *name, const struct known_dataset *known,
                     struct located *ret, struct error *error)
{
    char below[512];
    if (snprintf(below, sizeof below, "%s/%s", directory, name) < (int)sizeof below) {
        const int r = look_into_named(below, ret, error);
        if (r != LOCATE_NOTHING) {
            return r;
        }
    }
    if (is_called(directory, name)) {
        return look_into_named(directory, ret, error);
    }
    enum dataset_file missing;
    const bool is_known = known != NULL &&
                          find_files(directory, ret, &missing) == DATASET_FILE_COUNT &&
                          has_known_labels(ret, known);
    return is_known ? 0 : LOCATE_NOTHING;
}

int locate_dataset(const char *name, const struct known_dataset *known,
                   const char *const *directories, struct located *ret, struct error *error)
{
    struct located located;
    int r = LOCATE_NOTHING;
    for (; directories != NULL && *directories != NULL && r == LOCATE_NOTHING; directories++) {
        r = look_into(*directories, name, known, &located, error);
    }
    const char *usual[] = {getenv("NINETY_DATA"), "data", "../shared"};
    for (size_t i = 0; i < sizeof usual / sizeof usual[0] && r == LOCATE_NOTHING; i++) {
        if (usual[i] != NULL && usual[i][0] != '\0') {
            r = look_into(usual[i], name, known, &located, error);
        }
    }
    if (r == 0) {
        *ret = located;
    }
    return r;
}

void located_stamp(const struct located *located, char ret_stamp[LOCATED_STAMP_SIZE])
{
    size_t length = 0;
    ret_stamp[0] = '\0';
    for (int i = 0; i < DATASET_FILE_COUNT; i++) {
        struct stat status = {0};
        char *path = realpath(located->path[i], NULL);
        stat(located->path[i], &status); /* one that is gone is reported by whoever reads it */
        length += (size_t)snprintf(ret_stamp + length, LOCATED_STAMP_SIZE / DATASET_FILE_COUNT,
                                   "%.512s %lld %lld.%09ld %llu\n",
                                   path != NULL ? path : located->path[i],
                                   (long long)status.st_size, (long long)status.st_mtim.tv_sec,
                                   status.st_mtim.tv_nsec, (unsigned long long)status.st_ino);
        free(path);
    }
}
