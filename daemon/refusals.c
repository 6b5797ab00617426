#include "daemon/refusals.h"

#include "common/log.h"

#include <stdio.h>
#include <string.h>

static struct refusal *find(struct refusals *refusals, const char *peer)
{
    for (int i = 0; i < refusals->n; i++) {
        if (strcmp(refusals->addresses[i].peer, peer) == 0) {
            return &refusals->addresses[i];
        }
    }
    return NULL;
}

static void begin(struct refusals *refusals, const char *peer, int64_t now_ms)
{
    struct refusal *refusal = &refusals->addresses[refusals->n++];
    *refusal = (struct refusal){.said_ms = now_ms};
    snprintf(refusal->peer, sizeof refusal->peer, "%s", peer);
    log_warn("a request without a valid token was refused peer=\"%s\"", refusal->peer);
}

void refusals_add(struct refusals *refusals, const char *peer, int64_t now_ms)
{
    struct refusal *refusal = find(refusals, peer);
    if (refusal == NULL && refusals->n >= REFUSALS_ADDRESSES) {
        peer = "others";
        refusal = find(refusals, peer);
    }
    if (refusal == NULL) {
        begin(refusals, peer, now_ms);
    } else {
        refusal->n_unsaid++;
    }
}

void refusals_tick(struct refusals *refusals, int64_t now_ms)
{
    for (int i = 0; i < refusals->n;) {
        struct refusal *refusal = &refusals->addresses[i];
        if (now_ms - refusal->said_ms < REFUSALS_PERIOD_MS) {
            i++;
        } else if (refusal->n_unsaid == 0) {
            *refusal = refusals->addresses[--refusals->n];
        } else {
            log_warn("requests without a valid token were refused peer=\"%s\" count=%llu",
                     refusal->peer, (unsigned long long)refusal->n_unsaid);
            refusal->n_unsaid = 0;
            refusal->said_ms = now_ms;
            i++;
        }
    }
}
