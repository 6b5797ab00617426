#include "worker/nn/layer_stats.h"

#include <math.h>

#define SATURATED 0.98f /* of the way from the middle of the range to its end */

void layer_stats_clear(struct layer_stat *stat, int64_t step, int layer)
{
    *stat = (struct layer_stat){.step = step,
                                .layer = layer,
                                .gradient_rms = NAN,
                                .preactivation_gradient_rms = NAN,
                                .weight_rms = NAN,
                                .update_ratio = NAN,
                                .saturated = NAN,
                                .dead = NAN,
                                .preactivation_mean = NAN,
                                .preactivation_std = NAN};
}

void layer_stats_moments(const struct pass *pass, int layer, float *ret_mean, float *ret_variance)
{
    int n = pass->network->layers[layer].n_out;

    pass->kernels->moments((struct area){pass->rows, n, n}, pass->traces[layer].z, ret_mean,
                           ret_variance);
}

/* Share of values further than SATURATED from the middle of tanh's or the sigmoid's range. */
static double saturated_share(enum activation f, size_t n, const float *a)
{
    float scale = f == ACTIVATION_SIGMOID ? 2 : 1, shift = f == ACTIVATION_SIGMOID ? 1 : 0;
    int64_t count = 0;

    for (size_t i = 0; i < n; i++) {
        count += fabsf(a[i] * scale - shift) > SATURATED;
    }
    return (double)count / (double)n;
}

/* Share of columns that are zero in every row. */
static double dead_share(int rows, int cols, const float *a)
{
    int dead = 0;

    for (int c = 0; c < cols; c++) {
        int r = 0;
        while (r < rows && !(a[(size_t)r * (size_t)cols + (size_t)c] > 0)) {
            r++;
        }
        dead += r == rows;
    }
    return (double)dead / cols;
}

void layer_stats_forward(const struct pass *pass, int layer, const struct affine *u,
                         const float *mean, const float *variance, struct layer_stat *stat)
{
    const struct layer *l = &pass->network->layers[layer];
    const float *a = pass->traces[layer].a;
    double sum = 0, squares = 0;

    for (int c = 0; c < l->n_out; c++) {
        double m = (double)(mean[c] - u->mean[c]) * u->scale[c] + u->shift[c];
        sum += m;
        squares += m * m + (double)variance[c] * u->scale[c] * u->scale[c];
    }
    double centre = sum / l->n_out, spread = squares / l->n_out - centre * centre;
    stat->preactivation_mean = centre;
    stat->preactivation_std = sqrt(spread > 0 ? spread : 0);

    if (l->activation == ACTIVATION_TANH || l->activation == ACTIVATION_SIGMOID) {
        stat->saturated = saturated_share(l->activation, (size_t)pass->rows * (size_t)l->n_out, a);
    }
    if (l->activation == ACTIVATION_RELU) {
        stat->dead = dead_share(pass->rows, l->n_out, a);
    }
}

static double rms(double sum_squares, size_t n)
{
    return sqrt(sum_squares / (double)n);
}

void layer_stats_preactivation_gradient(const struct pass *pass, int layer, const float *d,
                                        struct layer_stat *stat)
{
    size_t n = (size_t)pass->rows * (size_t)pass->network->layers[layer].n_out;

    stat->preactivation_gradient_rms = rms(pass->kernels->sum_squares(n, d), n);
}

static size_t n_weights(const struct layer *layer)
{
    return (size_t)layer->n_in * (size_t)layer->n_out;
}

void layer_stats_gradient(const struct pass *pass, int layer, struct layer_stat *stat)
{
    const struct layer *l = &pass->network->layers[layer];
    const float *dw = network_twin(pass->network, l->weights, &pass->gradient);
    size_t n = n_weights(l);

    stat->gradient_rms = rms(pass->kernels->sum_squares(n, dw), n);
    stat->weight_rms = rms(pass->kernels->sum_squares(n, l->weights), n);
}

void layer_stats_update(const struct pass *pass, int layer, const struct block *before,
                        struct layer_stat *stat)
{
    const struct layer *l = &pass->network->layers[layer];
    const float *old = network_twin(pass->network, l->weights, before);
    size_t n = n_weights(l);

    stat->update_ratio =
        rms(pass->kernels->sum_squared_differences(n, l->weights, old), n) / stat->weight_rms;
}
