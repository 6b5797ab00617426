/*
 * Rows of a statement as JSON, NDJSON or CSV into a sink, in pieces. A column named "x:json" holds
 * JSON text and is put in as it is; "x:bool" is true or false; both lose the suffix.
 */
#pragma once

#include "common/decimal.h"
#include "daemon/store_reader.h"

#include <sqlite3.h>
#include <stdbool.h>

#define RENDER_BUFFER 65536

struct render {
    reader_sink sink;
    void *arg;
    bool stopped, full; /* as the sink said */
    size_t used;
    char buffer[RENDER_BUFFER];
};

void render_init(struct render *render, reader_sink sink, void *arg);
/* The sink has room again. */
void render_resume(struct render *render);
void render_text(struct render *render, const char *text);
void render_integer(struct render *render, int64_t value);
/* The current row as an object, or as a line of CSV. */
void render_object(struct render *render, sqlite3_stmt *stmt);
void render_csv_header(struct render *render, sqlite3_stmt *stmt);
void render_csv_row(struct render *render, sqlite3_stmt *stmt);
/* Hands out what is left. 0 or READER_STOPPED. */
int render_end(struct render *render);

/* The shortest decimal that reads back as the same double; infinities and NaN are "null". */
void render_shortest(double value, char text[DECIMAL_SIZE]);
