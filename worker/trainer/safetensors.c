#include "worker/trainer/safetensors.h"

#include "common/json_print.h"
#include "common/output_file.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LENGTH_SIZE 8
#define MAX_HEADER ((uint64_t)100 << 20) /* as the reference implementation */
#define METADATA "__metadata__"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "values are copied as they lie");

struct safetensors {
    const char *name;
    json_t *header;
    const uint8_t *data;
    size_t data_size;
};

/* ---- parsing ---- */

/* One array's place in the data. */
struct range {
    uint64_t begin, end;
};

static int damaged(const char *name, const char *tensor, const char *what, struct error *error)
{
    return error_set(error, tensor, "%s: array %.80s: %s; the file is damaged", name, tensor, what);
}

/* Bytes of one value, or 0 for a type that the format does not know. */
static uint64_t size_of_type(const char *dtype)
{
    static const struct {
        const char *name;
        uint64_t size;
    } types[] = {
        {"F64", 8},     {"I64", 8},     {"U64", 8},  {"F32", 4}, {"I32", 4},
        {"U32", 4},     {"F16", 2},     {"BF16", 2}, {"I16", 2}, {"U16", 2},
        {"F8_E4M3", 1}, {"F8_E5M2", 1}, {"I8", 1},   {"U8", 1},  {"BOOL", 1},
    };
    for (size_t i = 0; dtype != NULL && i < sizeof types / sizeof types[0]; i++) {
        if (strcmp(types[i].name, dtype) == 0) {
            return types[i].size;
        }
    }
    return 0;
}

static bool read_natural(const json_t *json, uint64_t *ret)
{
    if (!json_is_integer(json) || json_integer_value(json) < 0) {
        return false;
    }
    *ret = (uint64_t)json_integer_value(json);
    return true;
}

/* The bytes that the shape asks for. */
static int measure(const struct safetensors *file, const char *tensor, const json_t *entry,
                   uint64_t *ret_size, struct error *error)
{
    uint64_t size = size_of_type(json_string_value(json_object_get(entry, "dtype")));
    if (size == 0) {
        return damaged(file->name, tensor, "it has no known dtype", error);
    }
    const json_t *shape = json_object_get(entry, "shape");
    if (!json_is_array(shape) || json_array_size(shape) > SAFETENSORS_MAX_DIMENSIONS) {
        return damaged(file->name, tensor, "its shape is no list of at most 8 numbers", error);
    }
    for (size_t i = 0; i < json_array_size(shape); i++) {
        uint64_t n;
        if (!read_natural(json_array_get(shape, i), &n) || __builtin_mul_overflow(size, n, &size)) {
            return damaged(file->name, tensor, "its shape is impossible", error);
        }
    }
    *ret_size = size;
    return 0;
}

static int read_range(const struct safetensors *file, const char *tensor, const json_t *entry,
                      struct range *ret, struct error *error)
{
    uint64_t size = 0;
    int r = measure(file, tensor, entry, &size, error);
    if (r != 0) {
        return r;
    }
    const json_t *offsets = json_object_get(entry, "data_offsets");
    if (json_array_size(offsets) != 2 || !read_natural(json_array_get(offsets, 0), &ret->begin) ||
        !read_natural(json_array_get(offsets, 1), &ret->end)) {
        return damaged(file->name, tensor, "its data_offsets are not two numbers", error);
    }
    if (ret->begin > ret->end || ret->end > file->data_size) {
        return damaged(file->name, tensor, "its data_offsets are outside the file", error);
    }
    if (ret->end - ret->begin != size) {
        return damaged(file->name, tensor, "its shape and data_offsets disagree", error);
    }
    return 0;
}

static int by_begin(const void *a, const void *b)
{
    const struct range *x = a, *y = b;
    if (x->begin != y->begin) {
        return x->begin < y->begin ? -1 : 1;
    }
    return x->end < y->end ? -1 : x->end > y->end;
}

/* Every byte of the data belongs to exactly one array. */
static int check_cover(const struct safetensors *file, struct range *ranges, size_t n,
                       struct error *error)
{
    uint64_t at = 0;
    qsort(ranges, n, sizeof *ranges, by_begin);
    for (size_t i = 0; i < n; i++) {
        if (ranges[i].begin != at) {
            return error_set(error, NULL,
                             "%s: the arrays overlap or leave a gap at byte %llu of the data; the "
                             "file is damaged",
                             file->name, (unsigned long long)at);
        }
        at = ranges[i].end;
    }
    if (at != file->data_size) {
        return error_set(error, NULL,
                         "%s: the arrays end at byte %llu, the data at %zu; the file is damaged",
                         file->name, (unsigned long long)at, file->data_size);
    }
    return 0;
}

static int check_metadata(const struct safetensors *file, const json_t *metadata,
                          struct error *error)
{
    const char *key;
    json_t *value;
    if (metadata != NULL && !json_is_object(metadata)) {
        return damaged(file->name, METADATA, "it is no object", error);
    }
    json_object_foreach((json_t *)(uintptr_t)metadata, key, value)
    {
        if (!json_is_string(value)) {
            return damaged(file->name, METADATA, "its values are not all texts", error);
        }
    }
    return 0;
}

static int check_entries(const struct safetensors *file, struct error *error)
{
    const size_t n = json_object_size(file->header);
    struct range *ranges = calloc(n + 1, sizeof *ranges);
    if (ranges == NULL) {
        return -ENOMEM;
    }
    size_t n_ranges = 0;
    const char *name;
    json_t *entry;
    int r = check_metadata(file, json_object_get(file->header, METADATA), error);
    json_object_foreach(file->header, name, entry)
    {
        if (r == 0 && strcmp(name, METADATA) != 0) {
            r = read_range(file, name, entry, &ranges[n_ranges++], error);
        }
    }
    if (r == 0) {
        r = check_cover(file, ranges, n_ranges, error);
    }
    free(ranges);
    return r;
}

static int parse_header(struct safetensors *file, const uint8_t *bytes, size_t size,
                        struct error *error)
{
    uint64_t length = 0;
    if (size < LENGTH_SIZE) {
        return error_set(error, NULL, "%s: %zu bytes are no safetensors file", file->name, size);
    }
    memcpy(&length, bytes, LENGTH_SIZE);
    if (length > MAX_HEADER || length > size - LENGTH_SIZE) {
        return error_set(error, NULL,
                         "%s: no safetensors file, or truncated: a header of %llu bytes in a file "
                         "of %zu",
                         file->name, (unsigned long long)length, size);
    }
    json_error_t why;
    file->header =
        json_loadb((const char *)bytes + LENGTH_SIZE, (size_t)length, JSON_REJECT_DUPLICATES, &why);
    if (!json_is_object(file->header)) {
        return error_set(error, NULL, "%s: the header is no JSON object: %s", file->name,
                         file->header == NULL ? why.text : "another value");
    }
    file->data = bytes + LENGTH_SIZE + length;
    file->data_size = size - LENGTH_SIZE - (size_t)length;
    return check_entries(file, error);
}

int safetensors_parse(const uint8_t *bytes, size_t size, const char *name, struct safetensors **ret,
                      struct error *error)
{
    struct safetensors *file = calloc(1, sizeof *file);
    if (file == NULL) {
        return -ENOMEM;
    }
    file->name = name;
    const int r = parse_header(file, bytes, size, error);
    if (r != 0) {
        safetensors_free(file);
        return r;
    }
    *ret = file;
    return 0;
}

void safetensors_free(struct safetensors *file)
{
    if (file != NULL) {
        json_decref(file->header);
        free(file);
    }
}

int safetensors_get(const struct safetensors *file, const char *name, struct safetensor *ret,
                    struct error *error)
{
    const json_t *entry = json_object_get(file->header, name);
    if (entry == NULL || strcmp(name, METADATA) == 0) {
        return error_set(error, name, "%s: it has no array %s", file->name, name);
    }
    const char *dtype = json_string_value(json_object_get(entry, "dtype"));
    if (strcmp(dtype, "F32") != 0) {
        return error_set(error, name, "%s: array %s holds %s; only F32 can be read", file->name,
                         name, dtype);
    }
    const json_t *shape = json_object_get(entry, "shape");
    struct safetensor tensor = {.n_dimensions = (int)json_array_size(shape), .n = 1};
    for (int i = 0; i < tensor.n_dimensions; i++) {
        tensor.shape[i] = json_integer_value(json_array_get(shape, (size_t)i));
        tensor.n *= (size_t)tensor.shape[i];
    }
    const json_t *offsets = json_object_get(entry, "data_offsets");
    tensor.bytes = file->data + json_integer_value(json_array_get(offsets, 0));
    *ret = tensor;
    return 0;
}

const char *safetensors_metadata(const struct safetensors *file, const char *key)
{
    return json_string_value(json_object_get(json_object_get(file->header, METADATA), key));
}

int safetensors_visit(const struct safetensors *file, int (*visit)(void *context, const char *name),
                      void *context)
{
    const char *name;
    json_t *entry;
    int r = 0;
    json_object_foreach(file->header, name, entry)
    {
        if (r == 0 && strcmp(name, METADATA) != 0) {
            r = visit(context, name);
        }
    }
    return r;
}

/* ---- writing ---- */

struct safetensors_writer {
    json_t *header;
    int64_t declared, written; /* bytes of data */
    struct output_file file;
    int r;
};

struct safetensors_writer *safetensors_begin(json_t *metadata)
{
    struct safetensors_writer *writer = calloc(1, sizeof *writer);
    json_t *header = json_object();
    const bool set = json_object_set_new(header, METADATA, metadata) == 0;
    if (writer == NULL || !set) {
        json_decref(header);
        free(writer);
        return NULL;
    }
    writer->header = header;
    return writer;
}

int safetensors_declare(struct safetensors_writer *writer, const char *name, int n_rows,
                        int n_columns)
{
    const int64_t begin = writer->declared;
    const int64_t n = (int64_t)n_rows * (n_columns > 0 ? n_columns : 1);
    writer->declared += n * (int64_t)sizeof(float);
    json_t *shape =
        n_columns > 0 ? json_pack("[i, i]", n_rows, n_columns) : json_pack("[i]", n_rows);
    json_t *entry = json_pack("{s:s, s:o, s:[I, I]}", "dtype", "F32", "shape", shape,
                              "data_offsets", (json_int_t)begin, (json_int_t)writer->declared);
    return json_object_set_new(writer->header, name, entry) == 0 ? 0 : -ENOMEM;
}

/* The header is filled with blanks to a multiple of 8, so that the values are aligned. */
static int write_header(struct safetensors_writer *writer)
{
    char *text = json_print_text(writer->header, JSON_PRINT_COMPACT);
    if (text == NULL) {
        return -ENOMEM;
    }
    const size_t length = strlen(text);
    const uint64_t padded = (length + 7) / 8 * 8;
    const bool written =
        fwrite(&padded, 1, LENGTH_SIZE, writer->file.stream) == LENGTH_SIZE &&
        fprintf(writer->file.stream, "%s%*s", text, (int)(padded - length), "") == (int)padded;
    free(text);
    return written ? 0 : -errno;
}

int safetensors_open(struct safetensors_writer *writer, const char *path, struct error *error)
{
    writer->r = output_file_open(path, OUTPUT_WHOLE, &writer->file, error);
    if (writer->r != 0) {
        return writer->r;
    }
    writer->r = write_header(writer);
    return writer->r == 0
               ? 0
               : error_set(error, NULL, "cannot write %s: %s", path, strerror(-writer->r));
}

void safetensors_put(struct safetensors_writer *writer, const float *values, size_t n)
{
    if (writer->r == 0 && fwrite(values, sizeof *values, n, writer->file.stream) != n) {
        writer->r = -errno;
    }
    writer->written += (int64_t)(n * sizeof *values);
}

static int put_in_place(struct safetensors_writer *writer)
{
    if (writer->r == 0 && writer->written != writer->declared) {
        writer->r = -ECANCELED; /* whoever wrote gave up half-way */
    }
    if (writer->r == 0) {
        return output_file_commit(&writer->file);
    }
    output_file_abandon(&writer->file);
    return writer->r < 0 ? writer->r : -ECANCELED;
}

int safetensors_end(struct safetensors_writer *writer)
{
    if (writer == NULL) {
        return 0;
    }
    const int r = writer->file.stream != NULL ? put_in_place(writer) : writer->r;
    json_decref(writer->header);
    free(writer);
    return r;
}
