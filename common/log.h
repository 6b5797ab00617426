/*
 * One line per event on standard error: `2026-01-31T12:00:00.123Z info ninetyd: message key=value`.
 * Leaf modules do not log; whoever handles an error does, once. NINETY_LOG=debug|info|warn|error
 * sets the least level shown (default info).
 */
#pragma once

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

/* Names the program in every line; call once at start. */
void log_init(const char *program);

void log_write(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_debug(...) log_write(LOG_DEBUG, __VA_ARGS__)
#define log_info(...) log_write(LOG_INFO, __VA_ARGS__)
#define log_warn(...) log_write(LOG_WARN, __VA_ARGS__)
#define log_error(...) log_write(LOG_ERROR, __VA_ARGS__)
