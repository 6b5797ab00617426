/* Whole files in memory, plain and compressed, and every way in which they can be broken. */
#include "tests/data_fixture.h"
#include "tests/test.h"

#include "worker/data/load.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char text[] = "four score and seven years ago; four score and seven years ago";

static void a_plain_file_is_loaded_as_it_is(void **state)
{
    (void)state;
    fixture_write("plain", text, sizeof text);
    struct load load;
    struct error error;
    assert_int_equal(load_file("plain", &load, &error), 0);
    assert_int_equal(load.size, sizeof text);
    assert_memory_equal(load.bytes, text, sizeof text);
    assert_string_equal(load.sha256, load.stored_sha256);
    load_clear(&load);
}

static void a_compressed_file_is_loaded_decompressed_with_both_digests(void **state)
{
    (void)state;
    static uint8_t zeros[300000]; /* beyond the first guess at the size */
    fixture_write_gz("zeros.gz", zeros, sizeof zeros);
    struct load load;
    struct error error;
    assert_int_equal(load_file("zeros.gz", &load, &error), 0);
    assert_int_equal(load.size, sizeof zeros);
    assert_memory_equal(load.bytes, zeros, sizeof zeros);
    char plain[SHA256_HEX_SIZE], stored[SHA256_HEX_SIZE];
    sha256_hex(zeros, sizeof zeros, plain);
    assert_int_equal(sha256_file("zeros.gz", stored), 0);
    assert_string_equal(load.sha256, plain);
    assert_string_equal(load.stored_sha256, stored);
    load_clear(&load);
}

static void assert_load_says(const char *path, const char *says)
{
    struct load load;
    struct error error = {0};
    assert_int_equal(load_file(path, &load, &error), ERROR_INVALID);
    if (strstr(error.message, says) == NULL || strncmp(error.message, path, strlen(path)) != 0) {
        fail_msg("\"%s\" does not say \"%s\"", error.message, says);
    }
}

static void broken_files_are_named_with_what_is_wrong(void **state)
{
    (void)state;
    fixture_write_gz("good.gz", text, sizeof text);
    size_t size;
    uint8_t *bytes = fixture_read("good.gz", &size);

    assert_load_says("absent", "No such file");
    assert_load_says(".", "not a regular file");
    fixture_write("empty.gz", bytes, 0);
    assert_load_says("empty.gz", "the file is empty");
    fixture_write("text.gz", text, sizeof text);
    assert_load_says("text.gz", "not gzip-compressed, in spite of its name");
    for (size_t cut = 2; cut < size; cut++) {
        fixture_write("cut.gz", bytes, cut);
        assert_load_says("cut.gz", "the file is truncated");
    }
    bytes[size - 5] ^= 1; /* the CRC */
    fixture_write("crc.gz", bytes, size);
    assert_load_says("crc.gz", "damaged near byte");
    bytes[size - 5] ^= 1;
    bytes[size] = 'x';
    fixture_write("trailing.gz", bytes, size + 1);
    assert_load_says("trailing.gz", "1 trailing bytes");
    free(bytes);
}

/* C10 */
static void a_file_of_several_members_is_all_of_them(void **state)
{
    (void)state;
    static uint8_t zeros[300000];
    fixture_write_gz("one.gz", text, sizeof text);
    fixture_write_gz("two.gz", zeros, sizeof zeros);
    size_t size_one, size_two;
    uint8_t *one = fixture_read("one.gz", &size_one), *two = fixture_read("two.gz", &size_two);
    uint8_t *all = malloc(2 * size_one + size_two + 1);
    memcpy(all, one, size_one);
    memcpy(all + size_one, two, size_two);
    memcpy(all + size_one + size_two, one, size_one);
    const size_t size = 2 * size_one + size_two;
    fixture_write("all.gz", all, size);

    struct load load;
    struct error error;
    assert_int_equal(load_file("all.gz", &load, &error), 0);
    assert_int_equal(load.size, sizeof text + sizeof zeros + sizeof text);
    assert_memory_equal(load.bytes, text, sizeof text);
    assert_memory_equal(load.bytes + sizeof text + sizeof zeros, text, sizeof text);
    load_clear(&load);
    fixture_write("cut.gz", all, size - 3);
    assert_load_says("cut.gz", "the file is truncated");
    all[size] = 'x';
    fixture_write("trailing.gz", all, size + 1);
    assert_load_says("trailing.gz", "1 trailing bytes");
    all[size - 5] ^= 1;
    fixture_write("crc.gz", all, size);
    assert_load_says("crc.gz", "damaged near byte");
    free(all);
    free(one);
    free(two);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_plain_file_is_loaded_as_it_is),
        TEST(a_compressed_file_is_loaded_decompressed_with_both_digests),
        TEST(a_file_of_several_members_is_all_of_them),
        TEST(broken_files_are_named_with_what_is_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
