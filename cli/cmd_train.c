/* train: one trial here, without a daemon. */
#include "cli/command.h"
#include "cli/interrupt.h"
#include "cli/memory.h"
#include "cli/options.h"
#include "cli/table.h"
#include "cli/text.h"
#include "cli/train.h"
#include "common/decimal.h"
#include "common/output_file.h"
#include "common/sweep_effect.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- what to train ---- */

static int read_field(const struct arg *arg, struct config_draft *draft, struct error *error)
{
    enum config_field field =
        strcmp(arg->name, "seed") == 0 ? CONFIG_SEED : options_config_field(arg->name);
    struct config_value value;

    if (field == CONFIG_FIELD_COUNT) {
        return 0;
    }
    int result = config_value_from_text(field, arg->value, &value, error);
    if (result == 0) {
        config_draft_set(draft, field, &value);
    }
    return result;
}

static int read_config(const struct args *args, struct trial_config *ret, struct error *error)
{
    struct config_draft draft;

    config_draft_init(&draft);
    for (size_t i = 0; i < args->n_given; i++) {
        int result = read_field(&args->given[i], &draft, error);
        if (result != 0) {
            return result;
        }
    }
    return config_resolve(&draft, ret, error);
}

/* A flag that this network does not depend on. */
static void warn_of_unread(const struct args *args, const struct trial_config *config)
{
    for (size_t i = 0; i < args->n_given; i++) {
        enum config_field field = options_config_field(args->given[i].name);
        char text[EFFECT_WARNING_SIZE];
        if (field != CONFIG_FIELD_COUNT && !effect_is_read(config, field)) {
            effect_warning(field, text);
            fprintf(stderr, "ninety train: warning: %s\n", text);
        }
    }
}

/* ---- for people ---- */

struct show {
    bool quiet; /* --json: only the result */
    const struct trial_config *config;
    char kernel[32];
    bool header;
};

static void print_network(const struct trial_config *config)
{
    char rate[DECIMAL_SIZE];

    decimal_shortest(config->learning_rate, rate);
    printf("%s, ", config->dataset);
    for (int i = 0; i < config->n_hidden; i++) {
        printf("%s%d", i ? "-" : "", config->hidden_units[i]);
    }
    printf("%s%s, batch norm %s, %s with learning rate %s, batch %d, seed %llu\n",
           config->n_hidden ? " " : "softmax regression",
           config->n_hidden ? activation_name(config->activation) : "",
           batch_norm_name(config->batch_norm), optimizer_name(config->optimizer), rate,
           config->batch_size, (unsigned long long)config->seed);
}

static void on_event(void *arg, const struct trainer_event *event)
{
    struct show *show = arg;
    char loss[TEXT_SIZE];

    if (event->type == TRAINER_READY) {
        memcpy(show->kernel, event->kernel, sizeof(show->kernel));
        if (!show->quiet) {
            printf("%s%s%s\n\n", event->trainer, event->kernel[0] ? ", kernel " : "",
                   event->kernel);
        }
    }
    if (event->type != TRAINER_MEASUREMENT || show->quiet) {
        return;
    }
    if (!show->header) {
        puts("  step   accuracy       loss  training time");
        show->header = true;
    }
    const struct measurement *m = &event->measurement;
    text_number(m->train_loss, loss);
    printf("%6lld  %7.2f %%  %9s  %9.2f s\n", (long long)m->step, 100 * m->test_accuracy, loss,
           m->cpu_ms / 1000);
    fflush(stdout);
}

static void print_result(const struct trial_config *config, const struct trial_result *result)
{
    char target[TEXT_SIZE];

    text_percent(config->target_accuracy, target);
    putchar('\n');
    if (result->steps_to_target >= 0) {
        printf("%s %% test accuracy reached after %lld steps", target,
               (long long)result->steps_to_target);
        if (!isnan(result->seconds_to_target)) {
            printf(", %.2f s of training", result->seconds_to_target);
        }
        putchar('\n');
    } else {
        printf("%s %% test accuracy not reached within %lld steps\n", target,
               (long long)result->steps);
    }
    printf("final accuracy %.2f %% after %lld steps", 100 * result->final_accuracy,
           (long long)result->steps);
    if (!isnan(result->ms_per_step)) {
        printf(", %.2f ms per step", result->ms_per_step);
    }
    printf("\n");
    if (result->weights_sha256[0]) {
        printf("weights sha256 %s\n", result->weights_sha256);
    }
}

/* ---- for programs ---- */

static json_t *real_or_null(double value)
{
    return must(isnan(value) ? json_null() : json_real(value));
}

static json_t *text_or_null(const char *text)
{
    return must(text[0] ? json_string(text) : json_null());
}

static void print_json(const struct trial_config *config, const struct trial_result *result)
{
    json_t *steps =
        must(result->steps_to_target < 0 ? json_null() : json_integer(result->steps_to_target));
    json_t *object = must(json_pack(
        "{s:o, s:o, s:o, s:o, s:I, s:o, s:o, s:o, s:o, s:o, s:o}", "steps_to_target", steps,
        "seconds_to_target", real_or_null(result->seconds_to_target), "final_accuracy",
        real_or_null(result->final_accuracy), "final_loss", real_or_null(result->final_loss),
        "steps", (json_int_t)result->steps, "ms_per_step", real_or_null(result->ms_per_step),
        "weights_sha256", text_or_null(result->weights_sha256), "data_sha256",
        text_or_null(result->data_sha256), "kernel", text_or_null(result->kernel), "trainer",
        text_or_null(result->trainer), "config", must(config_to_json(config))));

    table_print_json(object, stdout);
    json_decref(object);
}

/* ---- the command ---- */

/* --json, and --format json as of the other commands. */
static bool wants_json(const struct args *args)
{
    enum format format;
    struct error error;

    return args_has(args, "json") ||
           (args_format(args, &format, &error) == 0 && format == FORMAT_JSON);
}

static int check_format(const struct args *args, struct error *error)
{
    enum format format;
    int result = args_format(args, &format, error);

    return result == 0 && format == FORMAT_CSV
               ? error_set(error, NULL, "--format must be table or json, not 'csv'")
               : result;
}

/* What goes to ninety-trainer as it is. */
static int collect_options(const struct args *args, const char *ret[TRAIN_OPTIONS_MAX],
                           struct error *error)
{
    static const char *const passed[][2] = {
        {"load", "--load"}, {"save", "--save"}, {"order", "--order"}, {"trace", "--trace"}};
    size_t n = 0;

    for (size_t i = 0; i < sizeof(passed) / sizeof(*passed); i++) {
        const char *value = args_value(args, passed[i][0]);
        if (value && args_has(args, "trainer")) {
            return error_set(error, NULL, "%s is an option of ninety-trainer, not of --trainer %s",
                             passed[i][1], args_value(args, "trainer"));
        }
        if (value) {
            ret[n++] = passed[i][1];
            ret[n++] = value;
        }
    }
    ret[n] = NULL;
    return 0;
}

/* What cannot be read or kept is told before the training, not after it. */
static int check_files(const struct args *args, struct error *error)
{
    static const char *const read[] = {"load", "order"}, *const written[] = {"save", "trace"};
    struct error why;

    for (size_t i = 0; i < sizeof(read) / sizeof(*read); i++) {
        const char *path = args_value(args, read[i]);
        if (path && access(path, R_OK) != 0) {
            return error_set(error, NULL, "--%s: cannot read %s: %s", read[i], path,
                             strerror(errno));
        }
    }
    for (size_t i = 0; i < sizeof(written) / sizeof(*written); i++) {
        const char *path = args_value(args, written[i]);
        if (path && output_file_check(path, &why) != 0) {
            return error_set(error, NULL, "--%s: %s", written[i], why.message);
        }
    }
    return 0;
}

static int show_outcome(const struct args *args, const struct trial_config *config,
                        enum train_outcome outcome, const struct trial_result *result)
{
    switch (outcome) {
    case TRAIN_DONE:
        if (wants_json(args)) {
            print_json(config, result);
        } else {
            print_result(config, result);
        }
        return EXIT_OK;
    case TRAIN_IMPOSSIBLE:
        return EXIT_FAILED;
    case TRAIN_FAILED:
        return EXIT_BAD_RESULT;
    case TRAIN_INTERRUPTED:
        break;
    }
    return EXIT_INTERRUPTED;
}

static int run_train(const struct args *args)
{
    struct trial_config config;
    struct trial_result result;
    struct error error = {0};
    const char *options[TRAIN_OPTIONS_MAX];

    if (check_format(args, &error) != 0 || read_config(args, &config, &error) != 0 ||
        collect_options(args, options, &error) != 0) {
        command_complain(args, &error);
        return EXIT_USAGE;
    }
    if (check_files(args, &error) != 0) {
        command_complain(args, &error);
        return EXIT_FAILED;
    }
    warn_of_unread(args, &config);
    struct show show = {.quiet = wants_json(args), .config = &config};
    if (!show.quiet) {
        print_network(&config);
        fflush(stdout);
    }
    struct train_request request = {
        .config = &config,
        .data = args_value(args, "data"),
        .trainer = args_value(args, "trainer"),
        .kernel = args_value(args, "kernel"),
        .only_that_kernel = !args_has(args, "trainer"),
        .options = options,
    };
    interrupt_catch();
    enum train_outcome outcome = train(&request, on_event, &show, &result, &error);
    if (outcome == TRAIN_DONE && !result.kernel[0]) {
        memcpy(result.kernel, show.kernel, sizeof(result.kernel));
    }
    int code = show_outcome(args, &config, outcome, &result);
    if (code == EXIT_INTERRUPTED) {
        error_set(&error, NULL, "interrupted");
    }
    if (code != EXIT_OK) {
        fflush(stdout);
        command_complain(args, &error);
    }
    return code;
}

static const struct option train_options[] = {
    {"json", NULL, "print one JSON object, and nothing before it"},
    {"format", "table|json", "how to print (default table); json is the same as --json"},
    {"data", "DIR", "where data sets lie, as DIR/mnist and so on"},
    {"trainer", "CMD", "another trainer (docs/trainer-protocol.md)"},
    {"load", "FILE", "start from this network (safetensors) instead of the seed's"},
    {"save", "FILE", "keep the trained network (safetensors)"},
    {"trace", "FILE", "a line of JSON per step: loss, norms of the gradients, samples"},
    {"order", "FILE", "train on these samples of the training file, numbers from 0 in order"},
    {"kernel", "NAME", "OpenBLAS kernel, e.g. Haswell (default: the fastest of this machine)"},
    {NULL},
};

const struct command command_train = {
    .name = "train",
    .arguments = "",
    .summary = "train one network here, without a daemon",
    .details = "  ninety train --depth 7 --batch-norm before --seed 1\n"
               "\n"
               "The same configuration and seed give the same weights, to the bit, on machines\n"
               "with the same OpenBLAS kernel.\n",
    .options = train_options,
    .sets = OPTIONS_SEED | OPTIONS_CONFIG,
    .run = run_train,
};
