#include "worker/kernel_choice.h"

#include "common/kernel_family.h"
#include "worker/kernel_cache.h"
#include "worker/kernel_probe.h"
#include "worker/machine.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* A later candidate must beat the best by this much: a tie must not be settled by noise, or the
 * same machine would choose now one and now the other. */
#define MARGIN 1.08

/* What OPENBLAS_CORETYPE may be, and the CPU flags (of /proc/cpuinfo) without which it is not
 * tried. First what OpenBLAS chooses by itself. */
static const struct {
    const char *coretype, *flags;
} candidates[] = {
    {"", ""},
    {"SkylakeX", "avx512f avx512dq avx512bw avx512vl"},
    {"Cooperlake", "avx512f avx512dq avx512bw avx512vl avx512_bf16"},
    {"SapphireRapids", "avx512f avx512dq avx512bw avx512vl avx512_bf16 amx_tile"},
    {"Haswell", "avx2 fma"},
    {"Zen", "avx2 fma"},
    {"NEOVERSEN1", "asimddp"},
    {"NEOVERSEV1", "sve"},
};

#define N_CANDIDATES (sizeof candidates / sizeof candidates[0])

/* Whether OpenBLAS has told us that this is what it ran before. */
static bool is_measured(const struct kernel_probe *done, size_t n, const char *coretype)
{
    for (size_t i = 0; i < n; i++) {
        if (strcasecmp(done[i].kernel, coretype) == 0) {
            return true;
        }
    }
    return false;
}

bool kernel_names_have(const struct kernel_names *names, const char *kernel)
{
    for (size_t i = 0; i < names->n; i++) {
        if (kernel_families_agree(names->at[i], kernel)) {
            return true;
        }
    }
    return false;
}

void kernel_names_add(struct kernel_names *names, const char *kernel)
{
    if (!kernel_names_have(names, kernel) && names->n < sizeof names->at / sizeof names->at[0]) {
        snprintf(names->at[names->n++], sizeof names->at[0], "%s", kernel);
    }
}

/* Takes the probe for the choice if it is better. */
static void consider(const struct kernel_probe *probe, const char *coretype,
                     struct kernel_choice *ret)
{
    if (ret->source == KERNEL_PROBED && probe->gflops <= ret->gflops * MARGIN) {
        return;
    }
    *ret = (struct kernel_choice){.gflops = probe->gflops, .source = KERNEL_PROBED};
    snprintf(ret->coretype, sizeof ret->coretype, "%s", coretype);
    snprintf(ret->kernel, sizeof ret->kernel, "%s", probe->kernel);
}

/* `ret_library` tells which OpenBLAS it was. */
static void probe_all(const struct kernel_request *request, struct kernel_choice *ret,
                      char *ret_library, size_t library_size)
{
    struct kernel_probe done[N_CANDIDATES];
    size_t n_done = 0;
    for (size_t i = 0; i < N_CANDIDATES; i++) {
        const char *coretype = candidates[i].coretype;
        struct kernel_probe *probe = &done[n_done];
        if (!machine_has_flags(candidates[i].flags) || is_measured(done, n_done, coretype) ||
            kernel_names_have(request->wrong, coretype)) {
            continue;
        }
        int r = kernel_probe_run(request->trainer, coretype, probe);
        if (r == KERNEL_PROBE_HOPELESS) {
            return;
        }
        if (r < 0) {
            continue;
        }
        n_done++;
        snprintf(ret_library, library_size, "%s", probe->library);
        if (r == KERNEL_PROBE_WRONG) {
            kernel_names_add(request->wrong, probe->kernel);
        }
        if (!kernel_names_have(request->wrong, probe->kernel)) {
            consider(probe, coretype, ret);
        }
    }
    if (ret->source != KERNEL_PROBED && (n_done > 0 || request->wrong->n > 0)) {
        ret->source = KERNEL_NONE_RIGHT;
    }
}

static void set_forced(const char *coretype, struct kernel_choice *ret)
{
    bool leave = strcmp(coretype, KERNEL_DEFAULT) == 0;
    *ret = (struct kernel_choice){.source = KERNEL_FORCED};
    snprintf(ret->coretype, sizeof ret->coretype, "%s", leave ? "" : coretype);
    snprintf(ret->kernel, sizeof ret->kernel, "%s", coretype);
}

static void choose_by_probing(const struct kernel_request *request, struct kernel_choice *ret)
{
    struct kernel_cache cache;
    kernel_cache_open(request->cache_directory, request->trainer, &cache);
    if (!kernel_cache_load(&cache, request->wrong, ret)) {
        /* Of several workers that start together one probes, undisturbed; the others wait. */
        kernel_cache_lock(&cache);
        char library[512] = "";
        if (!kernel_cache_load(&cache, request->wrong, ret)) {
            probe_all(request, ret, library, sizeof library);
            if (ret->source != KERNEL_UNKNOWN) {
                kernel_cache_store(&cache, library, request->wrong, ret);
            }
        }
    }
    kernel_cache_close(&cache);
}

void kernel_choose(const struct kernel_request *request, struct kernel_choice *ret)
{
    const char *inherited = getenv("OPENBLAS_CORETYPE");
    struct kernel_names none = {0};
    struct kernel_request asked = *request;
    if (!asked.wrong) {
        asked.wrong = &none;
    }
    *ret = (struct kernel_choice){.kernel = "unknown", .source = KERNEL_UNKNOWN};
    if (request->forced) {
        set_forced(request->forced, ret);
    } else if (inherited && inherited[0]) {
        set_forced(inherited, ret);
    } else if (request->trainer) {
        choose_by_probing(&asked, ret);
    }
}

bool kernel_condemn(const struct kernel_request *request, const struct kernel_choice *choice)
{
    if (choice->source != KERNEL_CACHED && choice->source != KERNEL_PROBED) {
        return false;
    }
    struct kernel_cache cache;
    kernel_names_add(request->wrong, choice->kernel);
    kernel_cache_open(request->cache_directory, request->trainer, &cache);
    kernel_cache_lock(&cache);
    kernel_cache_condemn(&cache, choice->kernel);
    kernel_cache_close(&cache);
    return true;
}
