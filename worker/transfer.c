#include "worker/transfer.h"

#include "common/address.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *trusted_file;

void transfer_trust(const char *ca_file)
{
    trusted_file = ca_file;
}

static const char *variable(const char *name)
{
    const char *value = getenv(name);
    return value && value[0] ? value : NULL;
}

/* The order of the curl program; the library heeds none of these. */
static void set_trust(CURL *curl)
{
    const char *file = trusted_file;
    const char *directory = NULL;
    if (!file && !(file = variable("CURL_CA_BUNDLE"))) {
        file = variable("SSL_CERT_FILE");
        directory = variable("SSL_CERT_DIR");
    }
    if (file) {
        curl_easy_setopt(curl, CURLOPT_CAINFO, file);
        curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
    }
    if (directory) {
        curl_easy_setopt(curl, CURLOPT_CAPATH, directory);
    }
}

void transfer_init(CURL *curl, const char *url)
{
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "ninety/" NINETY_VERSION);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    if (address_is_loopback(url)) {
        curl_easy_setopt(curl, CURLOPT_PROXY, "");
    }
    set_trust(curl);
}

bool transfer_redirects(CURL *curl, char *ret, size_t size)
{
    char *url = NULL;
    long status = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(curl, CURLINFO_REDIRECT_URL, &url);
    if (!url || status < 300 || status >= 400) {
        return false;
    }
    snprintf(ret, size, "answered %ld: it leads on to %.200s; give the address there", status, url);
    return true;
}

void transfer_explain(CURLcode code, const char *url, const char *detail, char *ret, size_t size)
{
    const char *why = detail[0] ? detail : curl_easy_strerror(code);
    if (code == CURLE_SSL_CONNECT_ERROR && strncmp(url, "https:", 6) == 0) {
        size_t n = strcspn(url + 8, "/");
        snprintf(ret, size,
                 "no TLS connection (%s); the daemon speaks http, unless a proxy with TLS stands "
                 "before it: is it http://%.*s?",
                 why, (int)n, url + 8);
    } else if (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE) {
        snprintf(
            ret, size,
            "%s; a certificate authority of your own is named by --ca-file, or by the variable "
            "SSL_CERT_FILE",
            why);
    } else {
        snprintf(ret, size, "%s", why);
    }
}
