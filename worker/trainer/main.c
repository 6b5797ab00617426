/*
 * ninety-trainer: trains what it is told on standard input and says what it measures on standard
 * output; docs/trainer-protocol.md has the lines. One thread; no network, no database.
 */
#include "common/engine.h"
#include "common/log.h"
#include "common/protocol.h"
#include "common/start.h"
#include "worker/nn/gemm.h"
#include "worker/nn/product_check.h"
#include "worker/trainer/first_product.h"
#include "worker/trainer/probe.h"
#include "worker/trainer/trial.h"
#include "worker/trainer_status.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EXIT_USAGE = 2, MAX_REPEAT = 1000 };

#define FILES 16 /* that it may have open at once */

static const char help[] =
    "usage: ninety-trainer [--load FILE] [--save FILE] [--order FILE] [--trace FILE]\n"
    "       ninety-trainer --probe [--repeat N]\n"
    "\n"
    "Trains neural networks for ninety-worker, which starts it: one trial per line of JSON on\n"
    "standard input, measurements and results as lines of JSON on standard output\n"
    "(docs/trainer-protocol.md). To train one network by hand, use `ninety train`.\n"
    "\n"
    "  --load FILE   start from this network (safetensors) instead of the seed's\n"
    "  --save FILE   keep the trained network (safetensors)\n"
    "  --order FILE  train on these samples of the training file, numbers from 0 in order\n"
    "  --trace FILE  a line of JSON per step: loss, norms of the gradients, samples\n"
    "                with any of these, one trial is trained and no more\n"
    "  --probe       measure the BLAS kernel of this process, print a line of JSON and exit\n"
    "  --repeat N    repetitions of the probe, 1..1000 (default 3)\n"
    "  --version     print the version and exit\n"
    "  --help        print this and exit\n"
    "\n"
    "environment: OPENBLAS_CORETYPE chooses the BLAS kernel (e.g. Haswell, SkylakeX)\n";

struct options {
    bool probe;
    int repeat;
    struct trial_files files;
};

/* Files are of one trial: the next would overwrite them. */
static bool is_single(const struct trial_files *files)
{
    return files->load || files->save || files->order || files->trace;
}

/* A line that cannot be written means that whoever listened is gone: there is nothing to train
 * for any more. */
static void write_event(void *context, const struct trainer_event *event)
{
    char *line = trainer_event_to_line(event);

    (void)context;
    if (!line) {
        log_error("not enough memory to write a line");
        exit(EXIT_FAILURE);
    }
    if (fputs(line, stdout) < 0 || fflush(stdout) != 0) {
        log_error("cannot write to standard output: %s", strerror(errno));
        exit(EXIT_FAILURE);
    }
    free(line);
}

static void write_ready(void)
{
    struct trainer_event event = {
        .type = TRAINER_READY,
        .protocol = PROTOCOL_VERSION,
        .trainer = ENGINE_TRAINER,
    };

    snprintf(event.kernel, sizeof(event.kernel), "%s", gemm_kernel());
    write_event(NULL, &event);
}

/* After a wrong product nothing more is computed here. */
static int give_up_products(void)
{
    log_error("wrong matrix product: %s", product_fault());
    return product_fault_is_of_blas() ? TRAINER_WRONG_KERNEL : TRAINER_WRONG_MACHINE;
}

static int serve(struct trial_files *files)
{
    char *line = NULL;
    size_t size = 0;
    int rc = EXIT_SUCCESS;

    write_ready();
    while (getline(&line, &size, stdin) >= 0) {
        struct trainer_job job;
        struct error error;

        if (trainer_job_from_line(line, &job, &error) != 0) {
            log_error("this is no trial: %s%s%s", error.field, error.field[0] ? ": " : "",
                      error.message);
            rc = EXIT_FAILURE;
            break;
        }
        trial_run(&job, files, write_event, NULL);
        if (product_fault()) {
            rc = give_up_products();
            break;
        }
        if (is_single(files)) {
            break;
        }
    }
    if (ferror(stdin)) {
        log_error("cannot read standard input: %s", strerror(errno));
        rc = EXIT_FAILURE;
    }
    free(line);
    return rc;
}

static int probe(int repeat)
{
    int rc = probe_run(repeat, stdout);

    if (rc < 0) {
        log_error("probe failed: %s", strerror(-rc));
        return EXIT_FAILURE;
    }
    return product_fault() ? give_up_products() : EXIT_SUCCESS;
}

static int usage_error(const char *message, const char *value)
{
    fprintf(stderr, "ninety-trainer: %s%s%s%s; see ninety-trainer --help\n", message,
            value ? " '" : "", value ? value : "", value ? "'" : "");
    return EXIT_USAGE;
}

/* 0, or the exit status with *ret_exit set: there is nothing more to do. */
static int parse_options(int argc, char **argv, struct options *ret, bool *ret_exit)
{
    static const struct option known[] = {
        {"probe", no_argument, NULL, 'p'},
        {"repeat", required_argument, NULL, 'r'},
        {"load", required_argument, NULL, 'l'},
        {"save", required_argument, NULL, 's'},
        {"order", required_argument, NULL, 'o'},
        {"trace", required_argument, NULL, 't'},
        {"version", no_argument, NULL, 'v'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    char *end;
    long repeat;

    *ret_exit = true;
    for (int c; (c = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        switch (c) {
        case 'p':
            ret->probe = true;
            break;
        case 'r':
            repeat = strtol(optarg, &end, 10);
            if (*end || end == optarg || repeat < 1 || repeat > MAX_REPEAT) {
                return usage_error("--repeat must be a number from 1 to 1000, not", optarg);
            }
            ret->repeat = (int)repeat;
            break;
        case 'l':
            ret->files.load = optarg;
            break;
        case 's':
            ret->files.save = optarg;
            break;
        case 'o':
            ret->files.order = optarg;
            break;
        case 't':
            ret->files.trace = optarg;
            break;
        case 'v':
            puts("ninety-trainer " NINETY_VERSION);
            return EXIT_SUCCESS;
        case 'h':
            fputs(help, stdout);
            return EXIT_SUCCESS;
        default: /* getopt has said what */
            return usage_error("wrong arguments", NULL);
        }
    }
    if (optind < argc) {
        return usage_error("unexpected argument", argv[optind]);
    }
    *ret_exit = false;
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    struct options options = {.repeat = 3};
    bool done;

    start_program("ninety-trainer", FILES);
    log_init("ninety-trainer");
    int rc = parse_options(argc, argv, &options, &done);
    if (done) {
        return rc;
    }
    if (!options.probe && isatty(STDIN_FILENO)) {
        return usage_error("it reads trials from a pipe, and standard input is a terminal", NULL);
    }
    gemm_init();
    first_product();
    if (options.probe) {
        return probe(options.repeat);
    }
    return product_fault() ? give_up_products() : serve(&options.files);
}
