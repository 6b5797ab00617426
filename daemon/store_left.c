#include "daemon/store_left.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SAMPLE 64  /* trials of the sweep's beginning, and as many of its end */
#define INPUTS 784 /* of the usual data sets; it need only be near */

/* What makes a trial take long, and what makes two alike. */
struct cell {
    char words[4][32]; /* activation, batch_norm, initializer, optimizer */
    char dataset[64];
    double depth, weights; /* hidden layers; parameters of all layers, about */
    double learning_rate, batch_size, max_steps, target, stops;
};

struct sample {
    struct cell cell;
    double seconds; /* that it took; of what is left nothing */
};

struct samples {
    struct sample done[2 * SAMPLE], left[2 * SAMPLE];
    size_t n_done, n_left;
};

struct extent {
    int64_t first, trials, queued, running, succeeded, reused;
};

/* ---- likeness ---- */

static void measure_layers(const char *hidden_units, struct cell *ret)
{
    double before = INPUTS;
    while (*hidden_units) {
        char *end;
        double units = strtod(hidden_units, &end);
        ret->weights += before * units;
        ret->depth++;
        before = units;
        hidden_units = *end == ',' ? end + 1 : end + strlen(end);
    }
    ret->weights += before * 10;
}

static double log_ratio(double a, double b)
{
    return a > 0 && b > 0 ? fabs(log(a / b)) : a != b;
}

/* 0 for trials of one cell. Another word counts as much as a factor of e. */
static double distance(const struct cell *a, const struct cell *b)
{
    double sum = strcmp(a->dataset, b->dataset) != 0;
    for (size_t i = 0; i < sizeof(a->words) / sizeof(a->words[0]); i++) {
        sum += strcmp(a->words[i], b->words[i]) != 0;
    }
    return sum + fabs(a->depth - b->depth) / 4 + log_ratio(a->weights, b->weights) +
           log_ratio(a->learning_rate, b->learning_rate) + log_ratio(a->batch_size, b->batch_size) +
           log_ratio(a->max_steps, b->max_steps) + 4 * fabs(a->target - b->target) +
           fabs(a->stops - b->stops);
}

/* Seconds: the mean of those most like it, each in proportion to the work of a step, and to the
 * steps where these are fixed. */
static double expect(const struct samples *samples, const struct cell *cell)
{
    double nearest = INFINITY, sum = 0, n = 0;
    for (size_t i = 0; i < samples->n_done; i++) {
        const struct sample *done = &samples->done[i];
        double from = distance(cell, &done->cell);
        if (from > nearest + 1e-9) {
            continue;
        }
        if (from < nearest - 1e-9) {
            nearest = from;
            sum = n = 0;
        }
        double work =
            cell->weights * cell->batch_size / (done->cell.weights * done->cell.batch_size);
        double steps = cell->stops ? 1 : cell->max_steps / done->cell.max_steps;
        sum += done->seconds * work * steps;
        n++;
    }
    return sum / n;
}

/* ---- reading ---- */

static void copy_text(sqlite3_stmt *stmt, int column, char *ret, size_t size)
{
    const char *text = (const char *)sqlite3_column_text(stmt, column);
    snprintf(ret, size, "%s", text ? text : "");
}

#define TRIAL_SQL                                                                                  \
    "SELECT t.state, c.hidden_units, c.activation, c.batch_norm, c.initializer, c.optimizer,"      \
    " c.dataset, c.learning_rate, c.batch_size, c.max_steps, c.target_accuracy, c.stop_at_target," \
    " (julianday(a.ended_at) - julianday(a.started_at)) * 86400, a.reused_from"                    \
    " FROM trials t JOIN cells c ON c.id = t.id - t.replicate"                                     \
    " LEFT JOIN attempts a ON a.trial = t.id AND a.attempt = t.attempt WHERE t.id = ?1"

static void take_sample(sqlite3_stmt *stmt, struct samples *ret)
{
    const char *state = (const char *)sqlite3_column_text(stmt, 0);
    struct sample sample = {.seconds = sqlite3_column_double(stmt, 12)};
    struct cell *cell = &sample.cell;

    measure_layers((const char *)sqlite3_column_text(stmt, 1), cell);
    for (int i = 0; i < 4; i++) {
        copy_text(stmt, 2 + i, cell->words[i], sizeof(cell->words[i]));
    }
    copy_text(stmt, 6, cell->dataset, sizeof(cell->dataset));
    cell->learning_rate = sqlite3_column_double(stmt, 7);
    cell->batch_size = sqlite3_column_double(stmt, 8);
    cell->max_steps = sqlite3_column_double(stmt, 9);
    cell->target = sqlite3_column_double(stmt, 10);
    cell->stops = sqlite3_column_double(stmt, 11);
    if (strcmp(state, "queued") == 0 || strcmp(state, "running") == 0) {
        ret->left[ret->n_left++] = sample;
    } else if (strcmp(state, "cancelled") != 0 && sqlite3_column_type(stmt, 13) == SQLITE_NULL &&
               sample.seconds > 0) {
        ret->done[ret->n_done++] = sample;
    }
}

/* Up to SAMPLE of n trials from `first`, at even distances. */
static int read_samples(sqlite3_stmt *stmt, int64_t first, int64_t n, struct samples *ret)
{
    int64_t wanted = n < SAMPLE ? n : SAMPLE;
    for (int64_t i = 0; i < wanted; i++) {
        sqlite3_bind_int64(stmt, 1,
                           first + (int64_t)((double)n * ((double)i + 0.5) / (double)wanted));
        int code = sqlite3_step(stmt);
        if (code == SQLITE_ROW) {
            take_sample(stmt, ret);
        }
        sqlite3_reset(stmt);
        if (code != SQLITE_ROW && code != SQLITE_DONE) {
            return code;
        }
    }
    return SQLITE_OK;
}

static int read_extent(sqlite3 *db, int64_t sweep, struct extent *ret)
{
    sqlite3_stmt *stmt;
    int code = sqlite3_prepare_v2(db,
                                  "SELECT first_trial, trials, queued, running, succeeded, reused"
                                  " FROM sweeps WHERE id = ?1",
                                  -1, &stmt, NULL);
    if (code != SQLITE_OK) {
        return code;
    }
    sqlite3_bind_int64(stmt, 1, sweep);
    *ret = (struct extent){0};
    code = sqlite3_step(stmt);
    if (code == SQLITE_ROW) {
        *ret = (struct extent){sqlite3_column_int64(stmt, 0), sqlite3_column_int64(stmt, 1),
                               sqlite3_column_int64(stmt, 2), sqlite3_column_int64(stmt, 3),
                               sqlite3_column_int64(stmt, 4), sqlite3_column_int64(stmt, 5)};
    }
    sqlite3_finalize(stmt);
    return code == SQLITE_ROW || code == SQLITE_DONE ? SQLITE_OK : code;
}

static int read_all(sqlite3 *db, const struct extent *extent, struct samples *ret)
{
    int64_t left = extent->queued + extent->running;
    sqlite3_stmt *stmt;
    int code = sqlite3_prepare_v2(db, TRIAL_SQL, -1, &stmt, NULL);
    if (code == SQLITE_OK) {
        /* Trials are handed out in order: what is done, and what runs, lies at the beginning. */
        code = read_samples(stmt, extent->first, extent->trials - extent->queued, ret);
    }
    if (code == SQLITE_OK) {
        code = read_samples(stmt, extent->first + extent->trials - left, left, ret);
    }
    sqlite3_finalize(stmt);
    return code;
}

/* ---- the function ---- */

static double estimate(const struct samples *samples, const struct extent *extent)
{
    double each = 0;
    for (size_t i = 0; i < samples->n_left; i++) {
        each += expect(samples, &samples->left[i].cell) / (double)samples->n_left;
    }
    /* A trial that runs is half done on the average. What is taken over costs nothing. */
    double trials = (double)extent->queued + 0.5 * (double)extent->running;
    double trained =
        extent->succeeded > 0 ? 1 - (double)extent->reused / (double)extent->succeeded : 1;
    return trials * each * trained / (double)extent->running;
}

static void seconds_left(sqlite3_context *context, int n, sqlite3_value **values)
{
    sqlite3 *db = sqlite3_context_db_handle(context);
    struct extent extent;
    int code = read_extent(db, sqlite3_value_int64(values[0]), &extent);
    (void)n;
    if (code != SQLITE_OK) {
        sqlite3_result_error_code(context, code);
        return;
    }
    if (extent.running == 0) {
        return; /* NULL */
    }
    struct samples *samples = calloc(1, sizeof(*samples));
    if (!samples) {
        sqlite3_result_error_nomem(context);
        return;
    }
    code = read_all(db, &extent, samples);
    if (code != SQLITE_OK) {
        sqlite3_result_error_code(context, code);
    } else if (samples->n_done > 0 && samples->n_left > 0) {
        sqlite3_result_double(context, estimate(samples, &extent));
    }
    free(samples);
}

int store_left_register(sqlite3 *db)
{
    return sqlite3_create_function(db, "seconds_left", 1, SQLITE_UTF8, NULL, seconds_left, NULL,
                                   NULL);
}
