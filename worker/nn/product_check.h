/*
 * Are the products right? Each kind and shape of product is checked when the process meets it for
 * the first time, by Freivalds' method (Freivalds 1977): for a random x, C x must be A (B x), which
 * costs n k + m k + m n operations instead of the product's m n k. All in double; row by row, with
 * u = 2^-24 the rounding unit of a float:
 *
 *     | (C x)_i - (A (B x))_i |  <=  2 u (1 + sqrt(k)) sum_k |a_ik| sum_j |b_kj| |x_j|
 *
 * which is what rounding in random directions gives, with room. A row beyond it is computed again,
 * each element in double: it is wrong if an element is further off than any order of summation can
 * explain, (k + 2) u sum_k |a_ik b_kj|. So a right product is never taken for a wrong one.
 *
 * What was checked, and the first fault, belong to the process, as the kernel does.
 */
#pragma once

#include "worker/nn/sparse.h"

#include <stdbool.h>
#include <stdint.h>

enum product_kind {
    PRODUCT_NN = 1, /* A[m x k]                B[k x n] */
    PRODUCT_TN,     /* A stored as a[k x m]    B[k x n] */
    PRODUCT_NT,     /* A[m x k]                B stored as b[n x k] */
    PRODUCT_SPARSE, /* A in s                  B[k x n] */
};

/* C[m x n] = A B, as it was computed. */
struct product {
    enum product_kind kind;
    int m, n, k;
    const float *a; /* NULL if the product is sparse */
    const struct sparse *s;
    const float *b, *c;
    const char *kernel; /* that computed it */
};

/* To be called after a product: checks it if its kind and shape were not checked before; of a
 * sparse one the number of rows does not matter, as its code goes row by row. Where nothing can be
 * said (factors that are not finite or all zero, no memory) the next one of the shape is looked at.
 */
void product_check(const struct product *product);

/* The first fault, "kernel SkylakeX, shape 550x400x500 (nn): ..."; NULL = none. Static. */
const char *product_fault(void);

/* Whether it was one of BLAS's products, and not of our own. */
bool product_fault_is_of_blas(void);

/* The clock by which checks are timed, in nanoseconds; none at first. */
void product_check_by(int64_t (*clock)(void));

/* The time spent on checks so far, so that it need not count as training. */
int64_t product_check_ns(void);
