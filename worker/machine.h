/*
 * What the worker wants to know of the machine it runs on; Linux, from /proc and /sys.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define MACHINE_MAX_CORES 1024

/* The cores that this process may run on, in order; at least one. */
int machine_cores(int ret_cores[MACHINE_MAX_CORES]);

/* CPUs that the quota of this process's control group gives it, or of one of its parents if that is
 * less, rounded up; 0 = no quota. Versions 1 and 2. `root` stands before /proc and /sys: "" but in
 * tests. */
int machine_cpu_quota(const char *root);

/* How many trials at once the process has CPUs for: the cores it may run on, or fewer where a quota
 * gives less. At least one. */
int machine_slots(void);

/* "AMD EPYC 9654 96-Core Processor"; "unknown" where the kernel does not say. */
void machine_cpu_model(char *ret, size_t size);

/* Whether the CPU has each of these flags of /proc/cpuinfo, given in one text with spaces. */
bool machine_has_flags(const char *flags);

/* How often the kernel has killed a process for want of memory: in this process's memory group
 * where it has one, or else on the whole machine. -1 where it does not count. */
int64_t machine_oom_kills(void);

/* When a process was started, in a time of the kernel's that only grows; -1 when there is none. */
int64_t machine_start_time(pid_t pid);

/* CPU time that a process has used so far; -1 when there is no such process. */
int64_t machine_cpu_ms(pid_t pid);
