/*
 * Ends of connections whose client may still be sending: closing a socket with something unread in
 * it resets the connection, and the client would lose the answer that says why. So a copy of the
 * descriptor is read for a little while, and what comes is dropped. There are few such at a time;
 * the rest is closed as it is.
 */
#include "daemon/http_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define MOST_LINGERING 32
#define LINGER_MS 5000
#define PIECE_BYTES ((size_t)64 * 1024)

struct http_linger {
    uv_poll_t poll;
    struct http_server *server;
    int fd;
    uint64_t until_ms;
    size_t left;
    struct http_linger *prev, *next;
};

static void on_closed(uv_handle_t *handle)
{
    struct http_linger *linger = handle->data;
    struct http_server *server = linger->server;
    free(linger);
    http_server_free_if_done(server);
}

static void end(struct http_linger *linger)
{
    struct http_server *server = linger->server;
    *(linger->prev != NULL ? &linger->prev->next : &server->lingering) = linger->next;
    if (linger->next != NULL) {
        linger->next->prev = linger->prev;
    }
    server->n_lingering--;
    uv_close((uv_handle_t *)&linger->poll, on_closed);
    close(linger->fd);
}

static void on_readable(uv_poll_t *handle, int status, int events)
{
    (void)status;
    (void)events;
    struct http_linger *linger = handle->data;
    /* MSG_TRUNC: dropped where it is, and nothing copied. */
    ssize_t n = recv(linger->fd, NULL, PIECE_BYTES, MSG_TRUNC | MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (n <= 0 || (size_t)n >= linger->left) {
        end(linger);
        return;
    }
    linger->left -= (size_t)n;
}

void http_linger_begin(struct http_server *server, int fd, size_t size)
{
    struct http_linger *linger =
        server->n_lingering < MOST_LINGERING && !server->closing ? calloc(1, sizeof *linger) : NULL;
    if (linger == NULL) {
        return;
    }
    linger->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (linger->fd < 0 || uv_poll_init(server->loop, &linger->poll, linger->fd) != 0) {
        if (linger->fd >= 0) {
            close(linger->fd);
        }
        free(linger);
        return;
    }
    shutdown(linger->fd, SHUT_WR);
    linger->poll.data = linger;
    linger->server = server;
    linger->until_ms = uv_now(server->loop) + LINGER_MS;
    linger->left = size;
    linger->next = server->lingering;
    if (linger->next != NULL) {
        linger->next->prev = linger;
    }
    server->lingering = linger;
    server->n_lingering++;
    server->n_open_handles++;
    uv_poll_start(&linger->poll, UV_READABLE | UV_DISCONNECT, on_readable);
}

void http_linger_end(struct http_server *server, uint64_t now_ms)
{
    for (struct http_linger *l = server->lingering, *next; l != NULL; l = next) {
        next = l->next;
        if (l->until_ms <= now_ms) {
            end(l);
        }
    }
}
