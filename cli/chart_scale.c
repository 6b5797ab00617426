#include "cli/chart.h"

#include <math.h>

#define LINEAR_TICKS 5      /* at most, beside zero */
#define LOGARITHMIC_FROM 30 /* high / low */

static void add_tick(struct chart_scale *scale, double value)
{
    if (scale->n_ticks < sizeof(scale->ticks) / sizeof(*scale->ticks)) {
        scale->ticks[scale->n_ticks++] = value;
    }
}

/* The smallest of 1, 2, 5 times a power of ten that is at least `value`. */
static double round_up(double value)
{
    double power = pow(10, floor(log10(value)));

    for (int i = 0; i < 3; i++) {
        double candidate = power * (const double[]){1, 2, 5}[i];
        if (candidate >= value * (1 - 1e-9)) {
            return candidate;
        }
    }
    return 10 * power;
}

static void choose_linear(double high, struct chart_scale *scale)
{
    double step = round_up(high / LINEAR_TICKS);
    double n = ceil(high / step - 1e-9);

    scale->min = 0;
    scale->max = n * step;
    for (double i = 0; i <= n; i++) {
        add_tick(scale, i * step);
    }
}

static void choose_logarithmic(double low, double high, struct chart_scale *scale)
{
    double from = floor(log10(low)), to = ceil(log10(high) - 1e-9);
    double every = ceil((to - from) / 8);

    scale->logarithmic = true;
    scale->min = pow(10, from);
    scale->max = pow(10, to);
    for (double exponent = from; exponent <= to; exponent += every) {
        add_tick(scale, pow(10, exponent));
    }
}

void chart_scale_choose(double low, double high, struct chart_scale *ret)
{
    *ret = (struct chart_scale){0};
    if (high / low > LOGARITHMIC_FROM) {
        choose_logarithmic(low, high, ret);
    } else {
        choose_linear(high, ret);
    }
}

double chart_scale_place(const struct chart_scale *scale, double value)
{
    if (scale->logarithmic) {
        return log(value / scale->min) / log(scale->max / scale->min);
    }
    return (value - scale->min) / (scale->max - scale->min);
}
