/*
 * The digits of synth.h as the paths a pen takes: for each digit several ways of writing it, each
 * one or more strokes, each a list of points that a smooth curve runs through.
 *
 *     0 ----- x ----- 1      Coordinates in hundredths of the digit's box, y downwards.
 *     |                      CORNER behind a point: the pen turns sharply there.
 *     y                      UP: the pen leaves the paper; END: the digit is complete.
 *     |
 *     1
 */
#pragma once

#include "worker/data/idx.h"

enum glyph_mark { GLYPH_SMOOTH, GLYPH_CORNER, GLYPH_UP, GLYPH_END };

struct glyph_point {
    signed char x, y;
    unsigned char mark; /* enum glyph_mark: what happens behind this point */
};

#define GLYPH_MAX_POINTS 32

struct glyph {
    int digit;
    int weight; /* how often, beside the digit's other glyphs */
    struct glyph_point point[GLYPH_MAX_POINTS];
};

/* The glyphs, those of one digit together, in the order of digits. */
extern const struct glyph synth_glyphs[];
extern const int synth_n_glyphs;
