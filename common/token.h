/*
 * The secret that daemon, workers and client share, read by one rule wherever it comes from: the
 * first line of a file or of NINETY_TOKEN, printable ASCII without blanks. It goes into a line of
 * an HTTP head, where a line end or a blank would change what is asked.
 */
#pragma once

#include "common/error.h"

#define TOKEN_SIZE 256 /* with the NUL, and a byte more to tell what is too long */
#define TOKEN_MIN 16   /* characters */
#define TOKEN_MAX 254

/* The token that `text` begins with; `source` names it in messages. 0, or ERROR_INVALID. */
int token_parse(const char *source, const char *text, char ret[TOKEN_SIZE], struct error *error);

/* The token in a file (or pipe) that none but its owner may open. In the directory that
 * CREDENTIALS_DIRECTORY names (LoadCredential of systemd) the group may read it as well. 0, or
 * ERROR_INVALID with one clear line. */
int token_read(const char *path, char ret[TOKEN_SIZE], struct error *error);

/* The token of a program that asks a daemon: of `file`, or if that is NULL of NINETY_TOKEN; "" when
 * there is neither. 0, or ERROR_INVALID. */
int token_find(const char *file, char ret[TOKEN_SIZE], struct error *error);
