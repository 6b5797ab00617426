/*
 * Allocation for the client: a program that shows things to a person has nothing to save when
 * memory is gone, so it says so and ends (its local daemon, if any, ends with it).
 */
#pragma once

#include <stddef.h>

/* Returns `pointer`; ends the program with a line on standard error if it is NULL. */
void *must(void *pointer);

/* The same for calls that return 0, or something else when memory is gone. */
void must_do(int result);

/* printf into a new string; the caller frees. */
char *text_format(const char *format, ...) __attribute__((format(printf, 1, 2)));
