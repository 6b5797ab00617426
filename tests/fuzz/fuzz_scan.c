/* The quick way of reading reports against the thorough one: what the scanner takes, the parser
 * must take too, and read in the same way. */
#include "common/protocol.h"
#include "daemon/json_in.h"

#include <stdlib.h>
#include <string.h>

static void check_same(const json_t *item, const struct report *scanned)
{
    struct report parsed;
    struct error error;
    if (report_from_json(item, &parsed, &error) != 0) {
        abort();
    }
    json_t *left = report_to_json(scanned), *right = report_to_json(&parsed);
    if (left == NULL || right == NULL || !json_equal(left, right)) {
        abort();
    }
    json_decref(left);
    json_decref(right);
    report_clear(&parsed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = strndup((const char *)data, size); /* NUL-terminated, as a body is */
    struct worker_badge badge;
    struct report *reports;
    size_t n;
    if (text == NULL || strlen(text) != size || !reports_scan(text, size, &badge, &reports, &n)) {
        free(text);
        return 0;
    }
    json_t *json = NULL;
    struct error error;
    if (json_in_parse(text, size, &json, &error) != 0) {
        abort();
    }
    const json_t *items = json_object_get(json, "reports");
    const char *secret = json_string_value(json_object_get(json, "secret"));
    if (json_integer_value(json_object_get(json, "worker")) != badge.worker ||
        strcmp(secret ? secret : "", badge.secret) != 0 || !json_is_array(items) ||
        json_array_size(items) != n || json_object_size(json) != (secret ? 3 : 2)) {
        abort();
    }
    for (size_t i = 0; i < n; i++) {
        check_same(json_array_get(items, i), &reports[i]);
        report_clear(&reports[i]);
    }
    free(reports);
    json_decref(json);
    free(text);
    return 0;
}
