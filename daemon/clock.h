/*
 * The queue's time. Its monotonic half stands still while this process does (SIGSTOP, swapped out,
 * a frozen virtual machine): what piled up meanwhile is heard before any lease is called expired.
 */
#pragma once

#include "daemon/queue.h"

#include <uv.h>

/* A gap longer than this between two readings was not ours to use. */
#define CLOCK_MAX_GAP_MS 3000

struct clock {
    uv_loop_t *loop;
    uint64_t last_ms; /* loop time of the last reading */
    int64_t mono_ms;
};

void clock_init(struct clock *clock, uv_loop_t *loop);

/* To be read more often than once in CLOCK_MAX_GAP_MS. */
struct queue_time clock_now(struct clock *clock);
