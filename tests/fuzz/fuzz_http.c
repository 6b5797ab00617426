/*
 * Bytes of a client on the server's socket: the input is cut into pieces at 0xff bytes (which no
 * request needs), each sent by itself, so that requests arrive in parts. Every route's work is done
 * by one handler that reads all there is: path, header, query, body. After each input another
 * client is answered: a server that only waits, for ever, does not crash (A1).
 */
#include "daemon/api_internal.h"

#include <errno.h>
#include <signal.h>
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

static const struct http_handlers handlers = {.on_request = on_request};

static void give_up(int number)
{
    (void)number;
    abort(); /* the loop never came back */
}

static void start(void)
{
    address_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
                               (size_t)sprintf(address.sun_path + 1, "ninety-fuzz-%d", getpid()));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    uv_loop_init(&loop);
    signal(SIGALRM, give_up);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, address_size) != 0 || listen(fd, 64) != 0 ||
        http_server_create(&loop, fd, &http_default_limits, &handlers, NULL, &server) != 0) {
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

static int client_connect(void)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, address_size) != 0) {
        perror("fuzz_http");
        exit(1);
    }
    return fd;
}

/* Another client's claim, beside what the input has left behind, is answered in a few rounds. */
static void expect_a_claim_to_be_answered(void)
{
    static const char claim[] = "POST /v1/claims HTTP/1.1\r\nHost: x\r\nContent-Type: "
                                "application/json\r\nContent-Length: 2\r\n\r\n{}";
    char answer[4096];
    ssize_t n = -1;
    int fd = client_connect();
    if (send(fd, claim, sizeof claim - 1, MSG_NOSIGNAL) != sizeof claim - 1) {
        abort();
    }
    for (int i = 0; i < 64 && n < 0; i++) {
        uv_run(&loop, UV_RUN_NOWAIT);
        n = recv(fd, answer, sizeof answer, MSG_DONTWAIT);
    }
    if (n < 12 || memcmp(answer, "HTTP/1.1 200", 12) != 0) {
        abort();
    }
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (server == NULL) {
        start();
    }
    int fd = client_connect();
    bool open = true;
    alarm(5);
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
    expect_a_claim_to_be_answered();
    close(fd);
    uv_run(&loop, UV_RUN_NOWAIT);
    expect_a_claim_to_be_answered();
    alarm(0);
    if (http_server_pending(server) != 0) {
        abort();
    }
    return 0;
}
