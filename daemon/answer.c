#include "daemon/answer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Fills in the body, which is taken over. */
static void answer_body(struct http_request *request, struct http_answer *answer,
                        struct json_out *out)
{
    static const char no_memory[] =
        "{\"error\": {\"code\": \"internal\", \"message\": \"out of memory\"}}\n";
    answer->type = "application/json";
    if (out->failed || out->text == NULL) {
        json_out_clear(out);
        answer->status = 500;
        answer->data = no_memory;
        answer->size = sizeof no_memory - 1;
    } else {
        answer->data = out->text;
        answer->size = out->size;
        answer->free_data = free;
    }
    http_answer(request, answer);
    *out = (struct json_out){0};
}

void answer_json(struct http_request *request, int status, struct json_out *out,
                 const struct http_field *fields, size_t n_fields)
{
    struct http_answer answer = {.status = status, .fields = fields, .n_fields = n_fields};
    answer_body(request, &answer, out);
}

void answer_error_of(struct http_request *request, int status, const char *code,
                     const struct error *error)
{
    struct json_out out = {0};
    json_out_format(&out, "{\"error\": {\"code\": \"%s\", \"message\": ", code);
    json_out_string(&out, error->message);
    if (error->field[0] != '\0') {
        json_out_format(&out, ", \"field\": ");
        json_out_string(&out, error->field);
    }
    json_out_format(&out, "}}\n");
    struct http_field field = {0};
    if (status == 401) {
        field = (struct http_field){"WWW-Authenticate", "Bearer"};
    } else if (status == 503) {
        field = (struct http_field){"Retry-After", "1"};
    }
    /* A guess costs a connection, and nothing is to be read behind a head that says two things. */
    bool close = status == 401 || strcmp(code, "malformed_request") == 0;
    struct http_answer answer = {
        .status = status, .fields = &field, .n_fields = field.name != NULL, .close = close};
    answer_body(request, &answer, &out);
}

void answer_error(struct http_request *request, int status, const char *code, const char *format,
                  ...)
{
    struct error error = {0};
    va_list args;
    va_start(args, format);
    error_vset(&error, NULL, format, args);
    va_end(args);
    answer_error_of(request, status, code, &error);
}

void answer_unavailable(struct http_request *request, const char *message)
{
    answer_error(request, 503, "unavailable", "%s", message);
}
