/*
 * Lines out of a stream of bytes that comes in pieces.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* A line longer than this is an error of whoever writes it. */
#define LINES_MAX 65536

struct lines {
    char *bytes;      /* LINES_MAX + 1 of them */
    size_t from, end; /* what has come in and was not handed out */
    size_t searched;  /* no newline before this */
};

/* 0 or -ENOMEM. */
int lines_init(struct lines *lines);
void lines_finish(struct lines *lines);
/* Forgets what has come in. */
void lines_reset(struct lines *lines);

/* Where the next bytes go, and how many fit: 0 only when a line is too long. */
char *lines_room(struct lines *lines, size_t *ret_size);
/* n bytes were written there. */
void lines_added(struct lines *lines, size_t n);
/* The next whole line, without its newline, valid until the next lines_room; NULL when there is
 * none yet. */
char *lines_next(struct lines *lines);
/* What is left at the end of the stream, a line without its newline; NULL when nothing is. */
char *lines_rest(struct lines *lines);
