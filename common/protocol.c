#include "common/protocol.h"

#include "common/json_number.h"
#include "common/json_print.h"
#include "common/protocol_members.h"
#include "common/utf8.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static json_t *member_to_json(const struct member *member, const void *field)
{
    switch (member->type) {
    case MEMBER_INT: {
        int64_t integer = *(const int64_t *)field;
        return integer < 0 ? NULL : json_integer(integer);
    }
    case MEMBER_LAYER:
        return json_integer(*(const int *)field);
    case MEMBER_REAL: {
        double real = *(const double *)field;
        return isfinite(real) ? json_real(real) : NULL;
    }
    case MEMBER_TEXT:
        return *(const char *)field || member->required ? json_string(field) : NULL;
    case MEMBER_BOOL:
        return json_boolean(*(const bool *)field);
    }
    return NULL;
}

int members_to_json(const struct member *members, const void *data, json_t *object)
{
    for (const struct member *m = members; m->name; m++) {
        json_t *value = member_to_json(m, (const char *)data + m->offset);
        if (value && json_object_set_new(object, m->name, value) != 0) {
            return -1;
        }
    }
    return 0;
}

static int integer_from_json(const struct member *member, const json_t *json, int64_t most,
                             int64_t *ret, struct error *error)
{
    char text[JSON_PRINT_SHORT_SIZE];
    if (json_number_integral(json, ret) && *ret >= 0 && *ret <= most) {
        return 0;
    }
    json_print_short(json, text);
    return most == INT64_MAX
               ? error_set(error, member->name, "%s must be an integer from 0, not %s",
                           member->name, text)
               : error_set(error, member->name, "%s must be an integer from 0 to %lld, not %s",
                           member->name, (long long)most, text);
}

static int text_from_json(const struct member *member, const json_t *json, char *field,
                          struct error *error)
{
    size_t length = json_string_length(json);
    if (member->rule == MEMBER_PROSE && length >= member->size) {
        length = utf8_cut(json_string_value(json), member->size - 1);
    }
    if (!json_is_string(json) || length >= member->size ||
        strlen(json_string_value(json)) < length) {
        char text[JSON_PRINT_SHORT_SIZE];
        return error_set(error, member->name, "%s must be a text of at most %zu bytes, not %s",
                         member->name, member->size - 1, json_print_short(json, text));
    }
    memcpy(field, json_string_value(json), length);
    field[length] = '\0';
    return 0;
}

static int value_from_json(const struct member *member, const json_t *json, void *field,
                           struct error *error)
{
    int64_t integer = 0;
    int rc = 0;
    switch (member->type) {
    case MEMBER_INT:
        rc = integer_from_json(member, json, INT64_MAX, &integer, error);
        *(int64_t *)field = integer;
        return rc;
    case MEMBER_LAYER:
        rc = integer_from_json(member, json, CONFIG_MAX_LAYERS, &integer, error);
        *(int *)field = (int)integer;
        return rc;
    case MEMBER_REAL:
        if (!json_is_number(json)) {
            char text[JSON_PRINT_SHORT_SIZE];
            return error_set(error, member->name, "%s must be a number, not %s", member->name,
                             json_print_short(json, text));
        }
        *(double *)field = json_number_value(json);
        return 0;
    case MEMBER_TEXT:
        return text_from_json(member, json, field, error);
    case MEMBER_BOOL:
        if (!json_is_boolean(json)) {
            return error_set(error, member->name, "%s must be true or false", member->name);
        }
        *(bool *)field = json_is_true(json);
        return 0;
    }
    return ERROR_INVALID;
}

static int member_from_json(const struct member *member, const json_t *json, void *field,
                            struct error *error)
{
    int rc = value_from_json(member, json, field, error);
    return rc == 0 ? member_check(member, field, error) : rc;
}

int members_from_json(const struct member *members, const json_t *object, void *data,
                      struct error *error)
{
    if (!json_is_object(object)) {
        return error_set(error, NULL, "must be a JSON object");
    }
    for (const struct member *m = members; m->name; m++) {
        void *field = (char *)data + m->offset;
        const json_t *json = json_object_get(object, m->name);
        member_set_absent(m, field);
        if (!json || json_is_null(json)) {
            if (m->required) {
                return error_set(error, m->name, "%s is missing", m->name);
            }
            continue;
        }
        int rc = member_from_json(m, json, field, error);
        if (rc != 0) {
            return rc;
        }
    }
    return 0;
}

/* ---- reports ---- */

static const char *const status_names[] = {"ok", "lease_lost", "cancelled"};

const char *report_status_name(enum report_status status)
{
    return status_names[status];
}

bool trial_failure_is_divergence(const char *reason)
{
    static const char words[] = "diverged at step ";
    size_t n = sizeof(words) - 1;
    return strncmp(reason, words, n) == 0 && isdigit((unsigned char)reason[n]);
}

int report_status_by_name(const char *name)
{
    for (int i = 0; i <= REPORT_CANCELLED; i++) {
        if (strcmp(name, status_names[i]) == 0) {
            return i;
        }
    }
    return -1;
}

/* Appends `n` structs of `size` bytes to object[name]. */
static int list_to_json(json_t *object, const char *name, const struct member *members,
                        const void *items, size_t n, size_t size)
{
    if (n == 0) {
        return 0;
    }
    json_t *list = json_array();
    if (json_object_set_new(object, name, list) != 0) {
        return -1;
    }
    for (size_t i = 0; i < n; i++) {
        json_t *item = json_object();
        if (json_array_append_new(list, item) != 0 ||
            members_to_json(members, (const char *)items + i * size, item) != 0) {
            return -1;
        }
    }
    return 0;
}

static int struct_to_json(json_t *object, const char *name, const struct member *members,
                          const void *data)
{
    json_t *inner = json_object();
    if (json_object_set_new(object, name, inner) != 0) {
        return -1;
    }
    return members_to_json(members, data, inner);
}

static int end_to_json(const struct report *report, json_t *object)
{
    switch (report->end) {
    case REPORT_CONTINUES:
        return 0;
    case REPORT_DONE:
        return struct_to_json(object, "done", result_members, &report->result);
    case REPORT_FAILED:
        return struct_to_json(object, "failed", failure_members, &report->failure);
    case REPORT_RELEASED:
        return json_object_set_new(object, "released", json_true());
    case REPORT_REUSED:
        return json_object_set_new(object, "reused_from", json_integer(report->reused_from));
    }
    return -1;
}

json_t *report_to_json(const struct report *report)
{
    json_t *object = json_object();
    if (json_object_set_new(object, "trial", json_integer(report->trial)) != 0 ||
        json_object_set_new(object, "attempt", json_integer(report->attempt)) != 0 ||
        list_to_json(object, "measurements", measurement_members, report->measurements,
                     report->n_measurements, sizeof(*report->measurements)) != 0 ||
        list_to_json(object, "layers", layer_members, report->layers, report->n_layers,
                     sizeof(*report->layers)) != 0 ||
        end_to_json(report, object) != 0) {
        json_decref(object);
        return NULL;
    }
    return object;
}

/* Reads object[name], a list of structs of `size` bytes, into a malloc'd array. */
static int list_from_json(const json_t *object, const char *name, const struct member *members,
                          size_t size, void **ret_items, size_t *ret_n, struct error *error)
{
    const json_t *list = json_object_get(object, name);
    if (!list || json_is_null(list)) {
        return 0;
    }
    if (!json_is_array(list)) {
        return error_set(error, name, "%s must be a list", name);
    }
    size_t n = json_array_size(list);
    if (n == 0) {
        return 0;
    }
    char *items = calloc(n, size);
    if (!items) {
        return error_set(error, name, "%s is too long for the memory there is", name);
    }
    for (size_t i = 0; i < n; i++) {
        if (members_from_json(members, json_array_get(list, i), items + i * size, error) != 0) {
            char at[64];
            snprintf(at, sizeof(at), "%s[%zu]", name, i);
            free(items);
            return error_prefix(error, at);
        }
    }
    *ret_items = items;
    *ret_n = n;
    return 0;
}

static int id_from_json(const json_t *object, const char *name, int64_t *ret, struct error *error)
{
    const json_t *json = json_object_get(object, name);
    int64_t integer;
    if (!json_number_integral(json, &integer) || integer < 1) {
        return error_set(error, name, "%s must be an integer from 1", name);
    }
    *ret = integer;
    return 0;
}

/* A worker cleans what its trainers say before it passes it on. */
static int failure_from_json(const json_t *object, struct trial_failure *ret, struct error *error)
{
    int rc = members_from_json(failure_members, object, ret, error);
    if (rc == 0 && !utf8_is_fit(ret->reason, UTF8_PROSE)) {
        rc = error_set(error, "reason",
                       "reason must be a text without control characters, but for tabs and line "
                       "feeds");
    }
    return rc;
}

static int end_from_json(const json_t *object, struct report *report, struct error *error)
{
    const json_t *done = json_object_get(object, "done");
    const json_t *failed = json_object_get(object, "failed");
    const json_t *released = json_object_get(object, "released");
    const json_t *reused = json_object_get(object, "reused_from");
    if ((done != NULL) + (failed != NULL) + (released != NULL) + (reused != NULL) > 1) {
        return error_set(error, NULL, "give at most one of done, failed, released and reused_from");
    }
    if (done) {
        report->end = REPORT_DONE;
        return members_from_json(result_members, done, &report->result, error) == 0
                   ? 0
                   : error_prefix(error, "done");
    }
    if (failed) {
        report->end = REPORT_FAILED;
        return failure_from_json(failed, &report->failure, error) == 0
                   ? 0
                   : error_prefix(error, "failed");
    }
    if (released) {
        if (!json_is_true(released)) {
            return error_set(error, "released", "released must be true where it is given");
        }
        report->end = REPORT_RELEASED;
    }
    if (reused) {
        report->end = REPORT_REUSED;
        return id_from_json(object, "reused_from", &report->reused_from, error);
    }
    return 0;
}

int lease_from_json(const json_t *object, int64_t *ret_trial, int64_t *ret_attempt,
                    struct error *error)
{
    int rc = id_from_json(object, "trial", ret_trial, error);
    return rc == 0 ? id_from_json(object, "attempt", ret_attempt, error) : rc;
}

int report_from_json(const json_t *object, struct report *ret, struct error *error)
{
    if (!json_is_object(object)) {
        return error_set(error, NULL, "a report must be a JSON object");
    }
    struct report report = {0};
    void *measurements = NULL, *layers = NULL;
    int rc = lease_from_json(object, &report.trial, &report.attempt, error);
    if (rc == 0) {
        rc = list_from_json(object, "measurements", measurement_members,
                            sizeof(*report.measurements), &measurements, &report.n_measurements,
                            error);
    }
    if (rc == 0) {
        rc = list_from_json(object, "layers", layer_members, sizeof(*report.layers), &layers,
                            &report.n_layers, error);
    }
    if (rc == 0) {
        rc = end_from_json(object, &report, error);
    }
    report.measurements = measurements;
    report.layers = layers;
    if (rc != 0) {
        report_clear(&report);
        return rc;
    }
    *ret = report;
    return 0;
}

void report_clear(struct report *report)
{
    free(report->measurements);
    free(report->layers);
    *report = (struct report){0};
}

/* ---- reuse ---- */

static const struct member offer_members[] = {
    INT(reuse_offer, trial, true),
    TEXT(reuse_offer, trainer, true, MEMBER_ANY),
    TEXT(reuse_offer, kernel, true, MEMBER_ANY),
    TEXT(reuse_offer, data_sha256, true, MEMBER_ANY),
    END,
};

json_t *reuse_offers_to_json(const struct reuse_offers *offers)
{
    json_t *list = json_array();
    for (size_t i = 0; i < offers->n; i++) {
        json_t *item = json_object();
        if (json_array_append_new(list, item) != 0 ||
            members_to_json(offer_members, &offers->at[i], item) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

void reuse_offers_from_json(const json_t *list, struct reuse_offers *ret)
{
    *ret = (struct reuse_offers){0};
    for (size_t i = 0; i < json_array_size(list) && ret->n < REUSE_MAX_OFFERS; i++) {
        struct reuse_offer *offer = &ret->at[ret->n];
        ret->n += members_from_json(offer_members, json_array_get(list, i), offer, NULL) == 0;
    }
}
