/*
 * The address to listen on: "127.0.0.1:9190", "[::1]:9190", "localhost:9190"; port 0 = any free
 * one.
 */
#pragma once

#include "common/error.h"

#include <stdbool.h>
#include <sys/socket.h>

struct listen_address {
    struct sockaddr_storage socket;
    socklen_t size;
    bool loopback;
};

/* 0, or ERROR_INVALID with what is wrong and how it should look. */
int listen_parse(const char *text, struct listen_address *ret, struct error *error);

/* A listening socket. 0, or ERROR_INVALID with one clear line (port taken, ...). */
int listen_open(const struct listen_address *address, int *ret_fd, struct error *error);

/* The address that a listening socket is really bound to, as "ADDR:PORT"; and its port. */
int listen_name(int fd, char ret[80]);
