#include "worker/trainer/probe.h"

#include "common/rng.h"
#include "worker/nn/block.h"
#include "worker/nn/gemm.h"
#include "worker/nn/product_check.h"

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

/* Random factors, and room for any product of them. */
struct factors {
    struct block memory;
    float *x, *w, *y; /* batch x inputs, weights, batch x outputs, of the widest layers */
    float *product;
};

static int draw_factors(struct factors *f)
{
    size_t n_x = (size_t)BATCH * (size_t)units[0], n_w = (size_t)units[0] * (size_t)units[1];
    size_t n_y = (size_t)BATCH * (size_t)units[1];
    struct rng rng;

    *f = (struct factors){0};
    size_t x = block_reserve(&f->memory, n_x), w = block_reserve(&f->memory, n_w);
    size_t y = block_reserve(&f->memory, n_y), product = block_reserve(&f->memory, n_x);
    int r = block_allocate(&f->memory);
    if (r < 0) {
        return r;
    }
    f->x = f->memory.at + x;
    f->w = f->memory.at + w;
    f->y = f->memory.at + y;
    f->product = f->memory.at + product;
    rng_init(&rng, 0, RNG_CHECK, 0);
    for (size_t i = 0; i < f->memory.n; i++) {
        f->memory.at[i] = (float)(rng_uniform(&rng) - 0.5);
    }
    return 0;
}

/* Forward, weight gradient and, but for the first layer, input gradient. Returns the operations. */
static double products_of_a_step(const struct factors *f)
{
    double operations = 0;

    for (int i = 0; i < N_LAYERS; i++) {
        int n_in = units[i], n_out = units[i + 1];

        gemm_nn(BATCH, n_out, n_in, f->x, f->w, f->product);
        gemm_tn(n_in, n_out, BATCH, f->x, f->y, f->product);
        if (i > 0) {
            gemm_nt(BATCH, n_in, n_out, f->y, f->w, f->product);
        }
        operations += 2.0 * BATCH * n_in * n_out * (i > 0 ? 3 : 2);
    }
    return operations;
}

/* The milliseconds of the fastest of `repeat` steps. */
static double time_steps(const struct factors *f, int repeat, double *ret_operations)
{
    double best_ms = 1e30;

    products_of_a_step(f); /* checks them */
    for (int i = 0; i < repeat; i++) {
        double start = now_ms();
        *ret_operations = products_of_a_step(f);
        double ms = now_ms() - start;
        best_ms = ms < best_ms ? ms : best_ms;
    }
    return best_ms;
}

int probe_run(int repeat, FILE *out)
{
    struct factors factors;
    double operations = 0;

    int r = draw_factors(&factors);
    if (r < 0) {
        return r;
    }
    double best_ms = time_steps(&factors, repeat, &operations);
    block_free(&factors.memory);
    fprintf(
        out,
        "{\"kernel\":\"%s\",\"gflops\":%.1f,\"step_ms\":%.3f,\"library\":\"%s\",\"right\":%s}\n",
        gemm_kernel(), operations / best_ms * 1e-6, best_ms, gemm_library(),
        product_fault() ? "false" : "true");
    return fflush(out) == 0 ? 0 : -errno;
}
