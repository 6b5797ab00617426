#include "common/utf8.h"

#include <stdint.h>
#include <string.h>

/* Bytes of the UTF-8 sequence at `at` (RFC 3629: shortest form, no surrogates); 0 when there is
 * none. */
static size_t sequence_length(const unsigned char *at)
{
    if (at[0] < 0x80) {
        return 1;
    }
    size_t n = at[0] >= 0xC2 && at[0] <= 0xDF   ? 2
               : at[0] >= 0xE0 && at[0] <= 0xEF ? 3
               : at[0] >= 0xF0 && at[0] <= 0xF4 ? 4
                                                : 0;
    for (size_t i = 1; i < n; i++) {
        if ((at[i] & 0xC0) != 0x80) {
            return 0;
        }
    }
    if ((at[0] == 0xE0 && at[1] < 0xA0) || (at[0] == 0xED && at[1] > 0x9F) ||
        (at[0] == 0xF0 && at[1] < 0x90) || (at[0] == 0xF4 && at[1] > 0x8F)) {
        return 0;
    }
    return n;
}

static uint32_t character_at(const unsigned char *at, size_t length)
{
    static const unsigned char first_bits[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    uint32_t character = at[0] & first_bits[length];
    for (size_t i = 1; i < length; i++) {
        character = character << 6 | (at[i] & 0x3F);
    }
    return character;
}

static bool is_fit_character(uint32_t c, enum utf8_kind kind)
{
    if (c < 0x20) {
        return kind == UTF8_PROSE && (c == '\t' || c == '\n');
    }
    bool control = c >= 0x7F && c <= 0x9F;
    bool direction = c == 0x061C || c == 0x200E || c == 0x200F || (c >= 0x202A && c <= 0x202E) ||
                     (c >= 0x2066 && c <= 0x2069);
    bool separator = c == 0x2028 || c == 0x2029;
    return !control && !direction && !separator;
}

bool utf8_is_fit(const char *text, enum utf8_kind kind)
{
    const unsigned char *at = (const unsigned char *)text;
    while (*at) {
        size_t length = sequence_length(at);
        if (length == 0 || !is_fit_character(character_at(at, length), kind)) {
            return false;
        }
        at += length;
    }
    return true;
}

void utf8_clean(char *text, enum utf8_kind kind)
{
    const unsigned char *from = (const unsigned char *)text;
    unsigned char *to = (unsigned char *)text;
    while (*from) {
        size_t length = sequence_length(from);
        bool fit = length > 0 && is_fit_character(character_at(from, length), kind);
        length = length > 0 ? length : 1;
        if (fit) {
            memmove(to, from, length);
            to += length;
        } else {
            *to++ = *from == '\t' ? ' ' : '?';
        }
        from += length;
    }
    *to = '\0';
}

size_t utf8_cut(const char *text, size_t size)
{
    size_t length = strnlen(text, size);
    if (length < size || text[size] == '\0') {
        return length;
    }
    while (length > 0 && ((unsigned char)text[length] & 0xC0) == 0x80) {
        length--;
    }
    return length;
}
