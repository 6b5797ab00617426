#include "cli/text.h"

#include "cli/memory.h"
#include "common/utf8.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

void text_duration(double seconds, char ret[TEXT_SIZE])
{
    if (isnan(seconds) || seconds < 0) {
        snprintf(ret, TEXT_SIZE, "-");
        return;
    }
    if (seconds < 9.95) {
        snprintf(ret, TEXT_SIZE, "%.1f s", seconds);
        return;
    }
    long long whole = seconds < 1e12 ? llround(seconds) : (long long)1e12;
    if (whole < 60) {
        snprintf(ret, TEXT_SIZE, "%lld s", whole);
    } else if (whole < 3600) {
        snprintf(ret, TEXT_SIZE, "%lld min %02lld s", whole / 60, whole % 60);
    } else if (whole < 86400) {
        snprintf(ret, TEXT_SIZE, "%lld h %02lld min", whole / 3600, whole / 60 % 60);
    } else {
        snprintf(ret, TEXT_SIZE, "%lld d %lld h", whole / 86400, whole / 3600 % 24);
    }
}

void text_number(double number, char ret[TEXT_SIZE])
{
    if (isnan(number)) {
        snprintf(ret, TEXT_SIZE, "-");
    } else if (fabs(number) >= 1000 && fabs(number) < 1e15) {
        snprintf(ret, TEXT_SIZE, "%.0f", number);
    } else {
        snprintf(ret, TEXT_SIZE, "%.4g", number);
    }
}

void text_percent(double share, char ret[TEXT_SIZE])
{
    /* 15 digits: 100 * 0.07 is 7.000000000000001. */
    snprintf(ret, TEXT_SIZE, "%.15g", 100 * share);
}

/* One character at `text`: its bytes (at least 1) and columns; -1 columns if it is not printable.
 * The C library's tables are used by way of a UTF-8 locale, whatever the user's is. */
static size_t next_character(const char *text, int *ret_columns)
{
    static locale_t utf8;
    mbstate_t state = {0};
    wchar_t character;

    if (!utf8) {
        utf8 = must(newlocale(LC_CTYPE_MASK, "C.UTF-8", NULL));
    }
    locale_t before = uselocale(utf8);
    size_t length = mbrtowc(&character, text, strlen(text), &state);
    if (length == (size_t)-1 || length == (size_t)-2 || length == 0) {
        length = 1;
        *ret_columns = -1;
    } else {
        *ret_columns = wcwidth(character);
    }
    uselocale(before);
    return length;
}

const char *text_plural(int64_t n)
{
    return n == 1 ? "" : "s";
}

size_t text_width(const char *text)
{
    size_t width = 0;

    while (*text) {
        int columns;
        text += next_character(text, &columns);
        width += columns < 0 ? 1 : (size_t)columns;
    }
    return width;
}

char *text_printable(const char *text)
{
    char *copy = must(strdup(text));

    utf8_clean(copy, UTF8_NAME);
    return copy;
}

char *text_shell_word(const char *text)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:=,+@%";
    const char *dash = text[0] == '-' ? "./" : "";

    if (text[0] && text[strspn(text, plain)] == '\0') {
        return text_format("%s%s", dash, text);
    }
    /* A quote within is written '\'': out of the quotes, an escaped one, and in again. */
    char *word = must(malloc(4 * strlen(text) + 5)), *out = word;
    out += sprintf(out, "'%s", dash);
    for (; *text; text++) {
        out += sprintf(out, *text == '\'' ? "'\\''" : "%c", *text);
    }
    strcpy(out, "'");
    return word;
}

void text_shorten(char *text, size_t width)
{
    size_t used = 0;
    char *end = text;

    if (text_width(text) <= width || width < 2) {
        return;
    }
    while (*end) {
        int columns;
        size_t length = next_character(end, &columns);
        size_t next = used + (columns < 0 ? 1 : (size_t)columns);
        if (next > width - 2) {
            break;
        }
        used = next;
        end += length;
    }
    strcpy(end, "..");
}

/* The bytes of the longest start of `text` that fits, up to a blank if there is one in it. */
static size_t fitting(const char *text, size_t width)
{
    size_t used = 0, at = 0, blank = 0;

    while (text[at]) {
        int columns;
        size_t length = next_character(text + at, &columns);
        used += columns < 0 ? 1 : (size_t)columns;
        if (used > width) {
            break;
        }
        if (text[at + length] == ' ') {
            blank = at + length;
        }
        at += length;
    }
    return text[at] == '\0' || blank == 0 ? at : blank;
}

void text_print_wrapped(const char *text, size_t indent, size_t width, FILE *out)
{
    size_t n = fitting(text, width > 0 ? width : 1);

    fprintf(out, "%.*s\n", (int)n, text);
    text += n + strspn(text + n, " ");
    while (*text) {
        n = fitting(text, width > indent ? width - indent : 1);
        n = n > 0 ? n : 1;
        fprintf(out, "%*s%.*s\n", (int)indent, "", (int)n, text);
        text += n + strspn(text + n, " ");
    }
}
