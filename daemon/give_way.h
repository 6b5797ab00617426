/*
 * A thread that works for people gives way to the event loop: while the loop is busy, serving
 * workers, the thread rests most of the time, so that a heavy query costs claims next to nothing.
 * While the loop is idle it runs at full speed, also where training keeps every core busy: a low
 * scheduling priority could not tell the two apart. A short query is over before it is judged.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct give_way_times {
    int64_t wall_ns;
    int64_t loop_ns; /* CPU time of the loop's thread */
    int64_t own_ns;  /* CPU time of the thread that gives way */
};

struct give_way {
    clockid_t loop_clock;
    struct give_way_times since; /* wall, loop: when the loop was last judged; own: the last rest */
    bool busy;                   /* the judgement */
};

/* The CPU clock of the calling thread, which is the loop's. */
clockid_t give_way_loop_clock(void);

/* On the thread that is to give way, before it begins. */
void give_way_begin(struct give_way *work, clockid_t loop_clock);
/* To be called every fraction of a millisecond of work; may rest for up to a tenth of a second. */
void give_way(struct give_way *work);

/* The judgement behind it, at a given time: how long to rest now. */
int64_t give_way_rest_ns(struct give_way *work, const struct give_way_times *now);
