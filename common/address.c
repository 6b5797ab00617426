#include "common/address.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define DEFAULT_PORT ":9190"
#define LETTERS_AND_DIGITS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

struct part {
    const char *start;
    size_t n;
};

/* On one line, and without a password. */
static int refuse(const char *text, const char *why, struct error *error)
{
    char shown[200];

    snprintf(shown, sizeof(shown), "%s", strchr(text, '@') ? "...@..." : text);
    for (char *c = shown; *c; c++) {
        *c = iscntrl((unsigned char)*c) ? ' ' : *c;
    }
    return error_set(error, NULL, "%s in the daemon's address \"%s\": give it as " ADDRESS_DEFAULT,
                     why, shown);
}

/* Takes "scheme://" off. *ret is "http" or "https". */
static int take_scheme(struct part *rest, const char *text, const char **ret, struct error *error)
{
    static const char *const schemes[] = {"http", "https"};
    size_t n = strspn(rest->start, LETTERS_AND_DIGITS "+.-");

    if (n >= rest->n || strncmp(rest->start + n, "://", 3) != 0) {
        return 0; /* *ret stays as it is */
    }
    for (size_t i = 0; i < sizeof(schemes) / sizeof(*schemes); i++) {
        if (n == strlen(schemes[i]) && strncasecmp(rest->start, schemes[i], n) == 0) {
            *ret = schemes[i];
            rest->start += n + 3;
            rest->n -= n + 3;
            return 0;
        }
    }
    char why[96];
    snprintf(why, sizeof(why), "there is %.*s:// and neither http:// nor https://",
             n < 40 ? (int)n : 40, rest->start);
    return refuse(text, why, error);
}

/* "name", "1.2.3.4", "[::1]"; *ret_n is its length. */
static bool take_host(const struct part *authority, size_t *ret_n)
{
    size_t n;

    if (authority->start[0] == '[') {
        n = 1 + strspn(authority->start + 1, LETTERS_AND_DIGITS ":.%-_");
        *ret_n = n + 1;
        return n > 2 && n < authority->n && authority->start[n] == ']';
    }
    n = strspn(authority->start, LETTERS_AND_DIGITS ".-_");
    *ret_n = n < authority->n ? n : authority->n;
    return *ret_n > 0;
}

static bool is_port(const char *digits, size_t n)
{
    return n >= 1 && n <= 5 && strspn(digits, "0123456789") >= n && atoi(digits) >= 1 &&
           atoi(digits) <= 65535;
}

static int check_authority(const struct part *authority, const char *text, bool *ret_has_port,
                           struct error *error)
{
    size_t n_host;

    if (memchr(authority->start, '@', authority->n)) {
        return refuse(text, "there is a user or password (the token goes into --token-file)",
                      error);
    }
    if (authority->n == 0) {
        return refuse(text, "there is no host", error);
    }
    const char *colon = memchr(authority->start, ':', authority->n);
    if (authority->start[0] != '[' && colon &&
        memchr(colon + 1, ':', authority->n - (size_t)(colon + 1 - authority->start))) {
        return refuse(text, "there is an IPv6 address without brackets, [::1],", error);
    }
    if (!take_host(authority, &n_host)) {
        return refuse(text, "there is no valid host", error);
    }
    *ret_has_port = n_host < authority->n;
    if (!*ret_has_port) {
        return 0;
    }
    if (authority->start[n_host] != ':') {
        return refuse(text, "there is no valid host", error);
    }
    if (!is_port(authority->start + n_host + 1, authority->n - n_host - 1)) {
        return refuse(text, "the port is no number from 1 to 65535", error);
    }
    return 0;
}

/* Without blanks around it and what follows a '#'. */
static int trim(const char *text, struct part *ret, struct error *error)
{
    ret->start = text + strspn(text, " \t\r\n");
    ret->n = strcspn(ret->start, "#");
    while (ret->n > 0 && strchr(" \t\r\n", ret->start[ret->n - 1])) {
        ret->n--;
    }
    for (size_t i = 0; i < ret->n; i++) {
        if (!isascii(ret->start[i]) || !isgraph((unsigned char)ret->start[i])) {
            return refuse(text, "there is a blank, or what is not ASCII,", error);
        }
    }
    if (ret->n == 0) {
        return refuse(text, "there is nothing", error);
    }
    if (ret->n > ADDRESS_SIZE - 32) { /* room for scheme and port */
        return refuse(text, "there are too many characters", error);
    }
    return 0;
}

int address_parse(const char *text, char ret[ADDRESS_SIZE], struct error *error)
{
    struct part rest;
    const char *scheme = NULL;
    bool has_port = false;

    int rc = trim(text, &rest, error);
    if (rc == 0) {
        rc = take_scheme(&rest, text, &scheme, error);
    }
    if (rc != 0) {
        return rc;
    }
    struct part authority = {rest.start, strcspn(rest.start, "/?#")};
    authority.n = authority.n < rest.n ? authority.n : rest.n;
    struct part path = {rest.start + authority.n, rest.n - authority.n};
    rc = check_authority(&authority, text, &has_port, error);
    if (rc == 0 && memchr(path.start, '?', path.n)) {
        rc = refuse(text, "there is a query (?...)", error);
    }
    if (rc != 0) {
        return rc;
    }
    while (path.n > 0 && path.start[path.n - 1] == '/') {
        path.n--;
    }
    snprintf(ret, ADDRESS_SIZE, "%s://%.*s%s%.*s", scheme ? scheme : "http", (int)authority.n,
             authority.start, scheme || has_port ? "" : DEFAULT_PORT, (int)path.n, path.start);
    return 0;
}

bool address_is_loopback(const char *address)
{
    const char *host = strstr(address, "://");

    host = host ? host + 3 : address;
    size_t n_authority = strcspn(host, "/?#");
    size_t n = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":/?#");
    if (n > n_authority || (host[n] != ':' && n < n_authority) || memchr(host, '@', n_authority)) {
        return false;
    }
    return (n == 9 && strncasecmp(host, "localhost", n) == 0) ||
           (n == 5 && strncmp(host, "[::1]", n) == 0) ||
           /* and nothing like 127.evil.example */
           (strncmp(host, "127.", 4) == 0 && strspn(host, "0123456789.") == n);
}
