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

enum { EXIT_USAGE = 2, FILES = 64, FILES_OF_A_SLOT = 4 };

static void choose_kernel(const struct options *options, const char *trainer,
                          struct kernel_choice *ret)
{
    const struct kernel_request request = {
        .forced = options->kernel, .trainer = trainer, .cache_directory = options->cache};
    kernel_choose(&request, ret);
    if (ret->source == KERNEL_PROBED) {
        log_info("kernel measured kernel=%s gflops=%.0f", ret->kernel, ret->gflops);
    }
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
        log_error("cannot keep prepared data: %s%s%s", r > 0 ? error.message : cache,
                  r > 0 ? "" : ": ", r > 0 ? "" : strerror(-r));
        return WORKER_BROKEN;
    }
    struct kernel_choice choice;
    choose_kernel(options, found ? path : NULL, &choice);
    struct trainer_command command;
    r = trainer_command_init(&command, options->trainer, path, &choice);
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
        .kernel = choice.kernel,
        .data_directories = options->data,
        .cache_directory = options->cache,
        .idle_ms = (uint64_t)(options->idle_s * 1000),
        .silence_ms = (uint64_t)(options->hang_s * 1000),
    };
    enum worker_exit result = worker_run(&worker_options);
    trainer_command_finish(&command);
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
