#include "cli/help.h"

#include "cli/options.h"
#include "cli/terminal.h"
#include "cli/text.h"

#include <string.h>

#define WIDTH 80
#define TEXT_COLUMN 30 /* where an option's explanation begins */

static const char overview_head[] = "ninety: how many steps to ninety percent?\n"
                                    "\n"
                                    "usage: ninety COMMAND [ARGUMENTS]\n"
                                    "\n";

static const char overview_tail[] =
    "\n"
    "'ninety COMMAND --help' says more. To start:\n"
    "'ninety run examples/depth-batch-norm.json'\n"
    "\n"
    "environment: NINETY_DAEMON (the daemon's URL), NINETY_TOKEN (its token),\n"
    "NINETY_DATA (where MNIST lies), NO_COLOR. Exit status: 0 done, 1 could not be\n"
    "done, 2 wrong command line, 3 done, but not every trial succeeded,\n"
    "130 interrupted.\n";

/* What lines are for: a terminal's width, or what fits any. */
static size_t width_of(FILE *out)
{
    struct terminal terminal;

    terminal_inspect(out, &terminal);
    return terminal.live && terminal.width < WIDTH ? (size_t)terminal.width : WIDTH;
}

/* Lines that end with \n; what is too long goes on below itself. */
static void print_lines(const char *text, FILE *out)
{
    size_t width = width_of(out);

    while (*text) {
        size_t length = strcspn(text, "\n");
        char line[256];
        snprintf(line, sizeof(line), "%.*s", (int)length, text);
        text_print_wrapped(line, strspn(line, " "), width, out);
        text += length + (text[length] == '\n');
    }
}

/* "  LEFT   text", the text in lines of its own column. */
static void print_two_columns(const char *left, const char *text, size_t column, FILE *out)
{
    char line[512];

    snprintf(line, sizeof(line), "  %-*s %s", (int)column - 3, left, text);
    text_print_wrapped(line, column, width_of(out), out);
}

void help_print_overview(FILE *out)
{
    fputs(overview_head, out);
    for (size_t i = 0; commands[i]; i++) {
        print_two_columns(commands[i]->name, commands[i]->summary, 14, out);
    }
    print_lines(overview_tail, out);
}

static void print_option(const struct option *option, FILE *out)
{
    char left[64];

    snprintf(left, sizeof(left), "--%s%s%s", option->name, option->value ? " " : "",
             option->value ? option->value : "");
    print_two_columns(left, option->help, TEXT_COLUMN, out);
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
    fprintf(out, "usage: ninety %s%s%s%s\n\n", command->name,
            options_at(command, 0) ? " [OPTIONS]" : "", command->arguments[0] ? " " : "",
            command->arguments);
    text_print_wrapped(command->summary, 0, width_of(out), out);
    if (command->details) {
        fputc('\n', out);
        print_lines(command->details, out);
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
