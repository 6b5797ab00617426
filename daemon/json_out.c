#include "daemon/json_out.h"

#include "common/decimal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool reserve(struct json_out *out, size_t size)
{
    if (out->failed) {
        return false;
    }
    if (out->size + size < out->capacity) {
        return true;
    }
    size_t capacity = (out->size + size) * 2 + 256;
    char *text = realloc(out->text, capacity);
    if (text == NULL) {
        out->failed = true;
        return false;
    }
    out->text = text;
    out->capacity = capacity;
    return true;
}

void json_out_add(struct json_out *out, const char *text, size_t size)
{
    if (reserve(out, size)) {
        memcpy(out->text + out->size, text, size);
        out->size += size;
        out->text[out->size] = '\0';
    }
}

void json_out_text(struct json_out *out, const char *text)
{
    json_out_add(out, text, strlen(text));
}

void json_out_integer(struct json_out *out, int64_t integer)
{
    char text[DECIMAL_INTEGER_SIZE];
    json_out_add(out, text, decimal_integer(integer, text));
}

void json_out_format(struct json_out *out, const char *format, ...)
{
    char small[256];
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(small, sizeof small, format, args);
    if (n >= 0 && (size_t)n < sizeof small) {
        json_out_add(out, small, (size_t)n);
    } else if (n >= 0 && reserve(out, (size_t)n + 1)) {
        vsnprintf(out->text + out->size, (size_t)n + 1, format, again);
        out->size += (size_t)n;
    }
    va_end(again);
    va_end(args);
}

void json_out_string(struct json_out *out, const char *text)
{
    json_out_add(out, "\"", 1);
    while (*text != '\0') {
        size_t plain = 0;
        while ((unsigned char)text[plain] >= 0x20 && text[plain] != '"' && text[plain] != '\\') {
            plain++;
        }
        json_out_add(out, text, plain);
        text += plain;
        if (*text == '"' || *text == '\\') {
            json_out_format(out, "\\%c", *text++);
        } else if (*text != '\0') {
            json_out_format(out, "\\u%04x", (unsigned char)*text++);
        }
    }
    json_out_add(out, "\"", 1);
}

void json_out_clear(struct json_out *out)
{
    free(out->text);
    *out = (struct json_out){0};
}
