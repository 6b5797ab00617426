/* Which earlier result stands for a training; the offers are in protocol.h. */
#include "common/engine.h"
#include "common/kernel_family.h"
#include "common/protocol.h"

#include <string.h>

const struct reuse_offer *reuse_offers_find(const struct reuse_offers *offers,
                                            const struct trial_config *config,
                                            const struct reuse_makers *makers)
{
    for (size_t i = 0; i < offers->n; i++) {
        const struct reuse_offer *offer = &offers->at[i];
        if (strcmp(offer->data_sha256, makers->data_sha256) == 0 &&
            kernel_families_agree(offer->kernel, makers->kernel) &&
            engine_trainers_agree(config, offer->trainer, makers->trainer)) {
            return offer;
        }
    }
    return NULL;
}
