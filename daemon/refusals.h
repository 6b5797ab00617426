/*
 * Who tries without a valid token: a line in the log when an address begins, and one a minute while
 * it goes on, with the count. A bounded number of addresses is told apart; the rest is one more.
 */
#pragma once

#include <stdint.h>

#define REFUSALS_ADDRESSES 32
#define REFUSALS_PERIOD_MS 60000

struct refusals {
    struct refusal {
        char peer[48];
        uint64_t n_unsaid;
        int64_t said_ms;                 /* when it was in the log last */
    } addresses[REFUSALS_ADDRESSES + 1]; /* the last one: all others */
    int n;
};

void refusals_add(struct refusals *refusals, const char *peer, int64_t now_ms);

/* Says what is due, and forgets who has stopped. To be called every now and then. */
void refusals_tick(struct refusals *refusals, int64_t now_ms);
