#include "tests/test.h"

#include "common/rng.h"
#include "worker/nn/hardness.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

enum { N = 200, CLASSES = 4 };

/* Labels 0, 1 and 3 only, and of 3 but two samples. */
static struct samples make_samples(void)
{
    static uint8_t labels[N];

    for (int i = 0; i < N; i++) {
        labels[i] = (uint8_t)(i % 2);
    }
    labels[50] = labels[120] = 3;
    return (struct samples){NULL, labels, N, 1, CLASSES};
}

static void fill(struct rng *rng, int n, float *logits)
{
    for (int i = 0; i < n * CLASSES; i++) {
        logits[i] = (float)rng_normal(rng);
    }
}

/* What the guesses rest on, kept plainly. */
struct reference {
    float logits[N][CLASSES], mean[N][CLASSES]; /* of the sample, and its probes, when last seen */
    int seen[N];
    float now[CLASSES][CLASSES]; /* means of the probes */
};

static void reference_see(struct reference *reference, const struct hardness *hardness, int sample,
                          const float *logits)
{
    memcpy(reference->logits[sample], logits, sizeof(reference->logits[sample]));
    memcpy(reference->mean[sample], reference->now[hardness->samples.labels[sample]],
           sizeof(reference->mean[sample]));
    reference->seen[sample] = hardness->round;
}

static void reference_begin(struct reference *reference, const struct hardness *hardness,
                            const float *logits)
{
    int count[CLASSES] = {0};

    memset(reference->now, 0, sizeof(reference->now));
    for (int k = 0; k < hardness->n_probes; k++) {
        int label = hardness->samples.labels[hardness->probes[k]];

        count[label]++;
        for (int c = 0; c < CLASSES; c++) {
            reference->now[label][c] += logits[k * CLASSES + c];
        }
    }
    for (int l = 0; l < CLASSES; l++) {
        for (int c = 0; c < CLASSES && count[l] > 0; c++) {
            reference->now[l][c] /= (float)count[l];
        }
    }
    for (int k = 0; k < hardness->n_probes; k++) {
        reference_see(reference, hardness, hardness->probes[k], logits + k * CLASSES);
    }
}

static double reference_margin(const struct reference *reference, const struct hardness *hardness,
                               int sample)
{
    int label = hardness->samples.labels[sample];
    double own = 0, best = -INFINITY;

    for (int c = 0; c < CLASSES; c++) {
        double guess = (double)reference->logits[sample][c] - reference->mean[sample][c] +
                       reference->now[label][c];
        if (c == label) {
            own = guess;
        } else if (guess > best) {
            best = guess;
        }
    }
    return (own - best) / sqrt(hardness->round - reference->seen[sample]);
}

/* All samples are in it once but the probes, in the order of their guessed margins. */
static void check_order(const struct hardness *hardness, const struct reference *reference,
                        const int32_t *order)
{
    bool is_there[N] = {false};
    double last = -INFINITY;

    for (int k = 0; k < hardness->n_probes; k++) {
        is_there[hardness->probes[k]] = true;
    }
    for (int i = 0; i < N - hardness->n_probes; i++) {
        double margin = reference_margin(reference, hardness, order[i]);

        assert_in_range(order[i], 0, N - 1);
        assert_false(is_there[order[i]]);
        is_there[order[i]] = true;
        assert_true(margin >= last - 0.01 * fabs(last) - 1e-5); /* sorted by half of a float */
        last = margin;
    }
}

static void order_is_that_of_margins_moved_as_the_probes_have(void **state)
{
    (void)state;
    static struct reference reference;
    struct samples samples = make_samples();
    struct hardness hardness;
    struct rng rng;

    rng_init(&rng, 4, RNG_SYNTH, 0);
    memset(&reference, 0, sizeof(reference));
    assert_int_equal(hardness_init(&hardness, &samples), 0);
    for (int round = 0; round < 30; round++) {
        float logits[N * CLASSES];

        fill(&rng, hardness.n_probes, logits);
        hardness_begin(&hardness, logits);
        reference_begin(&reference, &hardness, logits);
        const int32_t *order = hardness_order(&hardness);
        check_order(&hardness, &reference, order);

        int n = (int)rng_below(&rng, N / 2);
        fill(&rng, n, logits);
        hardness_see(&hardness, order, n, logits);
        for (int i = 0; i < n; i++) {
            reference_see(&reference, &hardness, order[i], logits + i * CLASSES);
        }
    }
    hardness_free(&hardness);
}

static void a_label_whose_probes_get_worse_goes_first(void **state)
{
    (void)state;
    struct samples samples = make_samples();
    struct hardness hardness;
    float logits[N * CLASSES] = {0};
    int32_t all[N];

    assert_int_equal(hardness_init(&hardness, &samples), 0);
    for (int i = 0; i < N; i++) { /* everything is right, label 1 by far */
        all[i] = i;
        logits[i * CLASSES + samples.labels[i]] = samples.labels[i] == 1 ? 5 : 1;
    }
    float probe_logits[N * CLASSES];
    for (int worse = 0; worse < 2; worse++) {
        for (int k = 0; k < hardness.n_probes; k++) {
            float *row = probe_logits + k * CLASSES;

            memcpy(row, logits + hardness.probes[k] * CLASSES, CLASSES * sizeof(float));
            row[1] -= worse && samples.labels[hardness.probes[k]] == 1 ? 9 : 0;
        }
        hardness_begin(&hardness, probe_logits);
        const int32_t *order = hardness_order(&hardness);
        if (worse) {
            for (int i = 0; i < 90; i++) {
                assert_int_equal(samples.labels[order[i]], 1);
            }
        }
        hardness_see(&hardness, all, N, logits);
    }
    hardness_free(&hardness);
}

static void every_label_has_its_probes(void **state)
{
    (void)state;
    struct samples samples = make_samples();
    struct hardness hardness;
    int count[CLASSES] = {0};

    assert_int_equal(hardness_init(&hardness, &samples), 0);
    for (int k = 0; k < hardness.n_probes; k++) {
        count[samples.labels[hardness.probes[k]]]++;
    }
    assert_true(count[0] > 2 && count[0] == count[1]);
    assert_int_equal(count[2], 0);
    assert_int_equal(count[3], 2);
    hardness_free(&hardness);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order_is_that_of_margins_moved_as_the_probes_have),
        cmocka_unit_test(a_label_whose_probes_get_worse_goes_first),
        cmocka_unit_test(every_label_has_its_probes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
