/* Reports from strangers: an accepted one says the same when it is written and read again. */
#include "common/protocol.h"
#include "daemon/json_in.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t *json = NULL;
    struct report report, again;
    struct error error;
    if (json_in_parse((const char *)data, size, &json, &error) != 0) {
        return 0;
    }
    if (report_from_json(json, &report, &error) == 0) {
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
