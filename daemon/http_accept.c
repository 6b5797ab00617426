/*
 * New connections. We accept them, not libmicrohttpd, so that there is room for each when it comes
 * (http_admission.c). Where there is none they wait in the kernel's queue, until one closes.
 */
#include "daemon/http_internal.h"

#include <errno.h>
#include <unistd.h>

#define ACCEPTS_PER_ROUND 64

static void pause_listening(struct http_server *server)
{
    uv_poll_stop(&server->listening);
    server->listening_paused = true;
}

/* False when there are no more for now. */
static bool accept_one(struct http_server *server)
{
    struct sockaddr_storage from = {0};
    socklen_t size = sizeof from;
    if (!http_admission_make_room(server)) {
        pause_listening(server);
        return false;
    }
    int fd =
        accept4(server->listen_fd, (struct sockaddr *)&from, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            pause_listening(server); /* the guard tries again */
        }
        return errno == EINTR || errno == ECONNABORTED;
    }
    struct http_address address;
    http_address_of((struct sockaddr *)&from, &address);
    http_admission_greet(server, &address);
    MHD_add_connection(server->daemon, fd, (struct sockaddr *)&from, size); /* or it closes it */
    return true;
}

static void on_listening(uv_poll_t *handle, int status, int events)
{
    (void)status;
    (void)events;
    struct http_server *server = handle->data;
    /* The first is surely there; nobody is to go for a second one that is not. */
    for (int i = 0; i < ACCEPTS_PER_ROUND && (i == 0 || !http_admission_is_full(server)); i++) {
        if (!accept_one(server)) {
            break;
        }
    }
    server->moved = true;
    http_server_run(server);
}

void http_accept_start(struct http_server *server)
{
    server->listening_paused = false;
    uv_poll_start(&server->listening, UV_READABLE, on_listening);
}

void http_accept_resume(struct http_server *server)
{
    if (server->listening_paused && server->listen_fd >= 0 && !server->closing) {
        http_accept_start(server);
    }
}

void http_server_stop_listening(struct http_server *server)
{
    if (server->listen_fd >= 0) {
        uv_close((uv_handle_t *)&server->listening, http_on_handle_closed);
        close(server->listen_fd);
        server->listen_fd = -1;
    }
}
