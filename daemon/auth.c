#include "daemon/auth.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- token ---- */

static int check_file(int fd, const char *path, struct error *error)
{
    struct stat info;
    if (fstat(fd, &info) != 0) {
        return error_set(error, NULL, "%s: %s", path, strerror(errno));
    }
    if (!S_ISREG(info.st_mode)) {
        return error_set(error, NULL, "%s is not a file", path);
    }
    if ((info.st_mode & (S_IROTH | S_IWOTH)) != 0) {
        return error_set(error, NULL, "%s holds a secret, but everyone may open it: chmod 600 %s",
                         path, path);
    }
    return 0;
}

static int check_token(char token[AUTH_TOKEN_SIZE], const char *path, struct error *error)
{
    size_t n = strcspn(token, "\r\n");
    token[n] = '\0';
    for (size_t i = 0; i < n; i++) {
        if (!isgraph((unsigned char)token[i])) {
            return error_set(error, NULL, "%s: a token is printable ASCII without blanks", path);
        }
    }
    if (n < AUTH_TOKEN_MIN || n == AUTH_TOKEN_SIZE - 1) {
        return error_set(error, NULL,
                         "%s: a token has %d to %d characters on its first line; make one with: "
                         "openssl rand -hex 32 > %s",
                         path, AUTH_TOKEN_MIN, AUTH_TOKEN_SIZE - 2, path);
    }
    return 0;
}

int auth_read_token(const char *path, char ret[AUTH_TOKEN_SIZE], struct error *error)
{
    memset(ret, 0, AUTH_TOKEN_SIZE);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return error_set(error, NULL, "%s: %s", path, strerror(errno));
    }
    int rc = check_file(fd, path, error);
    if (rc == 0) {
        ssize_t n = read(fd, ret, AUTH_TOKEN_SIZE - 1);
        rc = n < 0 ? error_set(error, NULL, "%s: %s", path, strerror(errno))
                   : check_token(ret, path, error);
    }
    close(fd);
    if (rc != 0) {
        memset(ret, 0, AUTH_TOKEN_SIZE);
    }
    return rc;
}

/* The time depends on the length of what was given alone. */
static bool equal_in_constant_time(const char *secret, const char *given)
{
    size_t n_secret = strlen(secret), n_given = strlen(given);
    volatile unsigned char difference = n_secret != n_given;
    for (size_t i = 0; i < n_given; i++) {
        difference |= (unsigned char)(secret[n_secret == 0 ? 0 : i % n_secret] ^ given[i]);
    }
    return difference == 0;
}

bool auth_is_authorized(const char *token, const char *authorization)
{
    static const char scheme[] = "Bearer ";
    if (authorization == NULL || strncasecmp(authorization, scheme, sizeof scheme - 1) != 0) {
        return false;
    }
    return equal_in_constant_time(token, authorization + sizeof scheme - 1);
}

/* ---- same site ---- */

/* The length of the host part of "host:port", "[v6]:port". */
static size_t host_length(const char *authority)
{
    if (authority[0] == '[') {
        const char *end = strchr(authority, ']');
        return end != NULL ? (size_t)(end - authority) + 1 : 0;
    }
    return strcspn(authority, ":");
}

static bool is_loopback_name(const char *authority)
{
    static const char *const names[] = {"localhost", "[::1]"};
    size_t n = host_length(authority);
    if (authority[n] != '\0' && authority[n] != ':') {
        return false;
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (n == strlen(names[i]) && strncasecmp(authority, names[i], n) == 0) {
            return true;
        }
    }
    /* 127.0.0.0/8, and nothing like 127.evil.example */
    return strncmp(authority, "127.", 4) == 0 && strspn(authority, "0123456789.") == n;
}

bool auth_is_same_site(bool has_token, const char *host, const char *origin)
{
    if (!has_token && host != NULL && !is_loopback_name(host)) {
        return false;
    }
    if (origin == NULL) {
        return true;
    }
    const char *authority = strstr(origin, "://");
    return authority != NULL && host != NULL && strcasecmp(authority + 3, host) == 0;
}
