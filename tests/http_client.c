#include "tests/http_client.h"
#include "tests/test.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

struct http_client {
    uv_loop_t *loop;
    uv_tcp_t tcp;
    uv_connect_t connect;
    bool connected, ended, closed;
    char *received;
    size_t n_received, capacity;
    struct http_client_answer answer;
    char field[1024];
};

/* ---- the loop ---- */

static void on_timeout(uv_timer_t *timer)
{
    *(bool *)timer->data = true;
}

void http_client_run_until(uv_loop_t *loop, bool (*done)(void *ctx), void *ctx)
{
    bool timed_out = false;
    uv_timer_t timer;
    uv_timer_init(loop, &timer);
    timer.data = &timed_out;
    uv_timer_start(&timer, on_timeout, CLIENT_TIMEOUT_MS, 0);
    while (!done(ctx) && !timed_out) {
        uv_run(loop, UV_RUN_ONCE);
    }
    uv_close((uv_handle_t *)&timer, NULL);
    uv_run(loop, UV_RUN_NOWAIT);
    assert_false(timed_out);
}

int http_client_listen(int *ret_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(fd, 1024), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    *ret_port = ntohs(address.sin_port);
    return fd;
}

/* ---- connection ---- */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct http_client *client = handle->data;
    if (client->capacity - client->n_received < suggested + 1) {
        client->capacity = client->capacity * 2 + suggested + 1;
        client->received = realloc(client->received, client->capacity);
        assert_non_null(client->received);
    }
    *buf = uv_buf_init(client->received + client->n_received,
                       (unsigned)(client->capacity - client->n_received - 1));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    (void)buf;
    struct http_client *client = stream->data;
    if (n < 0) {
        client->ended = true;
        uv_read_stop(stream);
    } else {
        client->n_received += (size_t)n;
    }
    client->received[client->n_received] = '\0';
}

static void on_connected(uv_connect_t *connect, int status)
{
    struct http_client *client = connect->data;
    assert_int_equal(status, 0);
    client->connected = true;
    uv_read_start((uv_stream_t *)&client->tcp, on_alloc, on_read);
}

static bool is_connected(void *ctx)
{
    return ((struct http_client *)ctx)->connected;
}

struct http_client *http_client_connect(uv_loop_t *loop, int port)
{
    struct http_client *client = calloc(1, sizeof *client);
    assert_non_null(client);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                  .sin_port = htons((uint16_t)port)};
    client->loop = loop;
    uv_tcp_init(loop, &client->tcp);
    client->tcp.data = client->connect.data = client;
    uv_tcp_connect(&client->connect, &client->tcp, (struct sockaddr *)&address, on_connected);
    http_client_run_until(loop, is_connected, client);
    return client;
}

static void on_closed(uv_handle_t *handle)
{
    ((struct http_client *)handle->data)->closed = true;
}

static bool is_closed(void *ctx)
{
    return ((struct http_client *)ctx)->closed;
}

void http_client_close(struct http_client *client)
{
    uv_close((uv_handle_t *)&client->tcp, on_closed);
    http_client_run_until(client->loop, is_closed, client);
    free(client->answer.head);
    free(client->answer.body);
    free(client->received);
    free(client);
}

/* ---- sending ---- */

struct sending {
    uv_write_t write;
    char bytes[];
};

static void on_written(uv_write_t *write, int status)
{
    (void)status; /* the server may have closed: the test sees that */
    free(write->data);
}

void http_client_send(struct http_client *client, const char *bytes, size_t size)
{
    struct sending *sending = malloc(sizeof *sending + size);
    assert_non_null(sending);
    memcpy(sending->bytes, bytes, size);
    sending->write.data = sending;
    uv_buf_t buf = uv_buf_init(sending->bytes, (unsigned)size);
    uv_write(&sending->write, (uv_stream_t *)&client->tcp, &buf, 1, on_written);
}

void http_client_send_text(struct http_client *client, const char *text)
{
    http_client_send(client, text, strlen(text));
}

void http_client_request(struct http_client *client, const char *method, const char *path,
                         const char *body, const char *fields)
{
    size_t n_body = body != NULL ? strlen(body) : 0;
    size_t size = strlen(path) + n_body + (fields != NULL ? strlen(fields) : 0) + 256;
    char *text = malloc(size);
    assert_non_null(text);
    int n = snprintf(text, size, "%s %s HTTP/1.1\r\nHost: 127.0.0.1\r\n%s", method, path,
                     fields != NULL ? fields : "");
    if (body != NULL) {
        n += snprintf(text + n, size - (size_t)n,
                      "Content-Type: application/json\r\nContent-Length: %zu\r\n", n_body);
    }
    n += snprintf(text + n, size - (size_t)n, "\r\n%s", body != NULL ? body : "");
    http_client_send(client, text, (size_t)n);
    free(text);
}

/* ---- receiving ---- */

static const char *find_field(const char *head, const char *name, size_t *ret_size)
{
    size_t n_name = strlen(name);
    for (const char *line = strstr(head, "\r\n"); line != NULL; line = strstr(line, "\r\n")) {
        line += 2;
        if (strncasecmp(line, name, n_name) == 0 && line[n_name] == ':') {
            const char *value = line + n_name + 1 + strspn(line + n_name + 1, " ");
            *ret_size = strcspn(value, "\r\n");
            return value;
        }
    }
    return NULL;
}

/* Joins the chunks at `in` into `body`, if they are all there. Returns the bytes used, or 0. */
static size_t join_chunks(const char *in, size_t n_in, char *body, size_t *ret_size)
{
    size_t at = 0, size = 0;
    for (;;) {
        const char *line_end = memmem(in + at, n_in - at, "\r\n", 2);
        if (line_end == NULL) {
            return 0;
        }
        size_t n = strtoul(in + at, NULL, 16);
        at = (size_t)(line_end - in) + 2;
        if (at + n + 2 > n_in) {
            return 0;
        }
        memcpy(body + size, in + at, n);
        size += n;
        at += n + 2;
        if (n == 0) {
            *ret_size = size;
            return at;
        }
    }
}

/* Whether an answer may be whole: joining megabytes of chunks after every read takes too long. */
static bool may_be_whole(const char *head, const char *rest, size_t n_rest, bool head_only)
{
    size_t n_value;
    return head_only || find_field(head, "Transfer-Encoding", &n_value) == NULL ||
           (n_rest >= 5 && memcmp(rest + n_rest - 5, "0\r\n\r\n", 5) == 0);
}

/* Takes a whole answer off what was received, if there is one. */
static bool take_answer(struct http_client *client, bool head_only, bool keep)
{
    const char *head_end =
        client->n_received > 0 ? memmem(client->received, client->n_received, "\r\n\r\n", 4) : NULL;
    if (head_end == NULL) {
        return false;
    }
    size_t n_head = (size_t)(head_end - client->received) + 4;
    const char *rest = client->received + n_head;
    size_t n_rest = client->n_received - n_head, n_used = 0, n_body = 0, n_value;
    char *head = strndup(client->received, n_head);
    assert_non_null(head);
    if (!may_be_whole(head, rest, n_rest, head_only)) {
        free(head);
        return false;
    }
    char *body = malloc(n_rest + 1);
    assert_non_null(body);
    const char *length = find_field(head, "Content-Length", &n_value);
    bool whole = true;
    if (head_only || strncmp(head + 9, "204", 3) == 0) {
        n_body = 0;
    } else if (length != NULL) {
        n_body = n_used = strtoul(length, NULL, 10);
        whole = n_body <= n_rest;
        memcpy(body, rest, whole ? n_body : 0);
    } else {
        n_used = join_chunks(rest, n_rest, body, &n_body);
        whole = n_used > 0;
    }
    if (!whole || keep) {
        free(head);
        free(body);
        return whole;
    }
    body[n_body] = '\0';
    free(client->answer.head);
    free(client->answer.body);
    client->answer =
        (struct http_client_answer){atoi(head + strlen("HTTP/1.1 ")), head, body, n_body};
    client->n_received -= n_head + n_used;
    memmove(client->received, client->received + n_head + n_used, client->n_received + 1);
    return true;
}

bool http_client_has_answer(struct http_client *client)
{
    return take_answer(client, false, true);
}

static bool answer_is_there(void *ctx)
{
    return take_answer(ctx, false, false);
}

static bool head_is_there(void *ctx)
{
    return take_answer(ctx, true, false);
}

const struct http_client_answer *http_client_answer(struct http_client *client, bool head_only)
{
    http_client_run_until(client->loop, head_only ? head_is_there : answer_is_there, client);
    return &client->answer;
}

struct awaited {
    struct http_client *client;
    const char *text;
};

static bool take_text(void *ctx)
{
    struct awaited *awaited = ctx;
    struct http_client *client = awaited->client;
    size_t n = strlen(awaited->text);
    char *at = client->n_received > 0
                   ? memmem(client->received, client->n_received, awaited->text, n)
                   : NULL;
    if (at == NULL) {
        return false;
    }
    size_t n_used = (size_t)(at - client->received) + n;
    client->n_received -= n_used;
    memmove(client->received, client->received + n_used, client->n_received + 1);
    return true;
}

void http_client_await_text(struct http_client *client, const char *text)
{
    struct awaited awaited = {client, text};
    http_client_run_until(client->loop, take_text, &awaited);
}

static bool has_ended(void *ctx)
{
    return ((struct http_client *)ctx)->ended;
}

void http_client_pause(struct http_client *client)
{
    uv_read_stop((uv_stream_t *)&client->tcp);
}

void http_client_await_end(struct http_client *client)
{
    http_client_run_until(client->loop, has_ended, client);
}

bool http_client_ended(const struct http_client *client)
{
    return client->ended;
}

const char *http_client_field(struct http_client *client, const char *name)
{
    size_t size;
    const char *head = client->answer.head;
    const char *value = head != NULL ? find_field(head, name, &size) : NULL;
    if (value == NULL) {
        return NULL;
    }
    snprintf(client->field, sizeof client->field, "%.*s", (int)size, value);
    return client->field;
}
