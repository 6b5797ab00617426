#include "cli/chart.h"

#include "cli/canvas.h"
#include "cli/text.h"

#include <math.h>
#include <string.h>

#define ROWS 12       /* about so many, between the lowest tick and the highest */
#define PLACE_MAX 9   /* columns from one place of the x axis to the next */
#define LABEL_WIDTH 6 /* of the vertical axis */

static const char *const unicode_marks[CANVAS_INKS] = {"●", "○", "◆", "◇", "■", "□"};
static const char *const ascii_marks[CANVAS_INKS] = {"*", "o", "+", "x", "#", "@"};

static const char *mark_of(size_t series, bool unicode)
{
    return (unicode ? unicode_marks : ascii_marks)[series % CANVAS_INKS];
}

struct drawing {
    const struct chart *chart;
    struct canvas *canvas;
    struct chart_scale scale;
    bool unicode;
    int place_width; /* columns */
    int rows;
};

static void widen(double value, double *low, double *high)
{
    if (isfinite(value) && value > 0) {
        *low = value < *low ? value : *low;
        *high = value > *high ? value : *high;
    }
}

static bool find_range(const struct chart *chart, double *ret_low, double *ret_high)
{
    double low = INFINITY, high = 0;

    for (size_t i = 0; i < chart->n_series * chart->n_x; i++) {
        if (chart->points[i].present) {
            widen(chart->points[i].low, &low, &high);
            widen(chart->points[i].middle, &low, &high);
            widen(chart->points[i].high, &low, &high);
        }
    }
    *ret_low = low;
    *ret_high = high;
    return high > 0;
}

/* Series stand side by side at a place, so that equal values do not hide each other. */
static int x_of(const struct drawing *drawing, size_t series, size_t place)
{
    int cell = drawing->unicode ? 2 : 1;
    int middle = (int)place * drawing->place_width + drawing->place_width / 2;

    return (middle + (int)series - (int)drawing->chart->n_series / 2) * cell;
}

static int y_of(const struct drawing *drawing, double value)
{
    int height = canvas_height(drawing->canvas);

    if (isinf(value)) {
        return height - 1;
    }
    double place = chart_scale_place(&drawing->scale, value);
    return (int)lround((place < 0 ? 0 : place) * (height - 1));
}

static const struct chart_point *point_at(const struct chart *chart, size_t series, size_t place)
{
    return &chart->points[series * chart->n_x + place];
}

static void draw_line_to_next(const struct drawing *drawing, size_t series, size_t place)
{
    const struct chart_point *from = point_at(drawing->chart, series, place);
    const struct chart_point *to = point_at(drawing->chart, series, place + 1);

    if (!from->present || !to->present || isinf(from->middle) || isinf(to->middle)) {
        return;
    }
    struct canvas_line line = {
        x_of(drawing, series, place),
        y_of(drawing, from->middle),
        x_of(drawing, series, place + 1),
        y_of(drawing, to->middle),
        (int)series + 1,
    };
    canvas_line(drawing->canvas, &line, (int)series);
}

static void draw_point(const struct drawing *drawing, size_t series, size_t place)
{
    const struct chart_point *point = point_at(drawing->chart, series, place);
    int x = x_of(drawing, series, place);

    if (!point->present) {
        return;
    }
    if (isfinite(point->low)) {
        struct canvas_line whisker = {x, y_of(drawing, point->low), x, y_of(drawing, point->high),
                                      1};
        canvas_line(drawing->canvas, &whisker, (int)series);
    }
    const char *beyond = drawing->unicode ? "↑" : "^";
    canvas_symbol(drawing->canvas, x, y_of(drawing, point->middle),
                  isinf(point->middle) ? beyond : mark_of(series, drawing->unicode), (int)series);
}

static void draw(const struct drawing *drawing)
{
    for (size_t series = 0; series < drawing->chart->n_series; series++) {
        for (size_t place = 0; place + 1 < drawing->chart->n_x; place++) {
            draw_line_to_next(drawing, series, place);
        }
    }
    for (size_t series = 0; series < drawing->chart->n_series; series++) {
        for (size_t place = 0; place < drawing->chart->n_x; place++) {
            draw_point(drawing, series, place);
        }
    }
}

/* The label of the tick that falls into a row of cells; "" if none does. */
static void tick_of_row(const struct drawing *drawing, int row, char ret[TEXT_SIZE])
{
    ret[0] = '\0';
    for (size_t i = 0; i < drawing->scale.n_ticks; i++) {
        double place = chart_scale_place(&drawing->scale, drawing->scale.ticks[i]);
        if (drawing->rows - 1 - (int)lround(place * (drawing->rows - 1)) == row) {
            text_number(drawing->scale.ticks[i], ret);
        }
    }
}

static void print_rows(const struct drawing *drawing, bool colour, FILE *out)
{
    for (int row = 0; row < drawing->rows; row++) {
        char label[TEXT_SIZE];
        tick_of_row(drawing, row, label);
        const char *axis = drawing->unicode ? (label[0] ? "┤" : "│") : (label[0] ? "+" : "|");
        fprintf(out, "%*s %s", LABEL_WIDTH, label, axis);
        canvas_print_row(drawing->canvas, row, colour, out);
        fputc('\n', out);
    }
}

static void print_x_axis(const struct drawing *drawing, FILE *out)
{
    const struct chart *chart = drawing->chart;
    int used = 0;

    fprintf(out, "%*s %s", LABEL_WIDTH, "", drawing->unicode ? "└" : "+");
    for (int i = 0; i < (int)chart->n_x * drawing->place_width; i++) {
        fputs(drawing->unicode ? "─" : "-", out);
    }
    fprintf(out, "\n%*s  ", LABEL_WIDTH, "");
    for (size_t place = 0; place < chart->n_x; place++) {
        int width = (int)text_width(chart->x_labels[place]);
        int middle = (int)place * drawing->place_width + drawing->place_width / 2;
        int start = middle - width / 2;
        if (start < used || (place > 0 && start == used)) {
            continue; /* no room: this label is left out */
        }
        fprintf(out, "%*s%s", start - used, "", chart->x_labels[place]);
        used = start + width;
    }
    fprintf(out, "   %s\n", chart->x_title);
}

static bool anything_beyond(const struct chart *chart)
{
    for (size_t i = 0; i < chart->n_series * chart->n_x; i++) {
        if (chart->points[i].present && isinf(chart->points[i].middle)) {
            return true;
        }
    }
    return false;
}

static void print_legend(const struct drawing *drawing, bool colour, FILE *out)
{
    fprintf(out, "%*s", LABEL_WIDTH, "");
    for (size_t i = 0; drawing->chart->n_series > 1 && i < drawing->chart->n_series; i++) {
        fprintf(out, "  %s%s%s %s", canvas_ink((int)i, colour), mark_of(i, drawing->unicode),
                canvas_ink_off(colour), drawing->chart->series[i]);
    }
    if (anything_beyond(drawing->chart)) {
        fprintf(out, "  %s not reached by half of the trials", drawing->unicode ? "↑" : "^");
    }
    fputc('\n', out);
}

/* What is left of the terminal's width beside both axes' titles and half of the last label, which
 * may hang over the end. */
static int choose_place_width(const struct chart *chart, int width)
{
    int last_label = (int)text_width(chart->x_labels[chart->n_x - 1]);
    int room = width - LABEL_WIDTH - 6 - last_label / 2 - (int)text_width(chart->x_title);
    int place_width = room / (int)chart->n_x;

    return place_width < PLACE_MAX ? place_width : PLACE_MAX;
}

/* So many that the ticks stand at equal distances. */
static int choose_rows(const struct chart_scale *scale)
{
    int n_gaps = (int)scale->n_ticks - 1;

    return n_gaps > 0 && n_gaps <= ROWS ? ROWS / n_gaps * n_gaps + 1 : ROWS;
}

void chart_print_lines(const struct chart *chart, const struct terminal *terminal, FILE *out)
{
    struct drawing drawing = {.chart = chart, .unicode = terminal->unicode};
    double low, high;

    drawing.place_width = choose_place_width(chart, terminal->width);
    if (!find_range(chart, &low, &high) || drawing.place_width < 1) {
        return;
    }
    chart_scale_choose(low, high, &drawing.scale);
    drawing.rows = choose_rows(&drawing.scale);
    drawing.canvas =
        canvas_create((int)chart->n_x * drawing.place_width, drawing.rows, terminal->unicode);
    draw(&drawing);
    fprintf(out, "%s\n", chart->y_title);
    print_rows(&drawing, terminal->colour, out);
    print_x_axis(&drawing, out);
    print_legend(&drawing, terminal->colour, out);
    canvas_destroy(drawing.canvas);
}
