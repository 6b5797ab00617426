/*
 * A BLAS with a wrong kernel, to be loaded before the right one (LD_PRELOAD). WRONG_BLAS names it,
 * or
 * "*" for every kernel, and the inner dimension k of the products that come out wrong, 0 for all:
 * "SkylakeX:37". Their first column is half of what it is to be.
 */
#include <cblas.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef void sgemm(enum CBLAS_ORDER, enum CBLAS_TRANSPOSE, enum CBLAS_TRANSPOSE, blasint, blasint,
                   blasint, float, const float *, blasint, const float *, blasint, float, float *,
                   blasint);

/* ISO C has no way from an object's address to a function's but this one. */
static void look_up(const char *name, void *ret_function)
{
    void *address = dlsym(RTLD_NEXT, name);
    memcpy(ret_function, &address, sizeof(address));
}

static int is_wrong(blasint k)
{
    const char *wish = getenv("WRONG_BLAS");
    char kernel[32];
    int wrong_k;
    char *(*corename)(void);

    if (!wish || sscanf(wish, "%31[^:]:%d", kernel, &wrong_k) != 2) {
        return 0;
    }
    look_up("openblas_get_corename", &corename);
    return (strcmp(kernel, "*") == 0 || strcmp(kernel, corename()) == 0) &&
           (wrong_k == 0 || wrong_k == k);
}

void cblas_sgemm(enum CBLAS_ORDER order, enum CBLAS_TRANSPOSE trans_a, enum CBLAS_TRANSPOSE trans_b,
                 blasint m, blasint n, blasint k, float alpha, const float *a, blasint lda,
                 const float *b, blasint ldb, float beta, float *c, blasint ldc)
{
    sgemm *right;

    look_up("cblas_sgemm", &right);
    right(order, trans_a, trans_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
    if (is_wrong(k)) {
        for (blasint i = 0; i < m; i++) {
            c[(size_t)i * (size_t)ldc] *= 0.5f;
        }
    }
}
