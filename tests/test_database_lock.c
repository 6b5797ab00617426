/* A9, D5: the lock is the file's, whatever name leads to it, and says who holds it. */
#include "tests/test.h"

#include "common/database_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[] = "/tmp/ninety-lock-XXXXXX";
static char path[64], link_path[64];

static int enter(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    snprintf(path, sizeof path, "%s/n.db", folder);
    snprintf(link_path, sizeof link_path, "%s/l.db", folder);
    return 0;
}

static int leave(void **state)
{
    (void)state;
    unlink(path);
    unlink(link_path);
    return rmdir(folder);
}

static int open_it(const char *name)
{
    int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    return fd;
}

static void one_holder_at_a_time(void **state)
{
    (void)state;
    struct database_holder holder = {0};
    int first = open_it(path);
    assert_int_equal(database_lock_ask(path, &holder), 0);
    assert_int_equal(database_lock_take(first, &holder), 0);
    assert_int_equal(link(path, link_path), 0);
    int second = open_it(link_path);
    assert_int_equal(database_lock_take(second, &holder), DATABASE_LOCK_HELD);
    assert_int_equal(holder.pid, getpid());
    assert_string_equal(holder.url, "");
    close(second); /* takes away no lock of an open file */
    assert_int_equal(database_lock_ask(link_path, &holder), DATABASE_LOCK_HELD);
    close(first);
    assert_int_equal(database_lock_ask(path, &holder), 0);
}

static void the_lock_says_where_its_holder_listens(void **state)
{
    (void)state;
    static const struct {
        const char *announced, *kept;
    } cases[] = {
        {"http://127.0.0.1:1", "http://127.0.0.1:1"},
        {"http://255.255.255.254:65535", "http://255.255.255.254:65535"},
        {"http://[::1]:9190", "http://[::1]:9190"},
        {"http://[fe80::1]:9190", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct database_holder holder = {0};
        int fd = open_it(path);
        assert_int_equal(database_lock_take(fd, &holder), 0);
        assert_int_equal(database_lock_announce(fd, cases[i].announced), 0);
        assert_int_equal(database_lock_ask(path, &holder), DATABASE_LOCK_HELD);
        assert_string_equal(holder.url, cases[i].kept);
        close(fd);
    }
}

static void nobody_holds_what_is_not_there(void **state)
{
    (void)state;
    struct database_holder holder;
    assert_int_equal(database_lock_ask("/nowhere/at/all", &holder), -ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_holder_at_a_time),
        cmocka_unit_test(the_lock_says_where_its_holder_listens),
        cmocka_unit_test(nobody_holds_what_is_not_there),
    };
    return cmocka_run_group_tests(tests, enter, leave);
}
