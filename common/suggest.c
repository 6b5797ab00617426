#include "common/suggest.h"

#include <string.h>

#define LONGEST_WORD 40

static size_t min2(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t suggest_distance(const char *a, const char *b)
{
    size_t n = strlen(a), m = strlen(b);
    size_t d[LONGEST_WORD + 1][LONGEST_WORD + 1]; /* d[i][j]: first i letters of a, j of b */

    if (n > LONGEST_WORD || m > LONGEST_WORD) {
        return n + m;
    }
    for (size_t i = 0; i <= n; i++) {
        for (size_t j = 0; j <= m; j++) {
            if (i == 0 || j == 0) {
                d[i][j] = i + j;
                continue;
            }
            size_t replaced = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            d[i][j] = min2(replaced, min2(d[i - 1][j], d[i][j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                d[i][j] = min2(d[i][j], d[i - 2][j - 2] + 1);
            }
        }
    }
    return d[n][m];
}

void suggest_begin(struct suggestion *suggestion, const char *typed)
{
    /* Near enough: a third of the letters wrong, and at least one may be. */
    size_t tolerated = strlen(typed) / 3;

    *suggestion = (struct suggestion){typed, NULL, (tolerated ? tolerated : 1) + 1};
}

void suggest_offer(struct suggestion *suggestion, const char *word)
{
    size_t distance = suggest_distance(suggestion->typed, word);
    size_t typed_length = strlen(suggestion->typed);

    /* What was typed so far may just be short: "sub" for submit. */
    if (typed_length >= 3 && strncmp(word, suggestion->typed, typed_length) == 0) {
        distance = 1;
    }
    if (distance < suggestion->distance) {
        suggestion->word = word;
        suggestion->distance = distance;
    }
}
