#include "worker/nn/evaluation.h"

#include <errno.h>
#include <math.h>

enum { CHUNK = 512, CHUNK_LEAST = 96 };

int evaluation_init(struct evaluation *evaluation, const struct network *network,
                    const struct samples *samples, const struct kernels *kernels)
{
    int r;

    *evaluation = (struct evaluation){.samples = *samples};
    r = hardness_init(&evaluation->hardness, samples);
    if (r < 0) {
        goto out;
    }
    int rows = evaluation->hardness.n_probes;
    rows = rows > CHUNK ? rows : CHUNK;
    r = input_init(&evaluation->input, kernels, samples, rows, network->layers[0].n_out, false);
    if (r < 0) {
        goto out;
    }
    r = inference_init(&evaluation->inference, network, kernels, rows);
out:
    if (r < 0) {
        evaluation_free(evaluation);
    }
    return r;
}

void evaluation_free(struct evaluation *evaluation)
{
    hardness_free(&evaluation->hardness);
    input_free(&evaluation->input);
    inference_free(&evaluation->inference);
    *evaluation = (struct evaluation){0};
}

/* The errors among n rows of logits, or -1 if a logit is not finite. */
static int count_rows(const struct samples *samples, const int32_t *indices, int n,
                      const float *logits)
{
    float check = 0;
    int errors = 0;

    for (int i = 0; i < n; i++, logits += samples->classes) {
        int label = samples->labels[indices[i]], wrong = 0;

        for (int c = 0; c < samples->classes; c++) {
            check += logits[c] - logits[c]; /* 0 for finite logits, else NaN */
            wrong |= c < label ? logits[c] >= logits[label] : logits[c] > logits[label];
        }
        errors += wrong;
    }
    return isnan(check) ? -1 : errors;
}

/* The logits of some samples, and the errors among them or -1. */
static int count_errors(struct evaluation *evaluation, const int32_t *indices, int n,
                        const float **ret_logits)
{
    input_gather(&evaluation->input, &evaluation->samples, indices, n);
    *ret_logits = inference_run(&evaluation->inference, &evaluation->input);
    return count_rows(&evaluation->samples, indices, n, *ret_logits);
}

/* Never more samples than errors are missing, as each gives at most one; but not so few that a
 * matrix product gets slow. */
static int chunk_size(int errors_missing, int samples_left)
{
    int n = errors_missing < CHUNK ? errors_missing : CHUNK;

    n = n > CHUNK_LEAST ? n : CHUNK_LEAST;
    return n < samples_left ? n : samples_left;
}

int evaluation_run(struct evaluation *evaluation, int errors_allowed, int *ret_correct)
{
    struct hardness *hardness = &evaluation->hardness;
    int n = evaluation->samples.n, seen = hardness->n_probes;
    const float *logits;

    inference_refresh(&evaluation->inference, &evaluation->input);
    int errors = count_errors(evaluation, hardness->probes, seen, &logits);
    if (errors < 0) {
        return EVALUATION_DIVERGED;
    }
    hardness_begin(hardness, logits);
    const int32_t *order = hardness_order(hardness) - seen;

    while (seen < n && errors <= errors_allowed) {
        int chunk = chunk_size(errors_allowed + 1 - errors, n - seen);
        int wrong = count_errors(evaluation, order + seen, chunk, &logits);

        if (wrong < 0) {
            return EVALUATION_DIVERGED;
        }
        hardness_see(hardness, order + seen, chunk, logits);
        errors += wrong;
        seen += chunk;
    }
    evaluation->n_last = seen;
    *ret_correct = seen == n ? n - errors : -1;
    return 0;
}

int evaluation_needed(double target, int n)
{
    int needed = (int)(target * n);

    while (needed > 0 && (double)(needed - 1) / n >= target) {
        needed--;
    }
    while (needed < n && (double)needed / n < target) {
        needed++;
    }
    return needed;
}
