/*
 * What a submission asks for and no training can show: fields that nothing reads (momentum with
 * adam), and more training samples than there are. Asked when a sweep is submitted, and not when
 * one is read back that was accepted before.
 */
#pragma once

#include "common/sweep.h"

/* What a configuration must have for this field to be read, in words; NULL where it always is. */
const char *effect_needs(enum config_field field);

/* Whether the trial depends on the field. */
bool effect_is_read(const struct trial_config *config, enum config_field field);

#define EFFECT_WARNING_SIZE 128

/* "momentum has no effect: it needs optimizer momentum or nesterov". */
void effect_warning(enum config_field field, char ret[EFFECT_WARNING_SIZE]);

/* Of a checked sweep. ERROR_INVALID with *error filled: an axis of several values that no cell
 * reads, or a train_size above what a data set that everybody has holds. 0: *ret_unread has bit
 * 1 << field for each field that was given one value and that no cell reads. Takes as long as
 * sweep_check at most. */
int effect_check(const struct sweep *sweep, uint32_t *ret_unread, struct error *error);
