#include "cli/interrupt.h"

#include "common/start.h"

#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

static volatile sig_atomic_t count;
static atomic_bool seen; /* lock-free, so fit for a handler */

static void on_interrupt(int number)
{
    (void)number;
    count++;
    atomic_store(&seen, true);
}

static void on_news(int number)
{
    (void)number; /* it need only end the sleep */
}

void interrupt_catch(void)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = on_interrupt, .sa_flags = SA_RESTART};
    struct sigaction news = {.sa_handler = on_news, .sa_flags = SA_RESTART};

    for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++) {
        if (start_heeds(signals[i])) {
            sigaction(signals[i], &action, NULL);
        }
    }
    sigaction(SIGCHLD, &news, NULL);
    sigaction(SIGWINCH, &news, NULL);
}

int interrupt_count(void)
{
    return count;
}

const atomic_bool *interrupt_flag(void)
{
    return &seen;
}

void interrupt_sleep_ms(int ms)
{
    poll(NULL, 0, ms); /* EINTR ends it */
}
