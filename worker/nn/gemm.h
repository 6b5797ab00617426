/*
 * The one door to matrix products (BLAS sgemm). Matrices are dense and row-major: a row follows
 * the row before it without a gap. Each kind and shape of product is checked when it is first met
 * (product_check.h). Nobody else includes cblas.h.
 */
#pragma once

/* Keeps BLAS to one thread: a trial per core is the best use of a machine, and a fixed order of
 * sums is what makes a trial repeatable. Call once, before anything else here. */
void gemm_init(void);

/* The kernel family that BLAS runs, e.g. "SkylakeX"; results agree bit for bit only within one.
 * Static. */
const char *gemm_kernel(void);

/* The file that BLAS was loaded from; "" when linked in statically. Static. */
const char *gemm_library(void);

/* c[m x n] = a[m x k] b[k x n] */
void gemm_nn(int m, int n, int k, const float *a, const float *b, float *c);

/* c[m x n] = transpose(a[k x m]) b[k x n] */
void gemm_tn(int m, int n, int k, const float *a, const float *b, float *c);

/* c[m x n] = a[m x k] transpose(b[n x k]) */
void gemm_nt(int m, int n, int k, const float *a, const float *b, float *c);
