/*
 * Tells systemd how the daemon is (sd_notify(3), Type=notify): that it serves, that it stops, and,
 * where a watchdog is set, that rounds of its loop end. That is being alive, whatever the disk
 * does; being healthy is GET /healthz.
 */
#pragma once

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <uv.h>

struct notify {
    int fd; /* -1: nobody asked */
    struct sockaddr_un address;
    socklen_t address_size;
    uv_timer_t timer;
    uv_check_t round;
    bool due;
};

/* Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID and removes them from the environment: they
 * are not for children. Its handles keep no loop alive. */
void notify_init(struct notify *notify, uv_loop_t *loop);

/* Says READY=1, and from now on WATCHDOG=1 whenever a round ends, three times in the time set. */
void notify_ready(struct notify *notify);

/* Says STOPPING=1; the watchdog is still told of rounds. */
void notify_stopping(struct notify *notify);

/* Closes its handles, in the loop's next rounds. */
void notify_close(struct notify *notify);
