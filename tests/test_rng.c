#include "tests/test.h"

#include "common/rng.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

/* Known answers of philox4x32-10 from the authors' Random123 distribution. */
static void philox_gives_the_published_answers(void **state)
{
    (void)state;
    uint32_t block[4];
    rng_philox(0, 0, 0, 0, block);
    assert_int_equal(block[0], 0x6627e8d5u);
    assert_int_equal(block[1], 0xe169c58du);
    assert_int_equal(block[2], 0xbc57ac4cu);
    assert_int_equal(block[3], 0x9b00dbd8u);
    rng_philox(UINT64_MAX, UINT64_MAX, UINT32_MAX, UINT32_MAX, block);
    assert_int_equal(block[0], 0x408f276du);
    assert_int_equal(block[1], 0x41c83b0eu);
    assert_int_equal(block[2], 0xa20bc7c6u);
    assert_int_equal(block[3], 0x6d5451fdu);
}

static void streams_are_independent_and_repeatable(void **state)
{
    (void)state;
    struct rng a, b, other_index, other_seed;
    rng_init(&a, 42, RNG_SHUFFLE, 3);
    rng_init(&b, 42, RNG_SHUFFLE, 3);
    rng_init(&other_index, 42, RNG_SHUFFLE, 4);
    rng_init(&other_seed, 43, RNG_SHUFFLE, 3);
    int same_index = 0, same_seed = 0;
    for (int i = 0; i < 1000; i++) {
        uint32_t x = rng_u32(&a);
        assert_int_equal(x, rng_u32(&b));
        same_index += x == rng_u32(&other_index);
        same_seed += x == rng_u32(&other_seed);
    }
    assert_true(same_index < 2 && same_seed < 2);
}

static void below_is_uniform(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, 1, RNG_SHUFFLE, 0);
    int counts[7] = {0};
    for (int i = 0; i < 70000; i++) {
        uint32_t x = rng_below(&rng, 7);
        assert_true(x < 7);
        counts[x]++;
    }
    for (int i = 0; i < 7; i++) {
        assert_true(abs(counts[i] - 10000) < 500); /* over 5 sigma */
    }
}

static void moments(double (*draw)(struct rng *), double *ret_mean, double *ret_variance)
{
    struct rng rng;
    rng_init(&rng, 5, RNG_INIT, 0);
    double sum = 0, squares = 0;
    const int n = 200000;
    for (int i = 0; i < n; i++) {
        double x = draw(&rng);
        sum += x;
        squares += x * x;
    }
    *ret_mean = sum / n;
    *ret_variance = squares / n - *ret_mean * *ret_mean;
}

static void normals_have_the_moments_of_their_law(void **state)
{
    (void)state;
    double mean, variance;
    moments(rng_normal, &mean, &variance);
    assert_true(fabs(mean) < 0.01 && fabs(variance - 1) < 0.02);
    moments(rng_truncated_normal, &mean, &variance);
    double sigma = 0.87962566103423978; /* of the normal truncated at 2 */
    assert_true(fabs(mean) < 0.01 && fabs(variance - sigma * sigma) < 0.02);
    moments(rng_uniform, &mean, &variance);
    assert_true(fabs(mean - 0.5) < 0.005 && fabs(variance - 1 / 12.0) < 0.002);
}

static void truncated_normals_stay_within_two(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, 9, RNG_INIT, 1);
    bool wide = false;
    for (int i = 0; i < 100000; i++) {
        double x = rng_truncated_normal(&rng);
        assert_true(x >= -2 && x <= 2);
        wide = wide || x > 1.9;
    }
    assert_true(wide);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(philox_gives_the_published_answers),
        cmocka_unit_test(streams_are_independent_and_repeatable),
        cmocka_unit_test(below_is_uniform),
        cmocka_unit_test(normals_have_the_moments_of_their_law),
        cmocka_unit_test(truncated_normals_stay_within_two),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
