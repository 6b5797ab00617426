/*
 * What all transfers of worker, client and data have in common: which proxies and certificates
 * hold, who they are made by, and what is said when one fails. Set before a transfer's own options.
 */
#pragma once

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>

/* Certificates of this file (PEM) are trusted instead of the system's and of those that
 * CURL_CA_BUNDLE, SSL_CERT_FILE or SSL_CERT_DIR name. NULL: none. Kept, not copied; for the whole
 * process, before its first transfer. */
void transfer_trust(const char *ca_file);

/* Sets `url`, http and https alone, no signals, and proxies as http_proxy, https_proxy, all_proxy
 * and no_proxy say; but never one for an address of this machine: what is for it, a token above
 * all, does not leave it. */
void transfer_init(CURL *curl, const char *url);

/* Whether the answer sends us elsewhere (301, 302, 307, 308); nobody goes there with a token. Then
 * `ret` says where to, as the end of a line. */
bool transfer_redirects(CURL *curl, char *ret, size_t size);

/* Why a transfer failed, and what to do where that is known, as the end of a line. `detail` is
 * curl's error buffer, or "". */
void transfer_explain(CURLcode code, const char *url, const char *detail, char *ret, size_t size);
