/* Lines of a foreign trainer, and of a foreign worker: read, written, read again. */
#include "common/protocol.h"

#include <stdlib.h>
#include <string.h>

static void event(const char *line)
{
    struct trainer_event event, again;
    struct error error;
    if (trainer_event_from_line(line, &event, &error) == 0) {
        char *written = trainer_event_to_line(&event);
        if (written == NULL || trainer_event_from_line(written, &again, &error) != 0 ||
            again.type != event.type || again.trial != event.trial) {
            abort();
        }
        free(written);
    }
}

static void job(const char *line)
{
    struct trainer_job job, again;
    struct error error;
    if (trainer_job_from_line(line, &job, &error) == 0) {
        char *written = trainer_job_to_line(&job);
        if (written == NULL || trainer_job_from_line(written, &again, &error) != 0 ||
            again.trial != job.trial || strcmp(again.data_dir, job.data_dir) != 0) {
            abort();
        }
        free(written);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *line = strndup((const char *)data, size);
    if (line != NULL) {
        event(line);
        job(line);
    }
    free(line);
    return 0;
}
