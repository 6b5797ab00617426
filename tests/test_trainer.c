/* ninety-trainer itself, driven over pipes as ninety-worker drives it. */
#include "tests/test.h"

#include "common/protocol.h"
#include "common/rng.h"
#include "worker/data/dataset.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { N_TRAIN = 600, N_TEST = 200, MAX_EVENTS = 2000 };

static char data_dir[] = "/tmp/ninety-test-trainer-XXXXXX";
static char stderr_path[sizeof(data_dir) + 8];

/* ---- a small data set ---- */

static void write_file(enum dataset_file file, const void *header, size_t header_size,
                       const void *values, size_t n)
{
    char path[256];

    snprintf(path, sizeof(path), "%s/%s", data_dir, dataset_file_names[file]);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(header, 1, header_size, f), header_size);
    assert_int_equal(fwrite(values, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

/* Class c has a bright bar at row 2 c + 4, under noise. */
static void write_set(enum dataset_file images, enum dataset_file labels, uint32_t n,
                      struct rng *rng)
{
    uint8_t *pixels = malloc(n * IDX_PIXELS), *classes = malloc(n);
    uint8_t images_header[IDX_IMAGES_HEADER], labels_header[IDX_LABELS_HEADER];

    for (uint32_t i = 0; i < n; i++) {
        classes[i] = (uint8_t)rng_below(rng, IDX_CLASSES);
        for (int p = 0; p < IDX_PIXELS; p++) {
            int bright = p / IDX_IMAGE_SIDE == 2 * classes[i] + 4 ? 100 : 0;
            pixels[i * IDX_PIXELS + (uint32_t)p] = (uint8_t)(bright + (int)rng_below(rng, 150));
        }
    }
    idx_write_images_header(n, images_header);
    idx_write_labels_header(n, labels_header);
    write_file(images, images_header, sizeof(images_header), pixels, n * IDX_PIXELS);
    write_file(labels, labels_header, sizeof(labels_header), classes, n);
    free(pixels);
    free(classes);
}

static int make_data(void **state)
{
    struct rng rng;

    (void)state;
    signal(SIGPIPE, SIG_IGN);
    assert_non_null(mkdtemp(data_dir));
    snprintf(stderr_path, sizeof(stderr_path), "%s/stderr", data_dir);
    rng_init(&rng, 1, RNG_SYNTH, 0);
    write_set(DATASET_TRAIN_IMAGES, DATASET_TRAIN_LABELS, N_TRAIN, &rng);
    write_set(DATASET_TEST_IMAGES, DATASET_TEST_LABELS, N_TEST, &rng);
    return 0;
}

static int remove_data(void **state)
{
    (void)state;
    for (int i = 0; i < DATASET_FILE_COUNT; i++) {
        char path[256];
        snprintf(path, sizeof(path), "%s/%s", data_dir, dataset_file_names[i]);
        unlink(path);
    }
    unlink(stderr_path);
    return rmdir(data_dir);
}

/* ---- the process ---- */

struct process {
    pid_t pid;
    FILE *to, *from;
};

/* Up to three arguments, NULL where there are fewer. */
static struct process start(const char *const arguments[3])
{
    const char *program = getenv("NINETY_TRAINER");
    int in[2], out[2];

    assert_non_null(program);
    assert_int_equal(pipe2(in, O_CLOEXEC), 0);
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        int err = open(stderr_path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        dup2(in[0], STDIN_FILENO);
        dup2(out[1], STDOUT_FILENO);
        dup2(err, STDERR_FILENO);
        execl(program, program, arguments[0], arguments[1], arguments[2], (char *)NULL);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    return (struct process){pid, fdopen(in[1], "w"), fdopen(out[0], "r")};
}

static struct process start_trainer(void)
{
    return start((const char *[3]){NULL});
}

/* Closes its standard input; its exit status. */
static int finish(struct process *process)
{
    int status;

    if (process->to) {
        fclose(process->to);
    }
    assert_int_equal(waitpid(process->pid, &status, 0), process->pid);
    fclose(process->from);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static struct trainer_event read_event(struct process *process)
{
    char line[4096];
    struct trainer_event event;
    struct error error;

    assert_non_null(fgets(line, sizeof(line), process->from));
    if (trainer_event_from_line(line, &event, &error) != 0) {
        print_error("%s: %s: %s", error.field, error.message, line);
        fail();
    }
    return event;
}

static void read_ready(struct process *process)
{
    struct trainer_event event = read_event(process);

    assert_int_equal(event.type, TRAINER_READY);
    assert_int_equal(event.protocol, PROTOCOL_VERSION);
    assert_non_null(strstr(event.trainer, "ninety-trainer"));
    assert_true(event.kernel[0]);
}

static const char *stderr_text(void)
{
    static char text[4096];
    FILE *f = fopen(stderr_path, "r");

    assert_non_null(f);
    text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
    fclose(f);
    return text;
}

/* ---- trials ---- */

static struct trainer_job job_of(int64_t trial)
{
    struct trainer_job job = {
        .trial = trial,
        .attempt = 2,
        .config =
            {
                .dataset = "bars",
                .n_hidden = 2,
                .hidden_units = {32, 16},
                .activation = ACTIVATION_RELU,
                .batch_norm = BATCH_NORM_BEFORE,
                .batch_norm_output = true,
                .bn_momentum = 0.9,
                .bn_epsilon = 1e-3,
                .initializer = INITIALIZER_HE_NORMAL,
                .optimizer = OPTIMIZER_ADAM,
                .learning_rate = 0.01,
                .beta1 = 0.9,
                .beta2 = 0.999,
                .epsilon = 1e-8,
                .momentum = 0.9,
                .batch_size = 50,
                .train_size = 550,
                .target_accuracy = 0.9,
                .max_steps = 100,
                .stop_at_target = true,
                .seed = 3,
            },
        .data_sha256 = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
    };

    snprintf(job.data_dir, sizeof(job.data_dir), "%s", data_dir);
    return job;
}

static void send_job(struct process *process, const struct trainer_job *job)
{
    char *line = trainer_job_to_line(job);

    assert_non_null(line);
    assert_true(fputs(line, process->to) >= 0);
    assert_int_equal(fflush(process->to), 0);
    free(line);
}

/* What one trial said: its events up to `done` or `failed`. */
struct story {
    int n_measurements, n_layers;
    struct measurement measurements[MAX_EVENTS];
    struct layer_stat last_layer;
    struct trainer_event end;
};

static void train(struct process *process, const struct trainer_job *job, struct story *ret)
{
    send_job(process, job);
    *ret = (struct story){0};
    for (;;) {
        struct trainer_event event = read_event(process);

        assert_int_equal(event.trial, job->trial);
        assert_int_equal(event.attempt, job->attempt);
        if (event.type == TRAINER_MEASUREMENT) {
            assert_true(ret->n_measurements < MAX_EVENTS);
            ret->measurements[ret->n_measurements++] = event.measurement;
        } else if (event.type == TRAINER_LAYER) {
            ret->last_layer = event.layer;
            ret->n_layers++;
        } else {
            ret->end = event;
            return;
        }
    }
}

static struct story train_alone(const struct trainer_job *job)
{
    struct process process = start_trainer();
    struct story story;

    read_ready(&process);
    train(&process, job, &story);
    assert_int_equal(finish(&process), 0);
    return story;
}

static void ready_comes_before_any_input_and_end_of_input_ends_it(void **state)
{
    (void)state;
    struct process process = start_trainer();

    read_ready(&process);
    assert_int_equal(finish(&process), 0);
}

static void a_trial_is_measured_up_to_the_step_that_reaches_the_target(void **state)
{
    (void)state;
    static const int64_t schedule[] = {8, 16, 32, 64};
    struct trainer_job job = job_of(12);
    struct story story = train_alone(&job);
    const struct trial_result *result = &story.end.result;

    assert_int_equal(story.end.type, TRAINER_DONE);
    assert_in_range(result->steps_to_target, 9, 99);
    assert_int_equal(result->steps, result->steps_to_target);
    assert_true(result->final_accuracy >= 0.9);
    assert_true(result->seconds_to_target > 0);
    assert_true(result->ms_per_step > 0);
    assert_true(isfinite(result->final_loss));
    assert_int_equal(strlen(result->weights_sha256), 64);
    assert_string_equal(result->data_sha256, job.data_sha256);
    assert_true(result->kernel[0]);

    const struct measurement *last = &story.measurements[story.n_measurements - 1];
    assert_int_equal(last->step, result->steps);
    assert_true(last->test_accuracy == result->final_accuracy);
    assert_true(llround(last->cpu_ms * 1e6) == llround(result->seconds_to_target * 1e9));
    for (int i = 0; i < story.n_measurements; i++) {
        const struct measurement *m = &story.measurements[i];
        if (m != last) {
            assert_int_equal(m->step, schedule[i]);
            assert_true(m->test_accuracy < 0.9);
            assert_true(m->cpu_ms < m[1].cpu_ms);
        }
        assert_true(m->train_loss > 0);
        assert_true(m->wall_ms > 0);
        /* Whole nanoseconds, without the digits of a subtraction. */
        assert_true((double)llround(m->cpu_ms * 1e6) / 1e6 == m->cpu_ms);
        assert_true((double)llround(m->wall_ms * 1e6) / 1e6 == m->wall_ms);
    }
}

/* The steps at which a trial that reached its target at `crossing` is to be measured, each once. */
static int expected_points(const struct trial_config *config, int64_t crossing, int64_t *ret)
{
    int64_t end = config->stop_at_target ? crossing : config->max_steps;
    int n = 0;

    for (int64_t step = 1; step <= end; step++) {
        bool is_power = step == 8 || step == 16 || step == 32 || step == 64;
        bool is_point = config->measure_every ? step % config->measure_every == 0 : is_power;
        if (is_point || step == crossing || step == end) {
            ret[n++] = step;
        }
    }
    return n;
}

static void points_are_where_they_are_wanted_and_change_nothing_else(void **state)
{
    (void)state;
    static const int every[] = {0, 1, 2, 5, 99, 100000000};
    struct trainer_job job = job_of(5);
    struct story full[2];

    for (int stop = 0; stop < 2; stop++) {
        job.config.stop_at_target = stop;
        job.config.measure_every = 1;
        full[stop] = train_alone(&job);
        for (size_t i = 0; i < sizeof(every) / sizeof(every[0]); i++) {
            int64_t points[MAX_EVENTS];
            job.config.measure_every = every[i];
            struct story story = train_alone(&job);
            const struct trial_result *result = &story.end.result;
            int n = expected_points(&job.config, result->steps_to_target, points);

            assert_int_equal(story.n_measurements, n);
            for (int at = 0; at < n; at++) {
                const struct measurement *m = &story.measurements[at];
                assert_int_equal(m->step, points[at]);
                assert_true(m->test_accuracy == full[stop].measurements[m->step - 1].test_accuracy);
            }
            assert_int_equal(story.n_layers, full[stop].n_layers);
            assert_int_equal(result->steps_to_target, full[stop].end.result.steps_to_target);
            assert_string_equal(result->weights_sha256, full[stop].end.result.weights_sha256);
        }
    }
}

static void a_trial_that_is_over_before_the_first_point_has_one(void **state)
{
    (void)state;
    struct trainer_job job = job_of(1);
    job.config.max_steps = 3;
    struct story story = train_alone(&job);

    assert_int_equal(story.n_measurements, 1);
    assert_int_equal(story.measurements[0].step, 3);
}

static void layers_are_measured_at_powers_of_two_and_at_the_end(void **state)
{
    (void)state;
    struct trainer_job job = job_of(1);
    job.config.stop_at_target = false;
    job.config.max_steps = 19;
    struct story story = train_alone(&job);

    assert_int_equal(story.n_layers, 6 * (job.config.n_hidden + 1)); /* 1 2 4 8 16 19 */
    assert_int_equal(story.last_layer.step, 19);
    assert_int_equal(story.last_layer.layer, job.config.n_hidden);
    assert_true(story.last_layer.gradient_rms > 0);
    assert_true(story.last_layer.update_ratio > 0);
}

static void going_on_after_the_target_changes_neither_it_nor_what_came_before(void **state)
{
    (void)state;
    struct trainer_job job = job_of(1);
    struct story stopped = train_alone(&job);
    job.config.stop_at_target = false;
    struct story went_on = train_alone(&job);

    assert_int_equal(went_on.end.type, TRAINER_DONE);
    assert_int_equal(went_on.end.result.steps, job.config.max_steps);
    assert_int_equal(went_on.end.result.steps_to_target, stopped.end.result.steps_to_target);
    assert_true(went_on.n_measurements > stopped.n_measurements);
    for (int i = 0; i < stopped.n_measurements; i++) {
        assert_int_equal(went_on.measurements[i].step, stopped.measurements[i].step);
        assert_true(went_on.measurements[i].test_accuracy == stopped.measurements[i].test_accuracy);
    }
    assert_int_equal(went_on.measurements[went_on.n_measurements - 1].step, job.config.max_steps);
}

static void a_target_out_of_reach_is_censored(void **state)
{
    (void)state;
    struct trainer_job job = job_of(1);
    job.config.max_steps = 5;
    job.config.target_accuracy = 1;
    struct story story = train_alone(&job);

    assert_int_equal(story.end.type, TRAINER_DONE);
    assert_int_equal(story.end.result.steps, 5);
    assert_int_equal(story.end.result.steps_to_target, -1);
    assert_true(isnan(story.end.result.seconds_to_target));
    assert_int_equal(story.measurements[story.n_measurements - 1].step, 5);
    assert_true(story.measurements[story.n_measurements - 1].test_accuracy ==
                story.end.result.final_accuracy);
}

static void the_same_trial_has_the_same_hash_in_any_process_and_order(void **state)
{
    (void)state;
    struct trainer_job job = job_of(1), other = job_of(2);
    struct process process = start_trainer();
    struct story first, between, second;
    other.config.seed = 4;

    read_ready(&process);
    train(&process, &job, &first);
    train(&process, &other, &between);
    train(&process, &job, &second);
    assert_int_equal(finish(&process), 0);
    struct story alone = train_alone(&job);

    assert_string_equal(first.end.result.weights_sha256, second.end.result.weights_sha256);
    assert_string_equal(first.end.result.weights_sha256, alone.end.result.weights_sha256);
    assert_string_not_equal(first.end.result.weights_sha256, between.end.result.weights_sha256);
    assert_int_equal(first.end.result.steps_to_target, alone.end.result.steps_to_target);
}

static void divergence_names_the_step_and_is_not_tried_again(void **state)
{
    (void)state;
    struct trainer_job job = job_of(1);
    job.config.optimizer = OPTIMIZER_SGD;
    job.config.learning_rate = 1000;
    job.config.activation = ACTIVATION_LINEAR;
    job.config.batch_norm = BATCH_NORM_NONE;
    job.config.batch_norm_output = false;
    struct story story = train_alone(&job);

    assert_int_equal(story.end.type, TRAINER_FAILED);
    assert_memory_equal(story.end.failure.reason, "diverged at step ", 17);
    assert_in_range(atoi(story.end.failure.reason + 17), 1, 20);
    assert_false(story.end.failure.retry);
}

static void bad_data_fails_the_trial_and_the_next_one_is_trained(void **state)
{
    (void)state;
    struct trainer_job bad = job_of(1), greedy = job_of(2), good = job_of(3);
    struct process process = start_trainer();
    struct story story;

    snprintf(bad.data_dir, sizeof(bad.data_dir), "%s/nowhere", data_dir);
    greedy.config.train_size = N_TRAIN + 1;
    read_ready(&process);
    train(&process, &bad, &story);
    assert_int_equal(story.end.type, TRAINER_FAILED);
    assert_non_null(strstr(story.end.failure.reason, "nowhere"));
    assert_false(story.end.failure.retry);
    train(&process, &greedy, &story);
    assert_int_equal(story.end.type, TRAINER_FAILED);
    assert_non_null(strstr(story.end.failure.reason, "601"));
    assert_non_null(strstr(story.end.failure.reason, "600"));
    assert_false(story.end.failure.retry);
    train(&process, &good, &story);
    assert_int_equal(story.end.type, TRAINER_DONE);
    assert_int_equal(finish(&process), 0);
}

static void a_line_that_is_no_trial_ends_it_with_a_message(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "hello\n", "{}\n",
        "{\"trial\":1,\"attempt\":1,\"data_dir\":\"/\",\"config\":{\"dep\":1}}\n"};

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        struct process process = start_trainer();
        read_ready(&process);
        fputs(lines[i], process.to);
        assert_int_equal(finish(&process), 1);
        assert_non_null(strstr(stderr_text(), "this is no trial"));
    }
    assert_non_null(strstr(stderr_text(), "config.dep"));
}

static void nobody_listening_ends_it(void **state)
{
    (void)state;
    struct trainer_job job = job_of(1);
    struct process process = start_trainer();
    int status;

    job.config.stop_at_target = false;
    job.config.max_steps = 100000000;
    read_ready(&process);
    fclose(process.from);
    send_job(&process, &job);
    assert_int_equal(waitpid(process.pid, &status, 0), process.pid);
    assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == 1);
    fclose(process.to);
}

static void check_flag(const char *const arguments[3], int expected_status, const char *out,
                       const char *err)
{
    struct process process = start(arguments);
    char text[4096];

    text[fread(text, 1, sizeof(text) - 1, process.from)] = '\0';
    assert_int_equal(finish(&process), expected_status);
    assert_non_null(strstr(text, out));
    assert_non_null(strstr(stderr_text(), err));
}

static void flags_answer_and_wrong_ones_exit_with_2(void **state)
{
    (void)state;
    check_flag((const char *[3]){"--help"}, 0, "usage: ninety-trainer", "");
    check_flag((const char *[3]){"--version"}, 0, "ninety-trainer " NINETY_VERSION, "");
    check_flag((const char *[3]){"--probe", "--repeat", "1"}, 0, "\"gflops\":", "");
    check_flag((const char *[3]){"--prob3"}, 2, "", "prob3");
    check_flag((const char *[3]){"--probe", "--repeat", "0"}, 2, "", "1 to 1000, not '0'");
    check_flag((const char *[3]){"now"}, 2, "", "'now'");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ready_comes_before_any_input_and_end_of_input_ends_it),
        cmocka_unit_test(a_trial_is_measured_up_to_the_step_that_reaches_the_target),
        cmocka_unit_test(points_are_where_they_are_wanted_and_change_nothing_else),
        cmocka_unit_test(a_trial_that_is_over_before_the_first_point_has_one),
        cmocka_unit_test(layers_are_measured_at_powers_of_two_and_at_the_end),
        cmocka_unit_test(going_on_after_the_target_changes_neither_it_nor_what_came_before),
        cmocka_unit_test(a_target_out_of_reach_is_censored),
        cmocka_unit_test(the_same_trial_has_the_same_hash_in_any_process_and_order),
        cmocka_unit_test(divergence_names_the_step_and_is_not_tried_again),
        cmocka_unit_test(bad_data_fails_the_trial_and_the_next_one_is_trained),
        cmocka_unit_test(a_line_that_is_no_trial_ends_it_with_a_message),
        cmocka_unit_test(nobody_listening_ends_it),
        cmocka_unit_test(flags_answer_and_wrong_ones_exit_with_2),
    };
    return cmocka_run_group_tests(tests, make_data, remove_data);
}
