#include "common/protocol_members.h"

#include "common/utf8.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const struct member measurement_members[] = {
    INT(measurement, step, true),
    REAL(measurement, test_accuracy, true, MEMBER_SHARE),
    REAL(measurement, train_loss, false, MEMBER_ANY),
    REAL(measurement, cpu_ms, true, MEMBER_AMOUNT),
    REAL(measurement, wall_ms, true, MEMBER_AMOUNT),
    END,
};

const struct member layer_members[] = {
    INT(layer_stat, step, true),
    {"layer", sizeof("layer") - 1, MEMBER_LAYER, true, offsetof(struct layer_stat, layer), 0,
     MEMBER_ANY},
    REAL(layer_stat, gradient_rms, false, MEMBER_AMOUNT),
    REAL(layer_stat, preactivation_gradient_rms, false, MEMBER_AMOUNT),
    REAL(layer_stat, weight_rms, false, MEMBER_AMOUNT),
    REAL(layer_stat, update_ratio, false, MEMBER_AMOUNT),
    REAL(layer_stat, saturated, false, MEMBER_SHARE),
    REAL(layer_stat, dead, false, MEMBER_SHARE),
    REAL(layer_stat, preactivation_mean, false, MEMBER_ANY),
    REAL(layer_stat, preactivation_std, false, MEMBER_AMOUNT),
    END,
};

const struct member result_members[] = {
    INT(trial_result, steps, true),
    INT(trial_result, steps_to_target, false),
    REAL(trial_result, seconds_to_target, false, MEMBER_AMOUNT),
    REAL(trial_result, final_accuracy, true, MEMBER_SHARE),
    REAL(trial_result, final_loss, false, MEMBER_ANY),
    REAL(trial_result, ms_per_step, false, MEMBER_AMOUNT),
    TEXT(trial_result, weights_sha256, false, MEMBER_HASH),
    TEXT(trial_result, data_sha256, false, MEMBER_HASH),
    TEXT(trial_result, kernel, false, MEMBER_NAME),
    TEXT(trial_result, trainer, false, MEMBER_NAME),
    END,
};

const struct member failure_members[] = {
    TEXT(trial_failure, reason, true, MEMBER_PROSE),
    {"retry", sizeof("retry") - 1, MEMBER_BOOL, false, offsetof(struct trial_failure, retry), 0,
     MEMBER_ANY},
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

static int check_hash(const struct member *member, const char *text, struct error *error)
{
    if (!text[0] || (strlen(text) == SHA256_HEX_SIZE - 1 &&
                     strspn(text, "0123456789abcdef") == SHA256_HEX_SIZE - 1)) {
        return 0;
    }
    char shown[SHA256_HEX_SIZE];
    snprintf(shown, sizeof(shown), "%s", text);
    utf8_clean(shown, UTF8_NAME);
    return error_set(error, member->name, "%s must be %d digits of 0-9 and a-f, not \"%s\"",
                     member->name, SHA256_HEX_SIZE - 1, shown);
}

int member_check(const struct member *member, const void *field, struct error *error)
{
    switch (member->rule) {
    case MEMBER_AMOUNT:
        return *(const double *)field >= 0
                   ? 0
                   : error_set(error, member->name, "%s must be a number from 0, not %.15g",
                               member->name, *(const double *)field);
    case MEMBER_SHARE:
        return *(const double *)field >= 0 && *(const double *)field <= 1
                   ? 0
                   : error_set(error, member->name, "%s must be a number from 0 to 1, not %.15g",
                               member->name, *(const double *)field);
    case MEMBER_NAME:
        return utf8_is_fit(field, UTF8_NAME)
                   ? 0
                   : error_set(error, member->name, "%s must be a text without control characters",
                               member->name);
    case MEMBER_HASH:
        return check_hash(member, field, error);
    case MEMBER_ANY:
    case MEMBER_PROSE:
        break;
    }
    return 0;
}
