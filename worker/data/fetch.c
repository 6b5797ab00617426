#include "worker/data/fetch.h"

#include "worker/transfer.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define CONNECT_TIMEOUT_S 15L
#define STALL_S 30L /* below a byte per second for so long: broken */
#define PROGRESS_MS 200
#define FUTILE_TRIES 2 /* transfers in a row that brought nothing */

/* One transfer: where its bytes go and what became of it. */
struct transfer {
    const struct fetch *fetch;
    CURL *curl;
    FILE *out;
    int64_t offset;  /* bytes there before it began */
    int64_t written; /* bytes there now */
    int64_t reported_ms;
    bool begun, too_large, disk_full;
};

static void init_curl(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool aborted(const struct fetch *fetch)
{
    return fetch->abort != NULL && atomic_load(fetch->abort);
}

/* ---- curl's callbacks ---- */

/* A server that ignores the range sends everything: begin again at 0. */
static bool begin_body(struct transfer *transfer)
{
    transfer->begun = true;
    long status = 0;
    curl_easy_getinfo(transfer->curl, CURLINFO_RESPONSE_CODE, &status);
    if (transfer->offset == 0 || status == 206) {
        return true;
    }
    transfer->offset = transfer->written = 0;
    rewind(transfer->out);
    return ftruncate(fileno(transfer->out), 0) == 0;
}

static size_t on_body(char *bytes, size_t size, size_t n, void *arg)
{
    struct transfer *transfer = arg;
    if (!transfer->begun && !begin_body(transfer)) {
        transfer->disk_full = true;
        return 0;
    }
    const size_t total = size * n;
    if (transfer->written + (int64_t)total > transfer->fetch->max_bytes) {
        transfer->too_large = true;
        return 0;
    }
    if (fwrite(bytes, 1, total, transfer->out) != total) {
        transfer->disk_full = true;
        return 0;
    }
    transfer->written += (int64_t)total;
    return total;
}

static void report(struct transfer *transfer, int64_t total)
{
    if (transfer->fetch->progress != NULL) {
        transfer->fetch->progress(transfer->fetch->progress_arg, transfer->fetch->name,
                                  transfer->written, total);
    }
}

static int on_progress(void *arg, curl_off_t expected, curl_off_t received, curl_off_t up_total,
                       curl_off_t up)
{
    (void)received, (void)up_total, (void)up;
    struct transfer *transfer = arg;
    if (aborted(transfer->fetch)) {
        return 1;
    }
    const int64_t now = now_ms();
    if (transfer->begun && now - transfer->reported_ms >= PROGRESS_MS) {
        transfer->reported_ms = now;
        report(transfer, expected > 0 ? transfer->offset + expected : -1);
    }
    return 0;
}

/* ---- one transfer ---- */

static void set_options(struct transfer *transfer)
{
    const struct fetch *fetch = transfer->fetch;
    CURL *curl = transfer->curl;
    transfer_init(curl, fetch->url);
    curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, CONNECT_TIMEOUT_S);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, STALL_S);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, transfer);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, transfer);
    if (transfer->offset > 0) { /* not RESUME_FROM: that fails where a server cannot resume */
        char range[32];
        snprintf(range, sizeof range, "%lld-", (long long)transfer->offset);
        curl_easy_setopt(curl, CURLOPT_RANGE, range); /* curl copies it */
    }
    if (fetch->token != NULL) {
        curl_easy_setopt(curl, CURLOPT_HTTPAUTH, (long)CURLAUTH_BEARER);
        curl_easy_setopt(curl, CURLOPT_XOAUTH2_BEARER, fetch->token);
    } else {
        curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
        curl_easy_setopt(curl, CURLOPT_MAXREDIRS, 5L);
        curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    }
}

static int try_later(const struct fetch *fetch, const char *why, struct error *error)
{
    error_set(error, NULL, "%s: %s", fetch->url, why);
    return PREPARE_TRY_LATER;
}

static int judge_status(const struct fetch *fetch, long status, struct error *error)
{
    if (status == 404) {
        error_set(error, NULL, "%s: not found (404)", fetch->url);
        return FETCH_NOT_FOUND;
    }
    if (status == 401) {
        return error_set(error, NULL, "%s: access refused (401): %s", fetch->url,
                         fetch->token != NULL ? "check the token" : "a token is needed");
    }
    if (status == 408 || status == 429 || status >= 500) {
        error_set(error, NULL, "%s: the server is in trouble (%ld)", fetch->url, status);
        return PREPARE_TRY_LATER;
    }
    return error_set(error, NULL, "%s: refused with HTTP status %ld", fetch->url, status);
}

static int judge(const struct transfer *transfer, CURLcode code, struct error *error)
{
    const struct fetch *fetch = transfer->fetch;
    if (code == CURLE_OK) {
        return 0;
    }
    if (code == CURLE_ABORTED_BY_CALLBACK) {
        return -ECANCELED;
    }
    if (code == CURLE_OUT_OF_MEMORY) {
        return -ENOMEM;
    }
    if (transfer->too_large) {
        return error_set(error, NULL, "%s: larger than the %lld bytes allowed", fetch->url,
                         (long long)transfer->fetch->max_bytes);
    }
    if (transfer->disk_full) {
        return try_later(fetch, "the cache directory cannot be written to; is the disk full?",
                         error);
    }
    if (code == CURLE_UNSUPPORTED_PROTOCOL || code == CURLE_URL_MALFORMAT) {
        return error_set(error, NULL, "%s: not a URL that can be fetched; use http:// or https://",
                         fetch->url);
    }
    if (code == CURLE_HTTP_RETURNED_ERROR) {
        long status = 0;
        curl_easy_getinfo(transfer->curl, CURLINFO_RESPONSE_CODE, &status);
        return judge_status(fetch, status, error);
    }
    char why[2 * CURL_ERROR_SIZE];
    transfer_explain(code, fetch->url, "", why, sizeof why);
    return try_later(fetch, why, error);
}

static int perform(struct transfer *transfer, struct error *error)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, init_curl);
    transfer->curl = curl_easy_init();
    if (transfer->curl == NULL) {
        return -ENOMEM;
    }
    set_options(transfer);
    const CURLcode code = curl_easy_perform(transfer->curl);
    if (fflush(transfer->out) != 0) {
        transfer->disk_full = true;
    }
    const int r =
        judge(transfer, transfer->disk_full && code == CURLE_OK ? CURLE_WRITE_ERROR : code, error);
    long status = 0;
    curl_easy_getinfo(transfer->curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_cleanup(transfer->curl);
    if (status == 416 && transfer->offset > 0) { /* what is there is no beginning of theirs */
        transfer->written = 0;
        if (ftruncate(fileno(transfer->out), 0) == 0) {
            return PREPARE_TRY_LATER;
        }
    }
    return r;
}

/* ---- what is offered ---- */

int fetch_file(const struct fetch *fetch, const char *path, struct error *error)
{
    /* Append: keep what is there. */
    const int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0644);
    FILE *out = fd >= 0 ? fdopen(fd, "a") : NULL;
    if (out == NULL || fseeko(out, 0, SEEK_END) != 0) {
        char why[200];
        snprintf(why, sizeof why, "%.120s cannot be written: %s", path, strerror(errno));
        if (out != NULL) {
            fclose(out);
        }
        return try_later(fetch, why, error);
    }
    struct transfer transfer = {.fetch = fetch, .out = out};
    transfer.written = ftello(out);
    if (transfer.written > fetch->max_bytes && ftruncate(fileno(out), 0) == 0) {
        transfer.written = 0; /* the beginning of something else */
    }
    int r = PREPARE_TRY_LATER;
    for (int futile = 0; r == PREPARE_TRY_LATER && futile < FUTILE_TRIES;) {
        const int64_t before = transfer.offset = transfer.written;
        transfer.begun = false;
        r = perform(&transfer, error);
        futile = transfer.written > before ? 0 : futile + 1;
    }
    if (r == 0) {
        report(&transfer, transfer.written);
    }
    if (fclose(out) != 0 && r == 0) {
        r = try_later(fetch, "the cache directory cannot be written to; is the disk full?", error);
    }
    return r;
}

int fetch_text(const struct fetch *fetch, char **ret_text, struct error *error)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (out == NULL) {
        return -ENOMEM;
    }
    struct transfer transfer = {.fetch = fetch, .out = out};
    int r = perform(&transfer, error);
    if (fclose(out) != 0 && r == 0) {
        r = -ENOMEM;
    }
    if (r != 0) {
        free(text);
        return r;
    }
    *ret_text = text;
    return 0;
}
