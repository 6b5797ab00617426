#include "daemon/notify.h"

#include "common/log.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A path, or "@name" in the abstract namespace. */
static bool read_address(struct notify *notify, const char *text)
{
    size_t n = strlen(text);
    if ((text[0] != '/' && text[0] != '@') || n >= sizeof notify->address.sun_path) {
        log_warn("NOTIFY_SOCKET is no address of a socket value=\"%s\"", text);
        return false;
    }
    notify->address.sun_family = AF_UNIX;
    memcpy(notify->address.sun_path, text, n);
    if (text[0] == '@') {
        notify->address.sun_path[0] = '\0';
    }
    notify->address_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
    return true;
}

/* In ms; 0 = there is none, or it is for another process. */
static uint64_t read_watchdog(void)
{
    const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
    bool mine = pid == NULL || strtol(pid, NULL, 10) == (long)getpid();
    return usec != NULL && mine ? strtoull(usec, NULL, 10) / 1000 : 0;
}

static void say(const struct notify *notify, const char *text)
{
    if (notify->fd >= 0) {
        /* Whoever does not listen is not waited for. */
        (void)sendto(notify->fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT,
                     (const struct sockaddr *)&notify->address, notify->address_size);
    }
}

static void on_due(uv_timer_t *timer)
{
    ((struct notify *)timer->data)->due = true;
}

static void on_round(uv_check_t *round)
{
    struct notify *notify = round->data;
    if (notify->due) {
        notify->due = false;
        say(notify, "WATCHDOG=1");
    }
}

void notify_init(struct notify *notify, uv_loop_t *loop)
{
    *notify = (struct notify){.fd = -1};
    uv_timer_init(loop, &notify->timer);
    uv_check_init(loop, &notify->round);
    notify->timer.data = notify->round.data = notify;
    uv_unref((uv_handle_t *)&notify->timer);
    uv_unref((uv_handle_t *)&notify->round);
    const char *address = getenv("NOTIFY_SOCKET");
    if (address != NULL && address[0] != '\0' && read_address(notify, address)) {
        notify->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        uint64_t watchdog_ms = read_watchdog();
        if (watchdog_ms > 0) {
            uint64_t period_ms = watchdog_ms / 3 > 0 ? watchdog_ms / 3 : 1;
            uv_timer_start(&notify->timer, on_due, period_ms, period_ms);
        }
    }
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
}

void notify_ready(struct notify *notify)
{
    say(notify, "READY=1");
    uv_check_start(&notify->round, on_round);
}

void notify_stopping(struct notify *notify)
{
    say(notify, "STOPPING=1");
}

void notify_close(struct notify *notify)
{
    uv_close((uv_handle_t *)&notify->timer, NULL);
    uv_close((uv_handle_t *)&notify->round, NULL);
    if (notify->fd >= 0) {
        close(notify->fd);
        notify->fd = -1;
    }
}
