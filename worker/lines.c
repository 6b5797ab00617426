#include "worker/lines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int lines_init(struct lines *lines)
{
    *lines = (struct lines){.bytes = malloc(LINES_MAX + 1)};
    return lines->bytes ? 0 : -ENOMEM;
}

void lines_finish(struct lines *lines)
{
    free(lines->bytes);
    *lines = (struct lines){0};
}

void lines_reset(struct lines *lines)
{
    lines->from = lines->end = lines->searched = 0;
}

char *lines_room(struct lines *lines, size_t *ret_size)
{
    if (lines->from > 0) {
        memmove(lines->bytes, lines->bytes + lines->from, lines->end - lines->from);
        lines->end -= lines->from;
        lines->searched -= lines->from;
        lines->from = 0;
    }
    *ret_size = LINES_MAX - lines->end;
    return lines->bytes + lines->end;
}

void lines_added(struct lines *lines, size_t n)
{
    lines->end += n;
}

char *lines_next(struct lines *lines)
{
    char *newline = memchr(lines->bytes + lines->searched, '\n', lines->end - lines->searched);
    if (!newline) {
        lines->searched = lines->end;
        return NULL;
    }
    char *line = lines->bytes + lines->from;
    *newline = '\0';
    lines->from = lines->searched = (size_t)(newline - lines->bytes) + 1;
    return line;
}

char *lines_rest(struct lines *lines)
{
    if (lines->from == lines->end) {
        return NULL;
    }
    char *line = lines->bytes + lines->from;
    lines->bytes[lines->end] = '\0';
    lines_reset(lines);
    return line;
}
