/*
 * Figures as Prometheus reads them: its text format, version 0.0.4. A family is one head and then
 * its samples.
 */
#pragma once

#include "daemon/json_out.h"

#include <stdint.h>

#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* `type` is gauge, counter or histogram; `help` is one line without backslashes. */
void metrics_family(struct json_out *out, const char *name, const char *type, const char *help);

/* One sample; `label` NULL = it has none. Label values are plain words. */
void metrics_sample(struct json_out *out, const char *name, const char *label, const char *value,
                    double number);

/* A family with one sample. */
void metrics_gauge(struct json_out *out, const char *name, const char *help, double number);
void metrics_counter(struct json_out *out, const char *name, const char *help, double number);

#define METRICS_BUCKETS 12

/* How long something took, as counts in buckets from 0.25 ms to 2.5 s. All zero at first. */
struct metrics_histogram {
    uint64_t counts[METRICS_BUCKETS + 1]; /* the last: longer than all */
    double sum_s;
};

void metrics_observe(struct metrics_histogram *histogram, double seconds);

/* The whole family. */
void metrics_histogram(struct json_out *out, const char *name, const char *help,
                       const struct metrics_histogram *histogram);
