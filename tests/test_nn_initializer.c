#include "tests/test.h"

#include "tests/nn_reference.h"
#include "worker/nn/initializer.h"

enum { N_IN = 300, N_OUT = 200, N = N_IN * N_OUT };

static const struct {
    enum initializer kind;
    double variance; /* Keras' VarianceScaling */
    double limit;    /* the largest absolute value there may be */
} cases[] = {
    {INITIALIZER_HE_NORMAL, 2.0 / N_IN, 2 / 0.87962566103423978},
    {INITIALIZER_HE_UNIFORM, 2.0 / N_IN, 1.7320508075688772},
    {INITIALIZER_GLOROT_NORMAL, 2.0 / (N_IN + N_OUT), 2 / 0.87962566103423978},
    {INITIALIZER_GLOROT_UNIFORM, 2.0 / (N_IN + N_OUT), 1.7320508075688772},
    {INITIALIZER_LECUN_NORMAL, 1.0 / N_IN, 2 / 0.87962566103423978},
};

static void weights_have_the_variance_and_the_limit_of_keras(void **state)
{
    (void)state;
    static float w[N];

    for (size_t k = 0; k < INITIALIZER_COUNT; k++) {
        double sum = 0, squares = 0, largest = 0, deviation = sqrt(cases[k].variance);

        initializer_fill(cases[k].kind, 5, 2, N_IN, N_OUT, w);
        for (int i = 0; i < N; i++) {
            sum += w[i];
            squares += (double)w[i] * w[i];
            largest = fmax(largest, fabs((double)w[i]));
        }
        assert_close(sum / N, 0, 0, 5 * deviation / sqrt(N));
        assert_close(squares / N, cases[k].variance, 0.03, 0);
        assert_true(largest <= cases[k].limit * deviation * (1 + 1e-6));
        assert_true(largest >= cases[k].limit * deviation * 0.995);
    }
}

static void seed_and_layer_name_the_stream(void **state)
{
    (void)state;
    float a[20], b[20];

    initializer_fill(INITIALIZER_HE_NORMAL, 5, 2, 4, 5, a);
    initializer_fill(INITIALIZER_HE_NORMAL, 5, 2, 4, 5, b);
    assert_memory_equal(a, b, sizeof(a));
    initializer_fill(INITIALIZER_HE_NORMAL, 5, 3, 4, 5, b);
    assert_memory_not_equal(a, b, sizeof(a));
    initializer_fill(INITIALIZER_HE_NORMAL, 6, 2, 4, 5, b);
    assert_memory_not_equal(a, b, sizeof(a));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weights_have_the_variance_and_the_limit_of_keras),
        cmocka_unit_test(seed_and_layer_name_the_stream),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
