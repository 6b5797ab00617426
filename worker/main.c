/*
 * ninety-worker: one per machine. Takes trials from a ninetyd, has them trained by its trainers and
 * reports what they measure; docs/workers.md.
 */
#include "common/log.h"
#include "common/start.h"
#include "worker/cache_root.h"
#include "worker/kernel_choice.h"
#include "worker/options.h"
#include "worker/trainer_command.h"
#include "worker/transfer.h"
#include "worker/worker.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

enum { MOST_WRONG = 2 }; /* kernels */
enum { EXIT_USAGE = 2, FILES = 64, FILES_OF_A_SLOT = 4 };

/* The names of wrong kernels that were found since `n` of them were known. */
static void tell_wrong_kernels(const struct kernel_names *wrong, size_t n)
{
    for (; n < wrong->n; n++) {
        log_warn("this kernel computes wrong matrix products and is not used kernel=%s",
                 wrong->at[n]);
    }
}

static void choose_kernel(const struct kernel_request *request, struct kernel_choice *ret)
{
    size_t n = request->wrong->n;
    kernel_choose(request, ret);
    tell_wrong_kernels(request->wrong, n);
    if (ret->source == KERNEL_PROBED) {
        log_info("kernel measured kernel=%s gflops=%.0f", ret->kernel, ret->gflops);
    }
}

/* With one kernel, until the end or until it proves wrong. */
static int run_with(const struct options *options, const char *path,
                    const struct kernel_choice *choice)
{
    struct trainer_command command;
    int r = trainer_command_init(&command, options->trainer, path, choice);
    if (r < 0) {
        log_error("cannot make the trainer's command: %s", strerror(-r));
        return WORKER_BROKEN;
    }
    const struct worker_options worker_options = {
        .daemon_url = options->daemon_url,
        .token = options->token[0] ? options->token : NULL,
        .n_slots = options->n_slots,
        .pin = options->pin,
        .trainer_command = options->trainer ? options->trainer : path,
        .trainer_argv = command.argv,
        .trainer_environment = command.environment,
        .kernel = choice->kernel,
        .data_directories = options->data,
        .cache_directory = options->cache,
        .idle_ms = (uint64_t)(options->idle_s * 1000),
        .silence_ms = (uint64_t)(options->hang_s * 1000),
    };
    enum worker_exit result = worker_run(&worker_options);
    trainer_command_finish(&command);
    return result;
}

/* After a wrong product: whether the worker may go on with another kernel. Each costs a trial an
 * attempt, so no more than two are tried. */
static bool may_go_on(const struct options *options, const struct kernel_request *request,
                      const struct kernel_choice *choice, int n_condemned)
{
    if (options->trainer || !kernel_condemn(request, choice)) {
        log_error("giving up: the kernel computes wrong matrix products, and is not for the worker "
                  "to choose kernel=%s remedy=\"leave out --kernel and OPENBLAS_CORETYPE, or name "
                  "another kernel\"",
                  choice->kernel);
        return false;
    }
    if (n_condemned >= MOST_WRONG) {
        log_error(
            "giving up: a second kernel computes wrong matrix products kernel=%s remedy=\"this "
            "machine or its OpenBLAS is broken\"",
            choice->kernel);
        return false;
    }
    return true;
}

static int run(const struct options *options)
{
    char path[2048];
    bool found = trainer_find(path, sizeof path) == 0;
    if (!found && !options->trainer) {
        log_error("ninety-trainer is neither beside ninety-worker nor on PATH; install it there, "
                  "or name it by NINETY_TRAINER");
        return WORKER_BROKEN;
    }
    struct error error;
    char cache[512];
    int r = cache_root_open(options->cache, "kernels", cache, sizeof cache, &error);
    if (r != 0) {
        if (r < 0) {
            error_set(&error, NULL, "%s: %s; let NINETY_CACHE name another directory", cache,
                      strerror(-r));
        }
        log_error("cannot keep prepared data: %s", error.message);
        return WORKER_BROKEN;
    }
    struct kernel_names wrong = {0};
    const struct kernel_request request = {.forced = options->kernel,
                                           .trainer = found ? path : NULL,
                                           .cache_directory = options->cache,
                                           .wrong = &wrong};
    struct kernel_choice choice;
    int result = WORKER_WRONG_KERNEL, n_condemned = 0;
    while (result == WORKER_WRONG_KERNEL) {
        choose_kernel(&request, &choice);
        if (choice.source == KERNEL_NONE_RIGHT && !options->trainer) {
            log_error("giving up: every OpenBLAS kernel computes wrong matrix products here; "
                      "another release of OpenBLAS may help, or this machine is broken");
            return WORKER_NO_TRAINER;
        }
        result = run_with(options, path, &choice);
        if (result == WORKER_WRONG_KERNEL &&
            !may_go_on(options, &request, &choice, ++n_condemned)) {
            return WORKER_NO_TRAINER;
        }
    }
    return result;
}

int main(int argc, char **argv)
{
    struct options options;
    start_program("ninety-worker", FILES);
    log_init("ninety-worker");
    switch (options_parse(argc, argv, &options)) {
    case OPTIONS_RUN:
        break;
    case OPTIONS_SHOWN:
        return EXIT_SUCCESS;
    case OPTIONS_WRONG:
        return EXIT_USAGE;
    }
    if (options.die_with_parent) {
        prctl(PR_SET_PDEATHSIG, SIGTERM);
    }
    if (!start_allows_files("ninety-worker", FILES + FILES_OF_A_SLOT * (unsigned)options.n_slots)) {
        return WORKER_BROKEN;
    }
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        log_error("libcurl cannot start");
        return WORKER_BROKEN;
    }
    transfer_trust(options.ca_file);
    int result = run(&options);
    curl_global_cleanup();
    return result;
}
