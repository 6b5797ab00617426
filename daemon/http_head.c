/*
 * What is wrong with a head as such, for all that libmicrohttpd lets us see: anything that another
 * program on the way might read otherwise, which is what smuggling a request lives on.
 */
#include "daemon/http_internal.h"

#include <string.h>
#include <strings.h>

struct head {
    int n_hosts, n_lengths, n_encodings;
    const char *encoding;
    const char *wrong;
};

static bool has_control(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)text[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f) {
            return true;
        }
    }
    return false;
}

static enum MHD_Result on_field(void *cls, enum MHD_ValueKind kind, const char *name,
                                size_t name_size, const char *value, size_t value_size)
{
    (void)kind;
    struct head *head = cls;
    if (has_control(name, name_size) || memchr(name, ' ', name_size) != NULL) {
        head->wrong = "a header's name has a blank or a control character in it";
    } else if (value != NULL && has_control(value, value_size)) {
        head->wrong = "a header's value has a control character in it";
    } else if (strcasecmp(name, MHD_HTTP_HEADER_HOST) == 0) {
        head->n_hosts++;
    } else if (strcasecmp(name, MHD_HTTP_HEADER_CONTENT_LENGTH) == 0) {
        head->n_lengths++;
    } else if (strcasecmp(name, MHD_HTTP_HEADER_TRANSFER_ENCODING) == 0) {
        head->n_encodings++;
        head->encoding = value != NULL ? value : "";
    }
    return head->wrong == NULL ? MHD_YES : MHD_NO;
}

const char *http_head_fault(const struct http_request *request)
{
    struct head head = {0};
    MHD_get_connection_values_n(request->connection, MHD_HEADER_KIND, on_field, &head);
    if (head.wrong != NULL) {
        return head.wrong;
    }
    if (head.n_hosts > 1) {
        return "there are two Host headers";
    }
    if (head.n_lengths > 1) {
        return "there are two Content-Length headers";
    }
    if (head.n_lengths > 0 && head.n_encodings > 0) {
        return "there are both Content-Length and Transfer-Encoding";
    }
    if (head.n_encodings > 1 ||
        (head.encoding != NULL && strcasecmp(head.encoding, "chunked") != 0)) {
        return "Transfer-Encoding can be chunked only";
    }
    return NULL;
}
