#include "cli/help.h"

#include "cli/options.h"

#include <string.h>

#define WIDTH 80
#define TEXT_COLUMN 30 /* where an option's explanation begins */

static const char overview_head[] = "ninety: how many steps to ninety percent?\n"
                                    "\n"
                                    "usage: ninety COMMAND [ARGUMENTS]\n"
                                    "\n";

static const char overview_tail[] =
    "\n"
    "'ninety COMMAND --help' says more. To start: ninety run examples/depth-batch-norm.json\n"
    "\n"
    "environment: NINETY_DAEMON (the daemon's URL), NINETY_TOKEN (its token), NINETY_DATA (where\n"
    "MNIST lies), NO_COLOR. Exit status: 0 done, 1 could not be done, 2 wrong command line,\n"
    "3 done, but not every trial succeeded, 130 interrupted.\n";

void help_print_overview(FILE *out)
{
    fputs(overview_head, out);
    for (size_t i = 0; commands[i]; i++) {
        fprintf(out, "  %-11s %s\n", commands[i]->name, commands[i]->summary);
    }
    fputs(overview_tail, out);
}

/* Words up to the 80th column, and further lines of them below the first. */
static void print_wrapped(const char *text, FILE *out)
{
    size_t room = WIDTH - TEXT_COLUMN;

    while (strlen(text) > room) {
        size_t n = room;
        while (n > 0 && text[n] != ' ') {
            n--;
        }
        if (n == 0) {
            break; /* one long word */
        }
        fprintf(out, "%.*s\n%*s", (int)n, text, TEXT_COLUMN, "");
        text += n + 1;
    }
    fprintf(out, "%s\n", text);
}

static void print_option(const struct option *option, FILE *out)
{
    char left[64];

    snprintf(left, sizeof(left), "--%s%s%s", option->name, option->value ? " " : "",
             option->value ? option->value : "");
    fprintf(out, "  %-*s ", TEXT_COLUMN - 3, left);
    print_wrapped(option->help, out);
}

static void print_set(const struct command *command, enum option_set set, FILE *out)
{
    if (!(command->sets & set)) {
        return;
    }
    for (const struct option *option = options_of_set(set); option->name; option++) {
        print_option(option, out);
    }
}

void help_print_command(const struct command *command, FILE *out)
{
    fprintf(out, "usage: ninety %s%s%s%s\n\n%s\n", command->name,
            options_at(command, 0) ? " [OPTIONS]" : "", command->arguments[0] ? " " : "",
            command->arguments, command->summary);
    if (command->details) {
        fprintf(out, "\n%s", command->details);
    }
    fputs("\noptions:\n", out);
    for (const struct option *own = command->options; own && own->name; own++) {
        print_option(own, out);
    }
    print_set(command, OPTIONS_SWEEP, out);
    print_set(command, OPTIONS_SEED, out);
    print_set(command, OPTIONS_FORMAT, out);
    print_set(command, OPTIONS_DAEMON, out);
    print_set(command, OPTIONS_DATABASE, out);
    print_option(&(struct option){"help", NULL, "this text"}, out);
    if (command->sets & OPTIONS_CONFIG) {
        fputs("\nthe trials' configuration (docs/configuration.md):\n", out);
        print_set(command, OPTIONS_CONFIG, out);
    }
}

static int run_help(const struct args *args)
{
    const char *name = args_positional(args, 0);

    if (!name) {
        help_print_overview(stdout);
        return EXIT_OK;
    }
    const struct command *command = command_by_name(name);
    if (!command) {
        fprintf(stderr, "ninety help: there is no command '%s'\n", name);
        return EXIT_USAGE;
    }
    help_print_command(command, stdout);
    return EXIT_OK;
}

const struct command command_help = {
    .name = "help",
    .arguments = "[COMMAND]",
    .summary = "this list, or all about a command",
    .max_arguments = 1,
    .run = run_help,
};

static int run_version(const struct args *args)
{
    (void)args;
    puts("ninety " NINETY_VERSION);
    return EXIT_OK;
}

const struct command command_version = {
    .name = "version",
    .arguments = "",
    .summary = "the version of this program",
    .run = run_version,
};
