/*
 * One candidate tried: `ninety-trainer --probe` under OPENBLAS_CORETYPE writes one JSON line,
 *
 *     {"kernel": "SkylakeX", "gflops": 210.4, "library": "/lib/.../libopenblas.so.0", "right":
 * true}
 */
#pragma once

struct kernel_probe {
    char kernel[32]; /* what OpenBLAS says it runs */
    double gflops;
    char library[512]; /* the file OpenBLAS was loaded from; "" = not told */
};

enum kernel_probe_result {
    KERNEL_PROBE_OK = 0,
    KERNEL_PROBE_WRONG = 1,    /* it computes wrong products: *ret says which kernel it is */
    KERNEL_PROBE_HOPELESS = 2, /* BLAS has not the memory to compute anything */
};

/* Blocks until the probe ends or has taken too long. One of the above, or
 * negative when it died, hung or wrote anything else; "" as coretype leaves the choice to OpenBLAS.
 */
int kernel_probe_run(const char *trainer, const char *coretype, struct kernel_probe *ret);
