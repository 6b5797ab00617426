/*
 * Which of OpenBLAS's kernels are the same code under two names, so that a trial gets the same
 * bits on both.
 */
#pragma once

#include <stdbool.h>

/* The name that stands for the kernel's family: its own, unless the table says otherwise. Names
 * are compared without regard to case, as OpenBLAS does. Static, or `kernel` itself. */
const char *kernel_family(const char *kernel);

/* Whether results on both are the same, to the bit. Two unknown ones ("") are not. */
bool kernel_families_agree(const char *a, const char *b);
