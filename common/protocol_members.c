#include "common/protocol_members.h"

#include <math.h>

const struct member measurement_members[] = {
    INT(measurement, step, true),         REAL(measurement, test_accuracy, true),
    REAL(measurement, train_loss, false), REAL(measurement, cpu_ms, true),
    REAL(measurement, wall_ms, true),     END,
};

const struct member layer_members[] = {
    INT(layer_stat, step, true),
    {"layer", sizeof("layer") - 1, MEMBER_LAYER, true, offsetof(struct layer_stat, layer), 0},
    REAL(layer_stat, gradient_rms, false),
    REAL(layer_stat, preactivation_gradient_rms, false),
    REAL(layer_stat, weight_rms, false),
    REAL(layer_stat, update_ratio, false),
    REAL(layer_stat, saturated, false),
    REAL(layer_stat, dead, false),
    REAL(layer_stat, preactivation_mean, false),
    REAL(layer_stat, preactivation_std, false),
    END,
};

const struct member result_members[] = {
    INT(trial_result, steps, true),
    INT(trial_result, steps_to_target, false),
    REAL(trial_result, seconds_to_target, false),
    REAL(trial_result, final_accuracy, true),
    REAL(trial_result, final_loss, false),
    REAL(trial_result, ms_per_step, false),
    TEXT(trial_result, weights_sha256, false),
    TEXT(trial_result, data_sha256, false),
    TEXT(trial_result, kernel, false),
    TEXT(trial_result, trainer, false),
    END,
};

const struct member failure_members[] = {
    TEXT(trial_failure, reason, true),
    {"retry", sizeof("retry") - 1, MEMBER_BOOL, false, offsetof(struct trial_failure, retry), 0},
    END,
};

void member_set_absent(const struct member *member, void *field)
{
    switch (member->type) {
    case MEMBER_INT:
        *(int64_t *)field = -1;
        break;
    case MEMBER_LAYER:
        *(int *)field = 0;
        break;
    case MEMBER_REAL:
        *(double *)field = NAN;
        break;
    case MEMBER_TEXT:
        *(char *)field = '\0';
        break;
    case MEMBER_BOOL:
        *(bool *)field = false;
        break;
    }
}
