#include "daemon/store_render.h"

#include "common/csv.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

void render_init(struct render *render, reader_sink sink, void *arg)
{
    render->sink = sink;
    render->arg = arg;
    render->stopped = render->full = false;
    render->used = 0;
}

void render_resume(struct render *render)
{
    render->full = false;
}

static void flush(struct render *render)
{
    if (render->used > 0 && !render->stopped) {
        enum reader_wish wish = render->sink(render->arg, render->buffer, render->used);
        render->stopped = wish == READER_STOP;
        render->full = render->full || wish == READER_PAUSE;
    }
    render->used = 0;
}

int render_end(struct render *render)
{
    flush(render);
    return render->stopped ? READER_STOPPED : 0;
}

static void put(struct render *render, const char *data, size_t size)
{
    while (size > 0) {
        if (render->used == RENDER_BUFFER) {
            flush(render);
        }
        size_t room = RENDER_BUFFER - render->used;
        size_t part = size < room ? size : room;
        memcpy(render->buffer + render->used, data, part);
        render->used += part;
        data += part;
        size -= part;
    }
}

void render_text(struct render *render, const char *text)
{
    put(render, text, strlen(text));
}

void render_integer(struct render *render, int64_t value)
{
    char text[32];
    put(render, text, (size_t)snprintf(text, sizeof(text), "%lld", (long long)value));
}

void render_shortest(double value, char text[DECIMAL_SIZE])
{
    if (isfinite(value)) {
        decimal_shortest(value, text);
    } else {
        memcpy(text, "null", 5);
    }
}

/* ---- JSON ---- */

static void put_string(struct render *render, const char *text)
{
    put(render, "\"", 1);
    while (*text) {
        size_t plain = 0;
        while ((unsigned char)text[plain] >= 0x20 && text[plain] != '"' && text[plain] != '\\') {
            plain++;
        }
        put(render, text, plain);
        text += plain;
        if (*text) {
            char escaped[8];
            unsigned char c = (unsigned char)*text++;
            int n = c < 0x20 ? snprintf(escaped, sizeof(escaped), "\\u%04x", c)
                             : snprintf(escaped, sizeof(escaped), "\\%c", c);
            put(render, escaped, (size_t)n);
        }
    }
    put(render, "\"", 1);
}

static void put_number(struct render *render, sqlite3_stmt *stmt, int column)
{
    if (sqlite3_column_type(stmt, column) == SQLITE_INTEGER) {
        render_integer(render, sqlite3_column_int64(stmt, column));
        return;
    }
    char text[32];
    render_shortest(sqlite3_column_double(stmt, column), text);
    render_text(render, text);
}

static void put_json(struct render *render, sqlite3_stmt *stmt, int column, const char *kind)
{
    int type = sqlite3_column_type(stmt, column);
    const char *text = type == SQLITE_TEXT ? (const char *)sqlite3_column_text(stmt, column) : NULL;
    if (type == SQLITE_NULL || (type == SQLITE_TEXT && !text)) {
        render_text(render, "null");
    } else if (strcmp(kind, ":bool") == 0) {
        render_text(render, sqlite3_column_int(stmt, column) ? "true" : "false");
    } else if (!text) {
        put_number(render, stmt, column);
    } else if (strcmp(kind, ":json") == 0) {
        render_text(render, text);
    } else {
        put_string(render, text);
    }
}

/* Where the name ends and ":json" or ":bool" begins. */
static size_t name_length(const char *name)
{
    return strcspn(name, ":");
}

void render_object(struct render *render, sqlite3_stmt *stmt)
{
    int n = sqlite3_column_count(stmt);
    for (int column = 0; column < n; column++) {
        const char *name = sqlite3_column_name(stmt, column);
        put(render, column == 0 ? "{\"" : ",\"", 2);
        put(render, name, name_length(name));
        put(render, "\":", 2);
        put_json(render, stmt, column, name + name_length(name));
    }
    put(render, "}", 1);
}

/* ---- CSV, RFC 4180 ---- */

static void put_csv(struct render *render, const char *text)
{
    bool quoted = text[strcspn(text, ",\"\r\n")];
    put(render, "\"", quoted);
    put(render, "'", csv_is_formula(text));
    while (*text) {
        size_t plain = strcspn(text, "\"");
        put(render, text, plain);
        text += plain;
        if (*text) {
            put(render, "\"\"", 2);
            text++;
        }
    }
    put(render, "\"", quoted);
}

void render_csv_header(struct render *render, sqlite3_stmt *stmt)
{
    int n = sqlite3_column_count(stmt);
    for (int column = 0; column < n; column++) {
        const char *name = sqlite3_column_name(stmt, column);
        put(render, ",", column > 0);
        put(render, name, name_length(name));
    }
    put(render, "\r\n", 2);
}

void render_csv_row(struct render *render, sqlite3_stmt *stmt)
{
    int n = sqlite3_column_count(stmt);
    for (int column = 0; column < n; column++) {
        put(render, ",", column > 0);
        int type = sqlite3_column_type(stmt, column);
        if (type == SQLITE_TEXT) {
            const char *text = (const char *)sqlite3_column_text(stmt, column);
            put_csv(render, text ? text : "");
        } else if (type != SQLITE_NULL) {
            put_number(render, stmt, column);
        }
    }
    put(render, "\r\n", 2);
}
