/*
 * What of a trial can be believed: the rules between the values of an attempt, one after the other
 * as they come. Whoever takes such values in goes by them: the worker for its trainers' lines, the
 * daemon for workers' reports, and schema/check.sql says them again for what is in the database.
 * (What each value must be by itself, protocol_members.h says, and the parsers see to it.)
 *
 * The steps of measurements rise, and so do those of layer statistics, and within a step the
 * layers. No step is above max_steps. A result's steps_to_target lies behind the last measurement
 * below the target and not behind the first that reaches it; where no measurement reaches it,
 * final_accuracy does. A result without steps_to_target has no accuracy that reaches the target.
 */
#pragma once

#include "common/protocol.h"

/* What the rules need to know of a trial. */
struct report_terms {
    double target_accuracy;
    int32_t max_steps, n_hidden;
};
struct report_terms report_terms_of(const struct trial_config *config);

/* What has been heard of an attempt. */
struct report_past {
    int32_t step;         /* last measured; -1 = none */
    int32_t below_step;   /* the last one below the target, up to where it is reached; -1 = none */
    int32_t reached_step; /* the first one that reaches the target; -1 = none */
    int32_t layer_step;   /* of the last layer statistics; -1 = none */
    int32_t layer;
};
#define REPORT_NOTHING_PAST ((struct report_past){-1, -1, -1, -1, -1})

/* Takes note of a measurement, or of all rows of a report, that were let in; what is past already
 * is passed over. */
void report_past_add(struct report_past *past, const struct report_terms *terms,
                     const struct measurement *measurement);
void report_past_take(struct report_past *past, const struct report_terms *terms,
                      const struct report *report);

/* Each: 0, and *past is moved on; or ERROR_INVALID with the member and its value named. */
int report_check_measurement(const struct measurement *measurement,
                             const struct report_terms *terms, struct report_past *past,
                             struct error *error);
int report_check_layer(const struct layer_stat *layer, const struct report_terms *terms,
                       struct report_past *past, struct error *error);
/* The whole of an attempt is past. */
int report_check_result(const struct trial_result *result, const struct report_terms *terms,
                        const struct report_past *past, struct error *error);

/* How many rows of a report, its first ones, are there already, the report being sent again. */
struct report_repeated {
    size_t measurements, layers;
};

/* All that a report says, but for what is repeated. */
int report_check(const struct report *report, const struct report_terms *terms,
                 const struct report_repeated *repeated, const struct report_past *past,
                 struct error *error);
