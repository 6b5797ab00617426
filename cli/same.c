#include "cli/same.h"

#include "cli/memory.h"
#include "cli/sweeps.h"
#include "common/engine.h"
#include "common/sweep_json.h"

#include <stdio.h>
#include <string.h>

/* ---- cells ---- */

/* NULL where it is no sweep. It can be asked for a cell. */
static struct sweep *read_sweep(const json_t *spec)
{
    json_t *copy = must(json_copy((json_t *)spec));
    struct sweep *sweep = NULL;
    struct error error;

    must_do(json_object_set_new(copy, "reuse", json_true())); /* keeps the index of its cells */
    if (sweep_from_json(copy, &sweep, &error) != 0) {
        sweep = NULL;
    }
    json_decref(copy);
    return sweep;
}

static bool has_size_of(const json_t *shown, const struct sweep *sweep)
{
    return json_integer_value(json_object_get(shown, "cells")) == sweep->n_cells &&
           json_integer_value(json_object_get(shown, "replicates")) == sweep->replicates &&
           json_integer_value(json_object_get(shown, "seed")) == sweep->seed;
}

/* Two of one size: no sweep has a cell twice. */
static bool same_cells(const struct sweep *a, const struct sweep *b)
{
    for (int64_t cell = 0; cell < b->n_cells; cell++) {
        struct trial_config config;
        sweep_cell(b, cell, &config);
        if (sweep_find_cell(a, &config) < 0) {
            return false;
        }
    }
    return true;
}

/* ---- trainers ---- */

static bool agrees(const json_t *trial, const char *trainer)
{
    const char *by = json_string_value(json_object_get(trial, "trainer"));
    struct trial_config config;

    return by && config_from_json(json_object_get(trial, "config"), &config, NULL) == 0 &&
           engine_trainers_agree(&config, by, trainer);
}

enum client_outcome same_trainers(const struct same_question *question, int64_t sweep,
                                  bool *ret_agree, char ret_other[64], struct error *error)
{
    int64_t after = 0;

    *ret_agree = true;
    do {
        char path[128];
        json_t *page, *trial;
        size_t i;
        snprintf(path, sizeof(path), "/v1/trials?sweep=%lld&state=succeeded&limit=1000&after=%lld",
                 (long long)sweep, (long long)after);
        enum client_outcome outcome = client_get(question->client, path, &page, error);
        if (outcome != CLIENT_OK) {
            return outcome;
        }
        json_array_foreach(json_object_get(page, "trials"), i, trial)
        {
            if (*ret_agree && !agrees(trial, question->trainer)) {
                const char *by = json_string_value(json_object_get(trial, "trainer"));
                *ret_agree = false;
                snprintf(ret_other, 64, "%s", by ? by : "an unknown trainer");
            }
        }
        after = json_integer_value(json_object_get(page, "next"));
        json_decref(page);
    } while (*ret_agree && after > 0);
    return CLIENT_OK;
}

/* ---- search ---- */

static bool says_nothing_of_its_trainer(const json_t *shown)
{
    return json_integer_value(json_object_get(shown, "succeeded")) == 0 &&
           json_integer_value(json_object_get(shown, "failed")) > 0;
}

/* One of the right size. It may just be deleted: then it is none. */
static enum client_outcome look_at(const struct same_question *question, const struct sweep *wanted,
                                   int64_t id, struct same_answer *ret, struct error *error)
{
    char path[64], other[64];
    json_t *shown;
    bool agree;

    snprintf(path, sizeof(path), "/v1/sweeps/%lld", (long long)id);
    enum client_outcome outcome = client_get(question->client, path, &shown, error);
    if (outcome != CLIENT_OK) {
        return outcome == CLIENT_REFUSED ? CLIENT_OK : outcome;
    }
    struct sweep *sweep = read_sweep(json_object_get(shown, "spec"));
    if (sweep && same_cells(wanted, sweep) && !says_nothing_of_its_trainer(shown)) {
        outcome = same_trainers(question, id, &agree, other, error);
        if (outcome == CLIENT_OK && agree) {
            ret->sweep = json_incref(shown);
        } else if (outcome == CLIENT_OK && ret->other_sweep == 0) {
            ret->other_sweep = id;
            memcpy(ret->other_trainer, other, sizeof(other));
        }
    }
    sweep_destroy(sweep);
    json_decref(shown);
    return outcome;
}

enum client_outcome same_find(const struct same_question *question, struct same_answer *ret,
                              struct error *error)
{
    struct sweep *wanted = read_sweep(question->spec);
    struct same_answer answer = {0};
    enum client_outcome outcome = CLIENT_OK;
    int64_t after = 0;

    while (wanted && outcome == CLIENT_OK && !answer.sweep && after >= 0) {
        char path[96];
        json_t *page, *shown;
        size_t i;
        snprintf(path, sizeof(path), "/v1/sweeps?limit=1000&after=%lld", (long long)after);
        outcome = client_get(question->client, path, &page, error);
        if (outcome != CLIENT_OK) {
            break;
        }
        json_array_foreach(json_object_get(page, "sweeps"), i, shown)
        {
            if (outcome == CLIENT_OK && !answer.sweep && has_size_of(shown, wanted)) {
                outcome = look_at(question, wanted, sweeps_id(shown), &answer, error);
            }
        }
        const json_t *next = json_object_get(page, "next");
        after = json_is_integer(next) ? json_integer_value(next) : -1;
        json_decref(page);
    }
    sweep_destroy(wanted);
    if (outcome == CLIENT_OK) {
        *ret = answer;
    } else {
        json_decref(answer.sweep);
    }
    return outcome;
}
