/*
 * Where a training step's time goes, measured side by side in one process, as a line of JSON.
 *
 *     bench-train-steps DATA_DIR ROUNDS DEPTH|WIDTHxLAYERS [BATCH]
 *
 * Contestants take turns, a few steps each per round, the first of which only warms the caches;
 * a result is the median over all timed steps. CPU time of the thread, so that a busy machine
 * disturbs it less.
 */
#include "worker/data/dataset.h"
#include "worker/nn/evaluation.h"
#include "worker/nn/gemm.h"
#include "worker/nn/training.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { TURN = 4, WARM = 1, MAX_ROUNDS = 10000 };

static double now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

/* One thing to time. */
struct contestant {
    const char *name;
    void (*run)(struct contestant *contestant);
    struct training *training;
    struct evaluation *evaluation;
    struct block *products;
    double *ms;
    int n;
};

static void run_step(struct contestant *contestant)
{
    training_step(contestant->training, NULL);
}

static void run_measured_step(struct contestant *contestant)
{
    struct layer_stat stats[CONFIG_MAX_LAYERS + 1];

    training_step(contestant->training, stats);
}

/* The matrix products of a step as BLAS makes them: X W, X' dZ and, but for the first layer,
 * dZ W'. Every layer has its own arrays, as in training. */
static void run_products(struct contestant *contestant)
{
    const struct training *training = contestant->training;
    const struct network *network = &training->network;
    float *x = contestant->products->at, *w = training->pass.gradient.at;
    int rows = training->rows;

    for (int i = 0; i < network->n_layers; i++) {
        const struct layer *layer = &network->layers[i];
        float *y = x + (size_t)rows * (size_t)layer->n_in;

        gemm_nn(rows, layer->n_out, layer->n_in, x, w, y);
        w += (size_t)layer->n_in * (size_t)layer->n_out;
        x = y;
    }
    for (int i = network->n_layers - 1; i >= 0; i--) {
        const struct layer *layer = &network->layers[i];
        float *y = x;

        x -= (size_t)rows * (size_t)layer->n_in;
        w -= (size_t)layer->n_in * (size_t)layer->n_out;
        gemm_tn(layer->n_in, layer->n_out, rows, x, y, w);
        if (i > 0) {
            gemm_nt(rows, layer->n_in, layer->n_out, y, w, x);
        }
    }
}

static void run_full_evaluation(struct contestant *contestant)
{
    int correct;
    evaluation_run(contestant->evaluation, contestant->evaluation->samples.n, &correct);
}

/* The least that the question "is it 90 %?" can cost. */
static void run_early_exit(struct contestant *contestant)
{
    int n = contestant->evaluation->samples.n, correct;
    evaluation_run(contestant->evaluation, n - evaluation_needed(0.9, n), &correct);
}

static void check(int r, const char *what)
{
    if (r != 0) {
        fprintf(stderr, "bench-train-steps: %s failed: %d\n", what, r);
        exit(EXIT_FAILURE);
    }
}

static void set_layers(struct trial_config *config, const char *text)
{
    static const int article[] = {500, 400, 300, 200, 100, 50, 25};
    int width, layers;

    if (sscanf(text, "%dx%d", &width, &layers) == 2) {
        config->n_hidden = layers;
        for (int i = 0; i < layers && i < CONFIG_MAX_LAYERS; i++) {
            config->hidden_units[i] = width;
        }
        return;
    }
    config->n_hidden = atoi(text);
    memcpy(config->hidden_units, article, sizeof(article));
}

static struct trial_config config_of(const char *layers, int batch, enum batch_norm batch_norm)
{
    struct trial_config config = {
        .activation = ACTIVATION_RELU,
        .batch_norm = batch_norm,
        .batch_norm_output = batch_norm != BATCH_NORM_NONE,
        .bn_momentum = 0.9,
        .bn_epsilon = 1e-3,
        .optimizer = OPTIMIZER_ADAM,
        .learning_rate = 1e-3,
        .beta1 = 0.9,
        .beta2 = 0.999,
        .epsilon = 1e-8,
        .batch_size = batch,
        .seed = 1,
    };

    set_layers(&config, layers);
    return config;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static void take_turns(struct contestant *contestants, int n, int rounds)
{
    for (int i = 0; i < n; i++) {
        contestants[i].ms = malloc((size_t)rounds * TURN * sizeof(double));
        check(contestants[i].ms ? 0 : -1, "malloc");
    }
    for (int round = 0; round < rounds; round++) {
        for (int i = 0; i < n; i++) {
            struct contestant *c = &contestants[i];

            for (int k = 0; k < TURN; k++) {
                double start = now_ms();
                c->run(c);
                if (k >= WARM) {
                    c->ms[c->n++] = now_ms() - start;
                }
            }
        }
    }
}

static void print_medians(struct contestant *contestants, int n)
{
    printf("{\"kernel\":\"%s\",\"variant\":\"%s\"", gemm_kernel(), kernels_best()->name);
    for (int i = 0; i < n; i++) {
        qsort(contestants[i].ms, (size_t)contestants[i].n, sizeof(double), compare);
        printf(",\"%s_ms\":%.4f", contestants[i].name, contestants[i].ms[contestants[i].n / 2]);
        free(contestants[i].ms);
    }
    puts("}");
}

int main(int argc, char **argv)
{
    static struct training trainings[BATCH_NORM_COUNT], idle;
    static struct evaluation evaluation;
    struct dataset data;
    struct error error;
    struct block products = {0};
    int rounds = argc > 2 ? atoi(argv[2]) : 0, batch = argc > 4 ? atoi(argv[4]) : 550;

    if (argc < 4 || rounds < 1 || rounds > MAX_ROUNDS || batch < 2) {
        fputs("usage: bench-train-steps DATA_DIR ROUNDS DEPTH|WIDTHxLAYERS [BATCH]\n", stderr);
        return 2;
    }
    gemm_init();
    if (dataset_open(argv[1], &data, &error) != 0) {
        fprintf(stderr, "bench-train-steps: %s\n", error.message);
        return EXIT_FAILURE;
    }
    struct samples train = {data.train_images, data.train_labels, data.n_train, data.pixels,
                            data.classes};
    struct samples test = {data.test_images, data.test_labels, data.n_test, data.pixels,
                           data.classes};
    for (enum batch_norm bn = 0; bn < BATCH_NORM_COUNT; bn++) {
        struct trial_config each = config_of(argv[3], batch, bn);
        each.train_size = data.n_train;
        check(training_init(&trainings[bn], &each, &train, kernels_best()), "training_init");
    }
    /* A network that stays far from the target, so that the early exit is early. */
    struct trial_config config = config_of(argv[3], batch, BATCH_NORM_NONE);
    config.train_size = data.n_train;
    check(training_init(&idle, &config, &train, kernels_best()), "training_init");
    struct training *none = &trainings[BATCH_NORM_NONE];
    for (int i = 0; i < none->network.n_layers; i++) {
        block_reserve(&products, (size_t)batch * (size_t)none->network.layers[i].n_in);
    }
    block_reserve(&products, (size_t)batch * (size_t)data.classes);
    check(block_allocate(&products), "block_allocate");
    check(evaluation_init(&evaluation, &idle.network, &test, kernels_best()), "evaluation_init");

    struct contestant contestants[] = {
        {.name = "products", .run = run_products, .training = none, .products = &products},
        {.name = "step_none", .run = run_step, .training = none},
        {.name = "step_before", .run = run_step, .training = &trainings[BATCH_NORM_BEFORE]},
        {.name = "step_after", .run = run_step, .training = &trainings[BATCH_NORM_AFTER]},
        {.name = "step_measured", .run = run_measured_step, .training = none},
        {.name = "evaluation", .run = run_full_evaluation, .evaluation = &evaluation},
        {.name = "early_exit", .run = run_early_exit, .evaluation = &evaluation},
    };
    int n = sizeof(contestants) / sizeof(contestants[0]);
    take_turns(contestants, n, rounds);
    print_medians(contestants, n);

    evaluation_free(&evaluation);
    for (enum batch_norm bn = 0; bn < BATCH_NORM_COUNT; bn++) {
        training_free(&trainings[bn]);
    }
    training_free(&idle);
    block_free(&products);
    dataset_close(&data);
    return 0;
}
