/*
 * How a command gets at its sweeps: a client of the daemon that --daemon names, or with --db, of
 * the daemon that has that file in use, or of one without workers that is started on it for as long
 * as the command takes.
 */
#pragma once

#include "cli/args.h"
#include "cli/client.h"
#include "cli/local.h"
#include "common/error.h"

struct connection {
    struct client *client;
    struct local *local; /* the one that was started */
};

/* From --db, or --daemon and --token-file, NINETY_DAEMON and NINETY_TOKEN. 0 or ERROR_INVALID;
 * close it in either case. Talks to no other daemon yet. */
int connection_open(const struct args *args, struct connection *ret, struct error *error);
void connection_close(struct connection *connection);
