/* The safetensors format: what we write is read back, and damaged files are named errors. */
#include "tests/test.h"

#include "worker/trainer/safetensors.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char directory[] = "/tmp/ninety-safetensors-XXXXXX";
static char path[64];

static int setup(void **state)
{
    (void)state;
    strcpy(directory + strlen(directory) - 6, "XXXXXX");
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/file", directory);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(directory);
}

static uint8_t *read_all(size_t *ret_size)
{
    FILE *in = fopen(path, "r");
    assert_non_null(in);
    uint8_t *bytes = malloc(1 << 16);
    assert_non_null(bytes);
    *ret_size = fread(bytes, 1, 1 << 16, in);
    fclose(in);
    return bytes;
}

static struct safetensors_writer *write_example(void)
{
    struct safetensors_writer *writer =
        safetensors_begin(json_pack("{s:s, s:s}", "format", "pt", "who", "\"me\""));
    assert_non_null(writer);
    assert_int_equal(safetensors_declare(writer, "matrix", 2, 3), 0);
    assert_int_equal(safetensors_declare(writer, "vector", 4, 0), 0);
    assert_int_equal(safetensors_open(writer, path, NULL), 0);
    return writer;
}

static char names[64];

static int collect(void *context, const char *name)
{
    (void)context;
    strcat(strcat(names, name), " ");
    return 0;
}

static int stop_at_once(void *context, const char *name)
{
    (void)context;
    assert_string_equal(name, "matrix");
    return 7;
}

static void what_is_written_is_read_back(void **state)
{
    (void)state;
    const float values[] = {1, 2, 3, 4, 5, 6, -1, -2, -3, -4};
    struct safetensors_writer *writer = write_example();
    safetensors_put(writer, values, 4); /* in any portions */
    safetensors_put(writer, values + 4, 6);
    assert_int_equal(safetensors_end(writer), 0);

    size_t size;
    uint8_t *bytes = read_all(&size);
    uint64_t header;
    memcpy(&header, bytes, 8);
    assert_int_equal(header % 8, 0);
    assert_int_equal(size, 8 + header + sizeof values);
    struct safetensors *file;
    struct safetensor tensor;
    struct error error;
    assert_int_equal(safetensors_parse(bytes, size, "file", &file, &error), 0);
    names[0] = '\0';
    assert_int_equal(safetensors_visit(file, collect, NULL), 0);
    assert_string_equal(names, "matrix vector ");
    assert_int_equal(safetensors_visit(file, stop_at_once, NULL), 7);
    assert_string_equal(safetensors_metadata(file, "who"), "\"me\"");
    assert_null(safetensors_metadata(file, "what"));
    assert_int_equal(safetensors_get(file, "matrix", &tensor, &error), 0);
    assert_int_equal(tensor.n_dimensions, 2);
    assert_int_equal(tensor.shape[0], 2);
    assert_int_equal(tensor.shape[1], 3);
    assert_memory_equal(tensor.bytes, values, 6 * sizeof(float));
    assert_int_equal(safetensors_get(file, "vector", &tensor, &error), 0);
    assert_int_equal(tensor.n_dimensions, 1);
    assert_int_equal(tensor.n, 4);
    assert_memory_equal(tensor.bytes, values + 6, 4 * sizeof(float));
    assert_int_equal(safetensors_get(file, "tensor", &tensor, &error), ERROR_INVALID);
    assert_int_equal(safetensors_get(file, "__metadata__", &tensor, &error), ERROR_INVALID);
    safetensors_free(file);
    free(bytes);
}

static void an_incomplete_file_does_not_appear(void **state)
{
    (void)state;
    struct safetensors_writer *writer = write_example();
    safetensors_put(writer, (const float[]){1, 2, 3}, 3);
    assert_int_equal(safetensors_end(writer), -ECANCELED);
    assert_int_not_equal(access(path, F_OK), 0);
}

static void a_directory_that_does_not_exist_is_an_error(void **state)
{
    (void)state;
    struct safetensors_writer *writer = safetensors_begin(json_object());
    assert_int_equal(safetensors_open(writer, "/nowhere/at/all", NULL), ERROR_INVALID);
    assert_int_equal(safetensors_end(writer), ERROR_INVALID);
    assert_int_equal(safetensors_end(NULL), 0);
}

/* ---- files that are not as they should be ---- */

static void assert_parse_says(const char *header, size_t n_data, const char *says)
{
    const size_t length = strlen(header), size = 8 + length + n_data;
    uint8_t *bytes = calloc(1, size);
    assert_non_null(bytes);
    const uint64_t announced = length;
    memcpy(bytes, &announced, 8);
    memcpy(bytes + 8, header, length);
    struct safetensors *file;
    struct error error = {0};
    const int r = safetensors_parse(bytes, size, "some-file", &file, &error);
    if (says == NULL) {
        assert_int_equal(r, 0);
        safetensors_free(file);
    } else if (r != ERROR_INVALID || strstr(error.message, says) == NULL ||
               strncmp(error.message, "some-file: ", 11) != 0) {
        fail_msg("%s: \"%s\" does not say \"%s\"", header, error.message, says);
    }
    free(bytes);
}

#define ENTRY(name, type, shape, offsets)                                                          \
    "\"" name "\":{\"dtype\":\"" type "\",\"shape\":" shape ",\"data_offsets\":" offsets "}"

static void damaged_headers_are_named_errors(void **state)
{
    (void)state;
    assert_parse_says("{}", 0, NULL);
    assert_parse_says("{" ENTRY("a", "F32", "[]", "[0,4]") "}  ", 4, NULL);
    assert_parse_says(
        "{" ENTRY("b", "F16", "[2]", "[4,8]") "," ENTRY("a", "F32", "[1]", "[0,4]") "}", 8, NULL);
    assert_parse_says("{" ENTRY("a", "F32", "[0,5]", "[0,0]") "}", 0, NULL);

    assert_parse_says("", 0, "no JSON object");
    assert_parse_says("[]", 0, "no JSON object");
    assert_parse_says("{\"a\":", 0, "no JSON object");
    assert_parse_says("{\"__metadata__\":[]}", 0, "it is no object");
    assert_parse_says("{\"__metadata__\":{\"a\":1}}", 0, "not all texts");
    assert_parse_says("{\"a\":3}", 0, "no known dtype");
    assert_parse_says("{" ENTRY("a", "F99", "[1]", "[0,4]") "}", 4, "no known dtype");
    assert_parse_says("{" ENTRY("a", "F32", "4", "[0,4]") "}", 4, "its shape is no list");
    assert_parse_says("{" ENTRY("a", "F32", "[1,1,1,1,1,1,1,1,1]", "[0,4]") "}", 4, "no list");
    assert_parse_says("{" ENTRY("a", "F32", "[-1]", "[0,4]") "}", 4, "its shape is impossible");
    assert_parse_says("{" ENTRY("a", "F32", "[4294967296,4294967296]", "[0,4]") "}", 4,
                      "its shape is impossible");
    assert_parse_says("{" ENTRY("a", "F32", "[1]", "[0]") "}", 4, "are not two numbers");
    assert_parse_says("{" ENTRY("a", "F32", "[1]", "[0,4.5]") "}", 4, "are not two numbers");
    assert_parse_says("{" ENTRY("a", "F32", "[1]", "[4,0]") "}", 4, "outside the file");
    assert_parse_says("{" ENTRY("a", "F32", "[2]", "[0,8]") "}", 4, "outside the file");
    assert_parse_says("{" ENTRY("a", "F32", "[2]", "[0,4]") "}", 4, "disagree");
    assert_parse_says("{" ENTRY("a", "F32", "[1]", "[0,4]") "}", 8, "the arrays end at byte 4");
    assert_parse_says("{" ENTRY("a", "F32", "[1]", "[4,8]") "}", 8, "overlap or leave a gap");
    assert_parse_says(
        "{" ENTRY("a", "F32", "[1]", "[0,4]") "," ENTRY("b", "F32", "[1]", "[0,4]") "}", 4,
        "overlap or leave a gap");
    assert_parse_says(
        "{" ENTRY("a", "F32", "[1]", "[0,4]") "," ENTRY("a", "F32", "[1]", "[0,4]") "}", 4,
        "no JSON object");
}

static void damaged_lengths_are_named_errors(void **state)
{
    (void)state;
    const uint8_t files[][10] = {{0}, {255, 255, 255, 255, 255, 255, 255, 255}, {3, 0, 0}};
    const size_t sizes[] = {0, 10, 10};
    for (int i = 0; i < 3; i++) {
        struct safetensors *file;
        struct error error;
        assert_int_equal(safetensors_parse(files[i], sizes[i], "some-file", &file, &error),
                         ERROR_INVALID);
        assert_non_null(strstr(error.message, "no safetensors file"));
    }
}

static void other_types_are_refused_when_asked_for(void **state)
{
    (void)state;
    const char text[] = "{" ENTRY("a", "F16", "[2]", "[0,4]") "}";
    uint8_t bytes[8 + sizeof text - 1 + 4] = {sizeof text - 1};
    memcpy(bytes + 8, text, sizeof text - 1);
    struct safetensors *file;
    struct safetensor tensor;
    struct error error;
    assert_int_equal(safetensors_parse(bytes, sizeof bytes, "some-file", &file, &error), 0);
    assert_int_equal(safetensors_get(file, "a", &tensor, &error), ERROR_INVALID);
    assert_non_null(strstr(error.message, "holds F16; only F32"));
    safetensors_free(file);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_written_is_read_back),
        TEST(an_incomplete_file_does_not_appear),
        TEST(a_directory_that_does_not_exist_is_an_error),
        TEST(damaged_headers_are_named_errors),
        TEST(damaged_lengths_are_named_errors),
        TEST(other_types_are_refused_when_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
