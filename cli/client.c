#include "cli/client.h"

#include "cli/memory.h"
#include "worker/transfer.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_MAX ((size_t)1 << 30)

struct client {
    CURL *curl;
    char *url;
    char *token;
    const char *remedy; /* may be NULL */
    long status;
};

/* ---- life ---- */

struct client *client_create(const char *url, const char *token)
{
    struct client *client = must(calloc(1, sizeof(*client)));

    client->url = must(strdup(url));
    client->token = token ? must(strdup(token)) : NULL;
    client->curl = must(curl_easy_init());
    return client;
}

void client_destroy(struct client *client)
{
    if (!client) {
        return;
    }
    curl_easy_cleanup(client->curl);
    free(client->url);
    free(client->token);
    free(client);
}

void client_set_remedy(struct client *client, const char *remedy)
{
    client->remedy = remedy;
}

const char *client_url(const struct client *client)
{
    return client->url;
}

long client_status(const struct client *client)
{
    return client->status;
}

char *client_escape(const char *text)
{
    char *escaped = must(curl_easy_escape(NULL, text, 0));
    char *copy = must(strdup(escaped));

    curl_free(escaped);
    return copy;
}

/* ---- errors ---- */

static enum client_outcome complain_unreachable(const struct client *client, CURLcode code,
                                                const char *detail, struct error *error)
{
    char why[2 * CURL_ERROR_SIZE];

    if (code == CURLE_COULDNT_CONNECT) {
        error_set(error, NULL,
                  "no daemon answers at %s; start one with 'ninetyd --workers 2', or name another "
                  "with --daemon URL%s%s",
                  client->url, client->remedy ? ", or " : "", client->remedy ? client->remedy : "");
        return CLIENT_UNREACHABLE;
    }
    transfer_explain(code, client->url, detail, why, sizeof(why));
    error_set(error, NULL, "cannot talk to the daemon at %s: %s", client->url, why);
    switch (code) {
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
        return CLIENT_UNREACHABLE;
    default:
        return CLIENT_LOST;
    }
}

/* What a proxy says for a daemon that did not answer it. */
static bool is_of_gateway(long status)
{
    return status == 502 || status == 504;
}

/* Of an answer that no daemon gives. */
static void complain_of_stranger(const struct client *client, struct error *error)
{
    if (is_of_gateway(client->status) || client->status == 503) {
        error_set(error, NULL,
                  "%s is a proxy that cannot reach the daemon (it answered %ld): does ninetyd run, "
                  "and where the proxy looks for it?",
                  client->url, client->status);
    } else {
        error_set(error, NULL, "%s answered %ld and is no ninety daemon, or one of another version",
                  client->url, client->status);
    }
}

/* The daemon's {"error": {...}} into *error. */
static enum client_outcome complain_refused(const struct client *client, const json_t *answer,
                                            struct error *error)
{
    const json_t *said = json_object_get(answer, "error");
    const char *message = json_string_value(json_object_get(said, "message"));
    const char *field = json_string_value(json_object_get(said, "field"));

    if (client->status == 401) {
        error_set(error, NULL,
                  client->token ? "the daemon at %s does not accept this token"
                                : "the daemon at %s wants a token: give --token-file FILE or set "
                                  "NINETY_TOKEN",
                  client->url);
        return CLIENT_REFUSED;
    }
    char where[2 * CURL_ERROR_SIZE];
    if (transfer_redirects(client->curl, where, sizeof(where))) {
        error_set(error, NULL, "%s %s", client->url, where);
        return CLIENT_UNREACHABLE;
    }
    if (!message) {
        complain_of_stranger(client, error);
        return is_of_gateway(client->status) ? CLIENT_LOST : CLIENT_UNREACHABLE;
    }
    error_set(error, field, "%s", message);
    return CLIENT_REFUSED;
}

/* ---- one request ---- */

struct transfer {
    struct client *client;
    char *data; /* kept in memory, ... */
    size_t size;
    FILE *out;       /* ... or copied here while the status says that all is well */
    int write_error; /* why that came to its end too early: an errno, or 0 */
};

static size_t keep(struct transfer *transfer, const char *data, size_t size)
{
    if (size > ANSWER_MAX - transfer->size) {
        return 0;
    }
    transfer->data = must(realloc(transfer->data, transfer->size + size + 1));
    memcpy(transfer->data + transfer->size, data, size);
    transfer->size += size;
    transfer->data[transfer->size] = '\0';
    return size;
}

static size_t on_data(char *data, size_t one, size_t size, void *arg)
{
    struct transfer *transfer = arg;
    long status = 0;
    (void)one;

    curl_easy_getinfo(transfer->client->curl, CURLINFO_RESPONSE_CODE, &status);
    if (transfer->out && status < 300) {
        size_t n_written = fwrite(data, 1, size, transfer->out);
        transfer->write_error = n_written < size ? errno : 0;
        return n_written;
    }
    return keep(transfer, data, size);
}

static struct curl_slist *add_header(struct curl_slist *list, const char *name, const char *value)
{
    char *line = text_format("%s: %s", name, value);

    list = must(curl_slist_append(list, line));
    free(line);
    return list;
}

static struct curl_slist *make_headers(const struct client *client, const struct client_post *post)
{
    struct curl_slist *headers = add_header(NULL, "Accept", "application/json");

    if (client->token) {
        char *bearer = text_format("Bearer %s", client->token);
        headers = add_header(headers, "Authorization", bearer);
        free(bearer);
    }
    if (post) {
        headers = add_header(headers, "Content-Type", "application/json");
        headers = must(curl_slist_append(headers, "Expect:")); /* no round trip before the body */
    }
    if (post && post->idempotency_key) {
        headers = add_header(headers, "Idempotency-Key", post->idempotency_key);
    }
    return headers;
}

static void set_up(struct transfer *transfer, const char *url, const struct client_post *post)
{
    CURL *curl = transfer->client->curl;

    curl_easy_reset(curl); /* keeps the connection */
    transfer_init(curl, url);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, 5000L);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L); /* a minute of silence is too much */
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, 60L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_data);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, transfer);
    if (post) {
        const char *body = post->body ? post->body : "";
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(body));
    }
}

/* Sends, and takes errors out; *transfer holds the body. */
static enum client_outcome perform(struct transfer *transfer, const char *path,
                                   const struct client_post *post, struct error *error)
{
    struct client *client = transfer->client;
    char *url = text_format("%s%s", client->url, path);
    struct curl_slist *headers = make_headers(client, post);
    char detail[CURL_ERROR_SIZE] = "";
    enum client_outcome outcome = CLIENT_OK;

    set_up(transfer, url, post);
    curl_easy_setopt(client->curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(client->curl, CURLOPT_ERRORBUFFER, detail);
    CURLcode code = curl_easy_perform(client->curl);
    curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &client->status);
    if (transfer->write_error != 0) {
        error_set(error, NULL, "cannot write the output: %s", strerror(transfer->write_error));
        outcome = CLIENT_UNWRITTEN;
    } else if (code != CURLE_OK) {
        outcome = complain_unreachable(client, code, detail, error);
    } else if (client->status >= 300) {
        json_t *answer = transfer->data ? json_loads(transfer->data, 0, NULL) : NULL;
        outcome = complain_refused(client, answer, error);
        json_decref(answer);
    }
    curl_easy_setopt(client->curl, CURLOPT_ERRORBUFFER, NULL);
    curl_slist_free_all(headers);
    free(url);
    return outcome;
}

static enum client_outcome request(struct client *client, const char *path,
                                   const struct client_post *post, json_t **ret,
                                   struct error *error)
{
    struct transfer transfer = {.client = client};
    enum client_outcome outcome = perform(&transfer, path, post, error);

    if (outcome == CLIENT_OK) {
        json_t *answer = json_loads(transfer.data ? transfer.data : "", 0, NULL);
        if (answer) {
            *ret = answer;
        } else {
            error_set(error, NULL, "%s does not answer JSON; is it a ninety daemon?", client->url);
            outcome = CLIENT_UNREACHABLE;
        }
    }
    free(transfer.data);
    return outcome;
}

enum client_outcome client_get(struct client *client, const char *path, json_t **ret,
                               struct error *error)
{
    return request(client, path, NULL, ret, error);
}

enum client_outcome client_post(struct client *client, const struct client_post *post, json_t **ret,
                                struct error *error)
{
    enum client_outcome outcome = request(client, post->path, post, ret, error);

    if (outcome == CLIENT_LOST && post->idempotency_key) {
        outcome = request(client, post->path, post, ret, error);
        /* The daemon went away after it was asked: what it did with the first is as unknown. */
        return outcome == CLIENT_UNREACHABLE ? CLIENT_LOST : outcome;
    }
    return outcome;
}

enum client_outcome client_download(struct client *client, const char *path, FILE *out,
                                    struct error *error)
{
    struct transfer transfer = {.client = client, .out = out};
    enum client_outcome outcome = perform(&transfer, path, NULL, error);

    free(transfer.data);
    return outcome;
}
