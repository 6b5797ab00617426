#include "worker/data/idx.h"

#define TYPE_UNSIGNED_BYTE 0x08

static uint32_t read_u32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void write_u32(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)(value >> 24);
    at[1] = (uint8_t)(value >> 16);
    at[2] = (uint8_t)(value >> 8);
    at[3] = (uint8_t)value;
}

static int check_magic(const uint8_t *bytes, size_t size, const char *name, struct error *error)
{
    if (size == 0) {
        return error_set(error, NULL, "%s: the file is empty; fetch it again", name);
    }
    if (size >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b) {
        return error_set(error, NULL,
                         "%s: the file is gzip-compressed; give its name the ending .gz, or "
                         "decompress it",
                         name);
    }
    if (size < 4) {
        return error_set(error, NULL,
                         "%s: the file ends after %zu bytes, within the magic number; fetch it "
                         "again",
                         name, size);
    }
    if (bytes[0] != 0 || bytes[1] != 0) {
        return error_set(error, NULL,
                         "%s: not an IDX file: it starts with 0x%08x, where 0x000008NN is "
                         "expected; check that it is the right file",
                         name, read_u32(bytes));
    }
    if (bytes[2] != TYPE_UNSIGNED_BYTE) {
        return error_set(error, NULL,
                         "%s: values of IDX type 0x%02x; only unsigned bytes (0x08) can be read; "
                         "convert the file",
                         name, bytes[2]);
    }
    if (bytes[3] < 1 || bytes[3] > IDX_MAX_DIMENSIONS) {
        return error_set(error, NULL,
                         "%s: %u dimensions; only 1 to %d can be read; check that it is the right "
                         "file",
                         name, bytes[3], IDX_MAX_DIMENSIONS);
    }
    return 0;
}

int idx_parse(const uint8_t *bytes, size_t size, const char *name, struct idx *ret,
              struct error *error)
{
    int r = check_magic(bytes, size, name, error);
    if (r != 0) {
        return r;
    }
    struct idx idx = {.n_dimensions = bytes[3], .n_values = 1};
    const size_t header = 4 + 4 * (size_t)idx.n_dimensions;
    if (size < header) {
        return error_set(error, NULL,
                         "%s: the file ends after %zu bytes, within its header of %zu; fetch it "
                         "again",
                         name, size, header);
    }
    for (int i = 0; i < idx.n_dimensions; i++) {
        idx.dimension[i] = read_u32(bytes + 4 + 4 * i);
        if (__builtin_mul_overflow(idx.n_values, idx.dimension[i], &idx.n_values)) {
            return error_set(error, NULL,
                             "%s: the header announces more values than memory can hold; the file "
                             "is damaged, fetch it again",
                             name);
        }
    }
    const size_t follow = size - header;
    if (follow != idx.n_values) {
        return error_set(error, NULL,
                         "%s: %s: the header announces %zu values, %zu bytes follow; fetch it "
                         "again",
                         name, follow < idx.n_values ? "the file is truncated" : "trailing bytes",
                         idx.n_values, follow);
    }
    idx.values = bytes + header;
    *ret = idx;
    return 0;
}

static int check_dimensions(const struct idx *idx, int expected, const char *what, const char *name,
                            struct error *error)
{
    if (idx->n_dimensions != expected) {
        return error_set(error, NULL,
                         "%s: %d dimension%s where %s have %d (magic number 0x000008%02x); check "
                         "that images and labels are not exchanged",
                         name, idx->n_dimensions, idx->n_dimensions == 1 ? "" : "s", what, expected,
                         expected);
    }
    if (idx->dimension[0] == 0) {
        return error_set(error, NULL, "%s: the file holds no %s; at least one is needed", name,
                         what);
    }
    return 0;
}

int idx_parse_images(const uint8_t *bytes, size_t size, const char *name, struct idx *ret,
                     struct error *error)
{
    struct idx idx;
    int r = idx_parse(bytes, size, name, &idx, error);
    if (r == 0) {
        r = check_dimensions(&idx, 3, "images", name, error);
    }
    if (r != 0) {
        return r;
    }
    if (idx.dimension[1] != IDX_IMAGE_SIDE || idx.dimension[2] != IDX_IMAGE_SIDE) {
        return error_set(error, NULL, "%s: images of %u x %u; only %d x %d can be used; scale them",
                         name, idx.dimension[1], idx.dimension[2], IDX_IMAGE_SIDE, IDX_IMAGE_SIDE);
    }
    *ret = idx;
    return 0;
}

int idx_parse_labels(const uint8_t *bytes, size_t size, const char *name, struct idx *ret,
                     struct error *error)
{
    struct idx idx;
    int r = idx_parse(bytes, size, name, &idx, error);
    if (r == 0) {
        r = check_dimensions(&idx, 1, "labels", name, error);
    }
    if (r != 0) {
        return r;
    }
    for (size_t i = 0; i < idx.n_values; i++) {
        if (idx.values[i] >= IDX_CLASSES) {
            return error_set(error, NULL,
                             "%s: label %zu is %u; labels are 0 to %d; the file is damaged or "
                             "belongs to another kind of data",
                             name, i, idx.values[i], IDX_CLASSES - 1);
        }
    }
    *ret = idx;
    return 0;
}

int idx_check_pair(const struct idx *images, const char *images_name, const struct idx *labels,
                   const char *labels_name, struct error *error)
{
    if (images->dimension[0] == labels->dimension[0]) {
        return 0;
    }
    return error_set(error, NULL,
                     "%u images in %s, but %u labels in %s; take both files from the same data set",
                     images->dimension[0], images_name, labels->dimension[0], labels_name);
}

void idx_write_images_header(uint32_t n_images, uint8_t ret_header[IDX_IMAGES_HEADER])
{
    write_u32(ret_header, TYPE_UNSIGNED_BYTE << 8 | 3);
    write_u32(ret_header + 4, n_images);
    write_u32(ret_header + 8, IDX_IMAGE_SIDE);
    write_u32(ret_header + 12, IDX_IMAGE_SIDE);
}

void idx_write_labels_header(uint32_t n_labels, uint8_t ret_header[IDX_LABELS_HEADER])
{
    write_u32(ret_header, TYPE_UNSIGNED_BYTE << 8 | 1);
    write_u32(ret_header + 4, n_labels);
}
