#include "tests/test.h"

#include "tests/nn_reference.h"
#include "worker/nn/input.h"

enum { PIXELS = 211, N_IMAGES = 2000 };

static uint8_t images[N_IMAGES * PIXELS];

/* Every pixel is not black with probability `density`; some images are all black, some all white.
 */
static struct samples make_samples(double density)
{
    struct rng rng;

    rng_init(&rng, 5, RNG_SYNTH, 0);
    for (int i = 0; i < N_IMAGES * PIXELS; i++) {
        bool is_black = rng_uniform(&rng) >= density;
        images[i] = is_black ? 0 : (uint8_t)(1 + rng_below(&rng, 255));
    }
    memset(images + 3 * PIXELS, 0, PIXELS);
    memset(images + 4 * PIXELS, 255, PIXELS);
    return (struct samples){images, NULL, N_IMAGES, PIXELS, 10};
}

static double pixel(int32_t image, int p)
{
    return images[image * PIXELS + p] * (1.0f / 255.0f);
}

/* Both products against sums in double precision. */
static void check_products(struct input *input, const int32_t *indices, int rows, int n_out)
{
    float *w = malloc(sizeof(float) * (size_t)(PIXELS * n_out)),
          *dw = malloc(sizeof(float) * (size_t)(PIXELS * n_out));
    float *z = malloc(sizeof(float) * (size_t)(rows * n_out)),
          *d = malloc(sizeof(float) * (size_t)(rows * n_out));
    struct rng rng;

    rng_init(&rng, 6, RNG_SYNTH, 0);
    reference_fill(&rng, 1, (size_t)(PIXELS * n_out), w);
    reference_fill(&rng, 1, (size_t)(rows * n_out), d);
    input_set_weights(input, n_out, w);
    input_forward(input, z);
    input_backward(input, n_out, d, dw);
    for (int r = 0; r < rows; r++) {
        for (int c = 0; c < n_out; c++) {
            double sum = 0;
            for (int p = 0; p < PIXELS; p++) {
                sum += pixel(indices[r], p) * w[p * n_out + c];
            }
            assert_close(z[r * n_out + c], sum, 1e-5, 1e-5);
        }
    }
    for (int p = 0; p < PIXELS; p++) {
        for (int c = 0; c < n_out; c++) {
            double sum = 0;
            for (int r = 0; r < rows; r++) {
                sum += pixel(indices[r], p) * d[r * n_out + c];
            }
            assert_close(dw[p * n_out + c], sum, 2e-5, 1e-4);
        }
    }
    free(w);
    free(dw);
    free(z);
    free(d);
}

static void products_are_right_for_every_density_and_shape(void **state)
{
    (void)state;
    static const double densities[] = {0, 0.02, 0.2, 0.6, 1};
    /* Around the widths of tiles and vectors, the blocks of rows, and the least there is. */
    static const int shapes[][2] = {{1, 1},   {7, 31},  {64, 32},  {33, 70},  {19, 64},
                                    {20, 65}, {208, 3}, {209, 16}, {625, 49}, {1999, 5}};

    for (int v = 0; kernels_variant(v); v++) {
        for (size_t i = 0; i < sizeof(densities) / sizeof(densities[0]); i++) {
            struct samples samples = make_samples(densities[i]);
            assert_int_equal(input_is_sparse(&samples), densities[i] < 0.5);

            for (size_t s = 0; s < sizeof(shapes) / sizeof(shapes[0]); s++) {
                int rows = shapes[s][0], n_out = shapes[s][1];
                int32_t indices[N_IMAGES];
                struct input input;

                for (int r = 0; r < rows; r++) {
                    indices[r] = (r * 7 + 3) % N_IMAGES;
                }
                assert_int_equal(
                    input_init(&input, kernels_variant(v), &samples, rows, n_out, true), 0);
                input_gather(&input, &samples, indices, rows);
                check_products(&input, indices, rows, n_out);
                input_free(&input);
            }
        }
    }
}

static void a_smaller_batch_may_follow_a_larger_one(void **state)
{
    (void)state;
    struct samples samples = make_samples(0.1);
    int32_t indices[700];
    struct input input;

    for (int r = 0; r < 700; r++) {
        indices[r] = 1500 - r;
    }
    assert_int_equal(input_init(&input, kernels_best(), &samples, 700, 40, true), 0);
    for (int rows = 700; rows > 0; rows /= 3) {
        input_gather(&input, &samples, indices, rows);
        check_products(&input, indices, rows, 40);
    }
    input_free(&input);
}

/* The matrix that the lists describe, dense; checks that they are in order and complete. */
static void densify(const struct sparse *s, float *x)
{
    const int32_t *start = s->start;
    int block = sparse_block(s->cols);

    memset(x, 0, sizeof(*x) * (size_t)(s->rows * s->cols));
    assert_int_equal(start[0], 0);
    for (int first = 0; first < s->cols; first += block, start += s->rows + 1) {
        for (int r = 0; r < s->rows; r++) {
            int last_column = first - 1;

            for (int32_t i = start[r]; i < start[r + 1]; i++) {
                assert_in_range(s->column[i], last_column + 1, first + block - 1);
                assert_true(s->column[i] < s->cols && s->value[i] != 0);
                last_column = s->column[i];
                x[r * s->cols + last_column] = s->value[i];
            }
        }
        if (first + block < s->cols) {
            assert_int_equal(start[s->rows + 1], start[s->rows]);
        }
    }
}

static void nonzeros_are_listed_row_by_row_in_blocks_of_columns(void **state)
{
    (void)state;
    enum { ROWS = 9, MOST_COLS = 450 };
    static float x[ROWS * MOST_COLS], listed[ROWS * MOST_COLS];
    struct sparse s;
    struct rng rng;

    rng_init(&rng, 8, RNG_SYNTH, 0);
    assert_int_equal(sparse_init(&s, ROWS, MOST_COLS), 0);
    for (int v = 0; kernels_variant(v); v++) {
        for (int cols = 1; cols <= MOST_COLS; cols += cols < 70 ? 1 : 19) {
            for (int i = 0; i < ROWS * cols; i++) {
                x[i] = rng_below(&rng, (uint32_t)(1 + cols % 4)) ? 0 : (float)rng_normal(&rng);
            }
            x[0] = NAN; /* must not get lost */
            x[ROWS * cols - 1] = 0;
            s.rows = ROWS;
            s.cols = cols;
            kernels_variant(v)->gather_nonzeros(x, &s);
            densify(&s, listed);
            assert_memory_equal(x, listed, sizeof(*x) * (size_t)(ROWS * cols));
        }
    }
    sparse_free(&s);
}

static void a_transpose_holds_every_element(void **state)
{
    (void)state;
    static const int shapes[][2] = {{1, 1}, {3, 500}, {500, 3}, {209, 208}, {417, 625}};
    struct rng rng;

    rng_init(&rng, 9, RNG_SYNTH, 0);
    for (size_t k = 0; k < sizeof(shapes) / sizeof(shapes[0]); k++) {
        int rows = shapes[k][0], cols = shapes[k][1];
        float *x = malloc(sizeof(float) * (size_t)(rows * cols));
        float *turned = malloc(sizeof(float) * (size_t)(rows * cols));
        struct sparse s, t;

        for (int i = 0; i < rows * cols; i++) {
            x[i] = rng_below(&rng, 5) ? 0 : (float)rng_normal(&rng);
        }
        assert_int_equal(sparse_init(&s, rows, cols), 0);
        assert_int_equal(sparse_init(&t, cols, rows), 0);
        kernels_best()->gather_nonzeros(x, &s);
        sparse_transpose(&s, &t);
        densify(&t, turned);
        for (int i = 0; i < rows * cols; i++) {
            assert_true(turned[i % cols * rows + i / cols] == x[i]);
        }
        sparse_free(&s);
        sparse_free(&t);
        free(x);
        free(turned);
    }
}

static void every_variant_gives_the_same_bits(void **state)
{
    (void)state;
    enum { ROWS = 650, N_OUT = 45 };
    struct samples samples = make_samples(0.15);
    int32_t indices[ROWS];
    static float w[PIXELS * N_OUT], d[ROWS * N_OUT], z[2][ROWS * N_OUT], dw[2][PIXELS * N_OUT];
    struct rng rng;

    rng_init(&rng, 6, RNG_SYNTH, 0);
    reference_fill(&rng, 1, PIXELS * N_OUT, w);
    reference_fill(&rng, 1, ROWS * N_OUT, d);
    for (int r = 0; r < ROWS; r++) {
        indices[r] = r;
    }
    for (int v = 0; kernels_variant(v); v++) {
        struct input input;

        assert_int_equal(input_init(&input, kernels_variant(v), &samples, ROWS, N_OUT, true), 0);
        input_gather(&input, &samples, indices, ROWS);
        input_set_weights(&input, N_OUT, w);
        input_forward(&input, z[v > 0]);
        input_backward(&input, N_OUT, d, dw[v > 0]);
        if (v > 0) {
            assert_memory_equal(z[0], z[1], sizeof(z[0]));
            assert_memory_equal(dw[0], dw[1], sizeof(dw[0]));
        }
        input_free(&input);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_are_right_for_every_density_and_shape),
        cmocka_unit_test(a_smaller_batch_may_follow_a_larger_one),
        cmocka_unit_test(nonzeros_are_listed_row_by_row_in_blocks_of_columns),
        cmocka_unit_test(a_transpose_holds_every_element),
        cmocka_unit_test(every_variant_gives_the_same_bits),
    };
    return cmocka_run_group_tests(tests, init_blas, NULL);
}
