/*
 * Whether a sweep that a daemon has is the one that a person wants: the same cells with the same
 * seeds, and no result by a trainer that computes other numbers. Its name, its limits, and the
 * order of its axes are not asked about.
 */
#pragma once

#include "cli/client.h"

#include <stdbool.h>
#include <stdint.h>

struct same_question {
    struct client *client;
    const json_t *spec;  /* what is wanted */
    const char *trainer; /* its name and version, as in protocol.h */
};

struct same_answer {
    json_t *sweep;          /* the newest such one, a new reference; NULL = there is none */
    int64_t other_sweep;    /* the newest of the same cells by another trainer; 0 = none */
    char other_trainer[64]; /* that one's */
};

/* A sweep in which every trial failed says nothing of its trainer, and is none. *ret is written on
 * CLIENT_OK; a spec that is no sweep finds none. */
enum client_outcome same_find(const struct same_question *question, struct same_answer *ret,
                              struct error *error);

/* The same for one sweep: whether every result in it is of a trainer that agrees with the
 * question's. If not, the other's name is in ret_other. */
enum client_outcome same_trainers(const struct same_question *question, int64_t sweep,
                                  bool *ret_agree, char ret_other[64], struct error *error);
