/* verify: trains recorded trials again here and compares. */
#include "cli/cell_range.h"
#include "cli/command.h"
#include "cli/compare.h"
#include "cli/connection.h"
#include "cli/interrupt.h"
#include "cli/memory.h"
#include "cli/sweeps.h"
#include "cli/train.h"
#include "common/config.h"
#include "common/kernel_family.h"
#include "common/rng.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SAMPLE_MAX 1000

/* What is wanted of a trial, and what came out. */
struct verification {
    const struct args *args;
    struct client *client;
    int64_t trial;
    int64_t sweep, replicate;
    struct trial_config config;
    struct compare_run recorded, here;
    char other_kernel[32]; /* of this machine, for what step 1 differs; "" = not asked */
    struct compare_tolerance tolerance;
};

/* ---- the record ---- */

static int read_config(const json_t *trial, struct trial_config *ret, struct error *error)
{
    int result = config_from_json(json_object_get(trial, "config"), ret, error);

    return result != 0 ? error_prefix(error, "config") : 0;
}

/* What the daemon has of the trial, under `what` of its route ("" = itself). */
static int get_part(struct verification *v, const char *what, json_t **ret, struct error *error)
{
    char path[96];

    snprintf(path, sizeof(path), "/v1/trials/%lld%s", (long long)v->trial, what);
    return client_get(v->client, path, ret, error) == CLIENT_OK ? 0 : ERROR_INVALID;
}

static int read_record(struct verification *v, struct error *error)
{
    json_t *trial = NULL, *measurements = NULL, *layers = NULL;
    int result = get_part(v, "", &trial, error);

    if (result == 0) {
        result = get_part(v, "/measurements", &measurements, error);
    }
    if (result == 0) {
        result = get_part(v, "/layers", &layers, error);
    }
    if (result == 0) {
        result = read_config(trial, &v->config, error);
    }
    if (result == 0) {
        result = compare_run_read(trial, measurements, &v->recorded, error);
    }
    if (result == 0) {
        compare_run_read_layers(layers, &v->recorded);
        v->sweep = json_integer_value(json_object_get(trial, "sweep"));
        v->replicate = json_integer_value(json_object_get(trial, "replicate"));
    }
    json_decref(trial);
    json_decref(measurements);
    json_decref(layers);
    return result;
}

/* ---- the same again ---- */

static void on_event(void *arg, const struct trainer_event *event)
{
    struct compare_run *run = arg;

    if (event->type == TRAINER_READY) {
        /* It may have been tried on another kernel before. */
        compare_run_clear(run);
        memcpy(run->result.kernel, event->kernel, sizeof(event->kernel));
    } else if (event->type == TRAINER_MEASUREMENT) {
        compare_run_add(run, &event->measurement);
    } else if (event->type == TRAINER_LAYER) {
        compare_run_add_layer(run, &event->layer);
    }
}

static enum train_outcome train_on(struct verification *v, const char *kernel, struct error *error)
{
    struct trial_result result;
    struct train_request request = {
        .config = &v->config,
        .data = args_value(v->args, "data"),
        .trainer = args_value(v->args, "trainer"),
        .kernel = kernel,
    };
    enum train_outcome outcome = train(&request, on_event, &v->here, &result, error);

    if (outcome == TRAIN_DONE) {
        if (!result.kernel[0]) {
            memcpy(result.kernel, v->here.result.kernel, sizeof(result.kernel));
        }
        v->here.result = result;
    }
    return outcome;
}

/* On the kernel that is asked for, or else the recorded one; where this machine cannot run that
 * one, on its own. */
static enum train_outcome train_again(struct verification *v, struct error *error)
{
    const char *asked = args_value(v->args, "kernel");
    const char *kernel = asked ? asked : v->recorded.result.kernel;
    enum train_outcome outcome = train_on(v, kernel[0] ? kernel : NULL, error);

    if (outcome == TRAIN_IMPOSSIBLE && !asked && kernel[0]) {
        outcome = train_on(v, NULL, error);
    }
    return outcome;
}

/* ---- what two kernels of this machine differ ---- */

/* OpenBLAS's kernels that are unlike each other. */
static const char *const unlike[] = {
#if defined(__x86_64__)
    "Haswell", "SkylakeX", "Sandybridge", "Nehalem", "Prescott",
#else
    "NEOVERSEN1",
    "CORTEXA57",
    "ARMV8",
#endif
};

/* Step 1 of the trial on another kernel than `here`; false if none runs. */
static bool train_step_1_elsewhere(struct verification *v, struct compare_run *ret)
{
    struct trial_config config = v->config;

    config.max_steps = 1;
    for (size_t i = 0; i < sizeof(unlike) / sizeof(*unlike) && interrupt_count() == 0; i++) {
        struct error error;
        struct trial_result result;
        struct train_request request = {.config = &config,
                                        .data = args_value(v->args, "data"),
                                        .trainer = args_value(v->args, "trainer"),
                                        .kernel = unlike[i],
                                        .only_that_kernel = true};
        if (!kernel_families_agree(unlike[i], v->here.result.kernel) &&
            train(&request, on_event, ret, &result, &error) == TRAIN_DONE) {
            return true;
        }
        compare_run_clear(ret);
    }
    return false;
}

static double ten_times(double seen)
{
    return 10 * seen > COMPARE_ROUNDING ? 10 * seen : COMPARE_ROUNDING; /* also where seen is NAN */
}

/* Rounding may do more to a deep network than COMPARE_ROUNDING: as much as it does here, between
 * two kernels, and ten times that for room. */
static void find_tolerance(struct verification *v)
{
    struct compare_run other = {0};

    v->tolerance = (struct compare_tolerance){COMPARE_ROUNDING, COMPARE_ROUNDING};
    if (!(compare_gradients(&v->recorded, &v->here) > COMPARE_ROUNDING ||
          compare_losses(&v->recorded, &v->here) > COMPARE_ROUNDING) ||
        !train_step_1_elsewhere(v, &other)) {
        return;
    }
    v->tolerance.gradients = ten_times(compare_gradients(&v->here, &other));
    v->tolerance.loss = ten_times(compare_losses(&v->here, &other));
    memcpy(v->other_kernel, other.result.kernel, sizeof(v->other_kernel));
    compare_run_clear(&other);
}

/* ---- where its cell's seeds lie ---- */

static const char *steps_text(int64_t steps, char ret[32])
{
    snprintf(ret, 32, steps == CELL_RANGE_NEVER ? "never" : "%lld", (long long)steps);
    return ret;
}

static int64_t reached_after(const struct compare_run *run)
{
    return run->result.steps_to_target < 0 ? CELL_RANGE_NEVER : run->result.steps_to_target;
}

static void print_steps(struct verification *v)
{
    int64_t here = reached_after(&v->here);
    char texts[4][32];
    struct cell_range range;

    cell_range_read(v->client, v->sweep, v->trial - v->replicate, &range);
    printf("  steps to the target: %s recorded, %s here",
           steps_text(reached_after(&v->recorded), texts[0]), steps_text(here, texts[1]));
    if (range.n > 1 && range.least == CELL_RANGE_NEVER) {
        printf(", never by any of its cell's %d seeds", range.n);
    } else if (range.n > 1) {
        printf(", %s what its cell's %d seeds took (%s to %s)",
               here >= range.least && here <= range.most ? "within" : "outside of", range.n,
               steps_text(range.least, texts[2]), steps_text(range.most, texts[3]));
    }
    puts("");
}

/* ---- judgement ---- */

static void print_rule(const struct verification *v, enum compare_rule rule)
{
    const struct trial_result *recorded = &v->recorded.result, *here = &v->here.result;

    printf("trial %lld: recorded by %s on kernel %s, trained here by %s on %s: not the same %s, so "
           "step 1 is compared\n",
           (long long)v->trial, recorded->trainer, recorded->kernel, here->trainer, here->kernel,
           rule == COMPARE_ACROSS_ENGINES ? "engine" : "rounding");
    if (rule == COMPARE_ACROSS_ENGINES) {
        puts("  since engine 2 parameters of such a network whose gradient is zero by construction "
             "stay as they are (docs/training.md)");
    }
    if (isnan(compare_gradients(&v->recorded, &v->here))) {
        puts("  gradients of step 1 are not on record");
    }
    printf("  gradients may differ by %.2g %%, the loss by %.2g %%", 100 * v->tolerance.gradients,
           100 * v->tolerance.loss);
    if (v->other_kernel[0]) {
        printf(": at least ten times what they do between %s and %s here", here->kernel,
               v->other_kernel);
    }
    puts("");
}

static void print_close(const struct verification *v)
{
    double off = compare_gradients(&v->recorded, &v->here);

    printf("trial %lld: close:", (long long)v->trial);
    if (isnan(off)) {
        printf(" nothing that must agree differs");
    } else {
        printf(" the gradients of %d layers at step 1 differ by at most %.2g %%", v->here.n_layers,
               100 * off);
    }
    printf(" (kernel %s)\n", v->here.result.kernel);
}

static void print_same(const struct verification *v)
{
    const struct trial_result *here = &v->here.result;

    size_t n = compare_in_common(&v->recorded, &v->here);
    printf("trial %lld: the same: %lld steps, %zu", (long long)v->trial, (long long)here->steps, n);
    if (n < v->recorded.n_measurements) {
        printf(" of %zu", v->recorded.n_measurements);
    }
    printf(" measurements");
    if (here->weights_sha256[0]) {
        printf(", weights %.12s", here->weights_sha256);
    }
    printf(" (kernel %s)\n", here->kernel);
}

static size_t compare_by(struct verification *v, enum compare_rule rule, FILE *out)
{
    if (rule == COMPARE_EXACTLY) {
        return compare_exactly(&v->recorded, &v->here, out);
    }
    find_tolerance(v);
    return compare_closely(&v->recorded, &v->here, &v->tolerance, out);
}

static int judge(struct verification *v)
{
    enum compare_rule rule = compare_rule(&v->config, &v->recorded, &v->here);
    char *text;
    size_t size;
    FILE *out = must(open_memstream(&text, &size));
    size_t n = compare_by(v, rule, out);

    fclose(out);
    if (rule != COMPARE_EXACTLY) {
        print_rule(v, rule);
        print_steps(v);
    }
    if (n > 0) {
        printf("trial %lld: DIFFERS in %zu places\n%s", (long long)v->trial, n, text);
    } else if (rule == COMPARE_EXACTLY) {
        print_same(v);
    } else {
        print_close(v);
    }
    fflush(stdout);
    free(text);
    return n > 0 ? EXIT_BAD_RESULT : EXIT_OK;
}

static int verify_trial(const struct args *args, struct client *client, int64_t trial)
{
    struct verification v = {.args = args, .client = client, .trial = trial};
    struct error error = {0};
    enum train_outcome outcome = TRAIN_IMPOSSIBLE;
    int code = EXIT_FAILED;

    if (read_record(&v, &error) == 0) {
        outcome = train_again(&v, &error);
    }
    if (outcome == TRAIN_DONE) {
        code = judge(&v);
    } else if (outcome == TRAIN_FAILED) {
        printf("trial %lld: DIFFERS: it succeeded when it was recorded, and failed here: %s\n",
               (long long)trial, error.message);
        code = EXIT_BAD_RESULT;
    } else if (outcome == TRAIN_INTERRUPTED) {
        code = EXIT_INTERRUPTED;
    } else {
        command_complain(args, &error);
    }
    compare_run_clear(&v.recorded);
    compare_run_clear(&v.here);
    return code;
}

/* ---- which trials ---- */

/* The ids of a sweep's succeeded trials, in a random order; page by page. */
static enum client_outcome list_trials(struct client *client, int64_t sweep, json_t **ret,
                                       struct error *error)
{
    json_t *ids = must(json_array());
    int64_t after = 0;

    do {
        char path[128];
        json_t *page, *trial;
        size_t i;
        int length = snprintf(path, sizeof(path),
                              "/v1/trials?sweep=%lld&state=succeeded&limit=1000", (long long)sweep);
        if (after > 0) {
            snprintf(path + length, sizeof(path) - (size_t)length, "&after=%lld", (long long)after);
        }
        enum client_outcome outcome = client_get(client, path, &page, error);
        if (outcome != CLIENT_OK) {
            json_decref(ids);
            return outcome;
        }
        json_array_foreach(json_object_get(page, "trials"), i, trial)
        {
            must_do(json_array_append(ids, must(json_object_get(trial, "id"))));
        }
        after = json_integer_value(json_object_get(page, "next"));
        json_decref(page);
    } while (after > 0);
    *ret = ids;
    return CLIENT_OK;
}

/* Keeps `n` of them, chosen at random (Fisher and Yates). */
static void keep_some(json_t *ids, size_t n)
{
    struct rng rng;

    rng_init(&rng, (uint64_t)time(NULL), RNG_SEARCH, 0);
    while (json_array_size(ids) > n) {
        must_do(json_array_remove(ids, rng_below(&rng, (uint32_t)json_array_size(ids))));
    }
}

static int sample_trials(const struct args *args, struct client *client, json_t **ret)
{
    struct error error = {0};
    int64_t n = 0;
    json_t *sweep;

    if (args_integer(args, "sample", (struct args_range){1, SAMPLE_MAX}, &n, &error) != 0) {
        command_complain(args, &error);
        return EXIT_USAGE;
    }
    int code = sweeps_find(args, client, args_value(args, "sweep"), &sweep);
    if (code != EXIT_OK) {
        return code;
    }
    if (list_trials(client, sweeps_id(sweep), ret, &error) != CLIENT_OK) {
        command_complain(args, &error);
        code = EXIT_FAILED;
    } else {
        keep_some(*ret, (size_t)n);
    }
    json_decref(sweep);
    return code;
}

static int named_trials(const struct args *args, json_t **ret)
{
    json_t *ids = must(json_array());

    for (size_t i = 0; i < args->n_positional; i++) {
        char *end;
        long long id = strtoll(args->positional[i], &end, 10);
        if (*end || id <= 0) {
            fprintf(stderr, "ninety verify: '%s' is not the number of a trial\n",
                    args->positional[i]);
            json_decref(ids);
            return EXIT_USAGE;
        }
        must_do(json_array_append_new(ids, must(json_integer(id))));
    }
    *ret = ids;
    return EXIT_OK;
}

static int choose_trials(const struct args *args, struct client *client, json_t **ret)
{
    if (args_has(args, "sample") == (args->n_positional > 0)) {
        fputs("ninety verify: name trials by their numbers, or give --sample N\n", stderr);
        return EXIT_USAGE;
    }
    return args_has(args, "sample") ? sample_trials(args, client, ret) : named_trials(args, ret);
}

/* ---- the command ---- */

static int verify_all(const struct args *args, struct client *client, const json_t *ids)
{
    int worst = EXIT_OK;
    size_t i;
    json_t *id;

    json_array_foreach(ids, i, id)
    {
        int code = verify_trial(args, client, json_integer_value(id));
        if (code == EXIT_INTERRUPTED) {
            return code;
        }
        worst = code > worst ? code : worst;
    }
    if (json_array_size(ids) > 1 && worst == EXIT_OK) {
        printf("all %zu trials verified\n", json_array_size(ids));
    }
    return worst;
}

static int run_verify(const struct args *args)
{
    struct connection connection;
    struct error error = {0};
    json_t *ids = NULL;
    int code = EXIT_FAILED;

    interrupt_catch();
    if (connection_open(args, &connection, &error) != 0) {
        command_complain(args, &error);
    } else {
        code = choose_trials(args, connection.client, &ids);
    }
    if (code == EXIT_OK) {
        code = verify_all(args, connection.client, ids);
    }
    json_decref(ids);
    connection_close(&connection);
    return code;
}

static const struct option verify_options[] = {
    {"sample", "N", "N trials chosen at random among the succeeded ones"},
    {"sweep", "SWEEP", "of this sweep (default: the newest)"},
    {"data", "DIR", "where data sets lie, as DIR/mnist and so on"},
    {"kernel", "NAME", "OpenBLAS kernel (default: the one on record, where it runs here)"},
    {"trainer", "CMD", "another trainer (docs/trainer-protocol.md)"},
    {NULL},
};

const struct command command_verify = {
    .name = "verify",
    .arguments = "[TRIAL...]",
    .summary = "train recorded trials again here and compare every number",
    .details =
        "On the OpenBLAS kernel that is on record steps, every measurement and the weights must\n"
        "be the same, to the bit; on another one, where rounding differs and training amplifies\n"
        "it, the gradients of step 1 (docs/cli.md). Exit status 3 if a trial differs.\n"
        "\n"
        "  ninety verify 12 31 --db ninety.db\n"
        "  ninety verify --sample 10\n",
    .options = verify_options,
    .sets = OPTIONS_DAEMON | OPTIONS_DATABASE,
    .max_arguments = SAMPLE_MAX,
    .run = run_verify,
};
