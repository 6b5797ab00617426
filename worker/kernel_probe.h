/*
 * One candidate tried: `ninety-trainer --probe` under OPENBLAS_CORETYPE writes one JSON line,
 *
 *     {"kernel": "SkylakeX", "gflops": 210.4, "library": "/lib/.../libopenblas.so.0"}
 */
#pragma once

struct kernel_probe {
    char kernel[32]; /* what OpenBLAS says it runs */
    double gflops;
    char library[512]; /* the file OpenBLAS was loaded from; "" = not told */
};

/* Blocks until the probe ends or has taken too long. 0; not 0 when it died, hung or wrote
 * anything else; "" as coretype leaves the choice to OpenBLAS. */
int kernel_probe_run(const char *trainer, const char *coretype, struct kernel_probe *ret);
