#include "common/error.h"

#include "common/utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A text that filled its `size` bytes may end in the middle of a character: that goes. */
static void mend(char *text, size_t size)
{
    size_t end = strlen(text);
    if (end == size - 1) {
        size_t at = end;
        while (at > 0 && end - at < 3 && ((unsigned char)text[at - 1] & 0xC0) == 0x80) {
            at--;
        }
        unsigned char first = at > 0 ? (unsigned char)text[at - 1] : 0;
        size_t wanted = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : first >= 0xC0 ? 2 : 1;
        if (wanted > end - at + 1) {
            text[at - 1] = '\0';
        }
    }
    utf8_clean(text, UTF8_PROSE);
}

int error_vset(struct error *error, const char *field, const char *format, va_list args)
{
    if (error) {
        vsnprintf(error->message, sizeof(error->message), format, args);
        snprintf(error->field, sizeof(error->field), "%s", field ? field : "");
        mend(error->message, sizeof(error->message));
        mend(error->field, sizeof(error->field));
    }
    return ERROR_INVALID;
}

int error_set(struct error *error, const char *field, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int rc = error_vset(error, field, format, args);
    va_end(args);
    return rc;
}

int error_prefix(struct error *error, const char *outer)
{
    if (error) {
        char inner[sizeof(error->field)];
        memcpy(inner, error->field, sizeof(inner));
        const char *joint = inner[0] == '\0' || inner[0] == '[' ? "" : ".";
        int n = snprintf(error->field, sizeof(error->field), "%s%s", outer, joint);
        if (n >= 0 && (size_t)n < sizeof(error->field)) {
            snprintf(error->field + n, sizeof(error->field) - (size_t)n, "%s", inner);
        }
        mend(error->field, sizeof(error->field));
    }
    return ERROR_INVALID;
}
