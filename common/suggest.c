#include "common/suggest.h"

#include <stdbool.h>
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

/* What other programs of the kind call it, and the word for it here. */
static const struct {
    const char *typed, *meant;
} synonyms[] = {
    {"lr", "learning_rate"},
    {"rate", "learning_rate"},
    {"bs", "batch_size"},
    {"batch", "batch_size"},
    {"bn", "batch_norm"},
    {"batchnorm", "batch_norm"},
    {"layers", "depth"},
    {"units", "hidden_units"},
    {"hidden", "hidden_units"},
    {"epochs", "max_steps"},
    {"steps", "max_steps"},
    {"iterations", "max_steps"},
    {"target", "target_accuracy"},
    {"accuracy", "target_accuracy"},
    {"act", "activation"},
    {"opt", "optimizer"},
    {"init", "initializer"},
    {"eps", "epsilon"},
    {"seeds", "replicates"},
    {"repeat", "replicates"},
    {"jobs", "workers"},
    {"database", "db"},
    {"output", "format"},
    {"url", "daemon"},
    {"host", "daemon"},
    {"list", "status"},
    {"ls", "status"},
    {"ps", "status"},
    {"jobs", "status"},
    {"show", "results"},
    {"get", "results"},
    {"export", "results"},
    {"logs", "results"},
    {"log", "results"},
    {"tail", "watch"},
    {"follow", "watch"},
    {"stop", "cancel"},
    {"kill", "cancel"},
    {"abort", "cancel"},
    {"rm", "delete"},
    {"remove", "delete"},
    {"start", "run"},
    {"add", "submit"},
    {"create", "submit"},
    {"query", "sql"},
};

/* "learning-rate" is a flag and "learning_rate" a field. */
static bool same_word(const char *a, const char *b)
{
    for (; *a && (*a == *b || (*a == '-' && *b == '_')); a++, b++) {
    }
    return !*a && !*b;
}

static bool is_synonym(const char *typed, const char *word)
{
    for (size_t i = 0; i < sizeof(synonyms) / sizeof(*synonyms); i++) {
        if (strcmp(typed, synonyms[i].typed) == 0 && same_word(word, synonyms[i].meant)) {
            return true;
        }
    }
    return false;
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
    if (is_synonym(suggestion->typed, word)) {
        distance = 0;
    }
    if (distance < suggestion->distance) {
        suggestion->word = word;
        suggestion->distance = distance;
    }
}
