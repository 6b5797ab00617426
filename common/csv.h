/*
 * What a cell of a CSV file needs beside the quotes of RFC 4180, for all who write one.
 */
#pragma once

#include <stdbool.h>
#include <string.h>

/* Whether a spreadsheet would take a text for a formula, and run what a stranger has put into a
 * name. Such a text gets an apostrophe in front; numbers never do. */
static inline bool csv_is_formula(const char *text)
{
    return text[0] && strchr("=+-@\t", text[0]);
}
