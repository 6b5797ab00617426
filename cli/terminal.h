/*
 * What a stream can show: whether it is a terminal, how wide, with which letters and colours.
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>

struct terminal {
    bool live;    /* a terminal that understands escape sequences: lines can be redrawn */
    bool unicode; /* the locale's variables name UTF-8 */
    bool colour;  /* live, and NO_COLOR is not set */
    int width;    /* columns; 80 where that is unknown */
};

/* COLUMNS, LC_ALL, LC_CTYPE, LANG, NO_COLOR and TERM are looked at. */
void terminal_inspect(FILE *stream, struct terminal *ret);
