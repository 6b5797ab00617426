#include "tests/test.h"

#include "tests/nn_reference.h"
#include "tests/nn_toy_data.h"
#include "worker/nn/evaluation.h"
#include "worker/nn/training.h"

static struct trial_config config_at(int i)
{
    return (struct trial_config){
        .n_hidden = 1 + i % 3,
        .hidden_units = {12, 9, 7},
        .activation = (enum activation)(i % ACTIVATION_COUNT),
        .batch_norm = (enum batch_norm)(i / 3 % BATCH_NORM_COUNT),
        .batch_norm_output = i / 3 % BATCH_NORM_COUNT != 0 && i % 2,
        .bn_momentum = 0.9,
        .bn_epsilon = 1e-3,
        .initializer = INITIALIZER_HE_NORMAL,
        .optimizer = OPTIMIZER_ADAM,
        .learning_rate = 0.01,
        .beta1 = 0.9,
        .beta2 = 0.999,
        .epsilon = 1e-8,
        .batch_size = 40,
        .train_size = TOY_TRAIN,
        .target_accuracy = 0.75 + 0.04 * (i % 6),
        .max_steps = 60,
        .seed = (uint64_t)i,
    };
}

/* Accuracy by the reference network and a plain argmax. */
static int count_correct(const struct network *network, const struct samples *samples)
{
    float *x = malloc(sizeof(float) * (size_t)samples->n * (size_t)samples->pixels);
    int correct = 0;

    for (int i = 0; i < samples->n * samples->pixels; i++) {
        x[i] = samples->images[i] * (1.0f / 255.0f);
    }
    double *logits = reference_logits(network, NULL, true, samples->n, x);
    for (int i = 0; i < samples->n; i++) {
        int best = 0;
        for (int c = 1; c < samples->classes; c++) {
            if (logits[i * samples->classes + c] > logits[i * samples->classes + best]) {
                best = c;
            }
        }
        correct += best == samples->labels[i];
    }
    free(logits);
    free(x);
    return correct;
}

/* Trains one configuration; after every step the early exit must say what full evaluation says.
 * Returns whether the target was reached; adds up what the early exit looked at. */
static bool check_every_step(const struct trial_config *config, const struct toy_data *toy,
                             int64_t *seen, int64_t *asked)
{
    const struct kernels *kernels = kernels_best();
    struct training training;
    struct evaluation early, full;
    bool reached = false;
    int n = toy->test.n, needed = evaluation_needed(config->target_accuracy, n);

    assert_int_equal(training_init(&training, config, &toy->train, kernels), 0);
    assert_int_equal(evaluation_init(&early, &training.network, &toy->test, kernels), 0);
    assert_int_equal(evaluation_init(&full, &training.network, &toy->test, kernels), 0);
    for (int step = 0; step < config->max_steps; step++) {
        int correct, all;

        assert_true(isfinite(training_step(&training, NULL)));
        assert_int_equal(evaluation_run(&early, n - needed, &correct), 0);
        assert_int_equal(evaluation_run(&full, n, &all), 0);
        *seen += early.n_last;
        *asked += n;

        assert_int_equal(correct >= needed, all >= needed);
        if (correct >= 0) { /* it went to the end */
            assert_int_equal(correct, all);
        }
        reached |= all >= needed;
        if (step % 20 == 0) {
            assert_int_equal(all, count_correct(&training.network, &toy->test));
        }
    }
    evaluation_free(&early);
    evaluation_free(&full);
    training_free(&training);
    return reached;
}

static void early_exit_decides_as_full_evaluation_after_every_step(void **state)
{
    (void)state;
    enum { N_CONFIGS = 54 };
    static struct toy_data toy;
    int64_t seen = 0, asked = 0;
    int n_reached = 0;

    for (int i = 0; i < N_CONFIGS; i++) {
        struct trial_config config = config_at(i);
        toy_data_fill(&toy, (uint64_t)i / 9, 110);
        n_reached += check_every_step(&config, &toy, &seen, &asked);
    }
    /* Both answers must have been put to the test, and exits must have been early. */
    assert_in_range(n_reached, N_CONFIGS / 5, N_CONFIGS - 5);
    assert_true(seen < asked * 9 / 10);
}

static void needed_is_robust_against_rounding(void **state)
{
    (void)state;
    assert_int_equal(evaluation_needed(0.9, 10000), 9000);
    assert_int_equal(evaluation_needed(0.90004, 10000), 9001);
    assert_int_equal(evaluation_needed(0, 10000), 0);
    assert_int_equal(evaluation_needed(1, 10000), 10000);
    for (int n = 1; n < 400; n++) {
        for (int c = 0; c <= n; c++) {
            assert_int_equal(evaluation_needed((double)c / n, n), c);
        }
    }
    for (int c = 0; c <= 10000; c++) { /* and as decimals, which are seldom exact */
        char text[16];
        snprintf(text, sizeof(text), "0.%04d", c);
        if (c < 10000) {
            assert_int_equal(evaluation_needed(strtod(text, NULL), 10000), c);
        }
    }
}

/* A network whose logits are all equal: the first class wins, as with argmax elsewhere. */
static void ties_go_to_the_first_class(void **state)
{
    (void)state;
    static struct toy_data toy;
    struct trial_config config = config_at(0);
    struct network network;
    struct evaluation evaluation;
    int correct, zeros = 0;

    toy_data_fill(&toy, 1, 50);
    assert_int_equal(network_init(&network, &config, TOY_PIXELS, TOY_CLASSES), 0);
    assert_int_equal(evaluation_init(&evaluation, &network, &toy.test, kernels_best()), 0);
    assert_int_equal(evaluation_run(&evaluation, TOY_TEST, &correct), 0);
    for (int i = 0; i < TOY_TEST; i++) {
        zeros += toy.test.labels[i] == 0;
    }
    assert_int_equal(correct, zeros);
    evaluation_free(&evaluation);
    network_free(&network);
}

static void an_output_that_is_not_finite_is_divergence(void **state)
{
    (void)state;
    static const float bad[] = {NAN, INFINITY, -INFINITY};
    static struct toy_data toy;
    struct trial_config config = config_at(0);
    struct network network;
    struct evaluation evaluation;
    int correct = 77;

    toy_data_fill(&toy, 1, 50);
    assert_int_equal(network_init(&network, &config, TOY_PIXELS, TOY_CLASSES), 0);
    assert_int_equal(evaluation_init(&evaluation, &network, &toy.test, kernels_best()), 0);
    for (int i = 0; i < 3; i++) {
        network.layers[network.n_layers - 1].bias[3] = bad[i];
        assert_int_equal(evaluation_run(&evaluation, TOY_TEST, &correct), EVALUATION_DIVERGED);
        assert_int_equal(correct, 77);
    }
    evaluation_free(&evaluation);
    network_free(&network);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(early_exit_decides_as_full_evaluation_after_every_step),
        cmocka_unit_test(needed_is_robust_against_rounding),
        cmocka_unit_test(ties_go_to_the_first_class),
        cmocka_unit_test(an_output_that_is_not_finite_is_divergence),
    };
    return cmocka_run_group_tests(tests, init_blas, NULL);
}
