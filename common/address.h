/*
 * The address of a daemon as a person gives it, to every program by the same rules: a host and port
 * as `127.0.0.1:9190`, a URL, the address of a proxy before it with a path, or what the browser
 * shows above the dashboard.
 */
#pragma once

#include "common/error.h"

#include <stdbool.h>

#define ADDRESS_SIZE 320
#define ADDRESS_DEFAULT "http://127.0.0.1:9190"

/* Writes it as "http://host:9190/prefix", to which "/v1/..." can be added: lower-case scheme, no
 * slash at its end, what follows a '#' cut off. Without scheme it is http, and without scheme and
 * port, port 9190. 0, or ERROR_INVALID and *error names the address, what is wrong with it and what
 * it should be. */
int address_parse(const char *text, char ret[ADDRESS_SIZE], struct error *error);

/* Whether an address from address_parse (or any URL) is that of this machine alone: 127.0.0.0/8,
 * localhost, [::1]. */
bool address_is_loopback(const char *address);
