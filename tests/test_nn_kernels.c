#include "tests/test.h"

#include "tests/nn_reference.h"
#include "worker/nn/kernels.h"

/* Shapes around the widths of vectors, and single rows and columns. */
static const struct {
    int rows, cols;
} shapes[] = {{1, 1}, {2, 3}, {7, 16}, {5, 17}, {33, 31}, {64, 100}, {3, 513}, {129, 10}};
enum { N_SHAPES = sizeof(shapes) / sizeof(shapes[0]) };

/* One shape's inputs, the same for every variant. */
struct data {
    int rows, cols;
    size_t n;
    float *x, *y, *d, *mean, *scale, *shift;
    float *out, *sum, *dot;
    struct area area;
};

static float *floats(size_t n)
{
    float *at = aligned_alloc(64, (n * sizeof(float) + 63) / 64 * 64);
    assert_non_null(at);
    return at;
}

static struct data make_data(int shape)
{
    int rows = shapes[shape].rows, cols = shapes[shape].cols;
    size_t n = (size_t)rows * (size_t)cols, k = (size_t)cols;
    struct data data = {
        rows,      cols,      n,         floats(n), floats(n), floats(n),         floats(k),
        floats(k), floats(k), floats(n), floats(k), floats(k), {rows, cols, cols}};
    struct rng rng;

    rng_init(&rng, 7, RNG_SYNTH, (uint32_t)shape);
    reference_fill(&rng, 2, n, data.x);
    reference_fill(&rng, 2, n, data.y);
    reference_fill(&rng, 1, n, data.d);
    reference_fill(&rng, 1, k, data.mean);
    reference_fill(&rng, 1, k, data.scale);
    reference_fill(&rng, 1, k, data.shift);
    return data;
}

static void free_data(struct data *data)
{
    float *all[] = {data->x,     data->y,   data->d,   data->mean, data->scale,
                    data->shift, data->out, data->sum, data->dot};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        free(all[i]);
    }
}

static double affine_at(const struct data *data, size_t i)
{
    size_t c = i % (size_t)data->cols;
    return ((double)data->x[i] - data->mean[c]) * data->scale[c] + data->shift[c];
}

static void activation_is_that_of_libm(void **state)
{
    (void)state;
    for (int s = 0; s < N_SHAPES; s++) {
        struct data data = make_data(s);
        struct affine u = {data.mean, data.scale, data.shift};

        for (enum activation f = 0; f < ACTIVATION_COUNT; f++) {
            kernels_variant(0)->activate(f, data.area, &u, data.x, data.out);
            for (size_t i = 0; i < data.n; i++) {
                assert_close(data.out[i], reference_activation(f, affine_at(&data, i)), 2e-6, 2e-6);
            }
        }
        free_data(&data);
    }
}

static void activation_holds_over_the_whole_line(void **state)
{
    (void)state;
    enum { N = 4001 };
    float *x = floats(N), *y = floats(N), *d = floats(N), sum[1], zero[1] = {0}, one[1] = {1};
    struct affine u = {zero, one, zero};

    for (enum activation f = 0; f < ACTIVATION_COUNT; f++) {
        for (int i = 0; i < N; i++) {
            x[i] = (float)((i - N / 2) * 0.05 + 1e-3); /* -100..100, off the kinks */
            d[i] = 1;
        }
        kernels_variant(0)->activate(f, (struct area){N, 1, 1}, &u, x, y);
        kernels_variant(0)->activate_backward(f, (struct area){N, 1, 1}, &u, x, y, d, sum, NULL);
        for (int i = 0; i < N; i++) {
            assert_close(y[i], reference_activation(f, x[i]), 1e-6, 1e-6);
            assert_close(d[i], reference_slope(f, x[i]), 1e-5, 1e-5);
        }
    }
    free(x);
    free(y);
    free(d);
}

static void activation_near_zero_keeps_its_digits(void **state)
{
    (void)state;
    static const enum activation through_zero[] = {ACTIVATION_ELU, ACTIVATION_SELU, ACTIVATION_TANH,
                                                   ACTIVATION_SILU};
    float x[1], y[1], zero[1] = {0}, one[1] = {1};
    struct affine u = {zero, one, zero};

    for (size_t k = 0; k < sizeof(through_zero) / sizeof(through_zero[0]); k++) {
        for (int e = -20; e < 0; e++) {
            x[0] = -(float)pow(2, e);
            kernels_variant(0)->activate(through_zero[k], (struct area){1, 1, 1}, &u, x, y);
            assert_close(y[0], reference_activation(through_zero[k], x[0]), 2e-6, 0);
        }
    }
}

static void a_nan_is_not_swallowed_by_any_activation(void **state)
{
    (void)state;
    float x[1], y[1], zero[1] = {0}, one[1] = {1};
    struct affine u = {zero, one, zero};

    for (int v = 0; kernels_variant(v); v++) {
        for (enum activation f = 0; f < ACTIVATION_COUNT; f++) {
            x[0] = NAN;
            kernels_variant(v)->activate(f, (struct area){1, 1, 1}, &u, x, y);
            assert_true(isnan(y[0]));
        }
    }
}

static void activation_backward_is_the_slope_and_its_column_sums(void **state)
{
    (void)state;
    for (int s = 0; s < N_SHAPES; s++) {
        struct data data = make_data(s);
        struct affine u = {data.mean, data.scale, data.shift};

        for (enum activation f = 0; f < ACTIVATION_COUNT; f++) {
            double sum[600] = {0}, dot[600] = {0}, size[600] = {0};

            kernels_variant(0)->activate(f, data.area, &u, data.x, data.y);
            memcpy(data.out, data.d, data.n * sizeof(float));
            kernels_variant(0)->activate_backward(f, data.area, &u, data.x, data.y, data.out,
                                                  data.sum, data.dot);
            for (size_t i = 0; i < data.n; i++) {
                size_t c = i % (size_t)data.cols;
                double g = data.d[i] * reference_slope(f, affine_at(&data, i));
                assert_close(data.out[i], g, 2e-5, 1e-5);
                sum[c] += g;
                dot[c] += g * ((double)data.x[i] - data.mean[c]);
                size[c] += fabs(g) * (1 + fabs((double)data.x[i] - data.mean[c]));
            }
            for (int c = 0; c < data.cols; c++) {
                assert_close(data.sum[c], sum[c], 0, 1e-5 + 1e-5 * size[c]);
                assert_close(data.dot[c], dot[c], 0, 1e-5 + 2e-5 * size[c]);
            }
        }
        free_data(&data);
    }
}

static void moments_are_mean_and_population_variance(void **state)
{
    (void)state;
    for (int s = 0; s < N_SHAPES; s++) {
        struct data data = make_data(s);

        for (size_t i = 0; i < data.n; i++) {
            data.x[i] += 100; /* a mean far from 0 must not cost the variance its digits */
        }
        kernels_variant(0)->moments(data.area, data.x, data.sum, data.dot);
        for (int c = 0; c < data.cols; c++) {
            double mean = 0, variance = 0;
            for (int r = 0; r < data.rows; r++) {
                mean += (double)data.x[r * data.cols + c] / data.rows;
            }
            for (int r = 0; r < data.rows; r++) {
                double centred = data.x[r * data.cols + c] - mean;
                variance += centred * centred / data.rows;
            }
            assert_close(data.sum[c], mean, 1e-6, 0);
            assert_close(data.dot[c], variance, 1e-5, 1e-8);
        }
        free_data(&data);
    }
}

static void normalize_backward_is_its_formula(void **state)
{
    (void)state;
    for (int s = 0; s < N_SHAPES; s++) {
        struct data data = make_data(s);
        struct affine_backward b = {data.mean, data.scale, data.shift, data.sum};

        memcpy(data.out, data.d, data.n * sizeof(float));
        memcpy(data.sum, data.y, (size_t)data.cols * sizeof(float));
        kernels_variant(0)->normalize_backward(data.area, &b, data.x, data.out);
        for (size_t i = 0; i < data.n; i++) {
            size_t c = i % (size_t)data.cols;
            double dx = (double)data.d[i] * data.scale[c] - data.shift[c] -
                        ((double)data.x[i] - data.mean[c]) * data.sum[c];
            assert_close(data.out[i], dx, 1e-5, 1e-5);
        }
        free_data(&data);
    }
}

static void softmax_loss_is_cross_entropy_and_its_gradient(void **state)
{
    (void)state;
    for (int s = 0; s < N_SHAPES; s++) {
        struct data data = make_data(s);
        uint8_t labels[200];
        double loss = 0;

        for (int r = 0; r < data.rows; r++) {
            labels[r] = (uint8_t)(r * 5 % data.cols);
        }
        data.x[0] += 300; /* must not overflow */
        double got =
            kernels_variant(0)->softmax_loss(data.rows, data.cols, data.x, labels, data.out);
        for (int r = 0; r < data.rows; r++) {
            const float *logits = data.x + r * data.cols;
            double sum = 0;
            for (int c = 0; c < data.cols; c++) {
                sum += exp((double)logits[c] - logits[labels[r]]);
            }
            loss += log(sum) / data.rows;
            for (int c = 0; c < data.cols; c++) {
                double p = exp((double)logits[c] - logits[labels[r]]) / sum;
                assert_close(data.out[r * data.cols + c], (p - (c == labels[r])) / data.rows, 1e-5,
                             1e-6);
            }
        }
        assert_close(got, loss, 1e-5, 1e-6);
        free_data(&data);
    }
}

static void softmax_loss_of_a_nan_or_infinity_is_not_finite(void **state)
{
    (void)state;
    static const float bad[] = {NAN, INFINITY, -INFINITY};
    const uint8_t label = 1;

    for (int v = 0; kernels_variant(v); v++) {
        for (int i = 0; i < 3; i++) {
            float logits[3] = {0, bad[i], 1}, d[3];
            assert_false(isfinite(kernels_variant(v)->softmax_loss(1, 3, logits, &label, d)));
        }
        float logits[3] = {NAN, 0, 1}, d[3];
        assert_false(isfinite(kernels_variant(v)->softmax_loss(1, 3, logits, &label, d)));
    }
}

static void gather_scales_pixels_to_one(void **state)
{
    (void)state;
    uint8_t images[3 * 7];
    int32_t order[] = {2, 0, 2, 1};
    float x[4 * 7];

    for (int i = 0; i < 3 * 7; i++) {
        images[i] = (uint8_t)(i * 12);
    }
    kernels_variant(0)->gather(4, 7, images, order, x);
    for (int r = 0; r < 4; r++) {
        for (int c = 0; c < 7; c++) {
            assert_close(x[r * 7 + c], images[order[r] * 7 + c] / 255.0, 1e-6, 0);
        }
    }
    const uint8_t white = 255;
    kernels_variant(0)->gather(1, 1, &white, &(int32_t){0}, x);
    assert_true(x[0] == 1.0f);
}

/* Whatever works on some columns of a matrix leaves the others alone, and gives for each column
 * what it gives for the whole. */
static void an_area_is_treated_like_the_whole(void **state)
{
    (void)state;
    enum { ROWS = 21, COLS = 53, FIRST = 5, WIDTH = 19 };
    const struct kernels *k = kernels_variant(0);
    struct area whole = {ROWS, COLS, COLS}, part = {ROWS, WIDTH, COLS};
    float x[ROWS * COLS], y[2][ROWS * COLS], d[2][ROWS * COLS], column[5][COLS], sum[2][2][COLS];
    struct rng rng;

    rng_init(&rng, 1, RNG_SYNTH, 0);
    reference_fill(&rng, 1, ROWS * COLS, x);
    reference_fill(&rng, 1, ROWS * COLS, d[0]);
    memcpy(d[1], d[0], sizeof(d[0]));
    for (int i = 0; i < 5; i++) {
        reference_fill(&rng, 1, COLS, column[i]);
    }
    for (int p = 0; p < 2; p++) {
        struct area area = p ? part : whole;
        int at = p ? FIRST : 0;
        struct affine u = {column[0] + at, column[1] + at, column[2] + at};
        struct affine_backward b = {column[0] + at, column[1] + at, column[3] + at, column[4] + at};

        memset(y[p], 0, sizeof(y[p]));
        k->activate(ACTIVATION_ELU, area, &u, x + at, y[p] + at);
        k->activate_backward(ACTIVATION_ELU, area, &u, x + at, y[p] + at, d[p] + at, sum[p][0] + at,
                             sum[p][1] + at);
        k->normalize_backward(area, &b, x + at, d[p] + at);
        float moments[2][COLS];
        k->moments(area, x + at, moments[0] + at, moments[1] + at);
        for (int c = at; c < at + area.cols; c++) {
            sum[p][0][c] += moments[0][c];
            sum[p][1][c] += moments[1][c];
        }
    }
    float untouched[ROWS * COLS];
    rng_init(&rng, 1, RNG_SYNTH, 0);
    reference_fill(&rng, 1, ROWS * COLS, untouched);
    reference_fill(&rng, 1, ROWS * COLS, untouched);
    for (int i = 0; i < ROWS * COLS; i++) {
        bool inside = i % COLS >= FIRST && i % COLS < FIRST + WIDTH;
        assert_true(y[1][i] == (inside ? y[0][i] : 0));
        assert_true(d[1][i] == (inside ? d[0][i] : untouched[i]));
    }
    for (int c = FIRST; c < FIRST + WIDTH; c++) {
        assert_true(sum[1][0][c] == sum[0][0][c]);
        assert_true(sum[1][1][c] == sum[0][1][c]);
    }
}

static void sums_of_squares_are_exact_to_double_precision(void **state)
{
    (void)state;
    for (int s = 0; s < N_SHAPES; s++) {
        struct data data = make_data(s);
        double squares = 0, differences = 0;

        for (size_t i = 0; i < data.n; i++) {
            squares += (double)data.x[i] * data.x[i];
            differences += ((double)data.x[i] - data.y[i]) * ((double)data.x[i] - data.y[i]);
        }
        const struct kernels *k = kernels_variant(0);
        assert_close(k->sum_squares(data.n, data.x), squares, 1e-12, 0);
        assert_close(k->sum_squared_differences(data.n, data.x, data.y), differences, 1e-12, 0);
        free_data(&data);
    }
}

/* ---- all variants alike ---- */

/* Runs every kernel once; the results one behind the other in `ret`. */
static size_t run_all(const struct kernels *k, struct data *data, float *ret)
{
    struct affine u = {data->mean, data->scale, data->shift};
    struct affine_backward b = {data->mean, data->scale, data->shift, data->shift};
    struct update update = {0.01f, 0.9f, 0.999f, 1e-8f, 0.9f};
    size_t n = data->n, cols = (size_t)data->cols, at = 0;
    uint8_t labels[200] = {0};
    float *m = floats(n), *v = floats(n);

#define KEEP(array, count) (memcpy(ret + at, array, (count) * sizeof(float)), at += (count))
    for (enum activation f = 0; f < ACTIVATION_COUNT; f++) {
        k->activate(f, data->area, &u, data->x, data->y);
        KEEP(data->y, n);
        memcpy(data->out, data->d, n * sizeof(float));
        k->activate_backward(f, data->area, &u, data->x, data->y, data->out, data->sum,
                             f % 2 ? data->dot : NULL);
        KEEP(data->out, n);
        KEEP(data->sum, cols);
        KEEP(f % 2 ? data->dot : data->sum, cols);
    }
    k->moments(data->area, data->x, data->sum, data->dot);
    KEEP(data->sum, cols);
    KEEP(data->dot, cols);
    memcpy(data->out, data->d, n * sizeof(float));
    k->normalize_backward(data->area, &b, data->x, data->out);
    KEEP(data->out, n);
    double loss = k->softmax_loss(data->rows, data->cols, data->x, labels, data->out);
    KEEP(data->out, n);
    KEEP(&(float){(float)loss}, 1);
    for (enum optimizer o = 0; o < OPTIMIZER_COUNT; o++) {
        memcpy(data->out, data->x, n * sizeof(float));
        for (size_t i = 0; i < n; i++) {
            m[i] = v[i] = 0.1f;
        }
        k->update[o](&update, n, data->d, data->out, m, v);
        KEEP(data->out, n);
        KEEP(m, n);
        KEEP(v, n);
    }
    KEEP(&(float){(float)k->sum_squares(n, data->x)}, 1);
    KEEP(&(float){(float)k->sum_squared_differences(n, data->x, data->d)}, 1);
#undef KEEP
    free(m);
    free(v);
    return at;
}

static void every_variant_gives_the_same_bits(void **state)
{
    (void)state;
    for (int s = 0; s < N_SHAPES; s++) {
        struct data data = make_data(s);
        size_t most = (data.n + (size_t)data.cols) * 64 + 64;
        float *expected = floats(most), *got = floats(most);
        size_t n = run_all(kernels_variant(0), &data, expected);

        assert_true(n <= most);
        for (int v = 1; kernels_variant(v); v++) {
            assert_int_equal(run_all(kernels_variant(v), &data, got), n);
            for (size_t i = 0; i < n; i++) {
                if (memcmp(&expected[i], &got[i], sizeof(float)) != 0) {
                    print_error("%s differs at %zu of %zu, shape %d: %.9g, not %.9g\n",
                                kernels_variant(v)->name, i, n, s, (double)got[i],
                                (double)expected[i]);
                    fail();
                }
            }
        }
        free(expected);
        free(got);
        free_data(&data);
    }
}

static void the_best_variant_is_one_of_them(void **state)
{
    (void)state;
    int n = 0;
    while (kernels_variant(n)) {
        n++;
    }
    assert_ptr_equal(kernels_best(), kernels_variant(n - 1));
    assert_string_equal(kernels_variant(0)->name, "portable");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(activation_is_that_of_libm),
        cmocka_unit_test(activation_holds_over_the_whole_line),
        cmocka_unit_test(activation_near_zero_keeps_its_digits),
        cmocka_unit_test(a_nan_is_not_swallowed_by_any_activation),
        cmocka_unit_test(activation_backward_is_the_slope_and_its_column_sums),
        cmocka_unit_test(moments_are_mean_and_population_variance),
        cmocka_unit_test(normalize_backward_is_its_formula),
        cmocka_unit_test(softmax_loss_is_cross_entropy_and_its_gradient),
        cmocka_unit_test(softmax_loss_of_a_nan_or_infinity_is_not_finite),
        cmocka_unit_test(gather_scales_pixels_to_one),
        cmocka_unit_test(an_area_is_treated_like_the_whole),
        cmocka_unit_test(sums_of_squares_are_exact_to_double_precision),
        cmocka_unit_test(every_variant_gives_the_same_bits),
        cmocka_unit_test(the_best_variant_is_one_of_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
