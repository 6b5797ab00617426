/*
 * JSON to be sent, written straight into one growing buffer.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json_out {
    char *text; /* malloc'd; NULL at first */
    size_t size, capacity;
    bool failed; /* out of memory: nothing more is added */
};

void json_out_add(struct json_out *out, const char *text, size_t size);
/* JSON as it is, and a number: for what is sent by the thousand. */
void json_out_text(struct json_out *out, const char *text);
void json_out_integer(struct json_out *out, int64_t integer);
void json_out_format(struct json_out *out, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* A string with its quotes, escaped; `text` is UTF-8. */
void json_out_string(struct json_out *out, const char *text);
void json_out_clear(struct json_out *out);
