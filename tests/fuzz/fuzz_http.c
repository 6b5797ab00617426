/*
 * Bytes of a client on the server's socket: the input is cut into pieces at 0xff bytes (which no
 * request needs), each sent by itself, so that requests arrive in parts. Every route's work is done
 * by one handler that reads all there is: path, header, query, body.
 */
#include "daemon/api_internal.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static uv_loop_t loop;
static struct http_server *server;
static struct sockaddr_un address = {.sun_family = AF_UNIX};
static socklen_t address_size;

static void on_request(struct http_request *request, void *ctx)
{
    (void)ctx;
    struct api_call *call = calloc(1, sizeof *call);
    int64_t limit, after;
    int state;
    static const char *const states[] = {"queued", "running", NULL};
    const struct api_parameter parameters[] = {
        api_integer("limit", 1, 1000, &limit),
        api_integer("after", 0, INT64_MAX, &after),
        api_word("state", states, &state),
    };
    call->request = request;
    json_t *body;
    if (http_fault(request) != HTTP_FAULT_NONE) {
        api_fail(call, 400, "fault", "%s", http_path(request));
    } else if (api_query(call, parameters, 3) && api_body(call, &body)) {
        json_decref(body);
        json_out_string(&call->text, http_path(request));
        api_answer(call, 200);
    }
}

static void start(void)
{
    address_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
                               (size_t)sprintf(address.sun_path + 1, "ninety-fuzz-%d", getpid()));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    uv_loop_init(&loop);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, address_size) != 0 || listen(fd, 64) != 0 ||
        http_server_create(&loop, fd, &http_default_limits, on_request, NULL, &server) != 0) {
        perror("fuzz_http");
        exit(1);
    }
}

/* Runs the server and takes what it answers; false when it has closed the connection. */
static bool run(int fd)
{
    char answer[4096];
    uv_run(&loop, UV_RUN_NOWAIT);
    ssize_t n;
    while ((n = recv(fd, answer, sizeof answer, MSG_DONTWAIT)) > 0) {
        uv_run(&loop, UV_RUN_NOWAIT);
    }
    return n < 0 && errno == EAGAIN;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (server == NULL) {
        start();
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, address_size) != 0) {
        perror("fuzz_http");
        exit(1);
    }
    bool open = true;
    while (size > 0 && open) {
        const uint8_t *cut = memchr(data, 0xff, size);
        size_t n = cut != NULL ? (size_t)(cut - data) : size;
        open = send(fd, data, n, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)n && run(fd);
        n += cut != NULL;
        data += n;
        size -= n;
    }
    shutdown(fd, SHUT_WR);
    for (int i = 0; i < 8 && run(fd); i++) {
    }
    close(fd);
    uv_run(&loop, UV_RUN_NOWAIT);
    if (http_server_pending(server) != 0) {
        abort();
    }
    return 0;
}
