#include "worker/data/synth.h"

#include "common/rng.h"
#include "worker/data/synth_glyphs.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>

/* Doubles rounded at every step, or the images would depend on the machine. */
_Static_assert(FLT_EVAL_METHOD == 0, "needs plain double arithmetic");

#define SEED UINT64_C(0x646967697473) /* "digits" */
#define LABEL_BLOCKS 0x80000000u      /* streams of labels, apart from those of images */

#define STEPS_PER_CURVE 6 /* straight pieces between two points of a glyph */
#define MAX_PATH (GLYPH_MAX_POINTS * STEPS_PER_CURVE)
#define N_WAVES 3

/* The pen's way over the image, in pixels, as drawn in the end. */
struct path {
    int n;
    double x[MAX_PATH], y[MAX_PATH], radius[MAX_PATH];
    bool drawn[MAX_PATH]; /* whether a line leads from the point before to this one */
};

/* ---- numbers ---- */

/* A bell-shaped number of mean 0 and variance 1, within +-3.5: the sum of four uniforms. */
static double bell(struct rng *rng)
{
    double sum = 0; /* a loop: the order of calls within an expression is the compiler's */
    for (int i = 0; i < 4; i++) {
        sum += rng_uniform(rng);
    }
    return (sum - 2.0) * 1.7320508075688772;
}

static double between(struct rng *rng, double low, double high)
{
    return low + (high - low) * rng_uniform(rng);
}

/* sin(2 pi t): a parabola per half wave, bent nearer to the sine (error < 0.001). */
static double wave(double t)
{
    t -= (double)(int)t;
    t = t < 0 ? t + 1 : t;
    const double sign = t < 0.5 ? 1 : -1;
    const double u = t < 0.5 ? t : t - 0.5;
    const double parabola = 16 * u * (0.5 - u);
    return sign * parabola * (0.775 + 0.225 * parabola);
}

static double smooth_step(double t)
{
    if (t <= 0) {
        return 0;
    }
    return t >= 1 ? 1 : t * t * (3 - 2 * t);
}

/* ---- the pen's way ---- */

static const struct glyph *choose_glyph(struct rng *rng, int digit)
{
    int first = 0;
    while (synth_glyphs[first].digit != digit) {
        first++;
    }
    int total = 0;
    for (int i = first; i < synth_n_glyphs && synth_glyphs[i].digit == digit; i++) {
        total += synth_glyphs[i].weight;
    }
    int left = (int)rng_below(rng, (uint32_t)total);
    int chosen = first;
    while (left >= synth_glyphs[chosen].weight) {
        left -= synth_glyphs[chosen++].weight;
    }
    return &synth_glyphs[chosen];
}

/* Catmull and Rom's curve from b to c, whose neighbours are a and d. */
static double curve(double a, double b, double c, double d, double t)
{
    return b + 0.5 * t * ((c - a) + t * ((2 * a - 5 * b + 4 * c - d) + t * (3 * (b - c) + d - a)));
}

/* The glyph's points, each a little off, joined by curves; corners and strokes end a curve. */
static void trace_glyph(struct rng *rng, const struct glyph *glyph, struct path *ret)
{
    double x[GLYPH_MAX_POINTS], y[GLYPH_MAX_POINTS];
    const struct glyph_point *point = glyph->point;
    int n = 0;
    do {
        x[n] = 0.01 * point[n].x + 0.030 * bell(rng);
        y[n] = 0.01 * point[n].y + 0.026 * bell(rng);
    } while (point[n++].mark != GLYPH_END);
    ret->n = 1;
    ret->x[0] = x[0];
    ret->y[0] = y[0];
    ret->drawn[0] = false;
    for (int i = 0; i + 1 < n; i++) {
        if (point[i].mark == GLYPH_UP) {
            ret->x[ret->n] = x[i + 1];
            ret->y[ret->n] = y[i + 1];
            ret->drawn[ret->n++] = false;
            continue;
        }
        const int before =
            i > 0 && point[i - 1].mark == GLYPH_SMOOTH && point[i].mark == GLYPH_SMOOTH ? i - 1 : i;
        const int after = point[i + 1].mark == GLYPH_SMOOTH ? i + 2 : i + 1;
        for (int k = 1; k <= STEPS_PER_CURVE; k++) {
            const double t = (double)k / STEPS_PER_CURVE;
            ret->x[ret->n] = curve(x[before], x[i], x[i + 1], x[after], t);
            ret->y[ret->n] = curve(y[before], y[i], y[i + 1], y[after], t);
            ret->drawn[ret->n++] = true;
        }
    }
}

/* Elastic distortion: the paper is stretched along a few long random waves. */
static void warp(struct rng *rng, struct path *path)
{
    double fx[2 * N_WAVES], fy[2 * N_WAVES], phase[2 * N_WAVES], height[2 * N_WAVES];
    for (int k = 0; k < 2 * N_WAVES; k++) {
        fx[k] = between(rng, -0.9, 0.9);
        fy[k] = between(rng, -0.9, 0.9);
        phase[k] = rng_uniform(rng);
        height[k] = 0.040 * bell(rng);
    }
    for (int i = 0; i < path->n; i++) {
        double dx = 0, dy = 0;
        for (int k = 0; k < N_WAVES; k++) {
            const int j = N_WAVES + k;
            dx += height[k] * wave(fx[k] * path->x[i] + fy[k] * path->y[i] + phase[k]);
            dy += height[j] * wave(fx[j] * path->x[i] + fy[j] * path->y[i] + phase[j]);
        }
        path->x[i] += dx;
        path->y[i] += dy;
    }
}

/* Size, proportion, slant and a turn; then to the middle of the image, and a little off it. */
static void place(struct rng *rng, struct path *path)
{
    const double height = 19.0 + 1.5 * bell(rng);
    const double width = height * (0.66 + 0.11 * bell(rng));
    const double slant = 0.16 + 0.20 * bell(rng);
    const double turn = 0.12 * bell(rng); /* of a radian; tan and sin are near enough */
    double low_x = DBL_MAX, low_y = DBL_MAX, high_x = -DBL_MAX, high_y = -DBL_MAX;
    for (int i = 0; i < path->n; i++) {
        const double x = (path->x[i] - 0.5) * width - slant * (path->y[i] - 0.5) * height;
        const double y = (path->y[i] - 0.5) * height;
        path->x[i] = x - turn * y;
        path->y[i] = y + turn * x;
        low_x = path->x[i] < low_x ? path->x[i] : low_x;
        high_x = path->x[i] > high_x ? path->x[i] : high_x;
        low_y = path->y[i] < low_y ? path->y[i] : low_y;
        high_y = path->y[i] > high_y ? path->y[i] : high_y;
    }
    const double middle = 0.5 * IDX_IMAGE_SIDE;
    const double shift_x = middle + bell(rng) - 0.5 * (low_x + high_x);
    const double shift_y = middle + bell(rng) - 0.5 * (low_y + high_y);
    for (int i = 0; i < path->n; i++) {
        path->x[i] += shift_x;
        path->y[i] += shift_y;
    }
}

/* How broad the line is: of a pen, and of the pressure that comes and goes. */
static void press(struct rng *rng, struct path *path)
{
    const double mean = between(rng, 0.85, 1.80);
    const double change = between(rng, 0.0, 0.25);
    const double frequency = between(rng, 0.2, 1.2) / STEPS_PER_CURVE / 2;
    const double phase = rng_uniform(rng);
    for (int i = 0; i < path->n; i++) {
        path->radius[i] = mean * (1 + change * wave(phase + frequency * i));
    }
}

/* ---- ink ---- */

static double distance_to_line(double x, double y, const struct path *path, int to,
                               double *ret_along)
{
    const double ax = path->x[to - 1], ay = path->y[to - 1];
    const double dx = path->x[to] - ax, dy = path->y[to] - ay;
    const double length = dx * dx + dy * dy;
    double t = length > 0 ? ((x - ax) * dx + (y - ay) * dy) / length : 0;
    t = t < 0 ? 0 : t > 1 ? 1 : t;
    const double ex = x - ax - t * dx, ey = y - ay - t * dy;
    *ret_along = t;
    return sqrt(ex * ex + ey * ey);
}

static int clamp_pixel(double at)
{
    return at < 0 ? 0 : at > IDX_IMAGE_SIDE - 1 ? IDX_IMAGE_SIDE - 1 : (int)at;
}

static double larger(double a, double b)
{
    return a > b ? a : b;
}

/* Lays the line to point `to` on: each pixel keeps the darkest line over it. */
static void ink_line(const struct path *path, int to, double softness, double *ink)
{
    const double reach = larger(path->radius[to - 1], path->radius[to]) + softness;
    const int x0 = clamp_pixel(-larger(-path->x[to - 1], -path->x[to]) - reach);
    const int x1 = clamp_pixel(larger(path->x[to - 1], path->x[to]) + reach);
    const int y0 = clamp_pixel(-larger(-path->y[to - 1], -path->y[to]) - reach);
    const int y1 = clamp_pixel(larger(path->y[to - 1], path->y[to]) + reach);
    for (int y = y0; y <= y1; y++) {
        for (int x = x0; x <= x1; x++) {
            double along;
            const double distance = distance_to_line(x + 0.5, y + 0.5, path, to, &along);
            const double radius =
                path->radius[to - 1] + along * (path->radius[to] - path->radius[to - 1]);
            const double cover = smooth_step((radius + softness - distance) / (2 * softness));
            double *pixel = &ink[y * IDX_IMAGE_SIDE + x];
            *pixel = larger(*pixel, cover);
        }
    }
}

static void draw_path(struct rng *rng, const struct path *path, uint8_t *ret_pixels)
{
    double ink[IDX_PIXELS] = {0};
    const double softness = between(rng, 0.50, 0.85);
    for (int i = 1; i < path->n; i++) {
        if (path->drawn[i]) {
            ink_line(path, i, softness, ink);
        }
    }
    const double black = between(rng, 215, 262);
    const double grain = between(rng, 0, 22);
    for (int i = 0; i < IDX_PIXELS; i++) {
        const double rough = grain * (rng_uniform(rng) - 0.5) * 2;
        const double value = ink[i] > 0 ? ink[i] * (black + rough) + 0.15 * rough : 0;
        ret_pixels[i] = value <= 0 ? 0 : value >= 255 ? 255 : (uint8_t)(value + 0.5);
    }
}

/* ---- what is offered ---- */

/* Each ten labels are the ten digits in random order, so that every thousand is balanced. */
uint8_t synth_label(uint32_t index)
{
    struct rng rng;
    rng_init(&rng, SEED, RNG_SYNTH, LABEL_BLOCKS + index / IDX_CLASSES);
    uint8_t order[IDX_CLASSES];
    for (uint32_t i = 0; i < IDX_CLASSES; i++) {
        const uint32_t j = rng_below(&rng, i + 1);
        order[i] = order[j];
        order[j] = (uint8_t)i;
    }
    return order[index % IDX_CLASSES];
}

void synth_image(uint32_t index, uint8_t ret_pixels[IDX_PIXELS])
{
    struct rng rng;
    rng_init(&rng, SEED, RNG_SYNTH, index);
    struct path path;
    trace_glyph(&rng, choose_glyph(&rng, synth_label(index)), &path);
    warp(&rng, &path);
    place(&rng, &path);
    press(&rng, &path);
    draw_path(&rng, &path, ret_pixels);
}
