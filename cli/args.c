#include "cli/args.h"

#include "cli/command.h"
#include "cli/memory.h"
#include "cli/options.h"
#include "common/suggest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int complain_unknown(const struct command *command, const char *name, struct error *error)
{
    const struct option *option;
    struct suggestion nearest;

    suggest_begin(&nearest, name);
    for (size_t i = 0; (option = options_at(command, i)); i++) {
        suggest_offer(&nearest, option->name);
    }
    if (nearest.word) {
        return error_set(error, NULL, "unknown option --%s; did you mean --%s?", name,
                         nearest.word);
    }
    return error_set(error, NULL, "unknown option --%s; see 'ninety %s --help'", name,
                     command->name);
}

/* One option at argv[0], which starts with "--". Returns how many words it took, or -1. */
static int take_option(struct args *args, int argc, char **argv, struct error *error)
{
    char name[64] = "";
    const char *word = argv[0] + 2;
    const char *equals = strchr(word, '=');
    size_t length = equals ? (size_t)(equals - word) : strlen(word);

    memcpy(name, word, length < sizeof(name) ? length : sizeof(name) - 1);
    const struct option *option = options_find(args->command, name);
    if (!option) {
        complain_unknown(args->command, name, error);
        return -1;
    }
    struct arg *arg = &args->given[args->n_given];
    *arg = (struct arg){.name = option->name};
    args->n_given++;
    if (!option->value) {
        if (equals) {
            error_set(error, NULL, "option --%s takes no value", name);
            return -1;
        }
        return 1;
    }
    if (equals) {
        arg->value = equals + 1;
        return 1;
    }
    if (argc < 2 || strncmp(argv[1], "--", 2) == 0) {
        error_set(error, NULL, "option --%s needs a value: --%s %s", name, name, option->value);
        return -1;
    }
    arg->value = argv[1];
    return 2;
}

static int check_count(const struct args *args, struct error *error)
{
    const struct command *command = args->command;

    if (args->n_positional < command->min_arguments) {
        return error_set(error, NULL, "too few arguments; usage: ninety %s %s", command->name,
                         command->arguments);
    }
    if (args->n_positional > command->max_arguments) {
        return error_set(error, NULL, "unexpected argument '%s'; usage: ninety %s %s",
                         args->positional[command->max_arguments], command->name,
                         command->arguments);
    }
    return 0;
}

static int parse_words(struct args *args, int argc, char **argv, struct error *error)
{
    bool options_end = false;

    for (int i = 0; i < argc;) {
        const char *word = argv[i];
        if (options_end || word[0] != '-' || word[1] == '\0') {
            args->positional[args->n_positional++] = word;
            i++;
        } else if (strcmp(word, "--") == 0) {
            options_end = true;
            i++;
        } else if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
            args->help = true;
            return 0;
        } else if (word[1] != '-') {
            return error_set(error, NULL, "unknown option %s; options start with two dashes", word);
        } else {
            int taken = take_option(args, argc - i, argv + i, error);
            if (taken < 0) {
                return ERROR_INVALID;
            }
            i += taken;
        }
    }
    return check_count(args, error);
}

int args_parse(const struct command *command, int argc, char **argv, struct args *ret,
               struct error *error)
{
    struct args args = {.command = command};

    args.given = must(calloc((size_t)argc + 1, sizeof(*args.given)));
    args.positional = must(calloc((size_t)argc + 1, sizeof(*args.positional)));
    int result = parse_words(&args, argc, argv, error);
    if (result != 0) {
        args_clear(&args);
        return result;
    }
    *ret = args;
    return 0;
}

void args_clear(struct args *args)
{
    free(args->given);
    free(args->positional);
    args->given = NULL;
    args->positional = NULL;
}

bool args_has(const struct args *args, const char *option)
{
    for (size_t i = 0; i < args->n_given; i++) {
        if (strcmp(args->given[i].name, option) == 0) {
            return true;
        }
    }
    return false;
}

const char *args_value(const struct args *args, const char *option)
{
    const char *value = NULL;

    for (size_t i = 0; i < args->n_given; i++) {
        if (strcmp(args->given[i].name, option) == 0) {
            value = args->given[i].value;
        }
    }
    return value;
}

const char *args_positional(const struct args *args, size_t index)
{
    return index < args->n_positional ? args->positional[index] : NULL;
}

int args_integer(const struct args *args, const char *option, struct args_range range, int64_t *ret,
                 struct error *error)
{
    const char *text = args_value(args, option);
    char *end;

    if (!text) {
        return 0;
    }
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (end == text || *end || errno == ERANGE || value < range.min || value > range.max) {
        return error_set(error, NULL, "--%s must be a whole number from %lld to %lld, not '%s'",
                         option, (long long)range.min, (long long)range.max, text);
    }
    *ret = value;
    return 0;
}

int args_format(const struct args *args, enum format *ret, struct error *error)
{
    static const char *const names[] = {"table", "json", "csv"};
    const char *text = args_value(args, "format");

    if (!text) {
        *ret = FORMAT_TABLE;
        return 0;
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        if (strcmp(text, names[i]) == 0) {
            *ret = (enum format)i;
            return 0;
        }
    }
    return error_set(error, NULL, "--format must be table, json or csv, not '%s'", text);
}
