#include "cli/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void *must(void *pointer)
{
    if (!pointer) {
        fputs("ninety: out of memory\n", stderr);
        exit(EXIT_FAILURE);
    }
    return pointer;
}

void must_do(int result)
{
    must(result == 0 ? &result : NULL);
}

char *text_format(const char *format, ...)
{
    va_list arguments;
    char *text = NULL;

    va_start(arguments, format);
    int length = vasprintf(&text, format, arguments);
    va_end(arguments);
    return must(length < 0 ? NULL : text);
}
