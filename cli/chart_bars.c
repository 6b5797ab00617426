#include "cli/chart.h"

#include "cli/canvas.h"
#include "cli/memory.h"
#include "cli/text.h"

#include <math.h>
#include <string.h>

#define BAR_MAX 50
#define BARS_MAX 60 /* more of them are no picture any more */

static size_t widest(const char **texts, size_t n)
{
    size_t width = 0;

    for (size_t i = 0; i < n; i++) {
        size_t w = text_width(texts[i]);
        width = w > width ? w : width;
    }
    return width;
}

static double largest(const struct chart *chart)
{
    double most = 0;

    for (size_t i = 0; i < chart->n_series * chart->n_x; i++) {
        const struct chart_point *point = &chart->points[i];
        if (point->present && isfinite(point->middle) && point->middle > most) {
            most = point->middle;
        }
    }
    return most;
}

static void print_padded(const char *text, size_t width, FILE *out)
{
    fprintf(out, "%s%*s", text, (int)(width - text_width(text)), "");
}

/* `length` columns, in eighths where the letters allow it. */
static void print_bar(double length, bool unicode, FILE *out)
{
    static const char *const eighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    int full = (int)lround(length * 8);

    full = full < 1 ? 1 : full;
    for (int i = 0; i < full / 8; i++) {
        fputs(unicode ? "█" : "#", out);
    }
    if (unicode) {
        fputs(eighths[full % 8], out);
    } else if (full < 8) {
        fputc('#', out);
    }
}

struct bar_style {
    double length; /* of the longest, columns */
    double most;   /* its value */
    const struct terminal *terminal;
};

static void print_value(const struct chart_point *point, const struct bar_style *style, int ink,
                        FILE *out)
{
    char number[TEXT_SIZE];

    if (!point->present) {
        fputs("-\n", out);
        return;
    }
    fputs(canvas_ink(ink, style->terminal->colour), out);
    if (isinf(point->middle)) {
        for (int i = 0; i < (int)style->length; i++) {
            fputs(style->terminal->unicode ? "─" : "-", out);
        }
        fputs(style->terminal->unicode ? "▶" : ">", out);
        fprintf(out, "%s not reached\n", canvas_ink_off(style->terminal->colour));
        return;
    }
    print_bar(style->length * point->middle / style->most, style->terminal->unicode, out);
    text_number(point->middle, number);
    fprintf(out, "%s %s\n", canvas_ink_off(style->terminal->colour), number);
}

void chart_print_bars(const struct chart *chart, const struct terminal *terminal, FILE *out)
{
    size_t label_width = widest(chart->x_labels, chart->n_x);
    size_t series_width = chart->n_series > 1 ? widest(chart->series, chart->n_series) : 0;
    int room = terminal->width - (int)(label_width + series_width) - 20;
    struct bar_style style = {.length = room < 10        ? 10
                                        : room > BAR_MAX ? BAR_MAX
                                                         : room,
                              .most = largest(chart),
                              .terminal = terminal};

    if (style.most <= 0 || chart->n_x * chart->n_series > BARS_MAX) {
        return;
    }
    fprintf(out, "%s\n", chart->y_title);
    for (size_t place = 0; place < chart->n_x; place++) {
        for (size_t series = 0; series < chart->n_series; series++) {
            fputs("  ", out);
            print_padded(series == 0 ? chart->x_labels[place] : "", label_width, out);
            fputs("  ", out);
            if (chart->n_series > 1) {
                print_padded(chart->series[series], series_width, out);
                fputs("  ", out);
            }
            print_value(&chart->points[series * chart->n_x + place], &style, (int)series, out);
        }
    }
}
