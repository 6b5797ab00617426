#include "common/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char *const level_names[] = {"debug", "info", "warn", "error"};

static const char *log_program = "ninety";
static enum log_level log_least = LOG_INFO;

void log_init(const char *program)
{
    log_program = program;
    const char *wanted = getenv("NINETY_LOG");
    for (int i = LOG_DEBUG; wanted && i <= LOG_ERROR; i++) {
        if (strcmp(wanted, level_names[i]) == 0) {
            log_least = i;
        }
    }
}

void log_write(enum log_level level, const char *format, ...)
{
    if (level < log_least) {
        return;
    }
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    struct tm utc;
    gmtime_r(&now.tv_sec, &utc);
    char time_text[32];
    strftime(time_text, sizeof(time_text), "%Y-%m-%dT%H:%M:%S", &utc);

    char message[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    for (char *c = message; *c; c++) {
        if ((unsigned char)*c < ' ') {
            *c = ' '; /* one event, one line: a message may quote what a stranger sent */
        }
    }
    fprintf(stderr, "%s.%03ldZ %s %s: %s\n", time_text, now.tv_nsec / 1000000, level_names[level],
            log_program, message);
}
