/* completion: a script for bash, made from the tables of commands and options. */
#include "cli/command.h"
#include "cli/options.h"
#include "common/config.h"

#include <stdio.h>
#include <string.h>

static void print_commands(void)
{
    for (size_t i = 0; commands[i]; i++) {
        printf("%s%s", i ? " " : "", commands[i]->name);
    }
}

static void print_options(const struct command *command)
{
    const struct option *option;

    printf("    %s) options='--help", command->name);
    for (size_t i = 0; (option = options_at(command, i)); i++) {
        printf(" --%s", option->name);
    }
    puts("' ;;");
}

/* Words that may stand behind a flag. */
static void print_choices(void)
{
    for (int field = 0; field < CONFIG_FIELD_COUNT; field++) {
        const struct config_field_info *info = &config_fields[field];
        if (info->type != CONFIG_CHOICE) {
            continue;
        }
        fputs("    --", stdout);
        for (const char *c = info->name; *c; c++) {
            putchar(*c == '_' ? '-' : *c);
        }
        fputs(") words='", stdout);
        for (int i = 0; info->choices[i]; i++) {
            printf("%s%s", i ? " " : "", info->choices[i]);
        }
        puts("' ;;");
    }
    puts("    --format) words='table json csv' ;;");
    fputs("    help) words='", stdout);
    print_commands();
    puts("' ;;");
}

static int run_completion(const struct args *args)
{
    (void)args;
    fputs("# bash completion for ninety: source <(ninety completion)\n"
          "_ninety() {\n"
          "    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}\n"
          "    local options= words=\n"
          "    if ((COMP_CWORD == 1)); then\n"
          "        COMPREPLY=($(compgen -W '",
          stdout);
    print_commands();
    fputs("' -- \"$word\"))\n"
          "        return\n"
          "    fi\n"
          "    case $before in\n",
          stdout);
    print_choices();
    fputs("    esac\n"
          "    case ${COMP_WORDS[1]} in\n",
          stdout);
    for (size_t i = 0; commands[i]; i++) {
        print_options(commands[i]);
    }
    fputs("    esac\n"
          "    if [[ $word == -* ]]; then\n"
          "        words=$options\n"
          "    fi\n"
          "    COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
          "}\n"
          "complete -o default -F _ninety ninety\n",
          stdout);
    return EXIT_OK;
}

const struct command command_completion = {
    .name = "completion",
    .arguments = "",
    .summary = "a script that completes commands and flags in bash",
    .details = "To use it: source <(ninety completion)\n",
    .run = run_completion,
};
