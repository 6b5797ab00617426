#include "daemon/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BACKLOG 4096
#define MOST_UNSENT_BYTES (128 * 1024)

static bool parse_port(const char *text, in_port_t *ret)
{
    char *end;
    long port = strtol(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || port > 65535) {
        return false;
    }
    *ret = htons((in_port_t)port);
    return true;
}

static bool parse_v4(const char *host, in_port_t port, struct listen_address *ret)
{
    struct sockaddr_in *in = (struct sockaddr_in *)&ret->socket;
    *in = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = port};
    if (inet_pton(AF_INET, strcmp(host, "localhost") == 0 ? "127.0.0.1" : host, &in->sin_addr) !=
        1) {
        return false;
    }
    ret->size = sizeof *in;
    ret->loopback = ntohl(in->sin_addr.s_addr) >> 24 == 127;
    return true;
}

static bool parse_v6(const char *host, in_port_t port, struct listen_address *ret)
{
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&ret->socket;
    *in6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = port};
    if (inet_pton(AF_INET6, host, &in6->sin6_addr) != 1) {
        return false;
    }
    ret->size = sizeof *in6;
    ret->loopback = IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr);
    return true;
}

int listen_parse(const char *text, struct listen_address *ret, struct error *error)
{
    char host[64];
    in_port_t port;
    const char *colon = strrchr(text, ':');
    bool good = colon != NULL && (size_t)(colon - text) < sizeof host && colon > text &&
                parse_port(colon + 1, &port);
    if (good) {
        size_t n = (size_t)(colon - text);
        memcpy(host, text, n);
        host[n] = '\0';
        memset(ret, 0, sizeof *ret);
        if (host[0] == '[' && host[n - 1] == ']') {
            host[n - 1] = '\0';
            good = parse_v6(host + 1, port, ret);
        } else {
            good = parse_v4(host, port, ret);
        }
    }
    return good ? 0
                : error_set(error, NULL,
                            "\"%s\" is no address to listen on; it looks like 127.0.0.1:9190, "
                            "[::1]:9190 or 0.0.0.0:0 (port 0 = any free one)",
                            text);
}

static int fail(const struct listen_address *address, int number, struct error *error)
{
    char host[INET6_ADDRSTRLEN] = "?";
    bool v6 = address->socket.ss_family == AF_INET6;
    const struct sockaddr_in *in = (const struct sockaddr_in *)&address->socket;
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&address->socket;
    inet_ntop(address->socket.ss_family,
              v6 ? (const void *)&in6->sin6_addr : (const void *)&in->sin_addr, host, sizeof host);
    int port = ntohs(v6 ? in6->sin6_port : in->sin_port);
    return error_set(error, NULL, "cannot listen on %s%s%s:%d: %s%s", v6 ? "[" : "", host,
                     v6 ? "]" : "", port, strerror(number),
                     number == EADDRINUSE ? "; is another ninetyd running? --listen chooses "
                                            "another port, 0 a free one"
                                          : "");
}

int listen_open(const struct listen_address *address, int *ret_fd, struct error *error)
{
    int on = 1, unsent = MOST_UNSENT_BYTES;
    int fd = socket(address->socket.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return fail(address, errno, error);
    }
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    /* Its connections inherit this: what a client does not take is not piled up in the kernel. */
    setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent);
    if (bind(fd, (const struct sockaddr *)&address->socket, address->size) != 0 ||
        listen(fd, BACKLOG) != 0) {
        int number = errno;
        close(fd);
        return fail(address, number, error);
    }
    *ret_fd = fd;
    return 0;
}

int listen_name(int fd, char ret[80])
{
    struct sockaddr_storage address = {0};
    socklen_t size = sizeof address;
    char host[INET6_ADDRSTRLEN] = "";
    getsockname(fd, (struct sockaddr *)&address, &size);
    if (address.ss_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&address;
        inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof host);
        snprintf(ret, 80, "[%s]:%d", host, ntohs(in6->sin6_port));
        return ntohs(in6->sin6_port);
    }
    const struct sockaddr_in *in = (const struct sockaddr_in *)&address;
    inet_ntop(AF_INET, &in->sin_addr, host, sizeof host);
    snprintf(ret, 80, "%s:%d", host, ntohs(in->sin_port));
    return ntohs(in->sin_port);
}
