/*
 * Which of OpenBLAS's kernels is the fastest on this machine. OpenBLAS chooses by the CPU's model
 * and knows only those older than itself; on a newer one it may run at half the speed. It reads
 * OPENBLAS_CORETYPE when it is loaded, so each candidate is tried by a short-lived
 * `ninety-trainer --probe`, and the winner goes into the environment of the trainers:
 *
 *     forced, or set in our environment --> as it is
 *     cached for this CPU model, trainer and OpenBLAS --> as it was
 *     or else: probe what suits the CPU's flags, keep the fastest, cache it
 *
 * A candidate whose probe dies (an instruction this CPU has not got) or fails is no candidate.
 */
#pragma once

#include <stdbool.h>

#define KERNEL_DEFAULT "default" /* as `forced`: leave it to OpenBLAS */

struct kernel_request {
    const char *forced;          /* a value for OPENBLAS_CORETYPE; NULL = choose */
    const char *trainer;         /* path of ninety-trainer; NULL = there is none to probe with */
    const char *cache_directory; /* NULL = the usual one: NINETY_CACHE, ... */
};

enum kernel_source { KERNEL_FORCED, KERNEL_CACHED, KERNEL_PROBED, KERNEL_UNKNOWN };

struct kernel_choice {
    char coretype[32]; /* for OPENBLAS_CORETYPE; "" = leave it unset */
    char kernel[32];   /* what OpenBLAS calls it then; "unknown" if nobody asked */
    double gflops;     /* of the probe; 0 = not measured */
    enum kernel_source source;
};

/* Blocks for as long as the probes take, a second or two, unless the choice is cached. Always
 * leaves a usable choice; KERNEL_UNKNOWN says that nothing could be measured. */
void kernel_choose(const struct kernel_request *request, struct kernel_choice *ret);
