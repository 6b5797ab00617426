/*
 * Accuracy on the test set, and the cheap question asked after every step: has the target been
 * reached? Samples that are likely errors go first (hardness.h), and the answer "no" is certain as
 * soon as more errors have been counted than the target allows. Exact: "yes" needs all samples, and
 * then the accuracy is known as well.
 */
#pragma once

#include "worker/nn/hardness.h"
#include "worker/nn/inference.h"
#include "worker/nn/samples.h"

/* A logit was NaN or infinite: the network has diverged. */
#define EVALUATION_DIVERGED 1

struct evaluation {
    struct samples samples;
    struct inference inference;
    struct hardness hardness;
    struct input input; /* one chunk of images */
    int n_last;         /* samples that the last call looked at */
};

/* The network must outlive it. 0 or -ENOMEM; free with evaluation_free. */
int evaluation_init(struct evaluation *evaluation, const struct network *network,
                    const struct samples *samples, const struct kernels *kernels);
void evaluation_free(struct evaluation *evaluation);

/* Counts correct samples until more than `errors_allowed` are wrong (all samples' number: never).
 * *ret_correct is the count over all samples, or -1 when it stopped before the end, so the
 * accuracy is too low. A sample is correct if its label has the largest logit, the first of
 * several equal ones. 0 or EVALUATION_DIVERGED. */
int evaluation_run(struct evaluation *evaluation, int errors_allowed, int *ret_correct);

/* The fewest correct samples of n with accuracy >= target: the smallest c for which c / n, in
 * double precision, is not below target. So 0.9 of 10000 is 9000. */
int evaluation_needed(double target, int n);
