#include "tests/test.h"

#include "tests/nn_reference.h"
#include "worker/nn/inference.h"
#include "worker/nn/layer_stats.h"
#include "worker/nn/pass.h"

enum { N_IN = 7, CLASSES = 4, ROWS = 9 };

/* A network at random parameters, a batch, and a pass of it. */
struct fixture {
    struct network network;
    struct pass pass;
    struct input input;
    uint8_t images[ROWS * N_IN], labels[ROWS];
    float x[ROWS * N_IN]; /* the images, as the network sees them */
};

static struct trial_config config_of(enum activation f, enum batch_norm bn, bool bn_output)
{
    return (struct trial_config){.n_hidden = 3,
                                 .hidden_units = {6, 5, 8},
                                 .activation = f,
                                 .batch_norm = bn,
                                 .batch_norm_output = bn_output,
                                 .bn_momentum = 0.9,
                                 .bn_epsilon = 1e-3,
                                 .initializer = INITIALIZER_HE_NORMAL,
                                 .seed = 11};
}

/* Gammas, betas and biases away from 1 and 0, so that no term of a gradient hides. */
static void disturb(struct network *network, struct rng *rng)
{
    for (int i = 0; i < network->n_layers; i++) {
        struct layer *layer = &network->layers[i];
        for (int c = 0; c < layer->n_out; c++) {
            if (layer->bias) {
                layer->bias[c] = (float)(0.3 * rng_normal(rng));
            }
            if (layer->gamma) {
                layer->gamma[c] = (float)(1 + 0.3 * rng_normal(rng));
                layer->beta[c] = (float)(0.3 * rng_normal(rng));
                layer->moving_mean[c] = (float)(0.3 * rng_normal(rng));
                layer->moving_variance[c] = (float)(0.5 + rng_uniform(rng));
            }
        }
    }
}

static void setup(struct fixture *f, const struct trial_config *config)
{
    struct samples samples = {f->images, f->labels, ROWS, N_IN, CLASSES};
    int32_t indices[ROWS];
    struct rng rng;

    rng_init(&rng, 3, RNG_SYNTH, 0);
    assert_int_equal(network_init(&f->network, config, N_IN, CLASSES), 0);
    network_start(&f->network, config);
    disturb(&f->network, &rng);
    assert_int_equal(pass_init(&f->pass, &f->network, kernels_best(), ROWS), 0);
    for (int i = 0; i < ROWS * N_IN; i++) {
        f->images[i] = (uint8_t)rng_below(&rng, 256);
        f->x[i] = f->images[i] * (1.0f / 255.0f);
    }
    for (int i = 0; i < ROWS; i++) {
        f->labels[i] = (uint8_t)rng_below(&rng, CLASSES);
        indices[i] = i;
    }
    assert_int_equal(
        input_init(&f->input, kernels_best(), &samples, ROWS, f->network.layers[0].n_out, true), 0);
    input_gather(&f->input, &samples, indices, ROWS);
}

static void teardown(struct fixture *f)
{
    input_free(&f->input);
    pass_free(&f->pass);
    network_free(&f->network);
}

/* The gradient of every parameter against central differences of the reference's loss. */
static void check_gradient(struct fixture *f)
{
    const struct network *network = &f->network;
    size_t n = network->parameters.n;
    double *p = malloc(n * sizeof(double)), h = 1e-6;

    for (size_t i = 0; i < n; i++) {
        p[i] = network->parameters.at[i];
    }
    pass_forward(&f->pass, &f->network, &f->input, NULL);
    double loss = pass_backward(&f->pass, &f->input, f->labels, NULL);
    assert_close(loss, reference_loss(network, p, ROWS, f->x, f->labels), 1e-5, 0);

    for (size_t i = 0; i < n; i++) {
        double middle = p[i];
        p[i] = middle + h;
        double above = reference_loss(network, p, ROWS, f->x, f->labels);
        p[i] = middle - h;
        double below = reference_loss(network, p, ROWS, f->x, f->labels);
        p[i] = middle;
        assert_close(f->pass.gradient.at[i], (above - below) / (2 * h), 2e-4, 2e-6);
    }
    free(p);
}

static void gradients_agree_with_finite_differences(void **state)
{
    (void)state;
    for (enum activation a = 0; a < ACTIVATION_COUNT; a++) {
        for (enum batch_norm bn = 0; bn < BATCH_NORM_COUNT; bn++) {
            for (int output = 0; output <= (bn != BATCH_NORM_NONE); output++) {
                struct trial_config config = config_of(a, bn, output);
                struct fixture f;
                setup(&f, &config);
                check_gradient(&f);
                teardown(&f);
            }
        }
    }
}

/* The largest derivative of the reference's loss by a vector of parameters. */
static double largest_slope(const struct fixture *f, double *p, const float *vector, int n)
{
    const struct network *network = &f->network;
    double largest = 0, h = 1e-4;

    for (int c = 0; c < n; c++) {
        double *at = &p[vector - network->parameters.at + c], middle = *at;
        *at = middle + h;
        double above = reference_loss(network, p, ROWS, f->x, f->labels);
        *at = middle - h;
        double below = reference_loss(network, p, ROWS, f->x, f->labels);
        *at = middle;
        largest = fmax(largest, fabs(above - below) / (2 * h));
    }
    return largest;
}

/* In double precision the slope is zero, or far from it, as engine.h says; here it is zero. */
static void check_inert(const struct fixture *f, double *p, const float *vector, bool inert, int n)
{
    double slope = largest_slope(f, p, vector, n), largest = 0;
    const float *gradient = network_twin(&f->network, vector, &f->pass.gradient);

    for (int c = 0; c < n; c++) {
        largest = fmax(largest, fabs((double)gradient[c]));
    }
    if (inert) {
        assert_true(slope < 1e-10);
        assert_true(largest == 0);
    } else {
        assert_true(slope > 1e-4);
        assert_true(largest > 1e-4);
    }
}

static void check_inert_vectors(struct fixture *f)
{
    const struct network *network = &f->network;
    double *p = malloc(network->parameters.n * sizeof(double));

    for (size_t i = 0; i < network->parameters.n; i++) {
        p[i] = network->parameters.at[i];
    }
    pass_forward(&f->pass, &f->network, &f->input, NULL);
    pass_backward(&f->pass, &f->input, f->labels, NULL);
    for (int i = 0; i < network->n_layers; i++) {
        const struct layer *layer = &network->layers[i];
        if (layer->bias) {
            check_inert(f, p, layer->bias, layer->inert_bias, layer->n_out);
        }
        if (layer->beta) {
            check_inert(f, p, layer->beta, layer->inert_beta, layer->n_out);
            check_inert(f, p, layer->gamma, false, layer->n_out);
        }
    }
    free(p);
}

/* C8: which gradients are zero by construction, against central differences in double precision,
 * for every activation, normalization and number of layers. */
static void a_gradient_that_is_zero_by_construction_is_exactly_zero(void **state)
{
    (void)state;
    for (enum activation a = 0; a < ACTIVATION_COUNT; a++) {
        for (enum batch_norm bn = 0; bn < BATCH_NORM_COUNT; bn++) {
            for (int output = 0; output <= (bn != BATCH_NORM_NONE); output++) {
                for (int n_hidden = 0; n_hidden <= 3; n_hidden++) {
                    struct trial_config config = config_of(a, bn, output);
                    struct fixture f;
                    config.n_hidden = n_hidden;
                    setup(&f, &config);
                    check_inert_vectors(&f);
                    teardown(&f);
                }
            }
        }
    }
}

static void softmax_regression_has_a_gradient_too(void **state)
{
    (void)state;
    struct trial_config config = config_of(ACTIVATION_RELU, BATCH_NORM_BEFORE, true);
    struct fixture f;

    config.n_hidden = 0;
    setup(&f, &config);
    check_gradient(&f);
    teardown(&f);
}

static void moving_moments_follow_the_batch(void **state)
{
    (void)state;
    struct trial_config config = config_of(ACTIVATION_TANH, BATCH_NORM_AFTER, true);
    struct fixture f;

    setup(&f, &config);
    const struct layer *layer = &f.network.layers[0];
    float old_mean[6], old_variance[6];
    memcpy(old_mean, layer->moving_mean, sizeof(old_mean));
    memcpy(old_variance, layer->moving_variance, sizeof(old_variance));
    pass_forward(&f.pass, &f.network, &f.input, NULL);

    for (int c = 0; c < layer->n_out; c++) {
        double mean = 0, squares = 0;
        for (int r = 0; r < ROWS; r++) {
            double z = layer->bias[c];
            for (int k = 0; k < N_IN; k++) {
                z += (double)f.x[r * N_IN + k] * layer->weights[k * layer->n_out + c];
            }
            mean += tanh(z) / ROWS;
            squares += tanh(z) * tanh(z) / ROWS;
        }
        assert_close(layer->moving_mean[c], 0.9 * old_mean[c] + 0.1 * mean, 1e-5, 1e-6);
        assert_close(layer->moving_variance[c],
                     0.9 * old_variance[c] + 0.1 * (squares - mean * mean), 1e-5, 1e-6);
    }
    teardown(&f);
}

static void inference_uses_the_moving_moments(void **state)
{
    (void)state;
    for (enum activation a = 0; a < ACTIVATION_COUNT; a++) {
        for (enum batch_norm bn = 0; bn < BATCH_NORM_COUNT; bn++) {
            struct trial_config config = config_of(a, bn, bn != BATCH_NORM_NONE);
            struct inference inference;
            struct fixture f;

            setup(&f, &config);
            assert_int_equal(inference_init(&inference, &f.network, kernels_best(), ROWS), 0);
            inference_refresh(&inference, &f.input);
            const float *logits = inference_run(&inference, &f.input);
            double *expected = reference_logits(&f.network, NULL, true, ROWS, f.x);
            for (int i = 0; i < ROWS * CLASSES; i++) {
                assert_close(logits[i], expected[i], 1e-4, 1e-5);
            }
            free(expected);
            inference_free(&inference);
            teardown(&f);
        }
    }
}

/* Few units active: the products leave out what is zero, and give the same. */
static void inference_of_a_sparse_network_is_the_same(void **state)
{
    (void)state;
    for (enum batch_norm bn = BATCH_NORM_NONE; bn <= BATCH_NORM_BEFORE; bn++) {
        struct trial_config config = config_of(ACTIVATION_RELU, bn, bn != BATCH_NORM_NONE);
        struct inference inference;
        struct fixture f;
        int n_sparse = 0;

        config.hidden_units[1] = 45;
        config.hidden_units[2] = 70;
        setup(&f, &config);
        for (int i = 0; i < 3; i++) {
            float *shift =
                bn == BATCH_NORM_NONE ? f.network.layers[i].bias : f.network.layers[i].beta;
            for (int c = 0; c < f.network.layers[i].n_out; c++) {
                shift[c] -= c % 5 ? 4 : 0;
            }
        }
        assert_int_equal(inference_init(&inference, &f.network, kernels_best(), ROWS), 0);
        for (int again = 0; again < 2; again++) { /* the second time with other weights */
            inference_refresh(&inference, &f.input);
            const float *logits = inference_run(&inference, &f.input);
            double *expected = reference_logits(&f.network, NULL, true, ROWS, f.x);
            for (int i = 0; i < ROWS * CLASSES; i++) {
                assert_close(logits[i], expected[i], 1e-4, 1e-5);
            }
            free(expected);
            n_sparse += inference.form[2] == INFERENCE_SPARSE;
            f.network.layers[2].weights[3] += 1;
        }
        assert_int_equal(n_sparse, 2);
        inference_free(&inference);
        teardown(&f);
    }
}

static void layer_statistics_are_what_they_say(void **state)
{
    (void)state;
    for (enum batch_norm bn = 0; bn < BATCH_NORM_COUNT; bn++) {
        struct trial_config config = config_of(ACTIVATION_TANH, bn, bn != BATCH_NORM_NONE);
        struct layer_stat stats[4];
        struct fixture f;

        setup(&f, &config);
        for (int i = 0; i < 4; i++) {
            layer_stats_clear(&stats[i], 1, i);
        }
        pass_forward(&f.pass, &f.network, &f.input, stats);
        pass_backward(&f.pass, &f.input, f.labels, stats);
        for (int l = 0; l < 4; l++) {
            const struct layer *layer = &f.network.layers[l];
            int n = ROWS * layer->n_out, saturated = 0;
            double sum = 0, squares = 0, dw2 = 0;

            for (int i = 0; i < n; i++) {
                double a = f.pass.traces[l].a[i];
                /* tanh is undone to get at the pre-activation; the logits have none. */
                double u = layer->activation == ACTIVATION_TANH ? atanh(a) : a;
                saturated += fabs(a) > 0.98;
                sum += u;
                squares += u * u;
            }
            assert_close(stats[l].preactivation_mean, sum / n, 1e-3, 1e-4);
            assert_close(stats[l].preactivation_std, sqrt(squares / n - sum / n * (sum / n)), 1e-3,
                         1e-4);
            assert_true(isnan(stats[l].dead));
            if (layer->activation == ACTIVATION_TANH) {
                assert_close(stats[l].saturated, (double)saturated / n, 1e-9, 0);
            } else {
                assert_true(isnan(stats[l].saturated));
            }
            layer_stats_gradient(&f.pass, l, &stats[l]);
            const float *dw = network_twin(&f.network, layer->weights, &f.pass.gradient);
            for (int i = 0; i < layer->n_in * layer->n_out; i++) {
                dw2 += (double)dw[i] * dw[i];
            }
            assert_close(stats[l].gradient_rms, sqrt(dw2 / (layer->n_in * layer->n_out)), 1e-6, 0);
            assert_true(stats[l].preactivation_gradient_rms > 0);
        }
        teardown(&f);
    }
}

/* sum over a batch of d loss / d logits is softmax - onehot, whose RMS is known directly. */
static void preactivation_gradient_of_the_logits_is_softmax_less_onehot(void **state)
{
    (void)state;
    struct trial_config config = config_of(ACTIVATION_RELU, BATCH_NORM_NONE, false);
    struct layer_stat stats[4];
    struct fixture f;
    double squares = 0;

    setup(&f, &config);
    pass_forward(&f.pass, &f.network, &f.input, stats);
    pass_backward(&f.pass, &f.input, f.labels, stats);
    double *logits = reference_logits(&f.network, NULL, false, ROWS, f.x);
    for (int r = 0; r < ROWS; r++) {
        double sum = 0;
        for (int c = 0; c < CLASSES; c++) {
            sum += exp(logits[r * CLASSES + c]);
        }
        for (int c = 0; c < CLASSES; c++) {
            double d = (exp(logits[r * CLASSES + c]) / sum - (c == f.labels[r])) / ROWS;
            squares += d * d;
        }
    }
    assert_close(stats[3].preactivation_gradient_rms, sqrt(squares / (ROWS * CLASSES)), 1e-4, 0);
    free(logits);
    teardown(&f);
}

static void a_dead_relu_is_counted(void **state)
{
    (void)state;
    struct trial_config config = config_of(ACTIVATION_RELU, BATCH_NORM_NONE, false);
    struct layer_stat stats[4];
    struct fixture f;

    setup(&f, &config);
    for (int c = 0; c < f.network.layers[1].n_out; c++) {
        f.network.layers[1].bias[c] = c < 2 ? -100 : 100; /* two never active, three always */
    }
    pass_forward(&f.pass, &f.network, &f.input, stats);
    assert_close(stats[1].dead, 2.0 / 5, 1e-9, 0);
    teardown(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_agree_with_finite_differences),
        cmocka_unit_test(a_gradient_that_is_zero_by_construction_is_exactly_zero),
        cmocka_unit_test(softmax_regression_has_a_gradient_too),
        cmocka_unit_test(moving_moments_follow_the_batch),
        cmocka_unit_test(inference_uses_the_moving_moments),
        cmocka_unit_test(inference_of_a_sparse_network_is_the_same),
        cmocka_unit_test(layer_statistics_are_what_they_say),
        cmocka_unit_test(preactivation_gradient_of_the_logits_is_softmax_less_onehot),
        cmocka_unit_test(a_dead_relu_is_counted),
    };
    return cmocka_run_group_tests(tests, init_blas, NULL);
}
