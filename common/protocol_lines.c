#include "common/protocol.h"

#include "common/json_print.h"
#include "common/protocol_members.h"

#include <stdlib.h>
#include <string.h>

static const struct member ready_members[] = {
    INT(trainer_event, protocol, true),
    TEXT(trainer_event, trainer, true, MEMBER_NAME),
    TEXT(trainer_event, kernel, false, MEMBER_NAME),
    END,
};

static const struct member step_members[] = {
    INT(trainer_event, step, true),
    END,
};

/* Compact text of `object` with a line feed; consumes the reference. */
static char *to_line(json_t *object)
{
    char *text = json_print_text(object, JSON_PRINT_COMPACT);
    json_decref(object);
    if (!text) {
        return NULL;
    }
    size_t length = strlen(text);
    char *line = realloc(text, length + 2);
    if (!line) {
        free(text);
        return NULL;
    }
    line[length] = '\n';
    line[length + 1] = '\0';
    return line;
}

static int from_line(const char *line, json_t **ret, struct error *error)
{
    json_error_t problem;
    json_t *object = json_loads(line, JSON_REJECT_DUPLICATES, &problem);
    if (!object) {
        return error_set(error, NULL, "the line is not JSON: %s%s", problem.text,
                         json_print_remedy(&problem));
    }
    if (!json_is_object(object)) {
        json_decref(object);
        return error_set(error, NULL, "the line is not a JSON object");
    }
    *ret = object;
    return 0;
}

char *trainer_job_to_line(const struct trainer_job *job)
{
    json_t *object = json_object();
    if (json_object_set_new(object, "trial", json_integer(job->trial)) != 0 ||
        json_object_set_new(object, "attempt", json_integer(job->attempt)) != 0 ||
        json_object_set_new(object, "config", config_to_json(&job->config)) != 0 ||
        json_object_set_new(object, "data_dir", json_string(job->data_dir)) != 0 ||
        json_object_set_new(object, "data_sha256", json_string(job->data_sha256)) != 0) {
        json_decref(object);
        return NULL;
    }
    return to_line(object);
}

int trainer_job_from_line(const char *line, struct trainer_job *ret, struct error *error)
{
    static const struct member members[] = {
        TEXT(trainer_job, data_dir, true, MEMBER_ANY),
        TEXT(trainer_job, data_sha256, false, MEMBER_ANY),
        END,
    };
    json_t *object = NULL;
    int rc = from_line(line, &object, error);
    if (rc != 0) {
        return rc;
    }
    struct trainer_job job = {0};
    rc = lease_from_json(object, &job.trial, &job.attempt, error);
    if (rc == 0) {
        rc = members_from_json(members, object, &job, error);
    }
    if (rc == 0 && config_from_json(json_object_get(object, "config"), &job.config, error) != 0) {
        rc = error_prefix(error, "config");
    }
    json_decref(object);
    if (rc == 0) {
        *ret = job;
    }
    return rc;
}

static const struct {
    const char *name;
    const struct member *members;
    size_t offset; /* of the struct in trainer_event */
} event_types[] = {
    [TRAINER_READY] = {"ready", ready_members, 0},
    [TRAINER_MEASUREMENT] = {"measurement", measurement_members,
                             offsetof(struct trainer_event, measurement)},
    [TRAINER_LAYER] = {"layer", layer_members, offsetof(struct trainer_event, layer)},
    [TRAINER_DONE] = {"done", result_members, offsetof(struct trainer_event, result)},
    [TRAINER_FAILED] = {"failed", failure_members, offsetof(struct trainer_event, failure)},
    [TRAINER_STEP] = {"step", step_members, 0},
};

char *trainer_event_to_line(const struct trainer_event *event)
{
    json_t *object = json_object();
    int rc = json_object_set_new(object, "type", json_string(event_types[event->type].name));
    if (rc == 0 && event->type != TRAINER_READY) {
        rc = json_object_set_new(object, "trial", json_integer(event->trial));
        if (rc == 0) {
            rc = json_object_set_new(object, "attempt", json_integer(event->attempt));
        }
    }
    if (rc == 0) {
        rc = members_to_json(event_types[event->type].members,
                             (const char *)event + event_types[event->type].offset, object);
    }
    if (rc != 0) {
        json_decref(object);
        return NULL;
    }
    return to_line(object);
}

/* Own metrics would vanish in silence, and a misspelt member would count as absent. */
static int refuse_unknown(const json_t *object, enum trainer_event_type type, struct error *error)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)object, name, value)
    {
        const struct member *m = event_types[type].members;
        while (m->name && strcmp(m->name, name) != 0) {
            m++;
        }
        bool envelope =
            strcmp(name, "type") == 0 ||
            (type != TRAINER_READY && (strcmp(name, "trial") == 0 || strcmp(name, "attempt") == 0));
        if (!m->name && !envelope) {
            return error_set(error, name,
                             "there is no member \"%.60s\" in a line of type %s: leave it out",
                             name, event_types[type].name);
        }
    }
    return 0;
}

static int event_type_by_name(const char *name)
{
    for (int i = 0; name && i <= TRAINER_STEP; i++) {
        if (strcmp(event_types[i].name, name) == 0) {
            return i;
        }
    }
    return -1;
}

int trainer_event_from_line(const char *line, struct trainer_event *ret, struct error *error)
{
    json_t *object = NULL;
    int rc = from_line(line, &object, error);
    if (rc != 0) {
        return rc;
    }
    struct trainer_event event = {0};
    int type = event_type_by_name(json_string_value(json_object_get(object, "type")));
    if (type < 0) {
        rc = error_set(error, "type",
                       "type must be ready, measurement, layer, step, done or failed");
        goto out;
    }
    event.type = (enum trainer_event_type)type;
    rc = refuse_unknown(object, event.type, error);
    if (rc == 0 && event.type != TRAINER_READY) {
        rc = lease_from_json(object, &event.trial, &event.attempt, error);
    }
    if (rc == 0) {
        rc = members_from_json(event_types[type].members, object,
                               (char *)&event + event_types[type].offset, error);
    }
    if (rc == 0) {
        *ret = event;
    }
out:
    json_decref(object);
    return rc;
}
