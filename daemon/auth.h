/*
 * Who may come in: the bearer token, and the guard against web pages of other sites that try to
 * drive a daemon through its user's browser (DNS rebinding, cross-site requests). Pure.
 */
#pragma once

#include <stdbool.h>

/* Whether `authorization` (a header's value or NULL) is "Bearer TOKEN", in a time that does not
 * tell how much of it is right. */
bool auth_is_authorized(const char *token, const char *authorization);

/* Whether a request with these header values (either may be NULL) may be served. Without a token
 * only loopback names are a Host; the Origin, if any, must be the Host itself. */
bool auth_is_same_site(bool has_token, const char *host, const char *origin);
