#include "worker/trainer/trial_files.h"

#include "worker/trainer/trace.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

static int follow_order(const char *path, struct training *training,
                        const struct trial_config *config, struct error *error)
{
    const int64_t n_needed = (int64_t)config->max_steps * config->batch_size;
    if (n_needed > INT_MAX) {
        return error_set(error, NULL,
                         "%s: max_steps times batch_size is %lld; an order of samples "
                         "has at most %d",
                         path, (long long)n_needed, INT_MAX);
    }
    const int n = training->samples.n;
    int32_t *indices;
    int r = trace_read_order(path, n_needed, n - config->train_size, n, &indices, error);
    if (r == -ENOMEM) {
        return error_set(error, NULL, "%s: not enough memory to read it", path);
    }
    if (r == 0) {
        sample_order_replace(&training->order, indices, (int)n_needed);
    }
    return r;
}

static int trace_error(const struct trial_files *files, int code, struct error *error)
{
    return error_set(error, NULL, "%s: the trace cannot be written: %s", files->trace,
                     strerror(code));
}

int trial_files_begin(struct trial_files *files, struct training *training,
                      const struct trial_config *config, struct error *error)
{
    int r = 0;
    if (files->load != NULL) {
        r = model_load(files->load, &training->network, error);
    }
    if (r == 0 && files->order != NULL) {
        r = follow_order(files->order, training, config, error);
    }
    if (r == 0 && files->save != NULL) {
        r = output_file_check(files->save, error);
    }
    if (r == 0 && files->trace != NULL) {
        r = output_file_open(files->trace, OUTPUT_LINES, &files->trace_out, error);
    }
    return r;
}

int trial_files_step(struct trial_files *files, const struct training *training, double loss,
                     struct error *error)
{
    FILE *out = files->trace_out.stream;
    if (out == NULL) {
        return 0;
    }
    const int r = trace_write_step(out, training, loss);
    if (r != 0 || fflush(out) != 0) {
        return trace_error(files, r != 0 ? -r : errno, error);
    }
    return 0;
}

int trial_files_save(struct trial_files *files, const struct training *training,
                     const struct trial_config *config, const struct model_facts *facts,
                     struct error *error)
{
    return files->save != NULL ? model_save(files->save, &training->network, config, facts, error)
                               : 0;
}

void trial_files_end(struct trial_files *files)
{
    if (files->trace_out.stream != NULL) {
        output_file_commit(&files->trace_out); /* each line was flushed, and its failure told */
    }
}
