#include "daemon/datasets.h"
#include "tests/test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char root[64];

static void write_file(const char *path, const char *text)
{
    char full[256];
    snprintf(full, sizeof full, "%s/%s", root, path);
    FILE *file = fopen(full, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void make_directory(const char *path)
{
    char full[256];
    snprintf(full, sizeof full, "%s/%s", root, path);
    assert_int_equal(mkdir(full, 0700), 0);
}

static int setup(void **state)
{
    snprintf(root, sizeof root, "/tmp/ninety-data-XXXXXX");
    assert_non_null(mkdtemp(root));
    make_directory("digits");
    make_directory("empty");
    make_directory(".hidden");
    write_file("digits/train-images-idx3-ubyte.gz", "abc");
    write_file("digits/t10k-labels-idx1-ubyte", "");
    write_file("digits/secret", "no");
    write_file(".hidden/t10k-labels-idx1-ubyte", "no");
    write_file("train-images-idx3-ubyte", "outside");
    *state = datasets_create(root);
    assert_non_null(*state);
    return 0;
}

static int teardown(void **state)
{
    datasets_destroy(*state);
    char command[128];
    snprintf(command, sizeof command, "rm -r '%s'", root);
    return system(command);
}

static void files_are_listed_with_size_and_hash(void **state)
{
    struct datasets_file files[DATASETS_MAX_FILES];
    size_t n;
    assert_int_equal(datasets_describe(*state, "digits", files, &n), 0);
    assert_int_equal(n, 2);
    assert_string_equal(files[0].name, "t10k-labels-idx1-ubyte");
    assert_int_equal(files[0].size, 0);
    assert_string_equal(files[1].name, "train-images-idx3-ubyte.gz");
    assert_int_equal(files[1].size, 3);
    assert_string_equal(files[1].sha256,
                        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void a_changed_file_is_hashed_anew(void **state)
{
    struct datasets_file before[DATASETS_MAX_FILES], after[DATASETS_MAX_FILES];
    size_t n;
    assert_int_equal(datasets_describe(*state, "digits", before, &n), 0);
    assert_int_equal(datasets_describe(*state, "digits", after, &n), 0);
    assert_string_equal(before[1].sha256, after[1].sha256);
    write_file("digits/train-images-idx3-ubyte.gz", "abcd");
    assert_int_equal(datasets_describe(*state, "digits", after, &n), 0);
    assert_string_not_equal(before[1].sha256, after[1].sha256);
    assert_int_equal(after[1].size, 4);
}

static void files_are_opened_by_their_names_alone(void **state)
{
    int fd;
    int64_t size;
    char text[8] = "";
    assert_int_equal(datasets_open(*state, "digits", "train-images-idx3-ubyte.gz", &fd, &size), 0);
    assert_int_equal(size, 3);
    assert_int_equal(read(fd, text, sizeof text), 3);
    close(fd);
    static const struct {
        const char *name, *file;
    } unknown[] = {
        {"digits", "secret"},
        {"digits", "train-labels-idx1-ubyte"},
        {"digits", "../train-images-idx3-ubyte"},
        {"digits", ""},
        {"nowhere", "train-images-idx3-ubyte"},
        {"..", "train-images-idx3-ubyte"},
        {".", "train-images-idx3-ubyte"},
        {"", "train-images-idx3-ubyte"},
        {"digits/../digits", "t10k-labels-idx1-ubyte"},
        {".hidden", "t10k-labels-idx1-ubyte"},
    };
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
        assert_int_equal(datasets_open(*state, unknown[i].name, unknown[i].file, &fd, &size),
                         DATASETS_UNKNOWN);
    }
}

static void a_directory_or_pipe_in_a_files_place_is_no_file(void **state)
{
    char full[256];
    int fd;
    int64_t size;
    make_directory("digits/train-labels-idx1-ubyte");
    snprintf(full, sizeof full, "%s/digits/train-images-idx3-ubyte", root);
    assert_int_equal(mkfifo(full, 0600), 0);
    assert_int_equal(datasets_open(*state, "digits", "train-labels-idx1-ubyte", &fd, &size),
                     DATASETS_UNKNOWN);
    assert_int_equal(datasets_open(*state, "digits", "train-images-idx3-ubyte", &fd, &size),
                     DATASETS_UNKNOWN);
}

static void collect(void *ctx, const char *name)
{
    strcat(strcat((char *)ctx, name), ";");
}

static void the_list_has_what_holds_files(void **state)
{
    char names[256] = "";
    assert_int_equal(datasets_list(*state, collect, names), 0);
    assert_string_equal(names, "digits;");
    struct datasets *none = datasets_create(NULL);
    size_t n;
    struct datasets_file files[DATASETS_MAX_FILES];
    assert_int_equal(datasets_list(none, collect, names), 0);
    assert_int_equal(datasets_describe(none, "digits", files, &n), DATASETS_UNKNOWN);
    datasets_destroy(none);
    none = datasets_create("/nonexistent");
    assert_int_equal(datasets_list(none, collect, names), -ENOENT);
    assert_string_equal(names, "digits;");
    datasets_destroy(none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(files_are_listed_with_size_and_hash, setup, teardown),
        cmocka_unit_test_setup_teardown(a_changed_file_is_hashed_anew, setup, teardown),
        cmocka_unit_test_setup_teardown(files_are_opened_by_their_names_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(a_directory_or_pipe_in_a_files_place_is_no_file, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(the_list_has_what_holds_files, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
