#include "bench/load_connection.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int epoll_fd = -1;

void load_die(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "bench-queue-load: ");
    vfprintf(stderr, format, args);
    fprintf(stderr, "\n");
    va_end(args);
    exit(1);
}

double load_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

void load_connect(struct load_connection *c, int port, load_answer on_answer, void *ctx)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int one = 1;
    *c = (struct load_connection){.on_answer = on_answer, .ctx = ctx};
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
        load_die("cannot connect to port %d: %s", port, strerror(errno));
    }
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (epoll_fd < 0) {
        epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    }
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &event) != 0) {
        load_die("epoll: %s", strerror(errno));
    }
}

void load_close(struct load_connection *c)
{
    close(c->fd);
    free(c->in);
    free(c->out);
}

/* ---- requests ---- */

static void make_room(char **data, size_t *room, size_t needed)
{
    if (needed > *room) {
        *room = needed > 2 * *room ? needed : 2 * *room;
        *data = realloc(*data, *room);
        if (!*data) {
            load_die("out of memory");
        }
    }
}

void load_append(struct load_connection *c, const char *data, size_t size)
{
    make_room(&c->out, &c->out_room, c->out_size + size);
    memcpy(c->out + c->out_size, data, size);
    c->out_size += size;
}

void load_format(struct load_connection *c, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    load_append(c, text, (size_t)n);
}

static void watch(struct load_connection *c, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = c};
    epoll_ctl(epoll_fd, EPOLL_CTL_MOD, c->fd, &event);
}

static void write_on(struct load_connection *c)
{
    bool waited = c->out_sent > 0;
    while (c->out_sent < c->out_size) {
        ssize_t n = send(c->fd, c->out + c->out_sent, c->out_size - c->out_sent,
                         MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN) {
            watch(c, EPOLLIN | EPOLLOUT);
            return;
        }
        if (n < 0) {
            load_die("send: %s", strerror(errno));
        }
        c->out_sent += (size_t)n;
    }
    c->out_size = c->out_sent = 0;
    if (waited) {
        watch(c, EPOLLIN);
    }
}

void load_send(struct load_connection *c)
{
    c->sent_at = load_now();
    write_on(c);
}

void load_post(struct load_connection *c, const char *path, const char *body, size_t size)
{
    load_format(c,
                "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
                "Content-Length: %zu\r\n\r\n",
                path, size);
    load_append(c, body, size);
    load_send(c);
}

/* ---- answers ---- */

/* The size of the answer that stands in `in`, with its head; 0 = not whole yet. */
static size_t whole_answer(struct load_connection *c, int *ret_status, size_t *ret_head)
{
    c->in[c->in_size] = '\0';
    char *end = strstr(c->in, c->lines ? "\r\n" : "\r\n\r\n");
    if (!end) {
        return 0;
    }
    if (c->lines) {
        *ret_status = 200;
        *ret_head = 0;
        return (size_t)(end + 2 - c->in);
    }
    char *length = strcasestr(c->in, "\r\nContent-Length:");
    if (!length || length > end || strncmp(c->in, "HTTP/1.1 ", 9) != 0) {
        load_die("an answer without length: %.200s", c->in);
    }
    *ret_status = atoi(c->in + 9);
    *ret_head = (size_t)(end + 4 - c->in);
    size_t size = *ret_head + strtoul(length + 17, NULL, 10);
    return size <= c->in_size ? size : 0;
}

static void read_on(struct load_connection *c)
{
    make_room(&c->in, &c->in_room, c->in_size + 65536 + 1);
    ssize_t n = recv(c->fd, c->in + c->in_size, c->in_room - c->in_size - 1, MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN) {
        return;
    }
    if (n <= 0) {
        load_die("the connection ended: %s", n < 0 ? strerror(errno) : "closed by the daemon");
    }
    c->in_size += (size_t)n;
    int status;
    size_t head, size;
    while (c->in_size > 0 && (size = whole_answer(c, &status, &head)) > 0) {
        char after = c->in[size];
        c->in[size] = '\0';
        c->on_answer(c, status, c->in + head, size - head);
        c->in[size] = after;
        memmove(c->in, c->in + size, c->in_size - size);
        c->in_size -= size;
    }
}

void load_run(double until, const bool *stop)
{
    double now = load_now();
    while (!*stop && now < until) {
        struct epoll_event events[256];
        int n = epoll_wait(epoll_fd, events, 256, (int)((until - now) * 1000) + 1);
        for (int i = 0; i < n && !*stop; i++) {
            struct load_connection *c = events[i].data.ptr;
            if (events[i].events & EPOLLOUT) {
                write_on(c);
            }
            if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
                read_on(c);
            }
        }
        now = load_now();
    }
}
