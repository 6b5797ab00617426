#include "cli/population.h"

#include "cli/memory.h"
#include "cli/text.h"

#include <stdlib.h>
#include <string.h>

#define CELLS_NAMED 3

bool population_has(const json_t *trial)
{
    static const char *const counted[] = {"reached", "censored", "diverged"};
    const char *outcome = json_string_value(json_object_get(trial, "outcome"));

    for (size_t i = 0; outcome && i < sizeof(counted) / sizeof(*counted); i++) {
        if (strcmp(outcome, counted[i]) == 0) {
            return true;
        }
    }
    return false;
}

static long long sum_of(const json_t *rows, const char *key)
{
    long long sum = 0;
    size_t i;
    json_t *row;

    json_array_foreach(rows, i, row)
    {
        sum += json_integer_value(json_object_get(row, key));
    }
    return sum;
}

static const char *trials(long long n)
{
    return n == 1 ? "trial" : "trials";
}

static void print_counts(const json_t *rows, FILE *out)
{
    long long diverged = sum_of(rows, "diverged"), failed = sum_of(rows, "failed"),
              cancelled = sum_of(rows, "cancelled"), pending = sum_of(rows, "pending");

    if (diverged > 0) {
        fprintf(out, "%lld %s diverged: counted as never reaching the target\n", diverged,
                trials(diverged));
    }
    if (failed > 0) {
        fprintf(out, "%lld %s failed: in no figure here\n", failed, trials(failed));
    }
    if (cancelled > 0) {
        fprintf(out, "%lld %s cancelled: in no figure here\n", cancelled,
                cancelled == 1 ? "trial was" : "trials were");
    }
    if (pending > 0) {
        fprintf(out, "%lld %s not ended yet\n", pending,
                pending == 1 ? "trial has" : "trials have");
    }
}

/* "cell 0", "cells 0, 3, 4 and 2 more": those in which the column is mixed; NULL = none. */
static char *mixed_cells(const json_t *rows, const char *key)
{
    char *text = NULL;
    size_t n = 0, i;
    json_t *row;

    json_array_foreach(rows, i, row)
    {
        const char *value = json_string_value(json_object_get(row, key));
        if (!value || strcmp(value, "mixed") != 0) {
            continue;
        }
        if (n++ < CELLS_NAMED) {
            char *longer = text_format("%s%s%lld", text ? text : "", text ? ", " : "",
                                       json_integer_value(json_object_get(row, "cell")));
            free(text);
            text = longer;
        }
    }
    if (n == 0) {
        return NULL;
    }
    char *more = n > CELLS_NAMED ? text_format(" and %zu more", n - CELLS_NAMED) : must(strdup(""));
    char *whole = text_format("%s %s%s", n == 1 ? "cell" : "cells", text, more);
    free(text);
    free(more);
    return whole;
}

static void print_mixtures(const json_t *rows, FILE *out)
{
    static const struct {
        const char *key, *what;
    } mixtures[] = {
        {"trainer", "trainers: the numbers are not of one program"},
        {"kernel", "kernels: numbers differ by rounding, seconds by more"},
        {"cpu", "CPUs: seconds are not comparable"},
    };

    for (size_t i = 0; i < sizeof(mixtures) / sizeof(*mixtures); i++) {
        char *cells = mixed_cells(rows, mixtures[i].key);
        if (cells) {
            bool one = strncmp(cells, "cell ", 5) == 0;
            fprintf(out, "warning: %s %s %s\n", cells, one ? "mixes" : "mix", mixtures[i].what);
        }
        free(cells);
    }
}

void population_print(const json_t *rows, FILE *out)
{
    print_counts(rows, out);
    print_mixtures(rows, out);
}
