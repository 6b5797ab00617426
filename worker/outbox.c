#include "worker/outbox.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct entry {
    struct report report;
    size_t measurements_room, layers_room;
    /* What the batch on its way carries: a prefix of each array, and maybe the end. */
    size_t measurements_sent, layers_sent;
    bool end_sent;
    double target;
    int64_t reached_step; /* the first whose accuracy reaches the target; -1 = none */
};

struct outbox {
    struct entry *entries; /* in the order of outbox_hold */
    size_t n_entries, entries_room;
    struct report *batch; /* as long as entries has room */
    size_t n_rows, max_rows;
};

struct outbox *outbox_create(size_t max_rows)
{
    assert(max_rows > 0);
    struct outbox *outbox = calloc(1, sizeof *outbox);
    if (outbox) {
        outbox->max_rows = max_rows;
    }
    return outbox;
}

void outbox_destroy(struct outbox *outbox)
{
    if (!outbox) {
        return;
    }
    for (size_t i = 0; i < outbox->n_entries; i++) {
        report_clear(&outbox->entries[i].report);
    }
    free(outbox->entries);
    free(outbox->batch);
    free(outbox);
}

static struct entry *find(const struct outbox *outbox, struct lease lease)
{
    for (size_t i = 0; i < outbox->n_entries; i++) {
        const struct report *report = &outbox->entries[i].report;
        if (report->trial == lease.trial && report->attempt == lease.attempt) {
            return &outbox->entries[i];
        }
    }
    return NULL;
}

static struct entry *find_open(const struct outbox *outbox, struct lease lease)
{
    struct entry *entry = find(outbox, lease);
    return entry && entry->report.end == REPORT_CONTINUES ? entry : NULL;
}

static size_t entry_rows(const struct entry *entry)
{
    return entry->report.n_measurements + entry->report.n_layers;
}

static void forget(struct outbox *outbox, struct entry *entry)
{
    outbox->n_rows -= entry_rows(entry);
    report_clear(&entry->report);
    size_t behind = outbox->n_entries - (size_t)(entry - outbox->entries) - 1;
    memmove(entry, entry + 1, behind * sizeof *entry);
    outbox->n_entries--;
}

int outbox_hold(struct outbox *outbox, struct lease lease, double target)
{
    if (find(outbox, lease)) {
        return -EEXIST;
    }
    if (outbox->n_entries == outbox->entries_room) {
        size_t room = outbox->entries_room ? 2 * outbox->entries_room : 8;
        struct report *batch = realloc(outbox->batch, room * sizeof *batch);
        if (!batch) {
            return -ENOMEM;
        }
        outbox->batch = batch;
        struct entry *entries = realloc(outbox->entries, room * sizeof *entries);
        if (!entries) {
            return -ENOMEM;
        }
        outbox->entries = entries;
        outbox->entries_room = room;
    }
    outbox->entries[outbox->n_entries++] =
        (struct entry){.report = {.trial = lease.trial, .attempt = lease.attempt},
                       .target = target,
                       .reached_step = -1};
    return 0;
}

bool outbox_is_open(const struct outbox *outbox, struct lease lease)
{
    return find_open(outbox, lease) != NULL;
}

/* ---- rows ---- */

/* The rows of an entry that have one kind. */
struct rows {
    void *first;
    size_t size, sent, n;
    int64_t (*step_of)(const void *);
};

/* Drops every second step of what is not sent, and keeps the last one and the one that is dear.
 * Rows of one step are neighbours. Returns the new n. */
static size_t thin(const struct rows *rows, int64_t dear)
{
    char *at = rows->first;
    size_t size = rows->size, sent = rows->sent, n = rows->n;
    bool keep = true;
    size_t to = n;
    for (size_t i = n; i-- > sent;) {
        int64_t step = rows->step_of(at + i * size);
        if (i + 1 < n && step != rows->step_of(at + (i + 1) * size)) {
            keep = !keep;
        }
        if (keep || step == dear) {
            to--;
            if (to != i) {
                memcpy(at + to * size, at + i * size, size);
            }
        }
    }
    memmove(at + sent * size, at + to * size, (n - to) * size);
    return sent + (n - to);
}

static int64_t measurement_step(const void *row)
{
    return ((const struct measurement *)row)->step;
}

static int64_t layer_step(const void *row)
{
    return ((const struct layer_stat *)row)->step;
}

static void thin_all(struct outbox *outbox)
{
    outbox->n_rows = 0;
    for (size_t i = 0; i < outbox->n_entries; i++) {
        struct entry *entry = &outbox->entries[i];
        struct report *report = &entry->report;
        if (report->n_measurements > 0) {
            struct rows rows = {report->measurements, sizeof *report->measurements,
                                entry->measurements_sent, report->n_measurements, measurement_step};
            report->n_measurements = thin(&rows, entry->reached_step);
        }
        if (report->n_layers > 0) {
            struct rows rows = {report->layers, sizeof *report->layers, entry->layers_sent,
                                report->n_layers, layer_step};
            report->n_layers = thin(&rows, -1);
        }
        outbox->n_rows += entry_rows(entry);
    }
}

/* Room for one more element of `size` bytes behind the n at *rows. */
static int make_room(void **rows, size_t *room, size_t n, size_t size)
{
    if (n < *room) {
        return 0;
    }
    size_t more = *room ? 2 * *room : 16;
    void *moved = realloc(*rows, more * size);
    if (!moved) {
        return -ENOMEM;
    }
    *rows = moved;
    *room = more;
    return 0;
}

static void row_added(struct outbox *outbox)
{
    outbox->n_rows++;
    if (outbox->n_rows > outbox->max_rows) {
        thin_all(outbox);
    }
}

int outbox_add_measurement(struct outbox *outbox, struct lease lease,
                           const struct measurement *measurement)
{
    struct entry *entry = find_open(outbox, lease);
    if (!entry) {
        return 0;
    }
    struct report *report = &entry->report;
    void *rows = report->measurements;
    int r =
        make_room(&rows, &entry->measurements_room, report->n_measurements, sizeof *measurement);
    report->measurements = rows;
    if (r < 0) {
        return r;
    }
    report->measurements[report->n_measurements++] = *measurement;
    if (entry->reached_step < 0 && measurement->test_accuracy >= entry->target) {
        entry->reached_step = measurement->step;
    }
    row_added(outbox);
    return 0;
}

int outbox_add_layer(struct outbox *outbox, struct lease lease, const struct layer_stat *layer)
{
    struct entry *entry = find_open(outbox, lease);
    if (!entry) {
        return 0;
    }
    struct report *report = &entry->report;
    void *rows = report->layers;
    int r = make_room(&rows, &entry->layers_room, report->n_layers, sizeof *layer);
    report->layers = rows;
    if (r < 0) {
        return r;
    }
    report->layers[report->n_layers++] = *layer;
    row_added(outbox);
    return 0;
}

/* ---- ends ---- */

void outbox_finish(struct outbox *outbox, struct lease lease, const struct trial_result *result)
{
    struct entry *entry = find_open(outbox, lease);
    if (entry) {
        entry->report.end = REPORT_DONE;
        entry->report.result = *result;
    }
}

void outbox_fail(struct outbox *outbox, struct lease lease, const struct trial_failure *failure)
{
    struct entry *entry = find_open(outbox, lease);
    if (entry) {
        entry->report.end = REPORT_FAILED;
        entry->report.failure = *failure;
    }
}

void outbox_reuse(struct outbox *outbox, struct lease lease, int64_t from)
{
    struct entry *entry = find_open(outbox, lease);
    if (entry) {
        entry->report.end = REPORT_REUSED;
        entry->report.reused_from = from;
    }
}

static void drop_rows(struct outbox *outbox, struct entry *entry)
{
    outbox->n_rows -= entry_rows(entry);
    entry->report.n_measurements = entry->measurements_sent = 0;
    entry->report.n_layers = entry->layers_sent = 0;
}

void outbox_release(struct outbox *outbox, struct lease lease)
{
    struct entry *entry = find_open(outbox, lease);
    if (entry) {
        entry->report.end = REPORT_RELEASED;
        drop_rows(outbox, entry);
    }
}

void outbox_release_all(struct outbox *outbox)
{
    for (size_t i = 0; i < outbox->n_entries; i++) {
        struct report *report = &outbox->entries[i].report;
        outbox_release(outbox, (struct lease){report->trial, report->attempt});
    }
}

/* ---- counts ---- */

size_t outbox_n_held(const struct outbox *outbox)
{
    return outbox->n_entries;
}

size_t outbox_n_open(const struct outbox *outbox)
{
    size_t n = 0;
    for (size_t i = 0; i < outbox->n_entries; i++) {
        n += outbox->entries[i].report.end == REPORT_CONTINUES;
    }
    return n;
}

size_t outbox_n_rows(const struct outbox *outbox)
{
    return outbox->n_rows;
}

static bool has_unsent_end(const struct entry *entry)
{
    return entry->report.end != REPORT_CONTINUES && !entry->end_sent;
}

bool outbox_has_ends(const struct outbox *outbox)
{
    for (size_t i = 0; i < outbox->n_entries; i++) {
        if (has_unsent_end(&outbox->entries[i])) {
            return true;
        }
    }
    return false;
}

bool outbox_has_news(const struct outbox *outbox)
{
    for (size_t i = 0; i < outbox->n_entries; i++) {
        const struct entry *entry = &outbox->entries[i];
        if (has_unsent_end(entry) || entry->report.n_measurements > entry->measurements_sent ||
            entry->report.n_layers > entry->layers_sent) {
            return true;
        }
    }
    return false;
}

/* ---- batches ---- */

static size_t take(size_t *room, size_t wanted)
{
    size_t n = wanted < *room ? wanted : *room;
    *room -= n;
    return n;
}

size_t outbox_batch(struct outbox *outbox, const struct report **ret_reports)
{
    size_t room = OUTBOX_BATCH_ROWS;
    for (size_t i = 0; i < outbox->n_entries; i++) {
        struct entry *entry = &outbox->entries[i];
        assert(!entry->end_sent && !entry->measurements_sent && !entry->layers_sent);
        entry->measurements_sent = take(&room, entry->report.n_measurements);
        entry->layers_sent = take(&room, entry->report.n_layers);
        bool complete = entry->measurements_sent + entry->layers_sent == entry_rows(entry);
        entry->end_sent = complete && entry->report.end != REPORT_CONTINUES;

        struct report *item = &outbox->batch[i];
        *item = entry->report;
        item->n_measurements = entry->measurements_sent;
        item->n_layers = entry->layers_sent;
        if (!entry->end_sent) {
            item->end = REPORT_CONTINUES;
        }
    }
    *ret_reports = outbox->batch;
    return outbox->n_entries;
}

static void drop_sent_rows(struct outbox *outbox, struct entry *entry)
{
    struct report *report = &entry->report;
    outbox->n_rows -= entry->measurements_sent + entry->layers_sent;
    report->n_measurements -= entry->measurements_sent;
    report->n_layers -= entry->layers_sent;
    if (entry->measurements_sent > 0) {
        memmove(report->measurements, report->measurements + entry->measurements_sent,
                report->n_measurements * sizeof *report->measurements);
    }
    if (entry->layers_sent > 0) {
        memmove(report->layers, report->layers + entry->layers_sent,
                report->n_layers * sizeof *report->layers);
    }
    entry->measurements_sent = entry->layers_sent = 0;
}

void outbox_settle(struct outbox *outbox, struct lease lease, enum report_status status)
{
    struct entry *entry = find(outbox, lease);
    if (!entry) {
        return;
    }
    if (status != REPORT_OK || entry->end_sent) {
        forget(outbox, entry);
    } else {
        drop_sent_rows(outbox, entry);
    }
}

void outbox_refused(struct outbox *outbox, struct lease lease, const char *reason)
{
    struct entry *entry = find(outbox, lease);
    if (!entry) {
        return;
    }
    if (entry->report.end == REPORT_FAILED && entry_rows(entry) == 0) {
        forget(outbox, entry);
        return;
    }
    drop_rows(outbox, entry);
    entry->end_sent = false;
    entry->report.end = REPORT_FAILED;
    entry->report.failure = (struct trial_failure){.retry = false};
    snprintf(entry->report.failure.reason, sizeof entry->report.failure.reason, "%s", reason);
}

void outbox_unsent(struct outbox *outbox)
{
    for (size_t i = 0; i < outbox->n_entries; i++) {
        struct entry *entry = &outbox->entries[i];
        entry->measurements_sent = entry->layers_sent = 0;
        entry->end_sent = false;
    }
}
