/*
 * A disk that fails: an SQLite VFS around the usual one, which refuses or tears the n-th write or
 * sync from now on, and which can lose what was not synced when the power is cut.
 */
#pragma once

#include "common/rng.h"

#include <stdbool.h>

enum fault {
    FAULT_FULL,  /* ENOSPC */
    FAULT_IO,    /* EIO; of a sync too */
    FAULT_TORN,  /* half of a write arrives, then EIO */
    FAULT_POWER, /* nothing works any more until fault_vfs_power_on */
};

/* Makes it the default VFS of this process, without faults. */
void fault_vfs_install(void);
/* The nth write, sync or truncation from now on fails, and so do the `more` after it. */
void fault_vfs_arm(enum fault fault, int nth, int more);
/* No faults to come. Returns whether any has happened since it was armed. */
bool fault_vfs_disarm(void);

/* Cuts the power now. */
void fault_vfs_power_off(void);
/* After every connection is closed: of what was not synced, some sectors are lost, all, or none,
 * as the dice say; with `crash_only` none (the process died, the machine did not). */
void fault_vfs_power_on(struct rng *rng, bool crash_only);
