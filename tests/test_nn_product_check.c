/* C7: products that are right, and wrong ones. What was checked belongs to the process, so each
 * case has shapes of its own, and what is wrong is looked at in a child. */
#include "tests/test.h"

#include "common/rng.h"
#include "tests/nn_reference.h"
#include "worker/nn/kernels.h"
#include "worker/nn/product_check.h"
#include "worker/nn/sparse.h"

#include <float.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST = 700 * 700 };

static float a[MOST], b[MOST], c[MOST];

static void fill(float *x, size_t n, uint32_t index)
{
    struct rng rng;

    rng_init(&rng, 5, RNG_SYNTH, index);
    for (size_t i = 0; i < n; i++) {
        x[i] = (float)rng_normal(&rng);
    }
}

static struct product product_of(enum product_kind kind, int m, int n, int k)
{
    return (struct product){kind, m, n, k, a, NULL, b, c, "Test"};
}

static void compute(const struct product *p)
{
    switch (p->kind) {
    case PRODUCT_NN:
        gemm_nn(p->m, p->n, p->k, a, b, c);
        break;
    case PRODUCT_TN:
        gemm_tn(p->m, p->n, p->k, a, b, c);
        break;
    default:
        gemm_nt(p->m, p->n, p->k, a, b, c);
    }
}

static void right_products_of_every_kind_and_shape_pass(void **state)
{
    (void)state;
    static const int sizes[] = {1, 2, 3, 7, 16, 17, 31, 64, 100, 257, 550};

    fill(a, MOST, 1);
    fill(b, MOST, 2);
    for (int i = 0; i < 11 * 11 * 11; i++) {
        int m = sizes[i % 11], n = sizes[i / 11 % 11], k = sizes[i / 121];
        for (enum product_kind kind = PRODUCT_NN; kind <= PRODUCT_NT; kind++) {
            struct product p = product_of(kind, m, n, k);
            compute(&p);
            assert_null(product_fault());
        }
    }
}

/* Equal terms are rounded in one direction again and again, which is far beyond sqrt(k). */
static void what_rounding_adds_up_is_no_fault(void **state)
{
    (void)state;
    for (int i = 0; i < MOST; i++) {
        a[i] = 1;
        b[i] = 0.1f;
    }
    for (int k = 50; k < 700; k += 61) {
        struct product p = product_of(PRODUCT_NN, 5, 3, k);
        for (int i = 0; i < 15; i++) {
            float sum = 0;
            for (int j = 0; j < k; j++) {
                sum += 0.1f;
            }
            c[i] = sum;
        }
        product_check(&p);
        assert_null(product_fault());
    }
}

static void of_what_is_not_finite_or_zero_nothing_is_said(void **state)
{
    (void)state;
    struct product p = product_of(PRODUCT_NN, 13, 14, 15);

    fill(a, MOST, 1);
    fill(b, MOST, 2);
    a[20] = INFINITY;
    compute(&p);
    a[20] = NAN;
    compute(&p);
    a[20] = FLT_MAX;
    compute(&p);
    assert_null(product_fault());
}

/* ---- wrong ones ---- */

/* What a child says of a product that is not computed but as `spoil` leaves it. */
static int verdict(const struct product *p, void (*spoil)(const struct product *p),
                   const char *says)
{
    pid_t child = fork();
    int status;

    if (child == 0) {
        spoil(p);
        product_check(p);
        const char *fault = product_fault();
        _exit(!fault ? 1 : strstr(fault, says) && product_fault_is_of_blas() == !p->s ? 0 : 2);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WEXITSTATUS(status);
}

/* The product without checking, by doubles. */
static void multiply(const struct product *p)
{
    for (int i = 0; i < p->m; i++) {
        for (int j = 0; j < p->n; j++) {
            double sum = 0;
            for (int k = 0; k < p->k; k++) {
                double x = p->kind == PRODUCT_TN ? a[k * p->m + i] : a[i * p->k + k];
                double y = p->kind == PRODUCT_NT ? b[j * p->k + k] : b[k * p->n + j];
                sum += x * y;
            }
            c[i * p->n + j] = (float)sum;
        }
    }
}

static void leave_right(const struct product *p)
{
    multiply(p);
}

static void halve_an_element(const struct product *p)
{
    multiply(p);
    c[p->n + 1] *= 0.5f;
}

static void forget_the_last_term(const struct product *p)
{
    struct product shorter = *p;
    shorter.k--;
    if (p->kind == PRODUCT_TN) {
        multiply(&shorter);
    } else {
        multiply(p);
        c[0] -= a[p->k - 1] * (p->kind == PRODUCT_NT ? b[p->k - 1] : b[(p->k - 1) * p->n]);
    }
}

static void forget_a_row(const struct product *p)
{
    multiply(p);
    memset(c + (size_t)(p->m - 1) * (size_t)p->n, 0, (size_t)p->n * sizeof(float));
}

static void put_in_nan(const struct product *p)
{
    multiply(p);
    c[p->m * p->n - 1] = NAN;
}

static void wrong_products_are_named(void **state)
{
    (void)state;
    fill(a, MOST, 1);
    fill(b, MOST, 2);
    for (enum product_kind kind = PRODUCT_NN; kind <= PRODUCT_NT; kind++) {
        struct product p = product_of(kind, 19, 23, 29);
        assert_int_equal(verdict(&p, leave_right, ""), 1);
        assert_int_equal(verdict(&p, halve_an_element, "kernel Test, shape 19x23x29"), 0);
        assert_int_equal(verdict(&p, halve_an_element, "c[1][1] is "), 0);
        assert_int_equal(verdict(&p, forget_the_last_term, "c[0][0]"), 0);
        assert_int_equal(verdict(&p, forget_a_row, "c[18][0] is 0"), 0);
        assert_int_equal(verdict(&p, put_in_nan, "is nan"), 0);
    }
}

/* Only the first of a shape is looked at, unless nothing could be said of it. */
static void spoil_the_second(const struct product *p)
{
    multiply(p);
    product_check(p);
    halve_an_element(p);
}

static void spoil_what_follows_zeros(const struct product *p)
{
    memset(a, 0, sizeof(a));
    multiply(p);
    product_check(p);
    fill(a, MOST, 1);
    halve_an_element(p);
}

static void a_shape_is_checked_once_and_zeros_are_no_check(void **state)
{
    (void)state;
    struct product p = product_of(PRODUCT_NN, 37, 11, 13);

    fill(a, MOST, 1);
    fill(b, MOST, 2);
    assert_int_equal(verdict(&p, spoil_the_second, ""), 1);
    assert_int_equal(verdict(&p, spoil_what_follows_zeros, "shape 37x11x13"), 0);
}

/* ---- sparse ones ---- */

static struct sparse sparse;
static float *tiles;

static void multiply_sparse(const struct product *p)
{
    kernels_best()->sparse_product(&sparse, tiles, p->n, c);
}

static void forget_a_nonzero(const struct product *p)
{
    multiply_sparse(p);
    c[5] -= sparse.value[0] * b[sparse.column[0] * p->n + 5];
}

static void sparse_products_are_checked_too(void **state)
{
    (void)state;
    struct product p = {PRODUCT_SPARSE, 33, 47, 500, NULL, &sparse, b, c, "ours"};

    fill(a, MOST, 1);
    fill(b, MOST, 2);
    for (int i = 0; i < 33 * 500; i++) {
        a[i] = a[i] > 0 ? a[i] : 0;
    }
    assert_int_equal(sparse_init(&sparse, 33, 500), 0);
    kernels_best()->gather_nonzeros(a, &sparse);
    tiles = malloc(sparse_tiled_size(500, 47) * sizeof(float));
    kernels_best()->tile(500, 47, b, tiles);
    assert_int_equal(verdict(&p, multiply_sparse, ""), 1);
    assert_int_equal(verdict(&p, forget_a_nonzero, "kernel ours, shape 33x47x500 (sparse): c[0]"),
                     0);
    free(tiles);
    sparse_free(&sparse);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(right_products_of_every_kind_and_shape_pass),
        cmocka_unit_test(what_rounding_adds_up_is_no_fault),
        cmocka_unit_test(of_what_is_not_finite_or_zero_nothing_is_said),
        cmocka_unit_test(wrong_products_are_named),
        cmocka_unit_test(a_shape_is_checked_once_and_zeros_are_no_check),
        cmocka_unit_test(sparse_products_are_checked_too),
    };
    return cmocka_run_group_tests(tests, init_blas, NULL);
}
