#include "worker/nn/kernels.h"

extern const struct kernels kernels_portable;

#ifdef __x86_64__
extern const struct kernels kernels_avx2, kernels_avx512;

/* __builtin_cpu_supports reads a table that the compiler's library fills at load time. */
const struct kernels *kernels_variant(int i)
{
    switch (i) {
    case 0:
        return &kernels_portable;
    case 1:
        return __builtin_cpu_supports("x86-64-v3") ? &kernels_avx2 : NULL;
    case 2:
        return __builtin_cpu_supports("x86-64-v4") ? &kernels_avx512 : NULL;
    default:
        return NULL;
    }
}
#else
const struct kernels *kernels_variant(int i)
{
    return i == 0 ? &kernels_portable : NULL;
}
#endif

const struct kernels *kernels_best(void)
{
    const struct kernels *best = &kernels_portable;

    for (int i = 0; kernels_variant(i); i++) {
        best = kernels_variant(i);
    }
    return best;
}
