#include "worker/trainer/trace.h"

#include "common/json_print.h"
#include "worker/trainer/model_file.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* ---- writing ---- */

/* JSON has no word for what is not finite. */
static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

struct norms {
    const struct training *training;
    json_t *object;
};

static int add_norm(void *context, const char *name, float *values, int n_rows, int n_columns)
{
    const struct norms *norms = context;
    const struct training *training = norms->training;
    const struct block *parameters = &training->network.parameters;
    if (values < parameters->at || values >= parameters->at + parameters->n) {
        return 0; /* a moving moment: it has no gradient */
    }
    const float *gradient = network_twin(&training->network, values, &training->pass.gradient);
    const size_t n = (size_t)n_rows * (size_t)(n_columns > 0 ? n_columns : 1);
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += (double)gradient[i] * gradient[i];
    }
    return json_object_set_new(norms->object, name, number(sqrt(sum))) == 0 ? 0 : -ENOMEM;
}

static json_t *sample_list(const struct training *training)
{
    json_t *list = json_array();
    for (int i = 0; i < training->rows; i++) {
        if (json_array_append_new(list, json_integer(training->indices[i])) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

int trace_write_step(FILE *out, const struct training *training, double loss)
{
    struct norms norms = {training, json_object()};
    int r = model_visit(&training->network, add_norm, &norms);
    json_t *line =
        json_pack("{s:I, s:o, s:o, s:o}", "step", (json_int_t)training->step, "loss", number(loss),
                  "gradient_norms", norms.object, "samples", sample_list(training));
    if (line == NULL) {
        r = -ENOMEM;
    }
    if (r == 0) {
        r = json_print_file(line, JSON_PRINT_COMPACT, out);
        fputc('\n', out);
    }
    json_decref(line);
    return r;
}

/* ---- an order of samples ---- */

static int read_indices(FILE *in, const char *path, int64_t n_needed, int32_t *indices,
                        struct error *error)
{
    for (int64_t i = 0; i < n_needed; i++) {
        const int got = fscanf(in, "%d", &indices[i]);
        if (got == 0) {
            return error_set(error, NULL, "%s: entry %lld is no number", path, (long long)i + 1);
        }
        if (got != 1) {
            return error_set(error, NULL,
                             "%s: %lld sample numbers, but max_steps times batch_size needs %lld",
                             path, (long long)i, (long long)n_needed);
        }
    }
    return 0;
}

int trace_read_order(const char *path, int64_t n_needed, int first, int n, int32_t **ret_indices,
                     struct error *error)
{
    int32_t *indices = malloc((size_t)n_needed * sizeof *indices);
    if (indices == NULL) {
        return -ENOMEM;
    }
    FILE *in = fopen(path, "re");
    int r = in != NULL ? read_indices(in, path, n_needed, indices, error)
                       : error_set(error, NULL, "%s: cannot be read: %s", path, strerror(errno));
    if (in != NULL) {
        fclose(in);
    }
    for (int64_t i = 0; i < n_needed && r == 0; i++) {
        if (indices[i] < first || indices[i] >= n) {
            r = error_set(error, NULL,
                          "%s: entry %lld is sample %d; those to train on are %d to %d", path,
                          (long long)i + 1, indices[i], first, n - 1);
        }
    }
    if (r != 0) {
        free(indices);
        return r;
    }
    *ret_indices = indices;
    return 0;
}
