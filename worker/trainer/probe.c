#include "worker/trainer/probe.h"

#include "worker/nn/block.h"
#include "worker/nn/gemm.h"

#include <errno.h>
#include <time.h>

enum { BATCH = 550, N_LAYERS = 8 };
static const int units[N_LAYERS + 1] = {784, 500, 400, 300, 200, 100, 50, 25, 10};

static double now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

/* Forward, weight gradient and, but for the first layer, input gradient. Returns the operations. */
static double products_of_a_step(float *x, float *w, float *y)
{
    double operations = 0;

    for (int i = 0; i < N_LAYERS; i++) {
        int n_in = units[i], n_out = units[i + 1];

        gemm_nn(BATCH, n_out, n_in, x, w, y);
        gemm_tn(n_in, n_out, BATCH, x, y, w);
        if (i > 0) {
            gemm_nt(BATCH, n_in, n_out, y, w, x);
        }
        operations += 2.0 * BATCH * n_in * n_out * (i > 0 ? 3 : 2);
    }
    return operations;
}

int probe_run(int repeat, FILE *out)
{
    struct block memory = {0};
    size_t x = block_reserve(&memory, (size_t)BATCH * (size_t)units[0]);
    size_t w = block_reserve(&memory, (size_t)units[0] * (size_t)units[1]);
    size_t y = block_reserve(&memory, (size_t)BATCH * (size_t)units[1]);
    double best_ms = 1e30, operations = 0;

    int r = block_allocate(&memory);
    if (r < 0) {
        return r;
    }
    /* Zeros stay zeros, and a product takes as long with them. */
    products_of_a_step(memory.at + x, memory.at + w, memory.at + y);
    for (int i = 0; i < repeat; i++) {
        double start = now_ms();
        operations = products_of_a_step(memory.at + x, memory.at + w, memory.at + y);
        double ms = now_ms() - start;
        best_ms = ms < best_ms ? ms : best_ms;
    }
    block_free(&memory);
    fprintf(out, "{\"kernel\":\"%s\",\"gflops\":%.1f,\"step_ms\":%.3f,\"library\":\"%s\"}\n",
            gemm_kernel(), operations / best_ms * 1e-6, best_ms, gemm_library());
    return fflush(out) == 0 ? 0 : -errno;
}
