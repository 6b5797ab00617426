/*
 * Text that came from elsewhere: whether it may be shown as it is, and made so.
 *
 * Fit to be shown is UTF-8 (RFC 3629) without control characters (C0, DEL, C1), without those that
 * turn the direction of what stands around them (the bidirectional controls of UAX #9: a name could
 * reorder the line it stands in), and without separators of lines and paragraphs.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum utf8_kind {
    UTF8_NAME,  /* one line */
    UTF8_PROSE, /* may have tabs and line feeds */
};

bool utf8_is_fit(const char *text, enum utf8_kind kind);

/* Puts '?' in place of every character that is not fit and of every byte that is no part of one (a
 * text cut in the middle, another encoding); in a name a space for a tab. In place, never longer.
 */
void utf8_clean(char *text, enum utf8_kind kind);

/* How many of the first `size` bytes of the text to keep, so that no character is cut in two; all
 * of it when it is shorter. */
size_t utf8_cut(const char *text, size_t size);
