#include "daemon/clock.h"

#include <time.h>

void clock_init(struct clock *clock, uv_loop_t *loop)
{
    *clock =
        (struct clock){.loop = loop, .last_ms = uv_now(loop), .mono_ms = (int64_t)uv_now(loop)};
}

struct queue_time clock_now(struct clock *clock)
{
    uint64_t now_ms = uv_now(clock->loop);
    uint64_t gap_ms = now_ms - clock->last_ms;
    clock->last_ms = now_ms;
    clock->mono_ms += (int64_t)(gap_ms < CLOCK_MAX_GAP_MS ? gap_ms : CLOCK_MAX_GAP_MS);
    struct timespec wall;
    clock_gettime(CLOCK_REALTIME, &wall);
    return (struct queue_time){.mono_ms = clock->mono_ms,
                               .wall_ms = (int64_t)wall.tv_sec * 1000 + wall.tv_nsec / 1000000};
}
