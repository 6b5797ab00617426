#include "worker/text.h"

#include <stddef.h>

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

void text_clean(char *text)
{
    unsigned char *at = (unsigned char *)text;
    while (*at) {
        size_t n = sequence_length(at);
        if (n == 0 || (n == 1 && *at < 0x20 && *at != '\t') || *at == 0x7F) {
            *at = '?';
            n = 1;
        }
        at += n;
    }
}
