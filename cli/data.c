#include "cli/data.h"

#include "cli/interrupt.h"
#include "cli/terminal.h"
#include "cli/text.h"
#include "worker/data/known.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MIB (1024.0 * 1024.0)

struct show {
    struct terminal terminal;
    const char *name;
    bool said; /* something was written, so the line must be ended */
};

static void on_progress(void *arg, const char *file, int64_t n_bytes, int64_t total)
{
    struct show *show = arg;

    if (!show->terminal.live) {
        if (!show->said) {
            fprintf(stderr, "making the data set %s ready\n", show->name);
        }
    } else if (total > 0) {
        fprintf(stderr, "\r%s: %s  %.1f of %.1f MiB\033[K", show->name, file, (double)n_bytes / MIB,
                (double)total / MIB);
    } else {
        fprintf(stderr, "\r%s: %s  %.1f MiB\033[K", show->name, file, (double)n_bytes / MIB);
    }
    show->said = true;
}

int data_prepare(const char *name, const char *folder, struct prepared *ret, struct error *error)
{
    struct show show = {.name = name};
    const char *const folders[] = {folder, NULL};
    struct error why = {0};

    terminal_inspect(stderr, &show.terminal);
    struct prepare_options options = {
        .directories = folders,
        .progress = on_progress,
        .progress_arg = &show,
        .abort = interrupt_flag(),
    };
    int result = prepare(name, &options, ret, &why);
    if (show.said && show.terminal.live) {
        fputs("\r\033[K", stderr);
    }
    if (result < 0) {
        return error_set(error, NULL, "cannot make the data set %s ready: %s", name,
                         strerror(-result));
    }
    if (result != 0) {
        return error_set(error, NULL, "%s", why.message);
    }
    return 0;
}

static void warn_of_name(const char *command, const json_t *name)
{
    const char *text = json_string_value(name), *like = text ? known_like(text) : NULL;

    if (like) {
        char *printable = text_printable(text);
        fprintf(stderr, "ninety %s: warning: data set '%s': did you mean '%s'?\n", command,
                printable, like);
        free(printable);
    }
}

void data_warn_of_names(const char *command, const json_t *spec)
{
    const json_t *several = json_object_get(json_object_get(spec, "parameters"), "dataset");
    size_t i;
    json_t *name;

    warn_of_name(command, json_object_get(json_object_get(spec, "base"), "dataset"));
    json_array_foreach(several, i, name)
    {
        warn_of_name(command, name);
    }
}
