/*
 * A small drawing made of letters: a grid of character cells, each holding either a symbol or a
 * pattern of dots (braille: 2 x 4 dots a cell; plain ASCII: one dot a cell), in one of a few inks.
 * Dots are addressed from the lower left corner; what lies outside is not drawn.
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#define CANVAS_INKS 6 /* inks are numbered from 0 and repeat beyond this */

struct canvas;

struct canvas *canvas_create(int columns, int rows, bool unicode);
void canvas_destroy(struct canvas *canvas);

/* Size in dots. */
int canvas_width(const struct canvas *canvas);
int canvas_height(const struct canvas *canvas);

void canvas_dot(struct canvas *canvas, int x, int y, int ink);

/* A line that leaves out all but each `every`-th dot. */
struct canvas_line {
    int x0, y0, x1, y1;
    int every;
};
void canvas_line(struct canvas *canvas, const struct canvas_line *line, int ink);

/* A symbol (UTF-8, one column wide, a static string) over whatever is in the cell of a dot. */
void canvas_symbol(struct canvas *canvas, int x, int y, const char *symbol, int ink);

/* One row of cells, 0 at the top, without a newline and without blanks at its end. */
void canvas_print_row(const struct canvas *canvas, int row, bool colour, FILE *out);

/* The escape sequence that turns an ink on; "" without colour. */
const char *canvas_ink(int ink, bool colour);
const char *canvas_ink_off(bool colour);
