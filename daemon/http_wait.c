/*
 * Requests that wait. A suspended connection is in no poll and has no time-out: libmicrohttpd has
 * forgotten it until it is resumed. So those that ask for it are watched for a hang-up in an epoll
 * set of our own, ten thousand of them behind one descriptor in the loop.
 */
#include "daemon/http_internal.h"

#include <errno.h>
#include <sys/epoll.h>

#define HANGUPS_PER_ROUND 64

void http_request_suspend(struct http_request *request)
{
    if (!request->suspended) {
        request->suspended = true;
        MHD_suspend_connection(request->connection);
    }
}

void http_request_resume(struct http_request *request)
{
    http_request_unwatch(request);
    if (request->suspended) {
        request->suspended = false;
        MHD_resume_connection(request->connection);
        http_server_wake(request->server);
    }
}

void http_request_watch(struct http_request *request)
{
    struct epoll_event event = {.events = EPOLLRDHUP | EPOLLONESHOT, .data.ptr = request};
    if (!request->watched &&
        epoll_ctl(request->server->hangup_fd, EPOLL_CTL_ADD, request->fd, &event) == 0) {
        request->watched = true;
    }
}

void http_request_unwatch(struct http_request *request)
{
    if (request->watched) {
        epoll_ctl(request->server->hangup_fd, EPOLL_CTL_DEL, request->fd, NULL);
        request->watched = false;
    }
}

void http_wait(struct http_request *request, http_gone_fn on_gone, void *ctx)
{
    request->on_gone = on_gone;
    request->gone_ctx = ctx;
    http_request_watch(request);
}

void http_wait_end(struct http_request *request)
{
    request->on_gone = NULL;
    http_request_unwatch(request);
}

void http_request_gone(struct http_request *request, const struct http_answer *answer)
{
    if (request->state == CONNECTION_STREAMING) {
        if (request->stream != NULL) {
            http_stream_abort(request->stream);
        }
        return;
    }
    if (request->state != CONNECTION_PENDING) {
        return;
    }
    http_gone_fn on_gone = request->on_gone;
    request->on_gone = NULL;
    if (on_gone != NULL) {
        on_gone(request, request->gone_ctx);
    }
    /* Perhaps nobody reads it, but libmicrohttpd ends a connection only with an answer. */
    http_answer(request, answer);
}

void http_on_hangups(uv_poll_t *handle, int status, int events)
{
    (void)status;
    (void)events;
    struct http_server *server = handle->data;
    struct epoll_event hangups[HANGUPS_PER_ROUND];
    int n = epoll_wait(server->hangup_fd, hangups, HANGUPS_PER_ROUND, 0);
    for (int i = 0; i < n; i++) {
        struct http_request *request = hangups[i].data.ptr;
        /* One handled before it may have answered this one: then nobody watches it any more. */
        if (request->watched) {
            http_request_gone(request, &(struct http_answer){.status = HTTP_CLIENT_GONE});
        }
    }
}
