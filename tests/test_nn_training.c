#include "tests/test.h"

#include "tests/nn_reference.h"
#include "tests/nn_toy_data.h"
#include "worker/nn/evaluation.h"
#include "worker/nn/training.h"

static struct trial_config config_of(enum optimizer optimizer, enum batch_norm bn)
{
    return (struct trial_config){
        .n_hidden = 2,
        .hidden_units = {16, 11},
        .activation = ACTIVATION_RELU,
        .batch_norm = bn,
        .batch_norm_output = bn != BATCH_NORM_NONE,
        .bn_momentum = 0.9,
        .bn_epsilon = 1e-3,
        .initializer = INITIALIZER_HE_NORMAL,
        .optimizer = optimizer,
        .learning_rate = 0.01,
        .beta1 = 0.9,
        .beta2 = 0.99,
        .epsilon = 1e-8,
        .momentum = 0.9,
        .batch_size = 32,
        .train_size = TOY_TRAIN - 50,
        .seed = 4,
    };
}

static void learns(struct training *training, const struct trial_config *config,
                   const struct kernels *kernels, const struct toy_data *toy, int steps)
{
    assert_int_equal(training_init(training, config, &toy->train, kernels), 0);
    for (int i = 0; i < steps; i++) {
        assert_true(isfinite(training_step(training, NULL)));
    }
}

static void every_optimizer_learns_the_toy_with_and_without_normalization(void **state)
{
    (void)state;
    static struct toy_data toy;

    toy_data_fill(&toy, 2, 40);
    for (enum optimizer o = 0; o < OPTIMIZER_COUNT; o++) {
        for (enum batch_norm bn = 0; bn < BATCH_NORM_COUNT; bn++) {
            struct trial_config config = config_of(o, bn);
            struct training training;
            struct evaluation evaluation;
            int correct;

            config.learning_rate = o == OPTIMIZER_SGD || o == OPTIMIZER_ADAGRAD ? 0.3 : 0.01;
            learns(&training, &config, kernels_best(), &toy, 120);
            assert_int_equal(
                evaluation_init(&evaluation, &training.network, &toy.test, kernels_best()), 0);
            assert_int_equal(evaluation_run(&evaluation, TOY_TEST, &correct), 0);
            assert_in_range(correct, TOY_TEST * 95 / 100, TOY_TEST);
            evaluation_free(&evaluation);
            training_free(&training);
        }
    }
}

static void check_all_zero(const float *vector, int n)
{
    for (int c = 0; c < n; c++) {
        assert_true(vector[c] == 0);
    }
}

/* C8: rmsprop and adam divide by the size of a gradient, and would follow round-off. */
static void no_optimizer_moves_what_has_no_gradient(void **state)
{
    (void)state;
    static struct toy_data toy;

    toy_data_fill(&toy, 2, 40);
    for (enum optimizer o = 0; o < OPTIMIZER_COUNT; o++) {
        struct trial_config after = config_of(o, BATCH_NORM_AFTER);
        struct trial_config linear = config_of(o, BATCH_NORM_AFTER);
        struct training training;

        learns(&training, &after, kernels_best(), &toy, 30);
        check_all_zero(training.network.layers[1].beta, after.hidden_units[1]);
        training_free(&training);
        linear.activation = ACTIVATION_LINEAR;
        learns(&training, &linear, kernels_best(), &toy, 30);
        for (int i = 0; i < 2; i++) {
            check_all_zero(training.network.layers[i].bias, linear.hidden_units[i]);
            check_all_zero(training.network.layers[i].beta, linear.hidden_units[i]);
        }
        assert_true(training.network.layers[2].beta[0] != 0);
        training_free(&training);
    }
}

static void same_seed_gives_the_same_bits_on_every_variant(void **state)
{
    (void)state;
    static struct toy_data toy;

    toy_data_fill(&toy, 2, 60);
    for (enum batch_norm bn = 0; bn < BATCH_NORM_COUNT; bn++) {
        struct trial_config config = config_of(OPTIMIZER_ADAM, bn);
        struct training first;

        learns(&first, &config, kernels_variant(0), &toy, 30);
        for (int v = 0; kernels_variant(v); v++) {
            struct training again;

            learns(&again, &config, kernels_variant(v), &toy, 30);
            assert_memory_equal(first.network.parameters.at, again.network.parameters.at,
                                first.network.parameters.n * sizeof(float));
            training_free(&again);
        }
        config.seed++;
        struct training other;
        learns(&other, &config, kernels_variant(0), &toy, 30);
        assert_memory_not_equal(first.network.parameters.at, other.network.parameters.at,
                                first.network.parameters.n * sizeof(float));
        training_free(&other);
        training_free(&first);
    }
}

static void evaluating_and_measuring_layers_changes_nothing(void **state)
{
    (void)state;
    static struct toy_data toy;
    struct trial_config config = config_of(OPTIMIZER_ADAM, BATCH_NORM_BEFORE);
    struct layer_stat stats[3];
    struct training plain, watched;
    struct evaluation evaluation;
    int correct;

    toy_data_fill(&toy, 2, 60);
    learns(&plain, &config, kernels_best(), &toy, 10);
    assert_int_equal(training_init(&watched, &config, &toy.train, kernels_best()), 0);
    assert_int_equal(evaluation_init(&evaluation, &watched.network, &toy.test, kernels_best()), 0);
    for (int i = 0; i < 10; i++) {
        training_step(&watched, stats);
        assert_int_equal(evaluation_run(&evaluation, 5 * i, &correct), 0);
        for (int l = 0; l < 3; l++) {
            assert_int_equal(stats[l].step, i + 1);
            assert_int_equal(stats[l].layer, l);
            assert_true(stats[l].gradient_rms > 0);
            assert_true(stats[l].weight_rms > 0);
            assert_true(stats[l].preactivation_std > 0);
            /* Adam moves a weight by about its rate. */
            assert_in_range(stats[l].update_ratio * stats[l].weight_rms * 1e6, 300, 30000);
        }
    }
    assert_memory_equal(plain.network.parameters.at, watched.network.parameters.at,
                        plain.network.parameters.n * sizeof(float));
    assert_memory_equal(plain.network.moving.at, watched.network.moving.at,
                        plain.network.moving.n * sizeof(float));
    evaluation_free(&evaluation);
    training_free(&watched);
    training_free(&plain);
}

/* The first of the training file are the article's validation set. */
static void only_the_last_train_size_samples_are_seen(void **state)
{
    (void)state;
    static struct toy_data toy;
    struct trial_config config = config_of(OPTIMIZER_ADAM, BATCH_NORM_NONE);
    struct training before, after;

    toy_data_fill(&toy, 2, 60);
    learns(&before, &config, kernels_best(), &toy, 20);
    memset(toy.images, 255, 50 * TOY_PIXELS);
    learns(&after, &config, kernels_best(), &toy, 20);
    assert_memory_equal(before.network.parameters.at, after.network.parameters.at,
                        before.network.parameters.n * sizeof(float));
    training_free(&after);
    memset(toy.images, 255, 51 * TOY_PIXELS);
    learns(&after, &config, kernels_best(), &toy, 20);
    assert_memory_not_equal(before.network.parameters.at, after.network.parameters.at,
                            before.network.parameters.n * sizeof(float));
    training_free(&after);
    training_free(&before);
}

static void a_loss_that_is_not_finite_leaves_the_parameters_alone(void **state)
{
    (void)state;
    static struct toy_data toy;
    struct trial_config config = config_of(OPTIMIZER_ADAM, BATCH_NORM_NONE);
    struct training training;

    toy_data_fill(&toy, 2, 60);
    learns(&training, &config, kernels_best(), &toy, 1);
    training.network.layers[1].bias[0] = NAN;
    float *w = training.network.layers[0].weights, before = w[0];
    assert_false(isfinite(training_step(&training, NULL)));
    assert_true(w[0] == before);
    assert_int_equal(training.step, 2);
    training_free(&training);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_optimizer_learns_the_toy_with_and_without_normalization),
        cmocka_unit_test(no_optimizer_moves_what_has_no_gradient),
        cmocka_unit_test(same_seed_gives_the_same_bits_on_every_variant),
        cmocka_unit_test(evaluating_and_measuring_layers_changes_nothing),
        cmocka_unit_test(only_the_last_train_size_samples_are_seen),
        cmocka_unit_test(a_loss_that_is_not_finite_leaves_the_parameters_alone),
    };
    return cmocka_run_group_tests(tests, init_blas, NULL);
}
