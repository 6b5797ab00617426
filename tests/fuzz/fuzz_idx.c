/* IDX files from anywhere: what is accepted lies wholly within the bytes that were given. */
#include "worker/data/idx.h"

#include <stdlib.h>

static void check(const struct idx *idx, const uint8_t *data, size_t size)
{
    if (idx->values < data || idx->n_values > size ||
        (size_t)(idx->values - data) > size - idx->n_values) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct idx idx, images, labels;
    struct error error;
    if (idx_parse(data, size, "file", &idx, &error) == 0) {
        check(&idx, data, size);
    }
    int images_rc = idx_parse_images(data, size, "images", &images, &error);
    if (images_rc == 0) {
        check(&images, data, size);
    }
    if (idx_parse_labels(data, size, "labels", &labels, &error) == 0) {
        check(&labels, data, size);
        for (size_t i = 0; i < labels.n_values; i++) {
            if (labels.values[i] >= IDX_CLASSES) {
                abort();
            }
        }
    }
    return 0;
}
