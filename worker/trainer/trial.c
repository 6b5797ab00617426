#include "worker/trainer/trial.h"

#include "common/engine.h"
#include "common/hash.h"
#include "worker/data/dataset.h"
#include "worker/nn/evaluation.h"
#include "worker/nn/gemm.h"
#include "worker/nn/product_check.h"
#include "worker/nn/training.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

struct trial {
    const struct trainer_job *job;
    struct trial_files *files;
    void (*emit)(void *context, const struct trainer_event *event);
    void *context;

    struct dataset dataset;
    struct training training;
    struct evaluation evaluation;
    struct layer_stat stats[CONFIG_MAX_LAYERS + 1];

    int64_t cpu_ns, wall_ns; /* of training */
    double loss, accuracy;   /* the last ones; accuracy of the step `measured` */
    int64_t measured;
    int64_t steps_to_target; /* -1 = not reached yet */
    int64_t ns_to_target;
    int needed;      /* correct samples that reach the target */
    int64_t said_ns; /* when the last event was emitted */
};

/* Between measurements, which are few, so often at least an event says that it goes on. */
#define SAY_EVERY_NS INT64_C(30000000000)

enum trial_end { TRIAL_ENDED = 1 }; /* `failed` has been emitted */

static int64_t nanoseconds(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static void emit(struct trial *trial, struct trainer_event *event)
{
    event->trial = trial->job->trial;
    event->attempt = trial->job->attempt;
    trial->emit(trial->context, event);
    trial->said_ns = nanoseconds(CLOCK_MONOTONIC);
}

/* The machine's fault: elsewhere, or with another kernel, the trial may well succeed. */
static int fail_by_machine(struct trial *trial)
{
    struct trainer_event event = {.type = TRAINER_FAILED, .failure = {.retry = true}};

    snprintf(event.failure.reason, sizeof(event.failure.reason), "wrong matrix product: %s",
             product_fault());
    emit(trial, &event);
    return TRIAL_ENDED;
}

__attribute__((format(printf, 2, 3))) static int fail(struct trial *trial, const char *format, ...)
{
    struct trainer_event event = {.type = TRAINER_FAILED, .failure = {.retry = false}};
    va_list args;

    va_start(args, format);
    vsnprintf(event.failure.reason, sizeof(event.failure.reason), format, args);
    va_end(args);
    emit(trial, &event);
    return TRIAL_ENDED;
}

/* ---- start ---- */

static int open_data(struct trial *trial)
{
    const struct trial_config *config = &trial->job->config;
    struct error error;

    if (dataset_open(trial->job->data_dir, &trial->dataset, &error) != 0) {
        return fail(trial, "%s", error.message);
    }
    if (config->train_size > trial->dataset.n_train) {
        return fail(trial, "train_size is %d, but data set %s has only %d training images",
                    config->train_size, config->dataset, trial->dataset.n_train);
    }
    return 0;
}

static int begin(struct trial *trial)
{
    const struct trial_config *config = &trial->job->config;
    const struct dataset *data = &trial->dataset;
    const struct kernels *kernels = kernels_best();
    struct error error;

    int r = open_data(trial);
    if (r != 0) {
        return r;
    }
    struct samples train = {data->train_images, data->train_labels, data->n_train, data->pixels,
                            data->classes};
    struct samples test = {data->test_images, data->test_labels, data->n_test, data->pixels,
                           data->classes};
    r = training_init(&trial->training, config, &train, kernels);
    if (r == 0 && trial_files_begin(trial->files, &trial->training, config, &error) != 0) {
        return fail(trial, "%s", error.message);
    }
    if (r == 0) {
        r = evaluation_init(&trial->evaluation, &trial->training.network, &test, kernels);
    }
    if (r < 0) {
        return fail(trial, "not enough memory for a network of %d hidden layers and batches of %d",
                    config->n_hidden, config->batch_size);
    }
    trial->needed = evaluation_needed(config->target_accuracy, test.n);
    return 0;
}

/* ---- steps ---- */

static bool is_power_of_two(int64_t step)
{
    return (step & (step - 1)) == 0;
}

/* A full evaluation costs as much as several steps; at the first ones, where few units are inactive
 * yet, it costs most and says least. */
static bool is_measured(const struct trial_config *config, int64_t step)
{
    return config->measure_every > 0 ? step % config->measure_every == 0
                                     : step >= 8 && is_power_of_two(step);
}

static int64_t cpu_nanoseconds(void)
{
    return nanoseconds(CLOCK_THREAD_CPUTIME_ID);
}

static int train_step(struct trial *trial, bool with_stats)
{
    struct error error;
    int64_t wall = nanoseconds(CLOCK_MONOTONIC), cpu = cpu_nanoseconds();

    int64_t check = product_check_ns();

    trial->loss = training_step(&trial->training, with_stats ? trial->stats : NULL);
    check = product_check_ns() - check;
    trial->cpu_ns += cpu_nanoseconds() - cpu - check;
    trial->wall_ns += nanoseconds(CLOCK_MONOTONIC) - wall - check;
    if (product_fault()) {
        return fail_by_machine(trial);
    }
    if (trial_files_step(trial->files, &trial->training, trial->loss, &error) != 0) {
        return fail(trial, "%s", error.message);
    }
    if (!isfinite(trial->loss)) {
        return fail(trial, "diverged at step %lld: the loss is not finite",
                    (long long)trial->training.step);
    }
    return 0;
}

static void emit_measurement(struct trial *trial)
{
    struct trainer_event event = {
        .type = TRAINER_MEASUREMENT,
        .measurement = {trial->training.step, trial->accuracy, trial->loss,
                        (double)trial->cpu_ns / 1e6, (double)trial->wall_ns / 1e6},
    };

    emit(trial, &event);
}

static void emit_layers(struct trial *trial)
{
    for (int i = 0; i < trial->training.network.n_layers; i++) {
        struct trainer_event event = {.type = TRAINER_LAYER, .layer = trial->stats[i]};
        emit(trial, &event);
    }
}

/* Asks whether the target is reached now; with `fully`, measures in any case. */
static int evaluate(struct trial *trial, bool fully)
{
    int n = trial->evaluation.samples.n, correct;
    bool pending = trial->steps_to_target < 0;

    if (!fully && !pending) {
        return 0;
    }
    int r = evaluation_run(&trial->evaluation, fully ? n : n - trial->needed, &correct);
    if (product_fault()) {
        return fail_by_machine(trial);
    }
    if (r != 0) {
        return fail(trial, "diverged at step %lld: the network's output is not finite",
                    (long long)trial->training.step);
    }
    bool crossing = pending && correct >= trial->needed;
    if (crossing) {
        trial->steps_to_target = trial->training.step;
        trial->ns_to_target = trial->cpu_ns;
    }
    if (fully || crossing) {
        trial->accuracy = (double)correct / n;
        trial->measured = trial->training.step;
        emit_measurement(trial);
    }
    return 0;
}

static void say_if_silent(struct trial *trial)
{
    if (nanoseconds(CLOCK_MONOTONIC) - trial->said_ns >= SAY_EVERY_NS) {
        struct trainer_event event = {.type = TRAINER_STEP, .step = trial->training.step};
        emit(trial, &event);
    }
}

static int run_steps(struct trial *trial)
{
    const struct trial_config *config = &trial->job->config;

    for (int64_t step = 1; step <= config->max_steps; step++) {
        bool is_last = step == config->max_steps;
        bool with_layers = is_last || is_power_of_two(step);

        int r = train_step(trial, with_layers);
        if (r == 0) {
            r = evaluate(trial, is_last || is_measured(config, step));
        }
        if (r != 0) {
            return r;
        }
        if (with_layers) {
            emit_layers(trial);
        }
        say_if_silent(trial);
        if (trial->steps_to_target > 0 && config->stop_at_target) {
            break;
        }
    }
    return 0;
}

/* ---- end ---- */

static void add_to_hash(void *hash, const float *array, size_t n)
{
    sha256_add(hash, array, n * sizeof(*array));
}

static int finish(struct trial *trial)
{
    struct trainer_event event = {.type = TRAINER_DONE};
    struct trial_result *result = &event.result;
    struct sha256 *hash = sha256_begin();
    struct error error;

    if (!hash) {
        return fail(trial, "not enough memory to hash the weights");
    }
    network_visit(&trial->training.network, add_to_hash, hash);
    sha256_end(hash, result->weights_sha256);
    struct model_facts facts = {trial->training.step, trial->accuracy, result->weights_sha256,
                                trial->job->data_sha256};
    if (trial_files_save(trial->files, &trial->training, &trial->job->config, &facts, &error) !=
        0) {
        return fail(trial, "%s", error.message);
    }

    result->steps = trial->training.step;
    result->steps_to_target = trial->steps_to_target;
    result->seconds_to_target =
        trial->steps_to_target > 0 ? (double)trial->ns_to_target / 1e9 : (double)NAN;
    result->final_accuracy = trial->accuracy;
    result->final_loss = trial->loss;
    result->ms_per_step = (double)(trial->cpu_ns / trial->training.step) / 1e6; /* whole ns */
    memcpy(result->data_sha256, trial->job->data_sha256, sizeof(result->data_sha256));
    snprintf(result->kernel, sizeof(result->kernel), "%s", gemm_kernel());
    snprintf(result->trainer, sizeof(result->trainer), ENGINE_TRAINER);
    emit(trial, &event);
    return 0;
}

void trial_run(const struct trainer_job *job, struct trial_files *files,
               void (*emit_event)(void *context, const struct trainer_event *event), void *context)
{
    struct trial trial = {
        .job = job, .files = files, .emit = emit_event, .context = context, .steps_to_target = -1};

    trial.said_ns = nanoseconds(CLOCK_MONOTONIC);

    product_check_by(cpu_nanoseconds);
    if (begin(&trial) == 0 && run_steps(&trial) == 0) {
        finish(&trial);
    }
    trial_files_end(files);
    evaluation_free(&trial.evaluation);
    training_free(&trial.training);
    dataset_close(&trial.dataset);
}
