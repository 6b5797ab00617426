/*
 * The options a command takes, own and shared, as one sequence: args checks with it, help and the
 * shell completion print it.
 */
#pragma once

#include "cli/command.h"
#include "common/config.h"

/* The index-th option of a command, shared ones after its own; NULL behind the last. */
const struct option *options_at(const struct command *command, size_t index);

/* NULL when the command has no such option. */
const struct option *options_find(const struct command *command, const char *name);

/* The options of one shared set, ended by a NULL name. */
const struct option *options_of_set(enum option_set set);

/* Which field of a configuration an option sets: CONFIG_FIELD_COUNT if none. */
enum config_field options_config_field(const char *option_name);
