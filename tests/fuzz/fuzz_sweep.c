/* Sweeps from strangers: an accepted one has cells that are all valid configurations. */
#include "common/sweep_json.h"
#include "daemon/json_in.h"

#include <stdlib.h>
#include <string.h>

static void check_cell(const struct sweep *sweep, int64_t cell)
{
    struct trial_config config;
    sweep_cell(sweep, cell, &config);
    char *text = config_to_text(&config);
    if (text == NULL || config.n_hidden > CONFIG_MAX_LAYERS || config.batch_size < 1) {
        abort();
    }
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t *json = NULL;
    struct sweep *sweep = NULL;
    struct error error = {0};
    if (json_in_parse((const char *)data, size, &json, &error) != 0) {
        return 0;
    }
    int rc = sweep_from_json(json, &sweep, &error);
    if (rc == 0) {
        if (sweep->n_cells < 1 || sweep->n_trials > SWEEP_MAX_TRIALS) {
            abort();
        }
        check_cell(sweep, 0);
        check_cell(sweep, sweep->n_cells / 2);
        check_cell(sweep, sweep->n_cells - 1);
    } else if (rc > 0 && error.message[0] == '\0') {
        abort();
    }
    sweep_destroy(sweep);
    json_decref(json);
    return 0;
}
