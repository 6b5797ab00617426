/*
 * Guesses which samples a network gets wrong, from what it said of each when last seen, so that a
 * count of errors soon sees enough of them. Only time depends on how good the guess is.
 *
 * Most of how logits change from step to step is common to the samples of a label (50 to 90 % of
 * the variance of margins, on MNIST). So a few samples of each label are looked at every time, the
 * probes; the others of their label are taken to have moved as their mean did. The longer ago a
 * sample was seen, the less is known of it, and the nearer its margin is taken to be to 0.
 */
#pragma once

#include "worker/nn/samples.h"

struct hardness {
    struct samples samples;
    int32_t round;        /* of evaluations */
    int32_t *label_start; /* classes + 1 places; samples have places by their labels */
    int32_t *sample;      /* at a place */
    int32_t *place;       /* of a sample */
    int32_t *probes;      /* samples */
    int n_probes;
    float *mean;           /* label x class: the probes' logits in this round */
    float *offset;         /* class x place: logits less those means, when last seen */
    int32_t *seen;         /* by place: the last round that saw it */
    float *margin;         /* by place: guessed for this round */
    int32_t *order, *next; /* samples, hardest first; scratch of the sort */
};

/* 0 or -ENOMEM; free with hardness_free. */
int hardness_init(struct hardness *hardness, const struct samples *samples);
void hardness_free(struct hardness *hardness);

/* Begins a round with the logits[n_probes x classes] of the probes, which are finite. */
void hardness_begin(struct hardness *hardness, const float *logits);

/* All samples but the probes, likely errors first; valid until the next round. */
const int32_t *hardness_order(struct hardness *hardness);

/* Takes in the logits[n x classes] of these samples, which are finite. */
void hardness_see(struct hardness *hardness, const int32_t *indices, int n, const float *logits);
