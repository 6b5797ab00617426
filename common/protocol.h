/*
 * What is said about a trial between trainer, worker and daemon: the structs, and their JSON both
 * ways, side by side so that the two ends cannot drift apart. docs/trainer-protocol.md and
 * docs/http-api.md are the same in prose.
 *
 *     ninety-trainer --lines on a pipe--> ninety-worker --POST /v1/reports--> ninetyd
 */
#pragma once

#include "common/config.h"
#include "common/error.h"
#include "common/hash.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROTOCOL_VERSION 1 /* of trainers' lines */

/* Of what workers and daemon say to each other. Since 2 a registration has a secret, which the
 * worker shows with each claim, report and departure: so a lease belongs to who was given it. */
#define WORKER_PROTOCOL_VERSION 2

#define WORKER_SECRET_SIZE 65 /* 64 digits of 0-9 and a-f and the NUL */

/* Who speaks. */
struct worker_badge {
    int64_t worker;
    char secret[WORKER_SECRET_SIZE]; /* "" = none: it registered with version 1; NULs behind it */
};

/* A number that may be absent is NAN (double) or -1 (integer); JSON leaves it out. */

struct measurement {
    int64_t step;
    double test_accuracy; /* 0..1 */
    double train_loss;    /* of the batch of that step; NAN at step 0 */
    double cpu_ms;        /* CPU time of the training thread so far, evaluation left out */
    double wall_ms;       /* wall time so far, evaluation left out */
};

struct layer_stat {
    int64_t step;
    int layer;                         /* 0 = first hidden layer ... n_hidden = the logits */
    double gradient_rms;               /* d loss / d weights */
    double preactivation_gradient_rms; /* d loss / d pre-activation */
    double weight_rms;
    double update_ratio; /* |update| / |weights|, as RMS */
    double saturated;    /* share of units outside 0.98 of the range; NAN where unbounded */
    double dead;         /* share of units never active in the batch; NAN but for ReLU */
    double preactivation_mean, preactivation_std;
};

struct trial_result {
    int64_t steps;            /* taken in all */
    int64_t steps_to_target;  /* -1 = censored */
    double seconds_to_target; /* CPU seconds of training; NAN = censored */
    double final_accuracy;
    double final_loss;                    /* NAN when no step was taken */
    double ms_per_step;                   /* CPU milliseconds */
    char weights_sha256[SHA256_HEX_SIZE]; /* "" = not told (a foreign trainer may leave it out) */
    char data_sha256[SHA256_HEX_SIZE];    /* "" likewise */
    char kernel[32];                      /* e.g. "SkylakeX"; "" = unknown */
    char trainer[64];                     /* e.g. "ninety-trainer 0.1.0" */
};

struct trial_failure {
    char reason[512];
    bool retry; /* false: another attempt would fail the same way (bad data, diverged) */
};

/* Whether a reason says that the network diverged, "diverged at step N...": then the trial is no
 * failure of the machine, and counts as one that will never reach its target. */
bool trial_failure_is_divergence(const char *reason);

enum report_end { REPORT_CONTINUES, REPORT_DONE, REPORT_FAILED, REPORT_RELEASED, REPORT_REUSED };

/* One item of POST /v1/reports. */
struct report {
    int64_t trial;
    int64_t attempt; /* the attempt's number, 1.. */
    struct measurement *measurements;
    size_t n_measurements;
    struct layer_stat *layers;
    size_t n_layers;
    enum report_end end;
    struct trial_result result;   /* REPORT_DONE */
    struct trial_failure failure; /* REPORT_FAILED */
    int64_t reused_from;          /* REPORT_REUSED: the trial of the offer that fits */
};

enum report_status { REPORT_OK, REPORT_LEASE_LOST, REPORT_CANCELLED };
const char *report_status_name(enum report_status status);
/* -1 when it is no status. */
int report_status_by_name(const char *name);

/* New reference; NULL only when out of memory. */
json_t *report_to_json(const struct report *report);
/* Allocates the arrays; free with report_clear. ERROR_INVALID names the field. */
int report_from_json(const json_t *object, struct report *ret, struct error *error);
void report_clear(struct report *report);

/* The whole body of POST /v1/reports from text, many times faster than by way of json_t: takes what
 * workers usually send, and returns false for everything else, good or bad (escapes, unknown
 * members, a member twice, a wrong type, no memory): then json_t's way is to be gone, which knows
 * everything and explains. True: *ret_reports is malloc'd, each to be cleared. */
bool reports_scan(const char *text, size_t size, struct worker_badge *ret_badge,
                  struct report **ret_reports, size_t *ret_n);

/* ---- reuse ---- */

/* An earlier result of the same configuration and seed, and what it was made with. It stands for
 * another training only if the same trainer would train on the same data with the same kernel,
 * which the worker alone knows: so the daemon offers with the claim, and the worker decides. */
struct reuse_offer {
    int64_t trial;
    char trainer[64], kernel[32], data_sha256[SHA256_HEX_SIZE]; /* none is "" */
};

#define REUSE_MAX_OFFERS 4 /* with one claim */

struct reuse_offers {
    size_t n;
    struct reuse_offer at[REUSE_MAX_OFFERS];
};

/* A list; new reference, NULL only when out of memory. */
json_t *reuse_offers_to_json(const struct reuse_offers *offers);
/* What is no list of offers is none, and so is what goes beyond REUSE_MAX_OFFERS: without an offer
 * a trial is trained, which is never wrong. */
void reuse_offers_from_json(const json_t *list, struct reuse_offers *ret);

/* What a trial would be trained with. */
struct reuse_makers {
    const char *trainer, *kernel, *data_sha256;
};

/* The offer that is as good as training this configuration with these: the same data, a trainer and
 * a kernel that give the same numbers (engine.h, kernel_family.h); NULL = there is none. */
const struct reuse_offer *reuse_offers_find(const struct reuse_offers *offers,
                                            const struct trial_config *config,
                                            const struct reuse_makers *makers);

/* ---- the trainer's lines ---- */

/* The worker's line: one trial to train. */
struct trainer_job {
    int64_t trial, attempt;
    struct trial_config config;
    char data_dir[512];                /* holds the four plain IDX files */
    char data_sha256[SHA256_HEX_SIZE]; /* "" = unknown; handed back in the result */
};

/* Texts end in "\n"; malloc'd, the caller frees; NULL only when out of memory. */
char *trainer_job_to_line(const struct trainer_job *job);
int trainer_job_from_line(const char *line, struct trainer_job *ret, struct error *error);

enum trainer_event_type {
    TRAINER_READY,       /* {"type":"ready","protocol":1,"trainer":"...","kernel":"..."} */
    TRAINER_MEASUREMENT, /* {"type":"measurement","trial":..,"attempt":..,"step":..., ...} */
    TRAINER_LAYER,       /* {"type":"layer",...} */
    TRAINER_DONE,        /* {"type":"done",...} */
    TRAINER_FAILED,      /* {"type":"failed","reason":"...","retry":false} */
    TRAINER_STEP,        /* {"type":"step",...,"step":..}: it is alive, and no more */
};

struct trainer_event {
    enum trainer_event_type type;
    int64_t trial, attempt; /* all but ready */
    int64_t protocol;       /* ready */
    char trainer[64];       /* ready */
    char kernel[32];        /* ready */
    struct measurement measurement;
    struct layer_stat layer;
    struct trial_result result;
    struct trial_failure failure;
    int64_t step; /* step */
};

char *trainer_event_to_line(const struct trainer_event *event);
int trainer_event_from_line(const char *line, struct trainer_event *ret, struct error *error);
