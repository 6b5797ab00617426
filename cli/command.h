/*
 * What a command of `ninety` is: a row of a table in main.c. It names its options, so that help,
 * checking and completion come from one place, and its handler gets arguments that were checked.
 */
#pragma once

#include "cli/args.h"

#include <stddef.h>

/* What `ninety` exits with; docs/cli.md says it to people. */
enum exit_code {
    EXIT_OK = 0,
    EXIT_FAILED = 1,     /* it could not be done; a line on standard error says why */
    EXIT_USAGE = 2,      /* the command line is wrong */
    EXIT_BAD_RESULT = 3, /* it was done, and what came out is not all good (failed trials, ...) */
    EXIT_INTERRUPTED = 130,
};

/* Options that several commands share; a command says which of them it takes. */
enum option_set {
    OPTIONS_DAEMON = 1 << 0,   /* --daemon, --token-file, --ca-file */
    OPTIONS_FORMAT = 1 << 1,   /* --format */
    OPTIONS_SWEEP = 1 << 2,    /* --name, --replicates, ... */
    OPTIONS_CONFIG = 1 << 3,   /* one for each field of a configuration */
    OPTIONS_DATABASE = 1 << 5, /* --db: a database instead of a daemon */
    OPTIONS_SEED = 1 << 4,     /* --seed of a single trial (a sweep has its own) */
};

struct option {
    const char *name;  /* without the dashes */
    const char *value; /* what help calls its value; NULL: it takes none */
    const char *help;  /* one line */
};

struct command {
    const char *name;
    const char *arguments;        /* after the name in the usage line; "" for none */
    const char *summary;          /* one line for `ninety help` */
    const char *details;          /* more lines for its own --help, each ended by \n; may be NULL */
    const struct option *options; /* its own; ended by a NULL name; may be NULL */
    unsigned sets;                /* enum option_set */
    size_t min_arguments, max_arguments;
    int (*run)(const struct args *args); /* returns enum exit_code */
};

extern const struct command command_backup;
extern const struct command command_cancel;
extern const struct command command_check;
extern const struct command command_completion;
extern const struct command command_delete;
extern const struct command command_help;
extern const struct command command_layers;
extern const struct command command_pause;
extern const struct command command_results;
extern const struct command command_resume;
extern const struct command command_retry;
extern const struct command command_run;
extern const struct command command_sql;
extern const struct command command_status;
extern const struct command command_submit;
extern const struct command command_summary;
extern const struct command command_train;
extern const struct command command_verify;
extern const struct command command_version;
extern const struct command command_watch;
extern const struct command command_workers;

/* Every command in the order of help, ended by NULL. */
extern const struct command *const commands[];

/* NULL when there is no such command. */
const struct command *command_by_name(const char *name);

/* "ninety NAME: message" (with the field to blame, where there is one) on standard error. */
struct error;
void command_complain(const struct args *args, const struct error *error);
