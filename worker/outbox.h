/*
 * What the worker owes the daemon: an entry for each lease it holds, with the rows (measurements
 * and layer statistics) and the end that the daemon has not acknowledged yet.
 *
 *     hold --> rows --> end               fed by the trainers
 *       `--> batch --> settle | unsent    drained by the reports, one batch at a time
 *
 * Bounded: beyond max_rows the rows that wait are thinned out, every second step of each trial,
 * as often as needed; but the last step stays, and the one that first reaches the target, without
 * which the daemon would not believe the end. An end is never dropped. Pure data: no clock, no I/O.
 */
#pragma once

#include "common/protocol.h"
#include "worker/lease.h"

#include <stdbool.h>
#include <stddef.h>

/* Most rows in one batch: well under the daemon's limit of 16 MiB a body. */
#define OUTBOX_BATCH_ROWS 2000

struct outbox;

/* NULL only when out of memory. */
struct outbox *outbox_create(size_t max_rows);
void outbox_destroy(struct outbox *outbox);

/* Starts an entry for a trial with this target accuracy. -EEXIST when the lease is held already,
 * -ENOMEM. */
int outbox_hold(struct outbox *outbox, struct lease lease, double target);
/* Whether the lease is held and has no end yet: whether somebody ought to be training it. */
bool outbox_is_open(const struct outbox *outbox, struct lease lease);

/* News of an open lease; of any other it is ignored. -ENOMEM: the row is lost, the rest is as
 * before. */
int outbox_add_measurement(struct outbox *outbox, struct lease lease,
                           const struct measurement *measurement);
int outbox_add_layer(struct outbox *outbox, struct lease lease, const struct layer_stat *layer);

/* The end of an open lease; ignored for any other, so that the first end stands. */
void outbox_finish(struct outbox *outbox, struct lease lease, const struct trial_result *result);
void outbox_fail(struct outbox *outbox, struct lease lease, const struct trial_failure *failure);
/* An earlier result, of trial `from`, stands for this training. */
void outbox_reuse(struct outbox *outbox, struct lease lease, int64_t from);
/* Gives the trial back; its rows are dropped, nobody will ask for them. */
void outbox_release(struct outbox *outbox, struct lease lease);
/* outbox_release of every open lease. */
void outbox_release_all(struct outbox *outbox);

size_t outbox_n_held(const struct outbox *outbox);
size_t outbox_n_open(const struct outbox *outbox); /* held, without an end */
size_t outbox_n_rows(const struct outbox *outbox);
/* Whether there is anything that no batch carries yet. */
bool outbox_has_news(const struct outbox *outbox);
/* Whether there is an end that no batch carries yet. */
bool outbox_has_ends(const struct outbox *outbox);

/* The next batch: an item for every lease held, oldest first, with what it owes. An end is held
 * back until the rows before it fit. The array and what it points to belong to the outbox and are
 * valid until its next change. Returns their number. After a batch, and before the next, come
 * settle or refused for the items answered, and then outbox_unsent. */
size_t outbox_batch(struct outbox *outbox, const struct report **ret_reports);
/* The daemon's answer to one item: on REPORT_OK what the batch carried is forgotten, and the entry
 * with its end; on any other status the whole entry is. */
void outbox_settle(struct outbox *outbox, struct lease lease, enum report_status status);
/* The daemon will never take this item as it is: its rows are dropped and its end becomes a
 * failure with this reason; an item that already was one is forgotten. Stop its trainer. */
void outbox_refused(struct outbox *outbox, struct lease lease, const char *reason);
/* What of the batch has not been settled was not delivered, and is news again. */
void outbox_unsent(struct outbox *outbox);
