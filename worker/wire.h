/*
 * The bodies of the four calls a worker makes, as JSON, and their answers: docs/http-api.md,
 * "Workers", from the worker's side.
 */
#pragma once

#include "common/protocol.h"
#include "worker/lease.h"

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

/* What the worker says of itself when it registers. */
struct wire_identity {
    const char *host, *cpu, *kernel, *version;
    int64_t pid;
    int n_slots;
};

struct wire_registration {
    struct worker_badge badge;
    uint64_t heartbeat_ms;
};

/* A trial to train. If error.message is not empty, config is not one this worker understands. */
struct wire_claim {
    struct lease lease;
    struct trial_config config;
    struct reuse_offers offers; /* earlier results of the same configuration and seed */
    struct error error;
};

struct wire_result {
    struct lease lease;
    enum report_status status;
};

struct wire_error {
    char code[64], field[128], message[256]; /* "" where not told */
};

/* JSON text; malloc'd, the caller frees; NULL when out of memory. */
/* `before`: as it registered before; worker 0 = it did not. */
char *wire_registration_body(const struct wire_identity *identity,
                             const struct worker_badge *before);
char *wire_claim_body(const struct worker_badge *badge, int max, int wait_s);
char *wire_report_body(const struct worker_badge *badge, const struct report *reports, size_t n);
char *wire_departure_body(const struct worker_badge *badge);

/* 0; ERROR_INVALID when the body (may be NULL) is not such an answer; -ENOMEM. The caller frees
 * the arrays. */
int wire_parse_registration(const json_t *body, struct wire_registration *ret);
int wire_parse_claims(const json_t *body, struct wire_claim **ret_claims, size_t *ret_n);
int wire_parse_results(const json_t *body, struct wire_result **ret_results, size_t *ret_n);

/* {"error": {...}}; whatever is missing is "". */
void wire_parse_error(const json_t *body, struct wire_error *ret);
/* N of a field "reports[N]..."; -1 when the field names no item. */
long wire_blamed_report(const struct wire_error *error);
