#include "tests/test.h"

#include "common/decimal.h"
#include "common/rng.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* But for whole numbers, which are written in full where %g would take an exponent. */
static void like_printf(double value)
{
    char text[DECIMAL_SIZE], expected[DECIMAL_SIZE];
    size_t length = decimal_shortest(value, text);
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(expected, sizeof(expected), "%.*g", digits, value);
        if (strtod(expected, NULL) == value) {
            break;
        }
    }
    if (value == trunc(value) && fabs(value) < 0x1p53) {
        snprintf(expected, sizeof(expected), "%.0f", value);
    }
    assert_string_equal(text, expected);
    assert_int_equal(length, strlen(text));
}

static void numbers_that_people_write_are_as_printf_writes_them(void **state)
{
    (void)state;
    static const double numbers[] = {0,
                                     1,
                                     10,
                                     100,
                                     550,
                                     55000,
                                     0.1,
                                     0.9,
                                     0.999,
                                     1e-3,
                                     1e-4,
                                     1e-5,
                                     1e-8,
                                     2.5e-7,
                                     0.01,
                                     0.0123,
                                     1e15,
                                     1e16,
                                     1e22,
                                     1e23,
                                     3.14159,
                                     1.0 / 3,
                                     123456,
                                     1e300,
                                     5e-324,
                                     0.3,
                                     1e-22,
                                     1e-23,
                                     99999,
                                     1e5,
                                     12.5,
                                     0.1 + 0.2,
                                     9007199254740991.0,
                                     9007199254740992.0,
                                     9007199254740993.0,
                                     1.7976931348623157e308};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        like_printf(numbers[i]);
        like_printf(-numbers[i]);
    }
}

static void random_numbers_are_as_printf_writes_them(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, 1, RNG_SEARCH, 0);
    for (int i = 0; i < 100000; i++) {
        /* Decimals of few digits, uniform ones, and any bits at all. */
        double few = (double)rng_below(&rng, 1000000) / pow(10, rng_below(&rng, 25));
        uint64_t bits = rng_u64(&rng);
        double any;
        memcpy(&any, &bits, sizeof(any));
        like_printf(few);
        like_printf(rng_uniform(&rng));
        if (isfinite(any)) {
            like_printf(any);
        }
    }
}

static void integers_are_as_printf_writes_them(void **state)
{
    (void)state;
    static const int64_t numbers[] = {0, 1, 9, 10, 99, 100, 12345, 55000, 1099511627776, INT64_MAX};
    for (size_t i = 0; i < 2 * sizeof(numbers) / sizeof(numbers[0]); i++) {
        int64_t number = i % 2 == 0 ? numbers[i / 2] : -numbers[i / 2] - 1;
        char text[DECIMAL_INTEGER_SIZE], expected[32];
        int length = snprintf(expected, sizeof(expected), "%lld", (long long)number);
        assert_int_equal(decimal_integer(number, text), length);
        assert_string_equal(text, expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_that_people_write_are_as_printf_writes_them),
        cmocka_unit_test(random_numbers_are_as_printf_writes_them),
        cmocka_unit_test(integers_are_as_printf_writes_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
