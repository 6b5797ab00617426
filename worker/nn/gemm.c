#include "worker/nn/gemm.h"

#include "worker/nn/product_check.h"

#include <cblas.h>
#include <dlfcn.h>

void gemm_init(void)
{
    openblas_set_num_threads(1);
}

const char *gemm_kernel(void)
{
    return openblas_get_corename();
}

const char *gemm_library(void)
{
    Dl_info ours, info;
    if (!dladdr(__extension__(void *) gemm_init, &ours) ||
        !dladdr(__extension__(void *) openblas_get_corename, &info) ||
        info.dli_fbase == ours.dli_fbase) {
        return "";
    }
    return info.dli_fname;
}

static void check(enum product_kind kind, int m, int n, int k, const float *a, const float *b,
                  const float *c)
{
    product_check(&(struct product){
        .kind = kind, .m = m, .n = n, .k = k, .a = a, .b = b, .c = c, .kernel = gemm_kernel()});
}

void gemm_nn(int m, int n, int k, const float *a, const float *b, float *c)
{
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, m, n, k, 1, a, k, b, n, 0, c, n);
    check(PRODUCT_NN, m, n, k, a, b, c);
}

void gemm_tn(int m, int n, int k, const float *a, const float *b, float *c)
{
    cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, m, n, k, 1, a, m, b, n, 0, c, n);
    check(PRODUCT_TN, m, n, k, a, b, c);
}

void gemm_nt(int m, int n, int k, const float *a, const float *b, float *c)
{
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, m, n, k, 1, a, k, b, k, 0, c, n);
    check(PRODUCT_NT, m, n, k, a, b, c);
}
