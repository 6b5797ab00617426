/*
 * Charts for a terminal: medians with quartiles along an axis, one line for each series, or bars
 * where the axis has no order. A value beyond every number (a target that was never reached) is
 * an arrow at the upper edge.
 */
#pragma once

#include "cli/terminal.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct chart_point {
    bool present;             /* false: nothing is known here */
    double middle, low, high; /* INFINITY: beyond every number */
};

struct chart {
    const char *y_title;   /* above the vertical axis */
    const char *x_title;   /* behind the horizontal axis */
    const char **x_labels; /* n_x */
    size_t n_x;
    const char **series; /* names, n_series */
    size_t n_series;
    const struct chart_point *points; /* n_series x n_x */
};

/* Lines over n_x equally spaced places. Prints nothing if no point is finite, or the terminal is
 * too narrow for so many. */
void chart_print_lines(const struct chart *chart, const struct terminal *terminal, FILE *out);

/* One bar for each place and series; nothing if they are too many to take in. */
void chart_print_bars(const struct chart *chart, const struct terminal *terminal, FILE *out);

/* The scale of the vertical axis; exposed for its tests. */
struct chart_scale {
    bool logarithmic;
    double min, max;
    double ticks[16];
    size_t n_ticks;
};

/* A scale that covers `low`..`high` (both finite, 0 < low <= high): from 0 to a round number, or
 * logarithmic when the values differ by more than a factor of 30. */
void chart_scale_choose(double low, double high, struct chart_scale *ret);

/* Where a value lies on it: 0 at min, 1 at max. */
double chart_scale_place(const struct chart_scale *scale, double value);
