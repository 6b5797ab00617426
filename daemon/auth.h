/*
 * Who may come in: the bearer token, and the guard against web pages of other sites that try to
 * drive a daemon through its user's browser (DNS rebinding, cross-site requests). Pure but for
 * reading the token's file.
 */
#pragma once

#include "common/error.h"

#include <stdbool.h>

#define AUTH_TOKEN_SIZE 256 /* with the NUL */
#define AUTH_TOKEN_MIN 16   /* characters */

/* Reads the first line of a file that others may not read. 0, or ERROR_INVALID with one clear
 * line; `ret` is wiped then. */
int auth_read_token(const char *path, char ret[AUTH_TOKEN_SIZE], struct error *error);

/* Whether `authorization` (a header's value or NULL) is "Bearer TOKEN", in a time that does not
 * tell how much of it is right. */
bool auth_is_authorized(const char *token, const char *authorization);

/* Whether a request with these header values (either may be NULL) may be served. Without a token
 * only loopback names are a Host; the Origin, if any, must be the Host itself. */
bool auth_is_same_site(bool has_token, const char *host, const char *origin);
