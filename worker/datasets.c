#include "worker/datasets.h"

#include "common/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROGRESS_EVERY_MS 5000

enum entry_state { ENTRY_PREPARING, ENTRY_READY, ENTRY_FORGOTTEN };

struct entry {
    struct datasets *datasets;
    struct entry *next;
    enum entry_state state;
    char name[64];
    struct prepare_options options;
    uint64_t begun_ms, told_ms;
    /* Written off the loop, read on it afterwards. */
    int result;
    struct prepared prepared;
    struct error error;
    uv_work_t work;
};

struct datasets {
    uv_loop_t *loop;
    struct prepare_options options;
    atomic_bool abort;
    struct entry *entries;
    int n_preparing;
    bool closing;
    datasets_prepared_fn on_prepared;
    void *arg;
};

static uint64_t now_ms(void)
{
    return uv_hrtime() / 1000000;
}

struct datasets *datasets_create(uv_loop_t *loop, const struct prepare_options *options,
                                 datasets_prepared_fn on_prepared, void *arg)
{
    struct datasets *datasets = calloc(1, sizeof *datasets);
    if (!datasets) {
        return NULL;
    }
    datasets->loop = loop;
    datasets->options = *options;
    datasets->options.abort = &datasets->abort;
    datasets->on_prepared = on_prepared;
    datasets->arg = arg;
    return datasets;
}

static void free_if_over(struct datasets *datasets)
{
    if (!datasets->closing || datasets->n_preparing > 0) {
        return;
    }
    while (datasets->entries) {
        struct entry *entry = datasets->entries;
        datasets->entries = entry->next;
        free(entry);
    }
    free(datasets);
}

void datasets_close(struct datasets *datasets)
{
    if (!datasets) {
        return;
    }
    datasets->closing = true;
    atomic_store(&datasets->abort, true);
    free_if_over(datasets);
}

/* ---- preparing ---- */

static void on_progress(void *arg, const char *file, int64_t n_bytes, int64_t total)
{
    struct entry *entry = arg;
    if (now_ms() - entry->told_ms >= PROGRESS_EVERY_MS) {
        entry->told_ms = now_ms();
        log_info("fetching data dataset=%s file=%s bytes=%" PRId64 " of=%" PRId64, entry->name,
                 file, n_bytes, total);
    }
}

static void on_work(uv_work_t *work)
{
    struct entry *entry = work->data;
    entry->result = prepare(entry->name, &entry->options, &entry->prepared, &entry->error);
}

static void describe(struct entry *entry, struct datasets_outcome *ret)
{
    *ret = (struct datasets_outcome){.name = entry->name};
    if (entry->result == 0) {
        ret->prepared = &entry->prepared;
        return;
    }
    if (entry->result < 0) {
        snprintf(entry->error.message, sizeof entry->error.message,
                 "cannot prepare the data set %s: %s", entry->name, strerror(-entry->result));
    }
    ret->message = entry->error.message;
    ret->retry = entry->result != ERROR_INVALID;
}

static void on_worked(uv_work_t *work, int status)
{
    struct entry *entry = work->data;
    struct datasets *datasets = entry->datasets;
    (void)status; /* never cancelled */
    datasets->n_preparing--;
    if (datasets->closing) {
        free_if_over(datasets);
        return;
    }
    struct datasets_outcome outcome;
    describe(entry, &outcome);
    entry->state = outcome.prepared ? ENTRY_READY : ENTRY_FORGOTTEN;
    if (outcome.prepared) {
        log_info("data set ready dataset=%s directory=%s ms=%" PRIu64, entry->name,
                 entry->prepared.directory, now_ms() - entry->begun_ms);
    } else {
        log_error("data set not ready dataset=%s error=\"%s\"", entry->name, outcome.message);
    }
    datasets->on_prepared(datasets->arg, &outcome);
}

static struct entry *find(struct datasets *datasets, const char *name)
{
    struct entry *entry = datasets->entries;
    while (entry && strcmp(entry->name, name) != 0) {
        entry = entry->next;
    }
    return entry;
}

static struct entry *add(struct datasets *datasets, const char *name)
{
    struct entry *entry = calloc(1, sizeof *entry);
    if (entry) {
        snprintf(entry->name, sizeof entry->name, "%s", name);
        entry->datasets = datasets;
        entry->state = ENTRY_FORGOTTEN;
        entry->next = datasets->entries;
        datasets->entries = entry;
    }
    return entry;
}

static void begin(struct entry *entry)
{
    entry->state = ENTRY_PREPARING;
    entry->options = entry->datasets->options;
    entry->options.progress = on_progress;
    entry->options.progress_arg = entry;
    entry->begun_ms = now_ms();
    entry->told_ms = entry->begun_ms;
    entry->work.data = entry;
    entry->datasets->n_preparing++;
    uv_queue_work(entry->datasets->loop, &entry->work, on_work, on_worked);
}

int datasets_get(struct datasets *datasets, const char *name, const struct prepared **ret)
{
    struct entry *entry = find(datasets, name);
    if (!entry && !(entry = add(datasets, name))) {
        return -ENOMEM;
    }
    if (entry->state == ENTRY_READY && !prepared_holds(&entry->prepared)) {
        log_warn("prepared data have changed: looking at them again dataset=%s directory=%s", name,
                 entry->prepared.directory);
        entry->state = ENTRY_FORGOTTEN;
    }
    if (entry->state == ENTRY_READY) {
        *ret = &entry->prepared;
        return 0;
    }
    if (entry->state == ENTRY_FORGOTTEN) {
        begin(entry);
    }
    return DATASETS_PREPARING;
}

void datasets_forget(struct datasets *datasets, const char *name)
{
    struct entry *entry = find(datasets, name);
    if (entry && entry->state == ENTRY_READY) {
        entry->state = ENTRY_FORGOTTEN;
    }
}
