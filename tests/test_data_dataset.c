/* A directory of four IDX files, opened by mapping. */
#include "worker/data/dataset.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[64];

static void path_of(enum dataset_file file, char ret_path[256])
{
    snprintf(ret_path, 256, "%s/%s", dir, dataset_file_names[file]);
}

static void write_file(enum dataset_file file, const uint8_t *bytes, size_t size)
{
    char path[256];
    path_of(file, path);
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    assert_int_equal(fwrite(bytes, 1, size, out), size);
    assert_int_equal(fclose(out), 0);
}

/* n images whose every pixel is `first + i`, and labels i mod 10. */
static void write_part(enum dataset_file images, enum dataset_file labels, uint32_t n, int first)
{
    const size_t images_size = IDX_IMAGES_HEADER + (size_t)n * IDX_PIXELS;
    uint8_t *bytes = malloc(images_size);
    assert_non_null(bytes);
    idx_write_images_header(n, bytes);
    for (uint32_t i = 0; i < n; i++) {
        memset(bytes + IDX_IMAGES_HEADER + i * IDX_PIXELS, first + (int)i, IDX_PIXELS);
    }
    write_file(images, bytes, images_size);
    idx_write_labels_header(n, bytes);
    for (uint32_t i = 0; i < n; i++) {
        bytes[IDX_LABELS_HEADER + i] = (uint8_t)(i % 10);
    }
    write_file(labels, bytes, IDX_LABELS_HEADER + n);
    free(bytes);
}

static int setup(void **state)
{
    (void)state;
    strcpy(dir, "/tmp/ninety-dataset-XXXXXX");
    assert_non_null(mkdtemp(dir));
    write_part(DATASET_TRAIN_IMAGES, DATASET_TRAIN_LABELS, 12, 1);
    write_part(DATASET_TEST_IMAGES, DATASET_TEST_LABELS, 3, 101);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    for (int i = 0; i < DATASET_FILE_COUNT; i++) {
        char path[256];
        path_of((enum dataset_file)i, path);
        unlink(path);
        rmdir(path); /* one test puts a directory there */
    }
    return rmdir(dir);
}

static void four_files_become_a_data_set(void **state)
{
    (void)state;
    struct dataset dataset;
    struct error error;
    assert_int_equal(dataset_open(dir, &dataset, &error), 0);
    assert_int_equal(dataset.n_train, 12);
    assert_int_equal(dataset.n_test, 3);
    assert_int_equal(dataset.pixels, 784);
    assert_int_equal(dataset.classes, 10);
    assert_int_equal(dataset.train_images[0], 1);
    assert_int_equal(dataset.train_images[12 * 784 - 1], 12);
    assert_int_equal(dataset.train_labels[11], 1);
    assert_int_equal(dataset.test_images[2 * 784], 103);
    assert_int_equal(dataset.test_labels[2], 2);
    dataset_close(&dataset);
    dataset_close(&dataset); /* harmless */
}

static void a_mapped_data_set_outlives_the_replacement_of_its_files(void **state)
{
    (void)state;
    struct dataset dataset;
    struct error error;
    assert_int_equal(dataset_open(dir, &dataset, &error), 0);
    char path[256];
    path_of(DATASET_TRAIN_IMAGES, path);
    assert_int_equal(unlink(path), 0);
    write_part(DATASET_TRAIN_IMAGES, DATASET_TRAIN_LABELS, 1, 200);
    assert_int_equal(dataset.train_images[11 * 784], 12);
    dataset_close(&dataset);
}

static void assert_open_says(enum dataset_file file, const char *says)
{
    struct dataset dataset = {.n_train = -1};
    struct error error = {0};
    assert_int_equal(dataset_open(dir, &dataset, &error), ERROR_INVALID);
    if (strstr(error.message, says) == NULL ||
        strstr(error.message, dataset_file_names[file]) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", error.message, says);
    }
    assert_int_equal(dataset.n_train, -1); /* untouched */
}

static void a_missing_file_is_named(void **state)
{
    (void)state;
    char path[256];
    path_of(DATASET_TEST_LABELS, path);
    assert_int_equal(unlink(path), 0);
    assert_open_says(DATASET_TEST_LABELS, "No such file or directory");
}

static void an_empty_file_is_named(void **state)
{
    (void)state;
    write_file(DATASET_TEST_IMAGES, (const uint8_t[]){0}, 0);
    assert_open_says(DATASET_TEST_IMAGES, "the file is empty");
}

static void a_directory_in_place_of_a_file_is_named(void **state)
{
    (void)state;
    char path[256];
    path_of(DATASET_TRAIN_LABELS, path);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_open_says(DATASET_TRAIN_LABELS, "not a regular file");
}

static void a_truncated_file_is_named(void **state)
{
    (void)state;
    char path[256];
    path_of(DATASET_TRAIN_IMAGES, path);
    assert_int_equal(truncate(path, 1000), 0);
    assert_open_says(DATASET_TRAIN_IMAGES, "the file is truncated");
}

static void different_counts_of_images_and_labels_are_an_error(void **state)
{
    (void)state;
    const uint8_t labels[] = {0, 0, 8, 1, 0, 0, 0, 2, 1, 2};
    write_file(DATASET_TEST_LABELS, labels, sizeof labels);
    assert_open_says(DATASET_TEST_LABELS, "but 2 labels in");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(four_files_become_a_data_set),
        TEST(a_mapped_data_set_outlives_the_replacement_of_its_files),
        TEST(a_missing_file_is_named),
        TEST(an_empty_file_is_named),
        TEST(a_directory_in_place_of_a_file_is_named),
        TEST(a_truncated_file_is_named),
        TEST(different_counts_of_images_and_labels_are_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
