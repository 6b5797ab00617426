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
 * A candidate whose probe dies (an instruction this CPU has not got) or fails is no candidate, nor
 * is one whose products were wrong, in the probe or later (kernel_condemn).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define KERNEL_DEFAULT "default" /* as `forced`: leave it to OpenBLAS */

/* Kernels found to compute wrong products. */
struct kernel_names {
    size_t n;
    char at[16][32];
};

/* It, or one of its family (kernel_family.h). */
bool kernel_names_have(const struct kernel_names *names, const char *kernel);
/* Nothing happens if it or its like is there, or if there is no room. */
void kernel_names_add(struct kernel_names *names, const char *kernel);

struct kernel_request {
    const char *forced;          /* a value for OPENBLAS_CORETYPE; NULL = choose */
    const char *trainer;         /* path of ninety-trainer; NULL = there is none to probe with */
    const char *cache_directory; /* NULL = the usual one: NINETY_CACHE, ... */
    struct kernel_names *wrong; /* those known are not chosen, those found are added; may be NULL */
};

enum kernel_source {
    KERNEL_FORCED,
    KERNEL_CACHED,
    KERNEL_PROBED,
    KERNEL_UNKNOWN,
    KERNEL_NONE_RIGHT, /* all that run here are in request->wrong */
};

struct kernel_choice {
    char coretype[32]; /* for OPENBLAS_CORETYPE; "" = leave it unset */
    char kernel[32];   /* what OpenBLAS calls it then; "unknown" if nobody asked */
    double gflops;     /* of the probe; 0 = not measured */
    enum kernel_source source;
};

/* Blocks for as long as the probes take, a second or two, unless the choice is cached. Always
 * leaves a usable choice; KERNEL_UNKNOWN says that nothing could be measured. */
void kernel_choose(const struct kernel_request *request, struct kernel_choice *ret);

/* A product of the kernel that was chosen was wrong: adds it to request->wrong, and remembers it in
 * the cache, as long as trainer and OpenBLAS stay the same. Returns whether another may be chosen:
 * not if it was forced. request->wrong must not be NULL. */
bool kernel_condemn(const struct kernel_request *request, const struct kernel_choice *choice);
