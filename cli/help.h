/*
 * What `ninety help`, `ninety COMMAND --help` and a bare `ninety` print, from the table of
 * commands and their options.
 */
#pragma once

#include "cli/command.h"

#include <stdio.h>

void help_print_overview(FILE *out);
void help_print_command(const struct command *command, FILE *out);
