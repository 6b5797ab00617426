#include "worker/nn/evaluation.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK = 512, CHUNK_LEAST = 96 };

int evaluation_init(struct evaluation *evaluation, const struct network *network,
                    const struct samples *samples, const struct kernels *kernels)
{
    size_t n = (size_t)samples->n;
    int r;

    *evaluation = (struct evaluation){.samples = *samples, .kernels = kernels};
    evaluation->order = malloc(n * sizeof(int32_t));
    evaluation->other = malloc(n * sizeof(int32_t));
    evaluation->margin = calloc(n, sizeof(float));
    if (!evaluation->order || !evaluation->other || !evaluation->margin) {
        r = -ENOMEM;
        goto out;
    }
    for (int i = 0; i < samples->n; i++) {
        evaluation->order[i] = i;
    }
    r = input_init(&evaluation->input, kernels, samples, CHUNK, network->layers[0].n_out, false);
    if (r < 0) {
        goto out;
    }
    r = inference_init(&evaluation->inference, network, kernels, CHUNK);
out:
    if (r < 0) {
        evaluation_free(evaluation);
    }
    return r;
}

void evaluation_free(struct evaluation *evaluation)
{
    free(evaluation->order);
    free(evaluation->other);
    free(evaluation->margin);
    input_free(&evaluation->input);
    inference_free(&evaluation->inference);
    *evaluation = (struct evaluation){0};
}

/* ---- hardest first ---- */

/* The upper half of a float, mapped so that it orders as the float does. */
static uint32_t sort_key(float margin)
{
    uint32_t bits;

    memcpy(&bits, &margin, sizeof(bits));
    bits = bits & 0x80000000u ? ~bits : bits | 0x80000000u;
    return bits >> 16;
}

static void sort_by_byte(struct evaluation *evaluation, int shift)
{
    const float *margin = evaluation->margin;
    int32_t *from = evaluation->order, *to = evaluation->other, start[256] = {0};
    int n = evaluation->samples.n, sum = 0;

    for (int i = 0; i < n; i++) {
        start[sort_key(margin[i]) >> shift & 255]++;
    }
    for (int b = 0; b < 256; b++) {
        int count = start[b];
        start[b] = sum;
        sum += count;
    }
    for (int i = 0; i < n; i++) {
        to[start[sort_key(margin[from[i]]) >> shift & 255]++] = from[i];
    }
    evaluation->order = to;
    evaluation->other = from;
}

/* A radix sort of two bytes: stable, linear, no comparison. */
static void sort_by_margin(struct evaluation *evaluation)
{
    sort_by_byte(evaluation, 0);
    sort_by_byte(evaluation, 8);
}

/* ---- counting ---- */

/* The margin of one sample; *wrong as evaluation_run says. NaN if a logit is not finite. */
static float margin_of(const float *logits, int classes, int label, int *ret_wrong)
{
    float own = logits[label], best = -INFINITY, check = 0;
    int wrong = 0;

    for (int c = 0; c < classes; c++) {
        check += logits[c] - logits[c]; /* 0 for finite logits, else NaN */
        if (c != label) {
            wrong |= c < label ? logits[c] >= own : logits[c] > own;
            best = logits[c] > best ? logits[c] : best;
        }
    }
    *ret_wrong = wrong;
    return own - best + check;
}

/* The errors among `n` samples, or -1 if a logit is not finite. */
static int count_errors(struct evaluation *evaluation, const int32_t *indices, int n)
{
    const struct samples *samples = &evaluation->samples;
    int errors = 0;

    input_gather(&evaluation->input, samples, indices, n);
    const float *logits = inference_run(&evaluation->inference, &evaluation->input);

    for (int i = 0; i < n; i++) {
        int wrong;
        float margin = margin_of(logits + (size_t)i * (size_t)samples->classes, samples->classes,
                                 samples->labels[indices[i]], &wrong);
        if (isnan(margin)) {
            return -1;
        }
        evaluation->margin[indices[i]] = margin;
        errors += wrong;
    }
    return errors;
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
    int n = evaluation->samples.n, seen = 0, errors = 0;

    sort_by_margin(evaluation);
    inference_refresh(&evaluation->inference, &evaluation->input);
    while (seen < n && errors <= errors_allowed) {
        int chunk = chunk_size(errors_allowed + 1 - errors, n - seen);
        int wrong = count_errors(evaluation, evaluation->order + seen, chunk);

        if (wrong < 0) {
            return EVALUATION_DIVERGED;
        }
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
