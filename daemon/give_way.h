/*
 * A thread that works for people gives way to the event loop: while the loop is busy, serving
 * workers, the thread rests most of the time, so that a heavy query costs claims next to nothing.
 * While the loop is idle it runs at full speed, also where training keeps every core busy: a low
 * scheduling priority could not tell the two apart.
 */
#pragma once

#include <stdint.h>
#include <time.h>

struct give_way {
    clockid_t loop_clock; /* CPU time of the loop's thread */
    int64_t loop_ns, wall_ns,
        own_ns; /* as they stood when it was last judged, own after the rest */
};

/* The CPU clock of the calling thread, which is the loop's. */
clockid_t give_way_loop_clock(void);

/* On the thread that is to give way, before it begins. */
void give_way_begin(struct give_way *work, clockid_t loop_clock);
/* To be called every fraction of a millisecond of work; may rest for up to a tenth of a second. */
void give_way(struct give_way *work);

/* How long to rest, from times that have passed: the loop's CPU time and the wall's since the last
 * judgement, the thread's own CPU time since its last rest. */
int64_t give_way_rest_ns(int64_t loop_ns, int64_t wall_ns, int64_t own_ns);
