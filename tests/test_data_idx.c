/* The IDX parser against well-formed and malformed bytes. */
#include "worker/data/idx.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef int (*parse_fn)(const uint8_t *, size_t, const char *, struct idx *, struct error *);

/* Parses an exact copy on the heap, so that a sanitizer sees any read beyond the end. */
static int parse_copy(parse_fn parse, const uint8_t *bytes, size_t size, struct idx *ret,
                      struct error *error)
{
    uint8_t *copy = malloc(size > 0 ? size : 1);
    assert_non_null(copy);
    if (size > 0) {
        memcpy(copy, bytes, size);
    }
    const int r = parse(copy, size, "some-file", ret, error);
    free(copy);
    return r;
}

static void images_are_read_with_their_dimensions(void **state)
{
    (void)state;
    static uint8_t bytes[IDX_IMAGES_HEADER + 2 * IDX_PIXELS];
    idx_write_images_header(2, bytes);
    bytes[IDX_IMAGES_HEADER + IDX_PIXELS] = 77;
    struct idx idx;
    struct error error;
    assert_int_equal(idx_parse_images(bytes, sizeof bytes, "images", &idx, &error), 0);
    assert_int_equal(idx.n_dimensions, 3);
    assert_int_equal(idx.dimension[0], 2);
    assert_int_equal(idx.dimension[1], 28);
    assert_int_equal(idx.dimension[2], 28);
    assert_int_equal(idx.n_values, 2 * IDX_PIXELS);
    assert_ptr_equal(idx.values, bytes + IDX_IMAGES_HEADER);
    assert_int_equal(idx.values[IDX_PIXELS], 77);
}

static void labels_are_read(void **state)
{
    (void)state;
    const uint8_t bytes[] = {0, 0, 8, 1, 0, 0, 0, 3, 9, 0, 5};
    struct idx idx;
    struct error error;
    assert_int_equal(idx_parse_labels(bytes, sizeof bytes, "labels", &idx, &error), 0);
    assert_int_equal(idx.n_values, 3);
    assert_int_equal(idx.values[0], 9);
    assert_int_equal(idx.values[2], 5);
}

static void other_dimensions_are_read_by_the_plain_parser(void **state)
{
    (void)state;
    const uint8_t bytes[] = {0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6};
    struct idx idx;
    struct error error;
    assert_int_equal(idx_parse(bytes, sizeof bytes, "table", &idx, &error), 0);
    assert_int_equal(idx.n_values, 6);
}

#define BYTES(...) (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})

static void malformed_bytes_are_named_errors(void **state)
{
    (void)state;
    const struct {
        parse_fn parse;
        const uint8_t *bytes;
        size_t size;
        const char *says;
    } table[] = {
        {idx_parse, NULL, 0, "the file is empty"},
        {idx_parse, BYTES(0), "ends after 1 bytes, within the magic number"},
        {idx_parse, BYTES(0, 0, 8), "ends after 3 bytes, within the magic number"},
        {idx_parse, BYTES(0x1f, 0x8b, 8, 0), "gzip-compressed"},
        {idx_parse, BYTES(0x89, 'P', 'N', 'G', 1), "starts with 0x89504e47"},
        {idx_parse, BYTES(0, 0, 0x0d, 1, 0, 0, 0, 0), "IDX type 0x0d"},
        {idx_parse, BYTES(0, 0, 8, 0), "0 dimensions"},
        {idx_parse, BYTES(0, 0, 8, 5), "5 dimensions"},
        {idx_parse, BYTES(0, 0, 8, 3, 0, 0, 0, 1), "ends after 8 bytes, within its header of 16"},
        {idx_parse, BYTES(0, 0, 8, 1, 0, 0, 0, 2, 1), "truncated: the header announces 2 values"},
        {idx_parse, BYTES(0, 0, 8, 1, 0, 0, 0, 1, 1, 2), "trailing bytes"},
        {idx_parse, BYTES(0, 0, 8, 3, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255),
         "more values than memory can hold"},
        {idx_parse_images, BYTES(0, 0, 8, 1, 0, 0, 0, 1, 1), "1 dimension where images have 3"},
        {idx_parse_images, BYTES(0, 0, 8, 3, 0, 0, 0, 0, 0, 0, 0, 28, 0, 0, 0, 28),
         "holds no images"},
        {idx_parse_images, BYTES(0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, 1, 1),
         "images of 1 x 2; only 28 x 28"},
        {idx_parse_labels, BYTES(0, 0, 8, 2, 0, 0, 0, 1, 0, 0, 0, 1, 1),
         "2 dimensions where labels have 1"},
        {idx_parse_labels, BYTES(0, 0, 8, 1, 0, 0, 0, 0), "holds no labels"},
        {idx_parse_labels, BYTES(0, 0, 8, 1, 0, 0, 0, 3, 9, 10, 5), "label 1 is 10"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct idx idx = {.n_dimensions = -1};
        struct error error = {0};
        assert_int_equal(parse_copy(table[i].parse, table[i].bytes, table[i].size, &idx, &error),
                         ERROR_INVALID);
        if (strstr(error.message, table[i].says) == NULL ||
            strncmp(error.message, "some-file: ", 11) != 0) {
            fail_msg("case %zu: \"%s\" does not say \"%s\"", i, error.message, table[i].says);
        }
        assert_int_equal(idx.n_dimensions, -1); /* untouched */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(images_are_read_with_their_dimensions),
        cmocka_unit_test(labels_are_read),
        cmocka_unit_test(other_dimensions_are_read_by_the_plain_parser),
        cmocka_unit_test(malformed_bytes_are_named_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
