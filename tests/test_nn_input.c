#include "tests/test.h"

#include "tests/nn_reference.h"
#include "worker/nn/gemm.h"
#include "worker/nn/input.h"

enum { PIXELS = 83, N_IMAGES = 2000 };

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
    /* Around the tile, the block of rows, and the least there is. */
    static const int shapes[][2] = {{1, 1},   {7, 31},   {64, 32}, {33, 70},
                                    {640, 3}, {641, 33}, {1999, 5}};

    for (int v = 0; kernels_variant(v); v++) {
        for (size_t i = 0; i < sizeof(densities) / sizeof(densities[0]); i++) {
            struct samples samples = make_samples(densities[i]);
            assert_int_equal(input_is_sparse(&samples), densities[i] < 0.3);

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

static void nonzeros_are_listed_row_by_row(void **state)
{
    (void)state;
    enum { ROWS = 9, MOST_COLS = 70 };
    float x[ROWS * MOST_COLS];
    int32_t start[ROWS + 1], offset[ROWS * MOST_COLS + KERNELS_SLACK];
    float value[ROWS * MOST_COLS + KERNELS_SLACK];
    struct rng rng;

    rng_init(&rng, 8, RNG_SYNTH, 0);
    for (int v = 0; kernels_variant(v); v++) {
        for (int cols = 1; cols <= MOST_COLS; cols++) {
            int n = 0;

            for (int i = 0; i < ROWS * cols; i++) {
                x[i] = rng_below(&rng, (uint32_t)(1 + cols % 4)) ? 0 : (float)rng_normal(&rng);
            }
            x[0] = NAN; /* must not get lost */
            x[ROWS * cols - 1] = -0.0f;
            kernels_variant(v)->gather_nonzeros(ROWS, cols, x, start, offset, value);
            for (int r = 0; r < ROWS; r++) {
                assert_int_equal(start[r], n);
                for (int c = 0; c < cols; c++) {
                    if (x[r * cols + c] != 0) {
                        assert_int_equal(offset[n], c * KERNELS_TILE);
                        assert_memory_equal(&value[n], &x[r * cols + c], sizeof(float));
                        n++;
                    }
                }
            }
            assert_int_equal(start[ROWS], n);
        }
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

static int init_blas(void **state)
{
    (void)state;
    gemm_init();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_are_right_for_every_density_and_shape),
        cmocka_unit_test(a_smaller_batch_may_follow_a_larger_one),
        cmocka_unit_test(nonzeros_are_listed_row_by_row),
        cmocka_unit_test(every_variant_gives_the_same_bits),
    };
    return cmocka_run_group_tests(tests, init_blas, NULL);
}
