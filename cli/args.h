/*
 * A command's arguments, checked against the options that the command names. `--name value` and
 * `--name=value` are the same; `--` ends the options; an option may stand anywhere and again.
 */
#pragma once

#include "common/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct command;

struct arg {
    const char *name;  /* the option's, without dashes */
    const char *value; /* NULL for an option without one */
};

struct args {
    const struct command *command;
    struct arg *given; /* options in the order given */
    size_t n_given;
    const char **positional;
    size_t n_positional;
    bool help; /* --help or -h stood among them; nothing else was checked behind it */
};

/* `argv` are the words behind the command's name; they must outlive *ret. ERROR_INVALID with one
 * line that names the word at fault, and the nearest option where one is near. */
int args_parse(const struct command *command, int argc, char **argv, struct args *ret,
               struct error *error);
void args_clear(struct args *args);

bool args_has(const struct args *args, const char *option);
/* The last value given; NULL if none. */
const char *args_value(const struct args *args, const char *option);
/* The index-th positional argument; NULL if there are fewer. */
const char *args_positional(const struct args *args, size_t index);

struct args_range {
    int64_t min, max;
};
/* The option as a whole number within `range`; *ret is untouched when it is not given. */
int args_integer(const struct args *args, const char *option, struct args_range range, int64_t *ret,
                 struct error *error);

enum format { FORMAT_TABLE, FORMAT_JSON, FORMAT_CSV };
int args_format(const struct args *args, enum format *ret, struct error *error);
