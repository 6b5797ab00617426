/*
 * A game of the model test: the queue on a disk that fails, the model beside it, and the dice. What
 * is not an operation of the queue is here: faults planted inside operations, commits, restarts.
 */
#pragma once

#include "tests/queue_model.h"

#include "common/rng.h"

#define PLAY_MAYBES 8

/* What must have been played, each of it often: a test of what never happens tests nothing. */
enum happening {
    COMMIT,
    FAILED_COMMIT,
    RESTART,
    RESTART_MATCHING,
    RESTART_EXPANDING, /* the next three in the order of enum sweep_move */
    RESTART_CANCELLING,
    RESTART_RETRYING,
    RESTART_DELETING,
    KEY_REPEATED,
    KEY_MISMATCHED,
    KEY_OF_A_DELETED_SWEEP,
    PAUSED_WHILE_EXPANDING,
    RETRIED_FAILED_AND_CANCELLED,
    DELETED,
    OVERSLEPT,
    DEPARTED,
    GIVEN_BACK,
    TAKEN_OVER,
    SPARED,
    OFFER_REFUSED,
    REPORT_REFUSED,
    REPORTED_FOR_ANOTHER,
    CLAIMED_WITH_FULL_SLOTS,
    RAN_TOO_LONG,
    HAPPENINGS,
};
struct play {
    struct queue_fixture *f;
    struct rng rng;
    struct model model;               /* with what is not committed */
    struct model committed;           /* what the database must hold */
    struct model maybes[PLAY_MAYBES]; /* a crash may bring to light what failed to be committed */
    int n_maybes;                     /* since the last commit that did not fail */
    bool busy;                        /* slices are to be done: trials may not be there yet */
    int64_t workers[3];               /* 0 = to be registered */
    int slots[3];                     /* of them */
    char kernels[3];                  /* that the queue may know a worker trains with; 0 = none */
    int n[HAPPENINGS];
    bool fail_next; /* the next write of the queue hits a constraint */
    bool failed;    /* it has done so */
};

uint32_t play_dice(struct play *play, uint32_t n);

/* Each member but queue and dice at zero; the faults planted. */
void play_begin(struct play *play, struct queue_fixture *f, uint64_t seed);

/* Before an operation: memory that is stale will be loaded at this time. */
void play_settle(struct play *play);
/* After it: true when it was carried out or refused. A failure must be the one planted; memory will
 * be loaded anew. */
bool play_went_well(struct play *play, int rc);

/* Fails unless the committed database is the model's, and sound. */
void play_check(struct play *play);
void play_commit(struct play *play);
/* A disk that fails while the tick is committed: full, broken or torn, and then well again. */
void play_commit_on_a_bad_disk(struct play *play);
/* Ends in one of three ways: in order (but without a commit), killed, or without power. */
void play_restart(struct play *play);
