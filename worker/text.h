/*
 * Text that came from elsewhere, made fit for JSON and for a line of the log.
 */
#pragma once

/* Puts '?' in place of every control character but a tab and of every byte that is no part of a
 * UTF-8 sequence (a text cut in the middle of one, another encoding). In place, same length. */
void text_clean(char *text);
