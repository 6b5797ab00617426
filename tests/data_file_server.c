/* The HTTP server of data_fixture.h. */
#include "tests/data_fixture.h"
#include "tests/test.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct file_server {
    struct MHD_Daemon *daemon;
    char directory[200];
    char url[64];
    pthread_mutex_t mutex; /* guards what follows */
    struct file_server_stats stats;
    size_t cut_after;
    bool ignore_ranges, stall;
    unsigned status;
};

/* A part of a file on its way out. */
struct answer {
    uint8_t *bytes;
    size_t offset, size;
    size_t end; /* where the connection is cut, or goes silent; SIZE_MAX = nowhere */
    bool stall;
};

static ssize_t on_read(void *arg, uint64_t position, char *buffer, size_t max)
{
    struct answer *answer = arg;
    if (position >= answer->end) {
        return answer->stall ? 0 : MHD_CONTENT_READER_END_WITH_ERROR;
    }
    size_t n = answer->size - (size_t)position;
    n = n > max ? max : n;
    n = n > answer->end - position ? answer->end - position : n;
    memcpy(buffer, answer->bytes + answer->offset + position, n);
    return (ssize_t)n;
}

static void free_answer(void *arg)
{
    struct answer *answer = arg;
    free(answer->bytes);
    free(answer);
}

static enum MHD_Result send_status(struct MHD_Connection *connection, unsigned status)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(5, (void *)(uintptr_t) "sorry", MHD_RESPMEM_PERSISTENT);
    const enum MHD_Result r = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return r;
}

static enum MHD_Result send_file(struct file_server *server, struct MHD_Connection *connection,
                                 const char *path, const char *range)
{
    struct answer *answer = calloc(1, sizeof *answer);
    size_t size;
    answer->bytes = fixture_read(path, &size);
    const bool partial = range != NULL && !server->ignore_ranges;
    answer->offset = partial ? strtoul(range + strlen("bytes="), NULL, 10) : 0;
    if (partial && answer->offset >= size) {
        free_answer(answer);
        return send_status(connection, MHD_HTTP_RANGE_NOT_SATISFIABLE);
    }
    answer->size = size - answer->offset;
    answer->stall = server->stall;
    answer->end = server->stall ? size / 2 : server->cut_after > 0 ? server->cut_after : SIZE_MAX;
    struct MHD_Response *response =
        MHD_create_response_from_callback(answer->size, 512, on_read, answer, free_answer);
    if (partial) {
        char text[80];
        snprintf(text, sizeof text, "bytes %zu-%zu/%zu", answer->offset, size - 1, size);
        MHD_add_response_header(response, "Content-Range", text);
    }
    const enum MHD_Result r =
        MHD_queue_response(connection, partial ? MHD_HTTP_PARTIAL_CONTENT : MHD_HTTP_OK, response);
    MHD_destroy_response(response);
    return r;
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *body,
                                  size_t *body_size, void **state)
{
    (void)method, (void)version, (void)body, (void)body_size, (void)state;
    struct file_server *server = arg;
    const char *range = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Range");
    const char *token = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Authorization");
    pthread_mutex_lock(&server->mutex);
    server->stats.n_requests++;
    server->stats.n_ranges += range != NULL;
    snprintf(server->stats.authorization, sizeof server->stats.authorization, "%s",
             token != NULL ? token : "");
    char path[512], listing[512 + 8];
    snprintf(path, sizeof path, "%s%s", server->directory, url);
    snprintf(listing, sizeof listing, "%s.json", path); /* the answer for a directory */
    enum MHD_Result r;
    if (server->status != 0) {
        r = send_status(connection, server->status);
    } else if (access(listing, R_OK) == 0) {
        r = send_file(server, connection, listing, range);
    } else if (access(path, R_OK) == 0) {
        r = send_file(server, connection, path, range);
    } else {
        r = send_status(connection, MHD_HTTP_NOT_FOUND);
    }
    pthread_mutex_unlock(&server->mutex);
    return r;
}

struct file_server *file_server_start(const char *directory)
{
    struct file_server *server = calloc(1, sizeof *server);
    assert_non_null(server);
    pthread_mutex_init(&server->mutex, NULL);
    snprintf(server->directory, sizeof server->directory, "%s", directory);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    server->daemon = MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD, 0, NULL, NULL, on_request,
                                      server, MHD_OPTION_SOCK_ADDR, &address, MHD_OPTION_END);
    assert_non_null(server->daemon);
    snprintf(server->url, sizeof server->url, "http://127.0.0.1:%u",
             MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
    return server;
}

void file_server_stop(struct file_server *server)
{
    MHD_stop_daemon(server->daemon);
    pthread_mutex_destroy(&server->mutex);
    free(server);
}

const char *file_server_url(const struct file_server *server)
{
    return server->url;
}

struct file_server_stats file_server_stats(struct file_server *server)
{
    pthread_mutex_lock(&server->mutex);
    const struct file_server_stats stats = server->stats;
    pthread_mutex_unlock(&server->mutex);
    return stats;
}

void file_server_cut_after(struct file_server *server, size_t n_bytes)
{
    pthread_mutex_lock(&server->mutex);
    server->cut_after = n_bytes;
    pthread_mutex_unlock(&server->mutex);
}

void file_server_ignore_ranges(struct file_server *server)
{
    pthread_mutex_lock(&server->mutex);
    server->ignore_ranges = true;
    pthread_mutex_unlock(&server->mutex);
}

void file_server_answer(struct file_server *server, unsigned status)
{
    pthread_mutex_lock(&server->mutex);
    server->status = status;
    pthread_mutex_unlock(&server->mutex);
}

void file_server_stall(struct file_server *server)
{
    pthread_mutex_lock(&server->mutex);
    server->stall = true;
    pthread_mutex_unlock(&server->mutex);
}
