#include "common/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int error_set(struct error *error, const char *field, const char *format, ...)
{
    if (error) {
        va_list args;
        va_start(args, format);
        vsnprintf(error->message, sizeof(error->message), format, args);
        va_end(args);
        snprintf(error->field, sizeof(error->field), "%s", field ? field : "");
    }
    return ERROR_INVALID;
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
    }
    return ERROR_INVALID;
}
