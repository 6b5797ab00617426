#include "daemon/give_way.h"

#include <pthread.h>

#define WINDOW_NS 50000000    /* the loop is judged by so long a time: sending a piece is a burst */
#define BUSY_SHARE 3          /* it is busy when it used more than a third of a core */
#define RESTS_PER_WORK 15     /* then the thread works for a sixteenth of the time */
#define LEAST_WORK_NS 1000000 /* between two rests */
#define LONGEST_NS 100000000  /* it notices soon that the loop is idle again */

static int64_t read_ns(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static struct give_way_times read_times(clockid_t loop_clock)
{
    return (struct give_way_times){.wall_ns = read_ns(CLOCK_MONOTONIC),
                                   .loop_ns = read_ns(loop_clock),
                                   .own_ns = read_ns(CLOCK_THREAD_CPUTIME_ID)};
}

clockid_t give_way_loop_clock(void)
{
    clockid_t clock;
    return pthread_getcpuclockid(pthread_self(), &clock) == 0 ? clock : CLOCK_THREAD_CPUTIME_ID;
}

void give_way_begin(struct give_way *work, clockid_t loop_clock)
{
    *work = (struct give_way){.loop_clock = loop_clock, .since = read_times(loop_clock)};
}

int64_t give_way_rest_ns(struct give_way *work, const struct give_way_times *now)
{
    int64_t wall_ns = now->wall_ns - work->since.wall_ns;
    if (wall_ns >= WINDOW_NS) {
        work->busy = (now->loop_ns - work->since.loop_ns) * BUSY_SHARE > wall_ns;
        work->since.wall_ns = now->wall_ns;
        work->since.loop_ns = now->loop_ns;
    }
    int64_t rest_ns = work->busy ? (now->own_ns - work->since.own_ns) * RESTS_PER_WORK : 0;
    work->since.own_ns = now->own_ns;
    return rest_ns < LONGEST_NS ? rest_ns : LONGEST_NS;
}

void give_way(struct give_way *work)
{
    if (read_ns(CLOCK_THREAD_CPUTIME_ID) - work->since.own_ns < LEAST_WORK_NS) {
        return;
    }
    struct give_way_times now = read_times(work->loop_clock);
    int64_t rest_ns = give_way_rest_ns(work, &now);
    if (rest_ns > 0) {
        nanosleep(&(struct timespec){rest_ns / 1000000000, rest_ns % 1000000000}, NULL);
    }
}
