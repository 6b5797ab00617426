#include "worker/data/locate.h"

#include "worker/data/load.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_directory(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

/* Kaggle unpacks train-images-idx3-ubyte as a folder, beside the file of the other name. */
static bool is_file(const char *path)
{
    return access(path, F_OK) == 0 && !is_directory(path);
}

/* The names that a file may have, in the order in which they are looked for: plain and compressed,
 * with '-' and with Kaggle's '.'. */
enum { N_VARIANTS = 4 };

static bool make_variant(const char *directory, enum dataset_file file, int variant,
                         const char *ending, char ret_path[512])
{
    const char *name = dataset_file_names[file], *idx = strstr(name, "-idx");
    const bool dot = variant >= 2;
    const int n = snprintf(ret_path, 512, "%s/%.*s%c%s%s", directory, (int)(idx - name), name,
                           dot ? '.' : '-', idx + 1, ending);
    return n < 512;
}

static bool find_variant(const char *directory, enum dataset_file file, int variant,
                         char ret_path[512])
{
    return make_variant(directory, file, variant, variant % 2 == 0 ? "" : ".gz", ret_path) &&
           is_file(ret_path);
}

static bool find_file(const char *directory, enum dataset_file file, char ret_path[512])
{
    for (int i = 0; i < N_VARIANTS; i++) {
        if (find_variant(directory, file, i, ret_path)) {
            return true;
        }
    }
    return false;
}

bool located_twin(const char *path, char ret_path[512])
{
    const char *slash = strrchr(path, '/');
    char directory[512];
    if (slash == NULL) {
        return false;
    }
    snprintf(directory, sizeof directory, "%.*s", (int)(slash - path), path);
    for (int i = 0; i < DATASET_FILE_COUNT * N_VARIANTS; i++) {
        const enum dataset_file file = (enum dataset_file)(i / N_VARIANTS);
        char first[512];
        if (find_file(directory, file, first) && strcmp(first, path) == 0 &&
            find_variant(directory, file, i % N_VARIANTS, ret_path) &&
            strcmp(ret_path, path) != 0) {
            return true;
        }
    }
    return false;
}

/* What is there instead of a file, and unpacks to it. */
static int refuse_packed(const char *directory, enum dataset_file file, struct error *error)
{
    static const struct {
        const char *ending, *remedy;
    } packed[] = {{".xz", "xz -d"}, {".bz2", "bzip2 -d"}, {".zst", "zstd -d"}, {".zip", "unzip"}};
    char path[512];
    for (size_t i = 0; i < sizeof packed / sizeof packed[0]; i++) {
        for (int variant = 0; variant < N_VARIANTS; variant += 2) {
            if (make_variant(directory, file, variant, packed[i].ending, path) && is_file(path)) {
                return error_set(
                    error, NULL,
                    "%s: of these files only plain ones and .gz can be read; unpack it: "
                    "%s %s",
                    path, packed[i].remedy, path);
            }
        }
    }
    return 0;
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
    const int n_found = find_files(directory, ret, &missing);
    if (n_found == DATASET_FILE_COUNT) {
        return 0;
    }
    const int r = refuse_packed(directory, missing, error);
    if (r != 0) {
        return r;
    }
    return n_found == 0
               ? LOCATE_NOTHING
               : error_set(error, NULL,
                           "%s/%s: missing, with or without .gz, though others of the four "
                           "files are there; add it, or move the others away",
                           directory, dataset_file_names[missing]);
}

static int look_below(const char *directory, const char *below, struct located *ret,
                      struct error *error)
{
    char path[512];
    return snprintf(path, sizeof path, "%s/%s", directory, below) < (int)sizeof path
               ? look_into_named(path, ret, error)
               : LOCATE_NOTHING;
}

/* Where torchvision leaves its files. */
static int look_for_torchvision(const char *directory, const char *folder, struct located *ret,
                                struct error *error)
{
    char below[64];
    snprintf(below, sizeof below, "%s/raw", folder);
    const int r = look_below(directory, below, ret, error);
    return r == LOCATE_NOTHING && is_called(directory, folder)
               ? look_below(directory, "raw", ret, error)
               : r;
}

static int look_into(const char *directory, const char *name, const struct known_dataset *known,
                     struct located *ret, struct error *error)
{
    int r = look_below(directory, name, ret, error);
    if (r == LOCATE_NOTHING && is_called(directory, name)) {
        r = look_into_named(directory, ret, error);
    }
    if (r == LOCATE_NOTHING && known != NULL && known->torchvision != NULL) {
        r = look_for_torchvision(directory, known->torchvision, ret, error);
    }
    if (r != LOCATE_NOTHING) {
        return r;
    }
    enum dataset_file missing;
    const bool is_known = known != NULL &&
                          find_files(directory, ret, &missing) == DATASET_FILE_COUNT &&
                          has_known_labels(ret, known);
    return is_known ? 0 : LOCATE_NOTHING;
}

static int look_into_all(const char *name, const struct known_dataset *known,
                         const char *const *directories, struct located *ret, struct error *error)
{
    struct located located;
    int r = LOCATE_NOTHING;
    for (; directories != NULL && *directories != NULL && r == LOCATE_NOTHING; directories++) {
        r = look_into(*directories, name, known, &located, error);
    }
    if (r == 0) {
        *ret = located;
    }
    return r;
}

/* NINETY_DATA; NULL where it is not set. */
static const char *inherited(void)
{
    const char *directory = getenv("NINETY_DATA");
    return directory != NULL && directory[0] != '\0' ? directory : NULL;
}

int locate_given(const char *name, const struct known_dataset *known,
                 const char *const *directories, struct located *ret, struct error *error)
{
    const char *last[] = {inherited(), NULL};
    const int r = look_into_all(name, known, directories, ret, error);
    return r == LOCATE_NOTHING ? look_into_all(name, known, last, ret, error) : r;
}

int locate_usual(const char *name, const struct known_dataset *known, struct located *ret,
                 struct error *error)
{
    static const char *const usual[] = {"data", "../shared", NULL};
    return look_into_all(name, known, usual, ret, error);
}

void locate_describe_missing(const char *const *directories, char *ret, size_t size)
{
    const char *variable = inherited();
    size_t length = 0;
    ret[0] = '\0';
    for (; directories != NULL && *directories != NULL && length < size; directories++) {
        if (!is_directory(*directories)) {
            length += (size_t)snprintf(ret + length, size - length, "; %.200s is no directory",
                                       *directories);
        }
    }
    if (variable != NULL && !is_directory(variable) && length < size) {
        snprintf(ret + length, size - length, "; NINETY_DATA names %.200s, which is no directory",
                 variable);
    }
}

static size_t add_stamp(const char *path, char *ret, size_t size)
{
    struct stat status = {0};
    char *real = realpath(path, NULL);
    stat(path, &status); /* one that is gone is reported by whoever reads it */
    const int n = snprintf(ret, size, "%.512s %lld %lld.%09ld %llu\n", real != NULL ? real : path,
                           (long long)status.st_size, (long long)status.st_mtim.tv_sec,
                           status.st_mtim.tv_nsec, (unsigned long long)status.st_ino);
    free(real);
    return (size_t)n;
}

void located_stamp(const struct located *located, char ret_stamp[LOCATED_STAMP_SIZE])
{
    size_t length = 0;
    char twin[512];
    ret_stamp[0] = '\0';
    for (int i = 0; i < DATASET_FILE_COUNT; i++) {
        length += add_stamp(located->path[i], ret_stamp + length, LOCATED_STAMP_SIZE - length);
        if (located_twin(located->path[i], twin)) {
            length += add_stamp(twin, ret_stamp + length, LOCATED_STAMP_SIZE - length);
        }
    }
}
