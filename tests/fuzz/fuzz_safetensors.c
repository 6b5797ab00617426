/* Model files from anywhere: what is accepted lies wholly within the bytes that were given. */
#include "worker/trainer/safetensors.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"a", "layers.0.weight", "layers.0.bias", ""};
    struct safetensors *file;
    struct error error;
    if (safetensors_parse(data, size, "file", &file, &error) != 0) {
        return 0;
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct safetensor tensor;
        if (safetensors_get(file, names[i], &tensor, &error) == 0 && tensor.n > 0 &&
            (tensor.bytes < data || tensor.n > size / 4 ||
             (size_t)(tensor.bytes - data) > size - 4 * tensor.n)) {
            abort();
        }
    }
    safetensors_metadata(file, "config");
    safetensors_free(file);
    return 0;
}
