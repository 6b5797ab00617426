#include "daemon/options.h"

#include "common/database_file.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define DEFAULT_LISTEN "127.0.0.1:9190"
#define DEFAULT_DB "ninety.db"
#define DEFAULT_DATA "data"
#define DEFAULT_LEASE_MS 30000
#define MOST_WORKERS 1024
#define DEFAULT_MEMORY (256ull << 20)
#define LEAST_MEMORY (32ull << 20) /* a body of 16 MiB must fit into three quarters of it */
#define MOST_MEMORY (1024ull << 30)

static const char help[] =
    "usage: ninetyd [options]\n"
    "\n"
    "Keeps sweeps and their trials in a SQLite database and hands trials to workers, over HTTP.\n"
    "\n"
    "  --listen ADDR:PORT   where to listen (default " DEFAULT_LISTEN "; port 0 = any free one);\n"
    "                       other than loopback only with --token-file\n"
    "  --token-file FILE    holds the token that every request must show; not readable by others\n"
    "  --db FILE            the database, made if it is not there (default " DEFAULT_DB ")\n"
    "  --data DIR           data sets to hand to workers, DIR/NAME/FILE (default: data, if it is\n"
    "                       there)\n"
    "  --workers N          also train here: start and mind a ninety-worker with N slots\n"
    "  --trainer CMD        what that worker trains with, instead of ninety-trainer\n"
    "  --lease S            a trial whose worker is silent for S seconds goes back to the queue\n"
    "                       (default 30)\n"
    "  --max-memory SIZE    what requests and answers may take together, such as 512M or 2G "
    "(default\n"
    "                       256M); beyond, they get 503\n"
    "  --port-file FILE     write the port to FILE once it is listened on\n"
    "  --end-with-worker    stop, with status 1, when that worker finds that it cannot work here\n"
    "  --die-with-parent    stop when the process that started this one ends\n"
    "  --read-only          answer questions about FILE as it is now, from a copy in memory; for\n"
    "                       places where nothing can be written\n"
    "  --version, --help\n"
    "\n"
    "SIGTERM, SIGINT and SIGHUP stop it within a second; nothing that was answered is lost.\n"
    "Exit status: 0 stopped, 1 cannot run here, 2 wrong arguments, 75 another ninetyd has the\n"
    "database.\n";

enum {
    OPT_LISTEN = 1000,
    OPT_TOKEN_FILE,
    OPT_DB,
    OPT_DATA,
    OPT_WORKERS,
    OPT_TRAINER,
    OPT_LEASE,
    OPT_MAX_MEMORY,
    OPT_PORT_FILE,
    OPT_END_WITH_WORKER,
    OPT_DIE_WITH_PARENT,
    OPT_READ_ONLY,
    OPT_VERSION,
    OPT_HELP,
};

static const struct option known[] = {
    {"listen", required_argument, NULL, OPT_LISTEN},
    {"token-file", required_argument, NULL, OPT_TOKEN_FILE},
    {"db", required_argument, NULL, OPT_DB},
    {"data", required_argument, NULL, OPT_DATA},
    {"workers", required_argument, NULL, OPT_WORKERS},
    {"trainer", required_argument, NULL, OPT_TRAINER},
    {"lease", required_argument, NULL, OPT_LEASE},
    {"max-memory", required_argument, NULL, OPT_MAX_MEMORY},
    {"port-file", required_argument, NULL, OPT_PORT_FILE},
    {"end-with-worker", no_argument, NULL, OPT_END_WITH_WORKER},
    {"die-with-parent", no_argument, NULL, OPT_DIE_WITH_PARENT},
    {"read-only", no_argument, NULL, OPT_READ_ONLY},
    {"version", no_argument, NULL, OPT_VERSION},
    {"help", no_argument, NULL, OPT_HELP},
    {0},
};

__attribute__((format(printf, 1, 2))) static enum options_result wrong(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("ninetyd: ", stderr);
    vfprintf(stderr, format, args);
    fputs("; see ninetyd --help\n", stderr);
    va_end(args);
    return OPTIONS_WRONG;
}

static bool parse_number(const char *text, double min, double max, double *ret)
{
    char *end;
    errno = 0;
    double number = strtod(text, &end);
    if (end == text || *end != '\0' || errno != 0 || !(number >= min && number <= max)) {
        return false;
    }
    *ret = number;
    return true;
}

static enum options_result set_listen(const char *text, struct options *options)
{
    struct error error;
    return listen_parse(text, &options->listen, &error) == 0 ? OPTIONS_RUN
                                                             : wrong("%s", error.message);
}

static enum options_result set_db(const char *name, struct options *options)
{
    struct error error;
    options->db = name;
    return database_file_check_name("--db", name, &error) == 0 ? OPTIONS_RUN
                                                               : wrong("%s", error.message);
}

static enum options_result set_number(int option, const char *text, struct options *options)
{
    double number = 0;
    if (option == OPT_WORKERS) {
        if (!parse_number(text, 0, MOST_WORKERS, &number) || number != (int)number) {
            return wrong("--workers takes a number from 0 to %d, not \"%s\"", MOST_WORKERS, text);
        }
        options->workers = (int)number;
    } else {
        if (!parse_number(text, 0.1, 86400, &number)) {
            return wrong("--lease takes seconds from 0.1 to 86400, not \"%s\"", text);
        }
        options->lease_ms = (int64_t)(number * 1000);
    }
    return OPTIONS_RUN;
}

/* Bytes, or with K, M or G so many times 1024, 1024^2, 1024^3. */
static enum options_result set_max_memory(const char *text, struct options *options)
{
    static const char units[] = "KMG";
    char *end;
    errno = 0;
    unsigned long long size = strtoull(text, &end, 10);
    const char *unit = *end != '\0' ? strchr(units, toupper((unsigned char)*end)) : NULL;
    int shift = unit != NULL ? 10 * (int)(unit - units + 1) : 0;
    end += unit != NULL;
    end += unit != NULL && strcmp(end, "iB") == 0 ? 2 : 0;
    bool good = text[0] >= '0' && text[0] <= '9' && errno == 0 && *end == '\0' &&
                size <= (MOST_MEMORY >> shift) && size << shift >= LEAST_MEMORY;
    if (!good) {
        return wrong("--max-memory takes a size from 32M to 1024G, not \"%s\"", text);
    }
    options->max_memory = (size_t)size << shift;
    return OPTIONS_RUN;
}

static enum options_result set(int option, const char *value, struct options *options)
{
    switch (option) {
    case OPT_LISTEN:
        return set_listen(value, options);
    case OPT_TOKEN_FILE:
        options->token_file = value;
        return OPTIONS_RUN;
    case OPT_DB:
        return set_db(value, options);
    case OPT_DATA:
        options->data = value;
        return OPTIONS_RUN;
    case OPT_WORKERS:
    case OPT_LEASE:
        return set_number(option, value, options);
    case OPT_TRAINER:
        options->trainer = value;
        return OPTIONS_RUN;
    case OPT_MAX_MEMORY:
        return set_max_memory(value, options);
    case OPT_PORT_FILE:
        options->port_file = value;
        return OPTIONS_RUN;
    case OPT_END_WITH_WORKER:
        options->end_with_worker = true;
        return OPTIONS_RUN;
    case OPT_DIE_WITH_PARENT:
        options->die_with_parent = true;
        return OPTIONS_RUN;
    case OPT_READ_ONLY:
        options->read_only = true;
        return OPTIONS_RUN;
    case OPT_VERSION:
        puts("ninetyd " NINETY_VERSION);
        return OPTIONS_SHOWN;
    case OPT_HELP:
        fputs(help, stdout);
        return OPTIONS_SHOWN;
    default:
        return OPTIONS_WRONG;
    }
}

static bool is_directory(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

static enum options_result check(struct options *options)
{
    if (!options->listen.loopback && options->token_file == NULL) {
        return wrong("listening beyond loopback needs --token-file, or everyone may use this "
                     "daemon");
    }
    if (options->read_only && options->workers > 0) {
        return wrong("--read-only and --workers contradict each other");
    }
    if (options->data == NULL && is_directory(DEFAULT_DATA)) {
        options->data = DEFAULT_DATA;
    }
    if (options->data != NULL && !is_directory(options->data)) {
        return wrong("--data %s is no directory", options->data);
    }
    return OPTIONS_RUN;
}

enum options_result options_parse(int argc, char **argv, struct options *ret)
{
    *ret = (struct options){
        .db = DEFAULT_DB, .lease_ms = DEFAULT_LEASE_MS, .max_memory = DEFAULT_MEMORY};
    set_listen(DEFAULT_LISTEN, ret);
    opterr = 0; /* we say it in our own words */
    optind = 1;
    int option;
    while ((option = getopt_long(argc, argv, "+:", known, NULL)) != -1) {
        if (option == '?') {
            return wrong("there is no option %s", argv[optind - 1]);
        }
        if (option == ':') {
            return wrong("%s needs a value", argv[optind - 1]);
        }
        enum options_result result = set(option, optarg, ret);
        if (result != OPTIONS_RUN) {
            return result;
        }
    }
    if (optind < argc) {
        return wrong("what is \"%s\"?", argv[optind]);
    }
    return check(ret);
}
