#include "worker/nn/kernels.h"

#include <stdbool.h>

extern const struct kernels kernels_portable;

#ifdef __x86_64__
extern const struct kernels kernels_avx2, kernels_avx512;

/* What meson.build compiles each variant for, by names that every compiler knows: clang before 17
 * has none for "x86-64-v3". __builtin_cpu_supports reads a table that the compiler's library fills
 * at load time. */
static bool has_avx2(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
           __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
}

static bool has_avx512(void)
{
    return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl");
}

const struct kernels *kernels_variant(int i)
{
    switch (i) {
    case 0:
        return &kernels_portable;
    case 1:
        return has_avx2() ? &kernels_avx2 : NULL;
    case 2:
        return has_avx512() ? &kernels_avx512 : NULL;
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
