#include "worker/trainer/model_file.h"

#include "common/decimal.h"
#include "common/engine.h"
#include "worker/trainer/safetensors.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME_SIZE = 64 };

int model_visit(const struct network *network, model_visit_fn visit, void *context)
{
    for (int i = 0; i < network->n_layers; i++) {
        const struct layer *layer = &network->layers[i];
        const struct {
            const char *name;
            float *values;
        } vectors[] = {
            {"dense.bias", layer->bias},
            {"norm.weight", layer->gamma},
            {"norm.bias", layer->beta},
            {"norm.running_mean", layer->moving_mean},
            {"norm.running_var", layer->moving_variance},
        };
        char name[NAME_SIZE];
        snprintf(name, sizeof name, "layers.%d.dense.weight", i);
        int r = visit(context, name, layer->weights, layer->n_out, layer->n_in);
        for (size_t k = 0; k < sizeof vectors / sizeof vectors[0] && r == 0; k++) {
            if (vectors[k].values != NULL) {
                snprintf(name, sizeof name, "layers.%d.%s", i, vectors[k].name);
                r = visit(context, name, vectors[k].values, layer->n_out, 0);
            }
        }
        if (r != 0) {
            return r;
        }
    }
    return 0;
}

/* ---- saving ---- */

static json_t *make_metadata(const struct trial_config *config, const struct model_facts *facts)
{
    char step[DECIMAL_INTEGER_SIZE], accuracy[DECIMAL_SIZE];
    char *text = config_to_text(config);
    decimal_integer(facts->step, step);
    decimal_shortest(facts->test_accuracy, accuracy);
    json_t *metadata =
        json_pack("{s:s, s:s, s:s*, s:s, s:s, s:s, s:s}", "format", "pt", "trainer", ENGINE_TRAINER,
                  "config", text, "step", step, "test_accuracy", accuracy, "weights_sha256",
                  facts->weights_sha256, "data_sha256", facts->data_sha256);
    free(text);
    return metadata;
}

static int declare(void *context, const char *name, float *values, int n_rows, int n_columns)
{
    (void)values;
    return safetensors_declare(context, name, n_rows, n_columns);
}

static int put(void *context, const char *name, float *values, int n_rows, int n_columns)
{
    (void)name;
    if (n_columns == 0) {
        safetensors_put(context, values, (size_t)n_rows);
        return 0;
    }
    float *row = malloc((size_t)n_columns * sizeof *row);
    if (row == NULL) {
        return -ENOMEM;
    }
    for (int i = 0; i < n_rows; i++) {
        for (int k = 0; k < n_columns; k++) {
            row[k] = values[(size_t)k * (size_t)n_rows + (size_t)i];
        }
        safetensors_put(context, row, (size_t)n_columns);
    }
    free(row);
    return 0;
}

int model_save(const char *path, const struct network *network, const struct trial_config *config,
               const struct model_facts *facts, struct error *error)
{
    struct safetensors_writer *writer = safetensors_begin(make_metadata(config, facts));
    int r = writer != NULL ? 0 : -ENOMEM;
    if (r == 0) {
        r = model_visit(network, declare, writer);
    }
    if (r == 0) {
        r = safetensors_open(writer, path, error);
    }
    if (r == 0) {
        r = model_visit(network, put, writer);
    }
    const int end = safetensors_end(writer);
    if (r > 0) {
        return r;
    }
    r = r != 0 ? r : end;
    if (r != 0) {
        return error_set(error, NULL, "%s: the network cannot be saved: %s", path, strerror(-r));
    }
    return 0;
}

/* ---- loading ---- */

struct loading {
    const char *path;
    const struct safetensors *file;
    const struct network *network;
    struct error *error;
};

static int load_array(void *context, const char *name, float *values, int n_rows, int n_columns)
{
    struct loading *loading = context;
    struct safetensor tensor;
    int r = safetensors_get(loading->file, name, &tensor, loading->error);
    if (r != 0) {
        return r;
    }
    const int n_dimensions = n_columns > 0 ? 2 : 1;
    if (tensor.n_dimensions != n_dimensions || tensor.shape[0] != n_rows ||
        (n_columns > 0 && tensor.shape[1] != n_columns)) {
        return error_set(loading->error, name,
                         "%s: array %s does not fit the configured network, where it is %d x %d; "
                         "train the network that was saved",
                         loading->path, name, n_rows, n_columns > 0 ? n_columns : 1);
    }
    const int n_inner = n_columns > 0 ? n_columns : 1;
    for (int i = 0; i < n_rows; i++) {
        for (int k = 0; k < n_inner; k++) {
            const size_t from = (size_t)i * (size_t)n_inner + (size_t)k;
            memcpy(&values[(size_t)k * (size_t)n_rows + (size_t)i], tensor.bytes + 4 * from, 4);
        }
    }
    return 0;
}

/* 1 = the network has an array of that name. */
static int is_name(void *context, const char *name, float *values, int n_rows, int n_columns)
{
    (void)values, (void)n_rows, (void)n_columns;
    return strcmp(context, name) == 0;
}

static bool has_array(const struct network *network, char *name)
{
    return model_visit(network, is_name, name) == 1;
}

/* PyTorch counts the batches of each normalization, which no number here depends on. */
static bool is_count_of_batches(const struct network *network, const char *name)
{
    static const char count[] = ".norm.num_batches_tracked";
    const size_t length = strlen(name), ending = sizeof count - 1;
    char norm[NAME_SIZE];
    if (length <= ending || length >= sizeof norm || strcmp(name + length - ending, count) != 0) {
        return false;
    }
    snprintf(norm, sizeof norm, "%.*s.norm.weight", (int)(length - ending), name);
    return has_array(network, norm);
}

static int refuse_unknown(void *context, const char *name)
{
    struct loading *loading = context;
    char *copy = strdup(name);
    if (copy == NULL) {
        return -ENOMEM;
    }
    const bool known =
        has_array(loading->network, copy) || is_count_of_batches(loading->network, name);
    free(copy);
    return known ? 0
                 : error_set(loading->error, NULL,
                             "%s: array %.80s has no place in the configured network; train the "
                             "network that was saved",
                             loading->path, name);
}

static int load_bytes(const char *path, const uint8_t *bytes, size_t size, struct network *network,
                      struct error *error)
{
    struct safetensors *file;
    int r = safetensors_parse(bytes, size, path, &file, error);
    if (r != 0) {
        return r;
    }
    struct loading loading = {path, file, network, error};
    r = model_visit(network, load_array, &loading);
    if (r == 0) {
        r = safetensors_visit(file, refuse_unknown, &loading);
    }
    safetensors_free(file);
    return r;
}

int model_load(const char *path, struct network *network, struct error *error)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    if (fd < 0 || fstat(fd, &status) != 0) {
        const int code = errno;
        if (fd >= 0) {
            close(fd);
        }
        return error_set(error, NULL, "%s: cannot be read: %s", path, strerror(code));
    }
    const size_t size = (size_t)status.st_size;
    void *bytes = size > 0 ? mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0) : NULL;
    close(fd);
    if (bytes == MAP_FAILED) {
        return error_set(error, NULL, "%s: cannot be read: %s", path, strerror(errno));
    }
    int r = load_bytes(path, bytes, size, network, error);
    if (bytes != NULL) {
        munmap(bytes, size);
    }
    return r == -ENOMEM ? error_set(error, NULL, "%s: not enough memory to read it", path) : r;
}
