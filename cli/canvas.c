#include "cli/canvas.h"

#include "cli/memory.h"

#include <stdlib.h>

struct cell {
    unsigned char dots; /* as in a braille letter: bit n is dot n + 1 */
    unsigned char ink;
    const char *symbol; /* NULL: the dots show */
};

struct canvas {
    int columns, rows;
    bool unicode;
    struct cell *cells; /* rows x columns, the top row first */
};

struct canvas *canvas_create(int columns, int rows, bool unicode)
{
    struct canvas *canvas = must(calloc(1, sizeof(*canvas)));

    canvas->columns = columns;
    canvas->rows = rows;
    canvas->unicode = unicode;
    canvas->cells = must(calloc((size_t)columns * (size_t)rows, sizeof(*canvas->cells)));
    return canvas;
}

void canvas_destroy(struct canvas *canvas)
{
    if (canvas) {
        free(canvas->cells);
        free(canvas);
    }
}

int canvas_width(const struct canvas *canvas)
{
    return canvas->columns * (canvas->unicode ? 2 : 1);
}

int canvas_height(const struct canvas *canvas)
{
    return canvas->rows * (canvas->unicode ? 4 : 1);
}

/* NULL outside. */
static struct cell *cell_at(struct canvas *canvas, int x, int y)
{
    if (x < 0 || y < 0 || x >= canvas_width(canvas) || y >= canvas_height(canvas)) {
        return NULL;
    }
    int column = canvas->unicode ? x / 2 : x;
    int row = canvas->rows - 1 - (canvas->unicode ? y / 4 : y);
    return &canvas->cells[row * canvas->columns + column];
}

void canvas_dot(struct canvas *canvas, int x, int y, int ink)
{
    /* Unicode numbers the dots of a braille letter 1 2 3 7 down the left, 4 5 6 8 down the right;
     * here from the bottom up. */
    static const unsigned char bits[2][4] = {{0x40, 0x04, 0x02, 0x01}, {0x80, 0x20, 0x10, 0x08}};
    struct cell *cell = cell_at(canvas, x, y);

    if (cell) {
        cell->dots |= canvas->unicode ? bits[x % 2][y % 4] : 1;
        cell->ink = (unsigned char)(ink % CANVAS_INKS);
    }
}

void canvas_line(struct canvas *canvas, const struct canvas_line *line, int ink)
{
    int dx = line->x1 - line->x0, dy = line->y1 - line->y0;
    int steps = abs(dx) > abs(dy) ? abs(dx) : abs(dy);

    for (int i = 0; i <= steps; i += line->every) {
        double share = steps ? (double)i / steps : 0;
        canvas_dot(canvas, line->x0 + (int)(dx * share + (dx < 0 ? -0.5 : 0.5)),
                   line->y0 + (int)(dy * share + (dy < 0 ? -0.5 : 0.5)), ink);
    }
}

void canvas_symbol(struct canvas *canvas, int x, int y, const char *symbol, int ink)
{
    struct cell *cell = cell_at(canvas, x, y);

    if (cell) {
        cell->symbol = symbol;
        cell->ink = (unsigned char)(ink % CANVAS_INKS);
    }
}

const char *canvas_ink(int ink, bool colour)
{
    /* Blue, yellow, green, magenta, cyan, red: told apart by most eyes, on dark and on light. */
    static const char *const inks[CANVAS_INKS] = {"\033[34m", "\033[33m", "\033[32m",
                                                  "\033[35m", "\033[36m", "\033[31m"};

    return colour ? inks[ink % CANVAS_INKS] : "";
}

const char *canvas_ink_off(bool colour)
{
    return colour ? "\033[0m" : "";
}

static void print_cell(const struct canvas *canvas, const struct cell *cell, FILE *out)
{
    if (cell->symbol) {
        fputs(cell->symbol, out);
    } else if (canvas->unicode && cell->dots) {
        /* U+2800 and the dots' bits, as UTF-8 */
        fputc(0xe2, out);
        fputc(0xa0 | cell->dots >> 6, out);
        fputc(0x80 | (cell->dots & 0x3f), out);
    } else {
        fputc(cell->dots ? '.' : ' ', out);
    }
}

void canvas_print_row(const struct canvas *canvas, int row, bool colour, FILE *out)
{
    const struct cell *cells = &canvas->cells[row * canvas->columns];
    int end = canvas->columns;

    while (end > 0 && !cells[end - 1].symbol && !cells[end - 1].dots) {
        end--;
    }
    for (int column = 0; column < end; column++) {
        bool inked = cells[column].symbol || cells[column].dots;
        fputs(inked ? canvas_ink(cells[column].ink, colour) : "", out);
        print_cell(canvas, &cells[column], out);
        fputs(inked ? canvas_ink_off(colour) : "", out);
    }
}
