#include "worker/data/dataset.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

const char *const dataset_file_names[DATASET_FILE_COUNT] = {
    [DATASET_TRAIN_IMAGES] = "train-images-idx3-ubyte",
    [DATASET_TRAIN_LABELS] = "train-labels-idx1-ubyte",
    [DATASET_TEST_IMAGES] = "t10k-images-idx3-ubyte",
    [DATASET_TEST_LABELS] = "t10k-labels-idx1-ubyte",
};

static int unreadable(const char *path, const char *remedy, struct error *error)
{
    return error_set(error, NULL, "%s: cannot be read: %s; %s", path, strerror(errno), remedy);
}

static int map_file(const char *path, struct dataset_mapping *ret, struct error *error)
{
    const char *remedy = "check the path and its permissions";
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return unreadable(path, remedy, error);
    }
    int r = 0;
    struct stat status;
    if (fstat(fd, &status) != 0) {
        r = unreadable(path, remedy, error);
    } else if (!S_ISREG(status.st_mode)) {
        r = error_set(error, NULL, "%s: not a regular file; %s", path, remedy);
    } else if (status.st_size == 0) { /* cannot be mapped; the parser has the words for it */
        *ret = (struct dataset_mapping){0};
    } else {
        void *address = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_SHARED, fd, 0);
        if (address == MAP_FAILED) {
            r = unreadable(path, "free memory or move the file to another file system", error);
        } else {
            *ret = (struct dataset_mapping){address, (size_t)status.st_size};
        }
    }
    close(fd);
    return r;
}

static int map_and_parse(const char *directory, enum dataset_file file, struct dataset *dataset,
                         struct idx *ret, struct error *error)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/%s", directory, dataset_file_names[file]) >=
        (int)sizeof path) {
        return error_set(error, NULL, "%.200s...: the path is too long", directory);
    }
    struct dataset_mapping *mapping = &dataset->mapping[file];
    int r = map_file(path, mapping, error);
    if (r != 0) {
        return r;
    }
    const bool images = file == DATASET_TRAIN_IMAGES || file == DATASET_TEST_IMAGES;
    r = (images ? idx_parse_images : idx_parse_labels)(mapping->address, mapping->size, path, ret,
                                                       error);
    if (r == 0 && ret->dimension[0] > INT_MAX / IDX_PIXELS) {
        r = error_set(error, NULL, "%s: %u images; at most %d can be used", path, ret->dimension[0],
                      INT_MAX / IDX_PIXELS);
    }
    return r;
}

static int check_pair(const char *directory, const struct idx *idx, enum dataset_file images,
                      enum dataset_file labels, struct error *error)
{
    char names[2][PATH_MAX];
    snprintf(names[0], sizeof names[0], "%s/%s", directory, dataset_file_names[images]);
    snprintf(names[1], sizeof names[1], "%s/%s", directory, dataset_file_names[labels]);
    return idx_check_pair(&idx[images], names[0], &idx[labels], names[1], error);
}

int dataset_open(const char *directory, struct dataset *ret, struct error *error)
{
    struct dataset dataset = {.pixels = IDX_PIXELS, .classes = IDX_CLASSES};
    struct idx idx[DATASET_FILE_COUNT];
    int r = 0;
    for (int i = 0; i < DATASET_FILE_COUNT && r == 0; i++) {
        r = map_and_parse(directory, (enum dataset_file)i, &dataset, &idx[i], error);
    }
    if (r == 0) {
        r = check_pair(directory, idx, DATASET_TRAIN_IMAGES, DATASET_TRAIN_LABELS, error);
    }
    if (r == 0) {
        r = check_pair(directory, idx, DATASET_TEST_IMAGES, DATASET_TEST_LABELS, error);
    }
    if (r != 0) {
        dataset_close(&dataset);
        return r;
    }
    dataset.train_images = idx[DATASET_TRAIN_IMAGES].values;
    dataset.train_labels = idx[DATASET_TRAIN_LABELS].values;
    dataset.test_images = idx[DATASET_TEST_IMAGES].values;
    dataset.test_labels = idx[DATASET_TEST_LABELS].values;
    dataset.n_train = (int)idx[DATASET_TRAIN_LABELS].n_values;
    dataset.n_test = (int)idx[DATASET_TEST_LABELS].n_values;
    *ret = dataset;
    return 0;
}

void dataset_close(struct dataset *dataset)
{
    for (int i = 0; i < DATASET_FILE_COUNT; i++) {
        struct dataset_mapping *mapping = &dataset->mapping[i];
        if (mapping->address != NULL) {
            munmap(mapping->address, mapping->size);
        }
        *mapping = (struct dataset_mapping){0};
    }
}
