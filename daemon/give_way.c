#include "daemon/give_way.h"

#include <pthread.h>

#define BUSY_SHARE 4         /* the loop is busy when it uses more than a quarter of a core */
#define RESTS_PER_WORK 15    /* then the thread works for a sixteenth of the time */
#define JUDGED_NS 1000000    /* after so much work it is judged again */
#define LONGEST_NS 100000000 /* it notices soon that the loop is idle again */

static int64_t read_ns(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

clockid_t give_way_loop_clock(void)
{
    clockid_t clock;
    return pthread_getcpuclockid(pthread_self(), &clock) == 0 ? clock : CLOCK_THREAD_CPUTIME_ID;
}

void give_way_begin(struct give_way *work, clockid_t loop_clock)
{
    *work = (struct give_way){.loop_clock = loop_clock,
                              .loop_ns = read_ns(loop_clock),
                              .wall_ns = read_ns(CLOCK_MONOTONIC),
                              .own_ns = read_ns(CLOCK_THREAD_CPUTIME_ID)};
}

int64_t give_way_rest_ns(int64_t loop_ns, int64_t wall_ns, int64_t own_ns)
{
    if (loop_ns * BUSY_SHARE <= wall_ns) {
        return 0;
    }
    int64_t rest_ns = own_ns * RESTS_PER_WORK;
    return rest_ns < LONGEST_NS ? rest_ns : LONGEST_NS;
}

void give_way(struct give_way *work)
{
    int64_t own_ns = read_ns(CLOCK_THREAD_CPUTIME_ID) - work->own_ns;
    if (own_ns < JUDGED_NS) {
        return;
    }
    int64_t loop_ns = read_ns(work->loop_clock), wall_ns = read_ns(CLOCK_MONOTONIC);
    int64_t rest_ns = give_way_rest_ns(loop_ns - work->loop_ns, wall_ns - work->wall_ns, own_ns);
    if (rest_ns > 0) {
        struct timespec rest = {rest_ns / 1000000000, rest_ns % 1000000000};
        nanosleep(&rest, NULL);
    }
    work->loop_ns = loop_ns;
    work->wall_ns = wall_ns;
    work->own_ns += own_ns;
}
