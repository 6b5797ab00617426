#include "worker/options.h"

#include "worker/machine.h"
#include "worker/worker.h"

#include <getopt.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_HANG_S 300
#define MOST_SECONDS 1e7

static const char help[] =
    "usage: ninety-worker [--daemon URL] [options]\n"
    "\n"
    "Trains the trials that a ninetyd hands out, until it is told to stop.\n"
    "\n"
    "  --daemon URL         where ninetyd listens (NINETY_DAEMON; default " ADDRESS_DEFAULT ")\n"
    "  --token-file FILE    the daemon's token, if it wants one (or NINETY_TOKEN)\n"
    "  --ca-file FILE       PEM certificates to trust for https, instead of the system's\n"
    "                       (or SSL_CERT_FILE)\n"
    "  --slots N            trials at a time (default: the cores this process may use)\n"
    "  --no-pin             do not bind each trainer to a core\n"
    "  --trainer CMD        another trainer: a shell command that speaks the line protocol\n"
    "  --kernel NAME        OpenBLAS kernel to use instead of the fastest measured; `default`\n"
    "                       leaves the choice to OpenBLAS\n"
    "  --data DIR           look for data sets there first; may be repeated\n"
    "  --cache DIR          for prepared data and the kernel choice (NINETY_CACHE; default\n"
    "                       ~/.cache/ninety)\n"
    "  --exit-when-idle S   stop after S seconds without a trial (for batch systems)\n"
    "  --hang-timeout S     a trainer that says nothing and does nothing for so long is replaced\n"
    "                       (default 300; 0 = never)\n"
    "  --die-with-parent    stop when the process that started this one ends\n"
    "  --version, --help\n"
    "\n"
    "SIGTERM hands its trials back to the daemon; a second one does not wait for that.\n"
    "Exit status: 0 stopped, 1 cannot run here, 2 wrong arguments, 69 no trainer starts, 75 idle\n"
    "and never registered with a daemon, 77 the token was refused.\n";

enum {
    OPT_DAEMON = 1000,
    OPT_TOKEN_FILE,
    OPT_CA_FILE,
    OPT_SLOTS,
    OPT_NO_PIN,
    OPT_TRAINER,
    OPT_KERNEL,
    OPT_DATA,
    OPT_CACHE,
    OPT_IDLE,
    OPT_HANG,
    OPT_DIE_WITH_PARENT,
    OPT_VERSION,
    OPT_HELP,
};

static const struct option known[] = {
    {"daemon", required_argument, NULL, OPT_DAEMON},
    {"token-file", required_argument, NULL, OPT_TOKEN_FILE},
    {"ca-file", required_argument, NULL, OPT_CA_FILE},
    {"slots", required_argument, NULL, OPT_SLOTS},
    {"no-pin", no_argument, NULL, OPT_NO_PIN},
    {"trainer", required_argument, NULL, OPT_TRAINER},
    {"kernel", required_argument, NULL, OPT_KERNEL},
    {"data", required_argument, NULL, OPT_DATA},
    {"cache", required_argument, NULL, OPT_CACHE},
    {"exit-when-idle", required_argument, NULL, OPT_IDLE},
    {"hang-timeout", required_argument, NULL, OPT_HANG},
    {"die-with-parent", no_argument, NULL, OPT_DIE_WITH_PARENT},
    {"version", no_argument, NULL, OPT_VERSION},
    {"help", no_argument, NULL, OPT_HELP},
    {0},
};

__attribute__((format(printf, 1, 2))) static enum options_result wrong(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("ninety-worker: ", stderr);
    vfprintf(stderr, format, arguments);
    fputs("; see ninety-worker --help\n", stderr);
    va_end(arguments);
    return OPTIONS_WRONG;
}

static enum options_result parse_seconds(const char *name, const char *text, double *ret)
{
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end || !(value >= 0 && value <= MOST_SECONDS)) {
        return wrong("%s wants a number of seconds, not '%s'", name, text);
    }
    *ret = value;
    return OPTIONS_RUN;
}

static enum options_result parse_slots(const char *text, int *ret)
{
    char *end;
    long value = strtol(text, &end, 10);
    if (end == text || *end || value < 1 || value > WORKER_MAX_SLOTS) {
        return wrong("--slots wants a number from 1 to %d, not '%s'", WORKER_MAX_SLOTS, text);
    }
    *ret = (int)value;
    return OPTIONS_RUN;
}

static enum options_result add_data(const char *directory, struct options *options)
{
    size_t n = 0;
    while (options->data[n]) {
        n++;
    }
    if (n == OPTIONS_MAX_DATA) {
        return wrong("--data may be given %d times at most", OPTIONS_MAX_DATA);
    }
    options->data[n] = directory;
    return OPTIONS_RUN;
}

static enum options_result set_option(int option, const char *value, struct options *options)
{
    switch (option) {
    case OPT_DAEMON:
        options->daemon = value;
        return OPTIONS_RUN;
    case OPT_TOKEN_FILE:
        options->token_file = value;
        return OPTIONS_RUN;
    case OPT_CA_FILE:
        options->ca_file = value;
        return OPTIONS_RUN;
    case OPT_SLOTS:
        return parse_slots(value, &options->n_slots);
    case OPT_NO_PIN:
        options->pin = false;
        return OPTIONS_RUN;
    case OPT_TRAINER:
        options->trainer = value;
        return OPTIONS_RUN;
    case OPT_KERNEL:
        options->kernel = value;
        return OPTIONS_RUN;
    case OPT_DATA:
        return add_data(value, options);
    case OPT_CACHE:
        options->cache = value;
        return OPTIONS_RUN;
    case OPT_IDLE:
        return parse_seconds("--exit-when-idle", value, &options->idle_s);
    case OPT_HANG:
        return parse_seconds("--hang-timeout", value, &options->hang_s);
    case OPT_DIE_WITH_PARENT:
        options->die_with_parent = true;
        return OPTIONS_RUN;
    case OPT_VERSION:
        puts("ninety-worker " NINETY_VERSION);
        return OPTIONS_SHOWN;
    case OPT_HELP:
        fputs(help, stdout);
        return OPTIONS_SHOWN;
    default: /* getopt has said what */
        return wrong("wrong arguments");
    }
}

static void from_environment(struct options *options)
{
    const char *url = getenv("NINETY_DAEMON");
    *options = (struct options){
        .daemon = url && url[0] ? url : ADDRESS_DEFAULT,
        .n_slots = machine_slots(),
        .pin = true,
        .hang_s = DEFAULT_HANG_S,
    };
    if (options->n_slots > WORKER_MAX_SLOTS) {
        options->n_slots = WORKER_MAX_SLOTS;
    }
}

enum options_result options_parse(int argc, char **argv, struct options *ret)
{
    enum options_result result = OPTIONS_RUN;
    struct error error;
    from_environment(ret);
    for (int c; result == OPTIONS_RUN && (c = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        result = set_option(c, optarg, ret);
    }
    if (result != OPTIONS_RUN) {
        return result;
    }
    if (optind < argc) {
        return wrong("unexpected argument '%s'", argv[optind]);
    }
    if (address_parse(ret->daemon, ret->daemon_url, &error) != 0) {
        return wrong("%s", error.message);
    }
    if (token_find(ret->token_file, ret->token, &error) != 0) {
        return wrong("%s", error.message);
    }
    if (ret->hang_s > 0 && ret->hang_s < 1) {
        return wrong("--hang-timeout wants at least a second");
    }
    return OPTIONS_RUN;
}
