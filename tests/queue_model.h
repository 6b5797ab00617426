/*
 * The queue as it should behave, in the simplest form: arrays, loops, no database. Every function
 * says what must hold before or must be true after an operation; a breach fails the test.
 */
#pragma once

#include "tests/queue_fixture.h"

#include "daemon/store_write.h"

#define MODEL_SWEEPS 40
#define MODEL_TRIALS 1000
#define MODEL_ATTEMPTS 32 /* of a trial */

struct model_trial {
    int sweep; /* index */
    enum trial_state state;
    int attempt, spent;
    int64_t worker;                  /* of the latest attempt */
    int64_t workers[MODEL_ATTEMPTS]; /* of attempt - 1 */
    bool reached;
    int64_t trained;                            /* succeeded: the trial that was trained for it */
    char kernel;                                /* likewise: made with which */
    int64_t deadline_ms;                        /* running */
    int64_t end_ms;                             /* running: when it has run too long; 0 = never */
    int64_t earliest_ms, latest_ms;             /* queued: when a back-off ends; 0 = none */
    enum attempt_state history[MODEL_ATTEMPTS]; /* of attempt - 1 */
};

struct model_sweep {
    enum sweep_state state;
    int priority, max_running, max_attempts, max_seconds, first, n;
    int replicates, seed; /* cell i is the same configuration in every sweep */
    bool reuse;
    int key, body; /* of the submission; key 0 = none */
    bool deleted;
};

struct model {
    int64_t lease_ms;
    struct model_sweep sweeps[MODEL_SWEEPS];
    struct model_trial trials[MODEL_TRIALS]; /* by id - 1 */
    int n_sweeps, n_trials;
};

/* What the queue does when it reads its memory from the database anew. */
void model_reload(struct model *model, int64_t now_ms);
void model_submit(struct model *model, const struct model_sweep *sweep);
/* The sweep that was submitted with this key; -1 = none, or it is deleted. */
int model_find_key(const struct model *model, int key);
/* Checks that the trial may be claimed. With `in_turn` (every trial is where it counts) also that
 * no sweep of higher priority had one. */
void model_claim(struct model *model, int64_t worker, const struct queue_claim *claim,
                 int64_t now_ms, bool in_turn);
/* How many could be claimed: at least, and at most (back-offs have jitter). */
void model_claimable(const struct model *model, int64_t now_ms, int *ret_least, int *ret_most);
/* Whether a report of so many items is refused as a whole: something in it cannot be. */
bool model_refuses(const struct model *model, int64_t worker, const struct report *reports,
                   size_t n);
/* How many trials the worker holds. */
int model_held(const struct model *model, int64_t worker);
/* Applies a report and returns the status it must get. */
enum report_status model_report(struct model *model, int64_t worker, const struct report *report,
                                int64_t now_ms, const struct queue_options *options);
/* Whether the trial may take over what `from` came to. */
bool model_may_take(const struct model *model, int64_t trial, int64_t from);
/* Checks the offers of a claim; `busy`: some may be of a sweep on its way out. */
void model_check_offers(const struct model *model, const struct queue_claim *claim, bool busy);
/* The next attempt of the trial ended at once, with the result that `trained` came to. */
void model_spare(struct model *model, int64_t trial, int64_t trained, int64_t now_ms, bool busy);

/* Every lease whose time has come ends, and every attempt that has run too long; returns how many
 * of the latter. */
int model_expire(struct model *model, int64_t now_ms, const struct queue_options *options);
/* Returns how many trials it gives back. */
int model_depart(struct model *model, int64_t worker);
/* The daemon was asleep: every lease starts afresh. */
void model_oversleep(struct model *model, int64_t now_ms);
/* As queue_act: 0 with the number of trials moved, or an enum queue_outcome. */
int model_act(struct model *model, int sweep, enum queue_action action, int *ret_moved);
/* NULL, or what of the committed database differs from the model; `busy`: what is deleted may still
 * be on its way out. */
const char *model_differs(const struct model *model, struct queue_fixture *f, bool busy);
