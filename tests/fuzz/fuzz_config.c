/* Configurations from strangers: whatever is accepted has one canonical form, which parses again.
 */
#include "daemon/json_in.h"

#include "common/config.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t *json = NULL, *again = NULL;
    struct trial_config config;
    struct error error;
    if (json_in_parse((const char *)data, size, &json, &error) != 0) {
        return 0;
    }
    if (config_from_json(json, &config, &error) == 0) {
        char *text = config_to_text(&config);
        if (text == NULL || json_in_parse(text, strlen(text), &again, &error) != 0 ||
            config_from_json(again, &config, &error) != 0) {
            abort();
        }
        char *same = config_to_text(&config);
        if (same == NULL || strcmp(text, same) != 0) {
            abort();
        }
        free(same);
        free(text);
        json_decref(again);
    }
    json_decref(json);
    return 0;
}
