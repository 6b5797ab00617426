/*
 * Reports from strangers: an accepted one says the same when it is written and read again; and what
 * the fast way takes, the other way takes too, and reads the same.
 */
#include "common/protocol.h"
#include "daemon/json_in.h"

#include <stdlib.h>
#include <string.h>

/* What the scanner makes of the input as the only report of a body, against Jansson's reading of it
 * (NULL: it was refused). */
static void compare_scanned(const uint8_t *data, size_t size, const struct report *expected)
{
    static const char before[] = "{\"worker\":1,\"reports\":[", after[] = "]}";
    size_t whole = sizeof(before) - 1 + size + sizeof(after) - 1;
    char *body = malloc(whole), *at = body;
    struct report *reports;
    struct worker_badge badge;
    size_t n;
    if (body == NULL) {
        abort();
    }
    memcpy(at, before, sizeof(before) - 1);
    memcpy(at += sizeof(before) - 1, data, size);
    memcpy(at + size, after, sizeof(after) - 1);
    if (reports_scan(body, whole, &badge, &reports, &n)) {
        json_t *a = expected ? report_to_json(expected) : NULL;
        json_t *b = n == 1 ? report_to_json(&reports[0]) : NULL;
        if (n == 1 && (a == NULL || !json_equal(a, b))) {
            abort();
        }
        json_decref(a);
        json_decref(b);
        for (size_t i = 0; i < n; i++) {
            report_clear(&reports[i]);
        }
        free(reports);
    }
    free(body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t *json = NULL;
    struct report report, again;
    struct error error;
    if (json_in_parse((const char *)data, size, &json, &error) != 0) {
        compare_scanned(data, size, NULL);
        return 0;
    }
    bool good = report_from_json(json, &report, &error) == 0;
    compare_scanned(data, size, good ? &report : NULL);
    if (good) {
        json_t *written = report_to_json(&report);
        if (written == NULL || report_from_json(written, &again, &error) != 0 ||
            again.trial != report.trial || again.attempt != report.attempt ||
            again.end != report.end || again.n_measurements != report.n_measurements ||
            again.n_layers != report.n_layers) {
            abort();
        }
        report_clear(&again);
        report_clear(&report);
        json_decref(written);
    }
    json_decref(json);
    return 0;
}
