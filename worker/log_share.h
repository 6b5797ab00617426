/*
 * How much of what a trainer says on standard error is logged: LOG_SHARE_BURST bytes at once, then
 * LOG_SHARE_PER_MS bytes per millisecond. Once it is used up nothing is logged until half of it has
 * come back, and how much was left out is told in one line.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOG_SHARE_BURST 65536
#define LOG_SHARE_PER_MS 1
#define LOG_SHARE_MOST 1024 /* what is logged of a line at most */
#define LOG_SHARE_LINE 100  /* what a line costs beside its text */

struct log_share {
    int64_t left; /* bytes that may be logged now */
    uint64_t at_ms;
    bool used_up;
    uint64_t left_out;
};

void log_share_init(struct log_share *share, uint64_t now_ms);

/* Whether a line of n bytes may be logged; if not, it is counted. */
bool log_share_take(struct log_share *share, uint64_t now_ms, size_t n);

/* Bytes that were left out since this was last asked. */
uint64_t log_share_take_left_out(struct log_share *share);
