#include "common/database_lock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Where the locks lie, each of one byte. SQLite's are around 2^30. */
#define HELD_AT ((off_t)1 << 60)
#define PID_AT ((off_t)1 << 61)     /* and so many bytes behind it as the process id */
#define ADDRESS_AT ((off_t)1 << 62) /* and the IPv4 address times 2^16, plus the port */
#define RANGE ((off_t)1 << 48)

static struct flock lock_at(off_t at, off_t length)
{
    return (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = at, .l_len = length};
}

static int set(int fd, off_t at)
{
    struct flock lock = lock_at(at, 1);
    return fcntl(fd, F_OFD_SETLK, &lock) == 0 ? 0 : -errno;
}

/* The place of somebody's lock in the range behind `at`, counted from there; -1 where none is. */
static off_t find(int fd, off_t at, off_t length)
{
    struct flock lock = lock_at(at, length);
    return fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK ? lock.l_start - at : -1;
}

static void read_holder(int fd, struct database_holder *ret)
{
    off_t pid = find(fd, PID_AT, RANGE), address = find(fd, ADDRESS_AT, RANGE);
    *ret = (struct database_holder){.pid = pid > 0 ? (long)pid : 0};
    if (address > 0) {
        struct in_addr ip = {htonl((uint32_t)(address >> 16))};
        char text[INET_ADDRSTRLEN] = "[::1]";
        if (ip.s_addr != 0) {
            inet_ntop(AF_INET, &ip, text, sizeof text);
        }
        snprintf(ret->url, sizeof ret->url, "http://%s:%d", text, (int)(address & 0xffff));
    }
}

int database_lock_take(int fd, struct database_holder *ret_holder)
{
    int rc = set(fd, HELD_AT);
    if (rc == -EAGAIN || rc == -EACCES) {
        read_holder(fd, ret_holder);
        return DATABASE_LOCK_HELD;
    }
    return rc == 0 ? set(fd, PID_AT + getpid()) : rc;
}

int database_lock_announce(int fd, const char *url)
{
    char text[INET_ADDRSTRLEN] = "";
    struct in_addr ip = {0};
    int port = 0;
    if (sscanf(url, "http://[::1]:%d", &port) != 1 &&
        (sscanf(url, "http://%15[0-9.]:%d", text, &port) != 2 ||
         inet_pton(AF_INET, text, &ip) != 1)) {
        return 0;
    }
    return set(fd, ADDRESS_AT + ((off_t)ntohl(ip.s_addr) << 16) + port);
}

int database_lock_ask(const char *path, struct database_holder *ret)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return -errno;
    }
    bool held = find(fd, HELD_AT, 1) >= 0;
    if (held) {
        read_holder(fd, ret);
    }
    close(fd);
    return held ? DATABASE_LOCK_HELD : 0;
}
