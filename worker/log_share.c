#include "worker/log_share.h"

void log_share_init(struct log_share *share, uint64_t now_ms)
{
    *share = (struct log_share){.left = LOG_SHARE_BURST, .at_ms = now_ms};
}

static void refill(struct log_share *share, uint64_t now_ms)
{
    uint64_t more = (now_ms - share->at_ms) * LOG_SHARE_PER_MS;
    share->at_ms = now_ms;
    share->left = more >= (uint64_t)(LOG_SHARE_BURST - share->left) ? LOG_SHARE_BURST
                                                                    : share->left + (int64_t)more;
}

bool log_share_take(struct log_share *share, uint64_t now_ms, size_t n)
{
    int64_t cost = LOG_SHARE_LINE + (int64_t)(n < LOG_SHARE_MOST ? n : LOG_SHARE_MOST);
    refill(share, now_ms);
    if (share->used_up && share->left >= LOG_SHARE_BURST / 2) {
        share->used_up = false;
    }
    if (share->used_up || cost > share->left) {
        share->used_up = true;
        share->left_out += n;
        return false;
    }
    share->left -= cost;
    return true;
}

uint64_t log_share_take_left_out(struct log_share *share)
{
    uint64_t n = share->left_out;
    share->left_out = 0;
    return n;
}
