/* ninetyd's command line. */
#pragma once

#include "daemon/listen.h"

#include <stdbool.h>
#include <stdint.h>

struct options {
    struct listen_address listen;
    const char *db;
    const char *data;       /* NULL: no data sets */
    const char *trainer;    /* NULL: the workers' own */
    const char *token_file; /* NULL: none */
    const char *port_file;  /* NULL: none */
    int workers;            /* slots of the local worker; 0 = none */
    int64_t lease_ms;
    size_t max_memory; /* of requests and answers, in bytes */
    bool die_with_parent, end_with_worker;
    bool read_only; /* serve a copy in memory */
};

enum options_result { OPTIONS_RUN, OPTIONS_SHOWN, OPTIONS_WRONG };

/* Fills *ret, whose texts are argv's. OPTIONS_SHOWN: help or version were printed; OPTIONS_WRONG:
 * one line on standard error said what is wrong, exit with 2. */
enum options_result options_parse(int argc, char **argv, struct options *ret);
