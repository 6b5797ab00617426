/*
 * ninety: the person's client. A table of commands; each reads its arguments, talks to a daemon
 * (or starts one) and prints.
 */
#include "cli/command.h"
#include "cli/help.h"
#include "common/database_file.h"
#include "common/start.h"
#include "common/suggest.h"

#include <stdio.h>
#include <string.h>

#define FILES 64 /* that a command may have open at once */

const struct command *const commands[] = {
    &command_run,        &command_train,
    &command_submit,     &command_status,
    &command_watch,      &command_results,
    &command_summary,    &command_layers,
    &command_cancel,     &command_pause,
    &command_resume,     &command_retry,
    &command_delete,     &command_workers,
    &command_sql,        &command_verify,
    &command_check,      &command_backup,
    &command_completion, &command_help,
    &command_version,    NULL,
};

const struct command *command_by_name(const char *name)
{
    for (size_t i = 0; commands[i]; i++) {
        if (strcmp(commands[i]->name, name) == 0) {
            return commands[i];
        }
    }
    return NULL;
}

/* Most messages begin with the last part of their field, "depth must be ..." for base.depth: its
 * length there, or 0. A flag has dashes where a field has underscores. */
static size_t field_in_message(const struct error *error)
{
    const char *dot = strrchr(error->field, '.');
    const char *name = dot ? dot + 1 : error->field;
    size_t n = strlen(error->field);

    if (n > 0 && strncmp(error->message, error->field, n) == 0) {
        return n;
    }
    name += strspn(name, "-");
    for (n = 0; name[n] && name[n] != '['; n++) {
        if (error->message[n] != (name[n] == '-' ? '_' : name[n])) {
            return 0;
        }
    }
    return error->message[n] == ' ' ? n : 0;
}

void command_complain(const struct args *args, const struct error *error)
{
    size_t said = field_in_message(error);

    fprintf(stderr, "ninety %s: %s%s%s\n", args->command->name, error->field,
            error->field[0] && said == 0 ? ": " : "", error->message + said);
}

static int complain_unknown(const char *name)
{
    struct suggestion nearest;

    suggest_begin(&nearest, name);
    for (size_t i = 0; commands[i]; i++) {
        suggest_offer(&nearest, commands[i]->name);
    }
    if (nearest.word) {
        fprintf(stderr, "ninety: there is no command '%s'; did you mean '%s'?\n", name,
                nearest.word);
    } else {
        fprintf(stderr, "ninety: there is no command '%s'; see 'ninety help'\n", name);
    }
    return EXIT_USAGE;
}

/* --db means the same file to every command, and to the daemon. */
static int check_database_name(const struct args *args, struct error *error)
{
    const char *name = args_value(args, "db");

    return name ? database_file_check_name("--db", name, error) : 0;
}

static int run_command(const struct command *command, int argc, char **argv)
{
    struct args args = {.command = command};
    struct error error = {0};

    if (args_parse(command, argc, argv, &args, &error) != 0) {
        command_complain(&args, &error);
        return EXIT_USAGE;
    }
    int code = EXIT_OK;
    if (check_database_name(&args, &error) != 0) {
        command_complain(&args, &error);
        code = EXIT_USAGE;
    } else if (args.help) {
        help_print_command(command, stdout);
    } else {
        code = command->run(&args);
    }
    args_clear(&args);
    return code;
}

/* What was printed may not have arrived: a full disk, say. */
static int flush_output(int code)
{
    if ((fflush(stdout) != 0 || ferror(stdout)) && code == EXIT_OK) {
        perror("ninety: cannot write the output");
        return EXIT_FAILED;
    }
    return code;
}

int main(int argc, char **argv)
{
    start_program("ninety", FILES);
    if (argc < 2) {
        help_print_overview(stderr);
        return EXIT_USAGE;
    }
    const char *name = argv[1];
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
        name = "help";
    } else if (strcmp(name, "--version") == 0) {
        name = "version";
    }
    const struct command *command = command_by_name(name);
    if (!command) {
        return complain_unknown(name);
    }
    return flush_output(run_command(command, argc - 2, argv + 2));
}
