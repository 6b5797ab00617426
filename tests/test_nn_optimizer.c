#include "tests/test.h"

#include "tests/nn_reference.h"
#include "worker/nn/optimizer.h"

enum { N = 37, STEPS = 25 };

static struct trial_config config_of(enum optimizer kind)
{
    return (struct trial_config){.optimizer = kind,
                                 .learning_rate = 0.03,
                                 .beta1 = 0.85,
                                 .beta2 = 0.97,
                                 .epsilon = 1e-3,
                                 .momentum = 0.8};
}

/* One parameter through one step, in the words of docs/training.md. */
static void reference_step(const struct trial_config *c, int t, double g, double *w, double *m,
                           double *v)
{
    double r = c->learning_rate;

    switch (c->optimizer) {
    case OPTIMIZER_SGD:
        *w -= r * g;
        break;
    case OPTIMIZER_MOMENTUM:
        *m = c->momentum * *m + g;
        *w -= r * *m;
        break;
    case OPTIMIZER_NESTEROV:
        *m = c->momentum * *m + g;
        *w -= r * (g + c->momentum * *m);
        break;
    case OPTIMIZER_ADAGRAD:
        *v += g * g;
        *w -= r * g / (sqrt(*v) + c->epsilon);
        break;
    case OPTIMIZER_RMSPROP:
        *v = c->beta2 * *v + (1 - c->beta2) * g * g;
        *w -= r * g / (sqrt(*v) + c->epsilon);
        break;
    default:
        *m = c->beta1 * *m + (1 - c->beta1) * g;
        *v = c->beta2 * *v + (1 - c->beta2) * g * g;
        *w -=
            r * sqrt(1 - pow(c->beta2, t)) / (1 - pow(c->beta1, t)) * *m / (sqrt(*v) + c->epsilon);
    }
}

static void every_optimizer_follows_its_formula_for_many_steps(void **state)
{
    (void)state;
    for (int variant = 0; kernels_variant(variant); variant++) {
        for (enum optimizer kind = 0; kind < OPTIMIZER_COUNT; kind++) {
            struct trial_config config = config_of(kind);
            struct optimizer_state optimizer;
            float w[N], g[N];
            double rw[N], rm[N] = {0}, rv[N] = {0};
            struct rng rng;

            rng_init(&rng, 1, RNG_SYNTH, 0);
            reference_fill(&rng, 1, N, w);
            for (int i = 0; i < N; i++) {
                rw[i] = w[i];
                rv[i] = kind == OPTIMIZER_ADAGRAD ? 0.1 : 0;
            }
            assert_int_equal(optimizer_init(&optimizer, &config, N), 0);
            for (int t = 1; t <= STEPS; t++) {
                reference_fill(&rng, t % 7 ? 0.1 : 5, N, g);
                g[3] = 0; /* a pixel that is always black */
                optimizer_step(&optimizer, kernels_variant(variant), g, w);
                for (int i = 0; i < N; i++) {
                    reference_step(&config, t, g[i], &rw[i], &rm[i], &rv[i]);
                    assert_close(w[i], rw[i], 2e-5, 2e-5);
                }
            }
            assert_int_equal(optimizer.step, STEPS);
            optimizer_free(&optimizer);
        }
    }
}

/* The first step of Adam is the learning rate, whatever the gradient's size. */
static void adam_starts_with_steps_of_the_learning_rate(void **state)
{
    (void)state;
    struct trial_config config = config_of(OPTIMIZER_ADAM);
    struct optimizer_state optimizer;
    float w[2] = {1, 1}, g[2] = {1e-3f, -50};

    config.epsilon = 1e-12;
    assert_int_equal(optimizer_init(&optimizer, &config, 2), 0);
    optimizer_step(&optimizer, kernels_best(), g, w);
    assert_close(w[0], 1 - config.learning_rate, 1e-5, 0);
    assert_close(w[1], 1 + config.learning_rate, 1e-5, 0);
    optimizer_free(&optimizer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_optimizer_follows_its_formula_for_many_steps),
        cmocka_unit_test(adam_starts_with_steps_of_the_learning_rate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
