/*
 * ninety-worker's command line and environment.
 */
#pragma once

#include "common/address.h"
#include "common/token.h"

#include <stdbool.h>

#define OPTIONS_MAX_DATA 16

struct options {
    const char *daemon; /* as it was given */
    char daemon_url[ADDRESS_SIZE];
    const char *token_file;
    const char *ca_file;    /* NULL = those of the system or the environment */
    char token[TOKEN_SIZE]; /* "" = none */
    int n_slots;
    bool pin;
    const char *trainer; /* a command for the shell; NULL = ninety-trainer */
    const char *kernel;  /* NULL = choose */
    const char *data[OPTIONS_MAX_DATA + 1];
    const char *cache; /* NULL = the usual directory */
    double idle_s;     /* 0 = stay */
    double hang_s;
    bool die_with_parent;
};

enum options_result {
    OPTIONS_RUN,
    OPTIONS_SHOWN, /* --help or --version were printed: exit with 0 */
    OPTIONS_WRONG, /* said on standard error: exit with 2 */
};

enum options_result options_parse(int argc, char **argv, struct options *ret);
