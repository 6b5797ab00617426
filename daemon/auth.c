#include "daemon/auth.h"

#include <string.h>
#include <strings.h>

/* ---- token ---- */

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
