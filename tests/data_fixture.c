#include "tests/data_fixture.h"

#include "tests/test.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

char fixture_root[64];
static char old_directory[4096];

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *where)
{
    (void)status, (void)type, (void)where;
    return remove(path);
}

int fixture_setup(void **state)
{
    (void)state;
    strcpy(fixture_root, "/tmp/ninety-data-XXXXXX");
    assert_non_null(mkdtemp(fixture_root));
    assert_non_null(getcwd(old_directory, sizeof old_directory));
    char path[128];
    snprintf(path, sizeof path, "%s/here", fixture_root);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(chdir(path), 0);
    snprintf(path, sizeof path, "%s/cache", fixture_root);
    setenv("NINETY_CACHE", path, 1);
    unsetenv("NINETY_DATA");
    unsetenv("NINETY_MIRRORS");
    unsetenv("http_proxy");
    return 0;
}

int fixture_teardown(void **state)
{
    (void)state;
    assert_int_equal(chdir(old_directory), 0);
    return nftw(fixture_root, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

void fixture_write(const char *path, const void *bytes, size_t size)
{
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    assert_int_equal(fwrite(bytes, 1, size, out), size);
    assert_int_equal(fclose(out), 0);
}

void fixture_write_gz(const char *path, const void *bytes, size_t size)
{
    gzFile out = gzopen(path, "w");
    assert_non_null(out);
    assert_int_equal(gzwrite(out, bytes, (unsigned)size), size);
    assert_int_equal(gzclose(out), Z_OK);
}

uint8_t *fixture_read(const char *path, size_t *ret_size)
{
    FILE *in = fopen(path, "r");
    assert_non_null(in);
    struct stat status;
    assert_int_equal(fstat(fileno(in), &status), 0);
    uint8_t *bytes = malloc((size_t)status.st_size + 1);
    assert_non_null(bytes);
    *ret_size = fread(bytes, 1, (size_t)status.st_size, in);
    assert_int_equal(*ret_size, status.st_size);
    fclose(in);
    return bytes;
}

static void write_part(const char *directory, enum dataset_file file, const uint8_t *bytes,
                       size_t size, bool gz)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s%s", directory, dataset_file_names[file], gz ? ".gz" : "");
    (gz ? fixture_write_gz : fixture_write)(path, bytes, size);
}

static void write_half(const char *directory, enum dataset_file images, int n, int shade, bool gz)
{
    const size_t size = IDX_IMAGES_HEADER + (size_t)n * IDX_PIXELS;
    uint8_t *bytes = malloc(size);
    assert_non_null(bytes);
    memset(bytes, shade, size);
    idx_write_images_header((uint32_t)n, bytes);
    write_part(directory, images, bytes, size, gz);
    idx_write_labels_header((uint32_t)n, bytes);
    for (int i = 0; i < n; i++) {
        bytes[IDX_LABELS_HEADER + i] = (uint8_t)(i % IDX_CLASSES);
    }
    write_part(directory, (enum dataset_file)(images + 1), bytes, IDX_LABELS_HEADER + (size_t)n,
               gz);
    free(bytes);
}

void fixture_write_dataset(const char *directory, int n_train, int n_test, int shade, bool gz)
{
    char partial[256];
    snprintf(partial, sizeof partial, "%s/", directory);
    for (char *slash = strchr(partial + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(partial, 0700);
        *slash = '/';
    }
    write_half(directory, DATASET_TRAIN_IMAGES, n_train, shade, gz);
    write_half(directory, DATASET_TEST_IMAGES, n_test, shade, gz);
}

static const char *mnist_below(const char *directory, const char *below)
{
    static char found[4096];
    char path[4096], file[4096 + 64];
    if (directory == NULL ||
        snprintf(path, sizeof path, "%s%s", directory, below) >= (int)sizeof path) {
        return NULL;
    }
    snprintf(file, sizeof file, "%s/train-images-idx3-ubyte.gz", path);
    return access(file, R_OK) == 0 ? realpath(path, found) : NULL;
}

const char *fixture_find_mnist(void)
{
    const char *source = getenv("NINETY_SOURCE_ROOT");
    const char *found = mnist_below(getenv("NINETY_DATA"), "");
    if (found == NULL) {
        found = mnist_below(source, "/data/mnist");
    }
    return found != NULL ? found : mnist_below(source, "/../shared/mnist");
}
