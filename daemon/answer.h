/*
 * The forms that every answer of the API takes: JSON, and errors as docs/http-api.md lists them.
 */
#pragma once

#include "common/error.h"
#include "daemon/http.h"
#include "daemon/json_out.h"

/* Takes the text over; 500 when there was no memory for it. `fields` as in http_answer. */
void answer_json(struct http_request *request, int status, struct json_out *out,
                 const struct http_field *fields, size_t n_fields);

void answer_error(struct http_request *request, int status, const char *code, const char *format,
                  ...) __attribute__((format(printf, 4, 5)));

/* With what a parser said; its field is named if it has one. */
void answer_error_of(struct http_request *request, int status, const char *code,
                     const struct error *error);

/* 503: the write could not be made durable, or the daemon is stopping. */
void answer_unavailable(struct http_request *request, const char *message);
