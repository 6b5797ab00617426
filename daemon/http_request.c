/* What a request says. */
#include "daemon/http_internal.h"

#include <errno.h>

enum http_method http_method(const struct http_request *request)
{
    return request->method;
}

const char *http_path(const struct http_request *request)
{
    return request->path;
}

const char *http_header(const struct http_request *request, const char *name)
{
    return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

struct query_call {
    http_query_fn fn;
    void *ctx;
};

static enum MHD_Result on_query_value(void *cls, enum MHD_ValueKind kind, const char *name,
                                      const char *value)
{
    (void)kind;
    const struct query_call *call = cls;
    return call->fn(call->ctx, name, value != NULL ? value : "") ? MHD_YES : MHD_NO;
}

void http_query(const struct http_request *request, http_query_fn fn, void *ctx)
{
    struct query_call call = {fn, ctx};
    MHD_get_connection_values(request->connection, MHD_GET_ARGUMENT_KIND, on_query_value, &call);
}

enum http_fault http_fault(const struct http_request *request)
{
    return request->fault;
}

const char *http_malformed(const struct http_request *request)
{
    return request->malformed;
}

uint64_t http_announced(const struct http_request *request)
{
    return request->announced;
}

const char *http_body(const struct http_request *request, size_t *ret_size)
{
    *ret_size = request->body_size;
    if (request->body_size == 0) {
        return "";
    }
    request->body[request->body_size] = '\0';
    return request->body;
}

const char *http_peer(const struct http_request *request)
{
    return request->peer;
}

bool http_is_alive(const struct http_request *request)
{
    char byte;
    ssize_t n = recv(request->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}
