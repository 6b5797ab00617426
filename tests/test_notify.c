#include "daemon/notify.h"
#include "tests/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* systemd's end of the socket. */
static int listen_at(const char *path, size_t size)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    memcpy(address.sun_path, path, size);
    assert_int_equal(bind(fd, (struct sockaddr *)&address,
                          (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size)),
                     0);
    struct timeval patience = {.tv_sec = 20};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    return fd;
}

static void expect(int fd, const char *text)
{
    char got[64] = "";
    assert_true(recv(fd, got, sizeof got - 1, 0) > 0);
    assert_string_equal(got, text);
}

static void expect_nothing(int fd)
{
    char got[64];
    assert_int_equal(recv(fd, got, sizeof got, MSG_DONTWAIT), -1);
}

static void on_never(uv_timer_t *timer)
{
    (void)timer;
}

/* With a handle of its own, as a daemon has many. */
static void begin(struct notify *notify, uv_loop_t *loop, uv_timer_t *own)
{
    uv_loop_init(loop);
    uv_timer_init(loop, own);
    uv_timer_start(own, on_never, 1000000, 0);
    notify_init(notify, loop);
}

static void end(struct notify *notify, uv_loop_t *loop, uv_timer_t *own)
{
    notify_close(notify);
    uv_close((uv_handle_t *)own, NULL);
    uv_run(loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(loop), 0);
}

static void run_rounds(uv_loop_t *loop, int fd)
{
    char got[64];
    while (recv(fd, got, sizeof got, MSG_DONTWAIT | MSG_PEEK) < 0) {
        uv_run(loop, UV_RUN_NOWAIT);
    }
}

static void says_ready_then_that_rounds_end_then_that_it_stops(void **state)
{
    (void)state;
    char directory[] = "/tmp/ninety-notify-XXXXXX", path[64];
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/socket", directory);
    int fd = listen_at(path, strlen(path));
    setenv("NOTIFY_SOCKET", path, 1);
    setenv("WATCHDOG_USEC", "3000", 1);
    uv_loop_t loop;
    struct notify notify;
    uv_timer_t own;
    begin(&notify, &loop, &own);
    assert_null(getenv("NOTIFY_SOCKET"));
    assert_null(getenv("WATCHDOG_USEC"));
    uv_run(&loop, UV_RUN_NOWAIT);
    expect_nothing(fd); /* not before it serves */
    notify_ready(&notify);
    expect(fd, "READY=1");
    for (int i = 0; i < 3; i++) {
        run_rounds(&loop, fd);
        expect(fd, "WATCHDOG=1");
    }
    usleep(10000); /* however late it is, without a round there is nothing */
    expect_nothing(fd);
    notify_stopping(&notify);
    expect(fd, "STOPPING=1");
    end(&notify, &loop, &own);
    close(fd);
    unlink(path);
    rmdir(directory);
}

static void speaks_to_abstract_sockets_and_heeds_whose_watchdog_it_is(void **state)
{
    (void)state;
    char name[64], pid[24];
    int n = snprintf(name, sizeof name, "@ninety-notify-%d", getpid());
    setenv("NOTIFY_SOCKET", name, 1);
    name[0] = '\0';
    int fd = listen_at(name, (size_t)n);
    snprintf(pid, sizeof pid, "%d", getpid() + 1);
    setenv("WATCHDOG_USEC", "3000", 1);
    setenv("WATCHDOG_PID", pid, 1);
    uv_loop_t loop;
    struct notify notify;
    uv_timer_t own;
    begin(&notify, &loop, &own);
    notify_ready(&notify);
    expect(fd, "READY=1");
    usleep(5000);
    uv_run(&loop, UV_RUN_NOWAIT);
    uv_run(&loop, UV_RUN_NOWAIT);
    expect_nothing(fd);
    end(&notify, &loop, &own);
    close(fd);
}

static void says_nothing_where_nobody_asks_or_listens(void **state)
{
    (void)state;
    static const char *const addresses[] = {NULL, "", "relative", "/nobody/listens/here"};
    for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
        uv_loop_t loop;
        struct notify notify;
        uv_timer_t own;
        if (addresses[i] != NULL) {
            setenv("NOTIFY_SOCKET", addresses[i], 1);
        }
        begin(&notify, &loop, &own);
        notify_ready(&notify);
        notify_stopping(&notify);
        end(&notify, &loop, &own);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_ready_then_that_rounds_end_then_that_it_stops),
        cmocka_unit_test(speaks_to_abstract_sockets_and_heeds_whose_watchdog_it_is),
        cmocka_unit_test(says_nothing_where_nobody_asks_or_listens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
