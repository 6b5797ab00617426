#include "common/engine.h"
#include "common/kernel_family.h"
#include "daemon/queue_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- twins: earlier cells of the same configuration ---- */

struct matching {
    struct queue *queue;
    struct queue_sweep *sweep;
    int64_t seen;
};

static int match_cell(void *arg, int64_t id, const struct trial_config *config)
{
    struct matching *matching = arg;
    struct store_sweep *row = &matching->sweep->row;
    row->unmatched = id;
    matching->seen++;
    int64_t cell = sweep_find_cell(matching->sweep->spec, config);
    return cell < 0 ? 0
                    : store_insert_twin(matching->queue->store,
                                        row->first_trial + cell * row->replicates, id);
}

/* Sweeps submitted earlier may still be on their way into the database. */
static bool earlier_are_written(const struct queue *queue, const struct queue_sweep *sweep)
{
    const struct queue_sweep *other;
    for (size_t at = 0; (other = id_map_next(&queue->memory.sweeps, &at));) {
        if (other->row.id < sweep->row.id && other->row.expanded < other->row.n_trials &&
            other->row.move != SWEEP_MOVE_DELETE) {
            return false;
        }
    }
    return true;
}

int queue_match(struct queue *queue, struct queue_sweep *sweep, int64_t budget)
{
    if (budget <= 0 || !earlier_are_written(queue, sweep)) {
        return 0;
    }
    struct matching matching = {.queue = queue, .sweep = sweep};
    int rc = store_visit_cells(queue->store, sweep->row.unmatched, budget, match_cell, &matching);
    if (rc == 0 && matching.seen < budget) {
        sweep->row.unmatched = 0;
    }
    return rc;
}

/* ---- results ---- */

static struct store_seeded seeded(const struct queue_sweep *sweep, int64_t trial)
{
    int64_t replicate = (trial - sweep->row.first_trial) % sweep->row.replicates;
    return (struct store_seeded){trial - replicate, sweep->row.seed + replicate};
}

int queue_find_offers(struct queue *queue, const struct queue_sweep *sweep, int64_t trial,
                      struct reuse_offers *ret)
{
    ret->n = 0;
    if (!sweep->row.reuse) {
        return 0;
    }
    struct store_seeded which = seeded(sweep, trial);
    return store_find_offers(queue->store, &which, ret);
}

int queue_take_over(struct queue *queue, const struct queue_lease *lease, int64_t from,
                    struct store_reused *ret)
{
    struct store_seeded which = seeded(lease->sweep, lease->trial);
    int rc = store_find_reused(queue->store, &which, from, ret);
    return rc == 0 ? store_copy_rows(queue->store, ret, lease->trial, lease->attempt) : rc;
}

/* ---- vouches ---- */

void queue_vouch(struct queue_worker_state *worker, const char *dataset,
                 const struct trial_result *result)
{
    struct queue_vouch *vouch = worker->vouch ? worker->vouch : malloc(sizeof(*vouch));
    if (!vouch) {
        return; /* it will be asked */
    }
    snprintf(vouch->dataset, sizeof(vouch->dataset), "%s", dataset);
    memcpy(vouch->trainer, result->trainer, sizeof(vouch->trainer));
    memcpy(vouch->kernel, result->kernel, sizeof(vouch->kernel));
    memcpy(vouch->data_sha256, result->data_sha256, sizeof(vouch->data_sha256));
    worker->vouch = vouch;
}

void queue_check_vouch(struct queue_worker_state *worker, const struct trial_result *result)
{
    const struct queue_vouch *vouch = worker->vouch;
    if (vouch && (!engine_trainers_always_agree(vouch->trainer, result->trainer) ||
                  !kernel_families_agree(vouch->kernel, result->kernel) ||
                  strcmp(vouch->data_sha256, result->data_sha256) != 0)) {
        free(worker->vouch);
        worker->vouch = NULL;
    }
}

const struct reuse_offer *queue_find_vouched(const struct queue_worker_state *worker,
                                             const struct queue_claim *claim)
{
    const struct queue_vouch *vouch = worker->vouch;
    /* A vouch names the trainer of what was taken over, which may be of an older engine than the
     * worker's: the same for most configurations, but for the others the worker is asked. */
    if (!vouch || strcmp(vouch->dataset, claim->config.dataset) != 0 ||
        engine_since(&claim->config) > 1) {
        return NULL;
    }
    const struct reuse_makers makers = {vouch->trainer, vouch->kernel, vouch->data_sha256};
    return reuse_offers_find(&claim->offers, &claim->config, &makers);
}
