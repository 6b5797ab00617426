#include "worker/nn/hardness.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PROBES = 5 }; /* of a label */

/* ---- places and probes ---- */

static void sort_by_label(struct hardness *hardness)
{
    const struct samples *samples = &hardness->samples;
    int32_t *start = hardness->label_start, sum = 0;

    /* start[l + 1] counts, then says where l is filled next, and at last where it ends. */
    for (int i = 0; i < samples->n; i++) {
        start[samples->labels[i] + 1]++;
    }
    for (int l = 0; l < samples->classes; l++) {
        int32_t count = start[l + 1];
        start[l + 1] = sum;
        sum += count;
    }
    for (int i = 0; i < samples->n; i++) {
        hardness->place[i] = start[samples->labels[i] + 1]++;
        hardness->sample[hardness->place[i]] = i;
    }
}

static int label_probes(const struct hardness *hardness, int label)
{
    int n = hardness->label_start[label + 1] - hardness->label_start[label];
    return n < PROBES ? n : PROBES;
}

static void choose_probes(struct hardness *hardness)
{
    for (int l = 0; l < hardness->samples.classes; l++) {
        const int32_t *samples = hardness->sample + hardness->label_start[l];

        for (int k = 0; k < label_probes(hardness, l); k++) {
            hardness->probes[hardness->n_probes++] = samples[k];
        }
    }
}

int hardness_init(struct hardness *hardness, const struct samples *samples)
{
    size_t n = (size_t)samples->n, classes = (size_t)samples->classes;

    *hardness = (struct hardness){.samples = *samples};
    hardness->label_start = calloc(classes + 1, sizeof(int32_t));
    hardness->sample = malloc(n * sizeof(int32_t));
    hardness->place = malloc(n * sizeof(int32_t));
    hardness->seen = calloc(n, sizeof(int32_t));
    hardness->probes = malloc(PROBES * classes * sizeof(int32_t));
    hardness->mean = calloc(classes * classes, sizeof(float));
    hardness->offset = calloc(classes * n, sizeof(float));
    hardness->margin = malloc(n * sizeof(float));
    hardness->order = malloc(n * sizeof(int32_t));
    hardness->next = malloc(n * sizeof(int32_t));
    if (!hardness->label_start || !hardness->sample || !hardness->place || !hardness->seen ||
        !hardness->probes || !hardness->mean || !hardness->offset || !hardness->margin ||
        !hardness->order || !hardness->next) {
        hardness_free(hardness);
        return -ENOMEM;
    }
    sort_by_label(hardness);
    choose_probes(hardness);
    return 0;
}

void hardness_free(struct hardness *hardness)
{
    void *all[] = {hardness->label_start, hardness->sample, hardness->place,  hardness->seen,
                   hardness->probes,      hardness->mean,   hardness->offset, hardness->margin,
                   hardness->order,       hardness->next};

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        free(all[i]);
    }
    *hardness = (struct hardness){0};
}

/* ---- what was seen ---- */

void hardness_begin(struct hardness *hardness, const float *logits)
{
    int classes = hardness->samples.classes;
    const float *row = logits;

    hardness->round++;
    for (int l = 0; l < classes; l++) {
        float *mean = hardness->mean + l * classes;
        int n = label_probes(hardness, l);

        memset(mean, 0, (size_t)classes * sizeof(*mean));
        for (int k = 0; k < n; k++, row += classes) {
            for (int c = 0; c < classes; c++) {
                mean[c] += row[c] / (float)n;
            }
        }
    }
    hardness_see(hardness, hardness->probes, hardness->n_probes, logits);
}

void hardness_see(struct hardness *hardness, const int32_t *indices, int n, const float *logits)
{
    const struct samples *samples = &hardness->samples;

    for (int i = 0; i < n; i++, logits += samples->classes) {
        const float *mean = hardness->mean + samples->labels[indices[i]] * samples->classes;
        float *offset = hardness->offset + hardness->place[indices[i]];

        hardness->seen[hardness->place[indices[i]]] = hardness->round;
        for (int c = 0; c < samples->classes; c++, offset += samples->n) {
            *offset = logits[c] - mean[c];
        }
    }
}

/* ---- hardest first ---- */

static void lower_margins(int n, const float *own, const float *other, float lead,
                          float *restrict margin)
{
    for (int p = 0; p < n; p++) {
        float m = own[p] - other[p] + lead;
        margin[p] = m < margin[p] ? m : margin[p];
    }
}

/* The margins of a label's samples but its probes: the logit of the label less the largest other
 * one, as they were when last seen and moved as the probes' have. */
static void guess_margins(struct hardness *hardness, int label)
{
    int classes = hardness->samples.classes;
    int first = hardness->label_start[label] + label_probes(hardness, label);
    int n = hardness->label_start[label + 1] - first;
    const float *mean = hardness->mean + label * classes, *offset = hardness->offset + first;
    float *margin = hardness->margin + first;
    size_t stride = (size_t)hardness->samples.n;

    for (int p = 0; p < n; p++) {
        margin[p] = INFINITY;
    }
    for (int c = 0; c < classes; c++) {
        if (c != label) {
            lower_margins(n, offset + (size_t)label * stride, offset + (size_t)c * stride,
                          mean[label] - mean[c], margin);
        }
    }
    for (int p = 0; p < n; p++) {
        margin[p] /= sqrtf((float)(hardness->round - hardness->seen[first + p]));
    }
}

/* The upper half of a float, mapped so that it orders as the float does. */
static uint32_t sort_key(float margin)
{
    uint32_t bits;

    memcpy(&bits, &margin, sizeof(bits));
    bits = bits & 0x80000000u ? ~bits : bits | 0x80000000u;
    return bits >> 16;
}

/* One pass of a radix sort: n places in `from` by one byte of their margins. */
static void sort_by_byte(const float *margin, int n, int shift, const int32_t *from, int32_t *to)
{
    int32_t start[256] = {0}, sum = 0;

    for (int i = 0; i < n; i++) {
        start[sort_key(margin[from[i]]) >> shift & 255]++;
    }
    for (int b = 0; b < 256; b++) {
        int32_t count = start[b];
        start[b] = sum;
        sum += count;
    }
    for (int i = 0; i < n; i++) {
        to[start[sort_key(margin[from[i]]) >> shift & 255]++] = from[i];
    }
}

const int32_t *hardness_order(struct hardness *hardness)
{
    int n = 0;

    for (int l = 0; l < hardness->samples.classes; l++) {
        guess_margins(hardness, l);
        for (int32_t p = hardness->label_start[l] + label_probes(hardness, l);
             p < hardness->label_start[l + 1]; p++) {
            hardness->order[n++] = p;
        }
    }
    sort_by_byte(hardness->margin, n, 0, hardness->order, hardness->next);
    sort_by_byte(hardness->margin, n, 8, hardness->next, hardness->order);
    for (int i = 0; i < n; i++) {
        hardness->order[i] = hardness->sample[hardness->order[i]];
    }
    return hardness->order;
}
