#include "worker/client.h"

#include "common/token.h"
#include "worker/transfer.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONNECT_WITHIN_MS 5000L
#define MOST_ANSWER_BYTES (16 << 20)

struct client {
    CURLM *multi;
    char *url;
    struct curl_slist *headers;
    uv_timer_t timer;
    struct client_request *requests; /* a list of those on their way */
    bool closing;
};

struct client_request {
    struct client *client;
    struct client_request *next;
    CURL *easy;
    char *body;
    char *answer; /* NUL-terminated */
    size_t answer_size;
    char error[CURL_ERROR_SIZE];
    client_answer_fn on_answer;
    void *arg;
};

/* A socket that curl wants watched. */
struct watch {
    struct client *client;
    uv_poll_t poll;
    curl_socket_t socket;
};

/* ---- requests ---- */

static void unlink_request(struct client_request *request)
{
    struct client_request **at = &request->client->requests;
    while (*at != request) {
        at = &(*at)->next;
    }
    *at = request->next;
}

static void free_request(struct client_request *request)
{
    if (request->easy) {
        curl_easy_cleanup(request->easy);
    }
    free(request->body);
    free(request->answer);
    free(request);
}

void client_cancel(struct client_request *request)
{
    curl_multi_remove_handle(request->client->multi, request->easy);
    unlink_request(request);
    free_request(request);
}

static void answer_request(struct client_request *request, CURLcode code)
{
    struct client_answer answer = {.error = ""};
    char why[2 * CURL_ERROR_SIZE];
    json_t *body = NULL;
    if (code == CURLE_OK) {
        long status = 0;
        curl_off_t retry_after_s = 0;
        curl_easy_getinfo(request->easy, CURLINFO_RESPONSE_CODE, &status);
        curl_easy_getinfo(request->easy, CURLINFO_RETRY_AFTER, &retry_after_s);
        body = request->answer ? json_loads(request->answer, JSON_REJECT_DUPLICATES, NULL) : NULL;
        answer.status = (int)status;
        if (transfer_redirects(request->easy, why, sizeof why)) {
            answer.error = why;
        } else if (status >= 502 && status <= 504 && !body) {
            snprintf(why, sizeof why, "answered %ld: a proxy that cannot reach the daemon", status);
            answer.error = why;
        }
        answer.body = body;
        answer.retry_after_ms = (uint64_t)retry_after_s * 1000;
    } else {
        transfer_explain(code, request->client->url, request->error, why, sizeof why);
        answer.error = why;
    }
    curl_multi_remove_handle(request->client->multi, request->easy);
    unlink_request(request);
    request->on_answer(request->arg, &answer);
    json_decref(body);
    free_request(request);
}

static void collect_answers(struct client *client)
{
    CURLMsg *message;
    int n_left;
    while (!client->closing && (message = curl_multi_info_read(client->multi, &n_left))) {
        if (message->msg == CURLMSG_DONE) {
            struct client_request *request;
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&request);
            answer_request(request, message->data.result);
        }
    }
}

static size_t on_answer_bytes(char *bytes, size_t size, size_t n, void *arg)
{
    struct client_request *request = arg;
    size *= n;
    if (request->answer_size + size > MOST_ANSWER_BYTES) {
        return 0;
    }
    char *answer = realloc(request->answer, request->answer_size + size + 1);
    if (!answer) {
        return 0;
    }
    memcpy(answer + request->answer_size, bytes, size);
    request->answer = answer;
    request->answer_size += size;
    answer[request->answer_size] = '\0';
    return size;
}

static void set_options(struct client_request *request, const char *url, uint64_t timeout_ms)
{
    CURL *easy = request->easy;
    transfer_init(easy, url);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, request->client->headers);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(request->body));
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_answer_bytes);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, request);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, request->error);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, (char *)request);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_WITHIN_MS);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
}

struct client_request *client_post(struct client *client, const char *path, char *body,
                                   uint64_t timeout_ms, client_answer_fn on_answer, void *arg)
{
    char url[2048];
    snprintf(url, sizeof url, "%s%s", client->url, path);
    struct client_request *request = calloc(1, sizeof *request);
    if (!request || !body) {
        free(request);
        free(body);
        return NULL;
    }
    *request = (struct client_request){.client = client,
                                       .easy = curl_easy_init(),
                                       .body = body,
                                       .on_answer = on_answer,
                                       .arg = arg};
    if (!request->easy) {
        free_request(request);
        return NULL;
    }
    set_options(request, url, timeout_ms);
    if (curl_multi_add_handle(client->multi, request->easy) != CURLM_OK) {
        free_request(request);
        return NULL;
    }
    request->next = client->requests;
    client->requests = request;
    return request;
}

/* ---- curl on the loop ---- */

static void drive(struct client *client, curl_socket_t socket, int events)
{
    int n_running;
    curl_multi_socket_action(client->multi, socket, events, &n_running);
    collect_answers(client);
}

static void on_socket_ready(uv_poll_t *poll, int status, int events)
{
    struct watch *watch = poll->data;
    int bits = status < 0 ? CURL_CSELECT_ERR
                          : (events & UV_READABLE ? CURL_CSELECT_IN : 0) |
                                (events & UV_WRITABLE ? CURL_CSELECT_OUT : 0);
    drive(watch->client, watch->socket, bits);
}

static void on_watch_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static struct watch *start_watch(struct client *client, curl_socket_t socket)
{
    struct watch *watch = calloc(1, sizeof *watch);
    if (!watch) {
        return NULL;
    }
    watch->client = client;
    watch->socket = socket;
    if (uv_poll_init_socket(client->timer.loop, &watch->poll, socket) < 0) {
        free(watch);
        return NULL;
    }
    watch->poll.data = watch;
    curl_multi_assign(client->multi, socket, watch);
    return watch;
}

/* curl's CURLMOPT_SOCKETFUNCTION. */
static int on_socket(CURL *easy, curl_socket_t socket, int what, void *arg, void *socket_arg)
{
    struct client *client = arg;
    struct watch *watch = socket_arg;
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (watch) {
            curl_multi_assign(client->multi, socket, NULL);
            uv_poll_stop(&watch->poll);
            uv_close((uv_handle_t *)&watch->poll, on_watch_closed);
        }
        return 0;
    }
    if (!watch && !(watch = start_watch(client, socket))) {
        return -1;
    }
    uv_poll_start(&watch->poll,
                  (what & CURL_POLL_IN ? UV_READABLE : 0) |
                      (what & CURL_POLL_OUT ? UV_WRITABLE : 0),
                  on_socket_ready);
    return 0;
}

static void on_timeout(uv_timer_t *timer)
{
    drive(timer->data, CURL_SOCKET_TIMEOUT, 0);
}

/* curl's CURLMOPT_TIMERFUNCTION. */
static int on_timer_wish(CURLM *multi, long timeout_ms, void *arg)
{
    struct client *client = arg;
    (void)multi;
    if (timeout_ms < 0) {
        uv_timer_stop(&client->timer);
    } else {
        uv_timer_start(&client->timer, on_timeout, (uint64_t)timeout_ms, 0);
    }
    return 0;
}

/* ---- the client ---- */

/* Whatever of it has been made. */
static void free_client(struct client *client)
{
    if (client->multi) {
        curl_multi_cleanup(client->multi);
    }
    curl_slist_free_all(client->headers);
    free(client->url);
    free(client);
}

static int add_header(struct client *client, const char *header)
{
    struct curl_slist *headers = curl_slist_append(client->headers, header);
    client->headers = headers ? headers : client->headers;
    return headers ? 0 : -1;
}

static int add_headers(struct client *client, const char *token)
{
    char authorization[TOKEN_SIZE + 32];
    snprintf(authorization, sizeof authorization, "Authorization: Bearer %s", token ? token : "");
    if (add_header(client, "Content-Type: application/json") ||
        add_header(client, "Accept: application/json") || add_header(client, "Expect:")) {
        return -1;
    }
    return token ? add_header(client, authorization) : 0;
}

struct client *client_create(uv_loop_t *loop, const char *url, const char *token)
{
    struct client *client = calloc(1, sizeof *client);
    if (!client) {
        return NULL;
    }
    client->multi = curl_multi_init();
    client->url = strdup(url);
    if (!client->multi || !client->url || add_headers(client, token) < 0) {
        free_client(client);
        return NULL;
    }
    curl_multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(client->multi, CURLMOPT_SOCKETDATA, client);
    curl_multi_setopt(client->multi, CURLMOPT_TIMERFUNCTION, on_timer_wish);
    curl_multi_setopt(client->multi, CURLMOPT_TIMERDATA, client);
    uv_timer_init(loop, &client->timer);
    client->timer.data = client;
    return client;
}

static void on_timer_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void client_close(struct client *client)
{
    if (!client) {
        return;
    }
    client->closing = true;
    while (client->requests) {
        client_cancel(client->requests);
    }
    curl_multi_cleanup(client->multi); /* lets go of its sockets, through on_socket */
    curl_slist_free_all(client->headers);
    free(client->url);
    uv_close((uv_handle_t *)&client->timer, on_timer_closed);
}
