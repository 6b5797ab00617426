/*
 * How fast is the BLAS kernel of this process? It is chosen when the library loads, so whoever
 * looks for the best one starts a probe for each candidate with OPENBLAS_CORETYPE set.
 */
#pragma once

#include <stdio.h>

/* Runs the matrix products of one training step of the article's 7-layer network, of random
 * factors, `repeat` times and writes one JSON line with kernel, gflops (of the fastest repetition),
 * step_ms, the library's file and whether all products were right. 0, or -errno. */
int probe_run(int repeat, FILE *out);
