#include "daemon/metrics.h"

#include "common/decimal.h"

#include <stdio.h>

/* A commit is a fraction of a millisecond on flash, and tens of them on a turning disk. */
static const double bounds_s[METRICS_BUCKETS] = {0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01,
                                                 0.025,   0.05,   0.1,   0.25,   1,     2.5};

void metrics_family(struct json_out *out, const char *name, const char *type, const char *help)
{
    json_out_format(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

void metrics_sample(struct json_out *out, const char *name, const char *label, const char *value,
                    double number)
{
    char text[DECIMAL_SIZE];
    decimal_shortest(number, text);
    if (label != NULL) {
        json_out_format(out, "%s{%s=\"%s\"} %s\n", name, label, value, text);
    } else {
        json_out_format(out, "%s %s\n", name, text);
    }
}

void metrics_gauge(struct json_out *out, const char *name, const char *help, double number)
{
    metrics_family(out, name, "gauge", help);
    metrics_sample(out, name, NULL, NULL, number);
}

void metrics_counter(struct json_out *out, const char *name, const char *help, double number)
{
    metrics_family(out, name, "counter", help);
    metrics_sample(out, name, NULL, NULL, number);
}

void metrics_observe(struct metrics_histogram *histogram, double seconds)
{
    int bucket = 0;
    while (bucket < METRICS_BUCKETS && seconds > bounds_s[bucket]) {
        bucket++;
    }
    histogram->counts[bucket]++;
    histogram->sum_s += seconds;
}

void metrics_histogram(struct json_out *out, const char *name, const char *help,
                       const struct metrics_histogram *histogram)
{
    char part[128], bound[DECIMAL_SIZE];
    uint64_t n = 0;
    metrics_family(out, name, "histogram", help);
    snprintf(part, sizeof part, "%s_bucket", name);
    for (int i = 0; i < METRICS_BUCKETS; i++) {
        n += histogram->counts[i];
        decimal_shortest(bounds_s[i], bound);
        metrics_sample(out, part, "le", bound, (double)n);
    }
    n += histogram->counts[METRICS_BUCKETS];
    metrics_sample(out, part, "le", "+Inf", (double)n);
    snprintf(part, sizeof part, "%s_sum", name);
    metrics_sample(out, part, NULL, NULL, histogram->sum_s);
    snprintf(part, sizeof part, "%s_count", name);
    metrics_sample(out, part, NULL, NULL, (double)n);
}
