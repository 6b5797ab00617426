#include "tests/test.h"

#include "worker/nn/sample_order.h"

#include <string.h>

enum { FIRST = 5, N = 23, BATCH = 10 };

static void each_epoch_has_every_sample_once(void **state)
{
    (void)state;
    struct sample_order order;
    int32_t drawn[N * BATCH]; /* BATCH epochs: N batches, most of them across no boundary */

    assert_int_equal(sample_order_init(&order, 1, FIRST, N), 0);
    for (int b = 0; b < N; b++) {
        sample_order_next(&order, BATCH, drawn + b * BATCH);
    }
    for (int epoch = 0; epoch < BATCH; epoch++) {
        int seen[FIRST + N] = {0};
        for (int i = 0; i < N; i++) {
            int32_t sample = drawn[epoch * N + i];
            assert_in_range(sample, FIRST, FIRST + N - 1);
            seen[sample]++;
        }
        for (int i = FIRST; i < FIRST + N; i++) {
            assert_int_equal(seen[i], 1);
        }
    }
    assert_memory_not_equal(drawn, drawn + N, N * sizeof(drawn[0])); /* reshuffled */
    sample_order_free(&order);
}

static void order_does_not_depend_on_the_batch_size(void **state)
{
    (void)state;
    struct sample_order a, b;
    int32_t in_tens[6 * N], in_ones[6 * N];

    assert_int_equal(sample_order_init(&a, 9, 0, N), 0);
    assert_int_equal(sample_order_init(&b, 9, 0, N), 0);
    for (int i = 0; i + BATCH <= 6 * N; i += BATCH) {
        sample_order_next(&a, BATCH, in_tens + i);
    }
    for (int i = 0; i < 6 * N; i++) {
        sample_order_next(&b, 1, in_ones + i);
    }
    assert_memory_equal(in_tens, in_ones, 6 * N / BATCH * BATCH * sizeof(in_ones[0]));
    sample_order_free(&a);
    sample_order_free(&b);
}

static void another_seed_gives_another_order(void **state)
{
    (void)state;
    struct sample_order a, b;
    int32_t first[N], second[N];

    assert_int_equal(sample_order_init(&a, 1, 0, N), 0);
    assert_int_equal(sample_order_init(&b, 2, 0, N), 0);
    sample_order_next(&a, N, first);
    sample_order_next(&b, N, second);
    assert_memory_not_equal(first, second, sizeof(first));
    sample_order_free(&a);
    sample_order_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_epoch_has_every_sample_once),
        cmocka_unit_test(order_does_not_depend_on_the_batch_size),
        cmocka_unit_test(another_seed_gives_another_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
