/*
 * "Did you mean": the word nearest to a mistyped one, by the number of letters to insert, delete,
 * replace or swap with a neighbour (Damerau 1964, optimal string alignment); before that, the word
 * for what other programs call it ("lr").
 */
#pragma once

#include <stddef.h>

struct suggestion {
    const char *typed;
    const char *word; /* the nearest so far; NULL while none is near enough */
    size_t distance;
};

/* `typed` must outlive the suggestion. */
void suggest_begin(struct suggestion *suggestion, const char *typed);
void suggest_offer(struct suggestion *suggestion, const char *word);

size_t suggest_distance(const char *a, const char *b);
