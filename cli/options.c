#include "cli/options.h"

#include "cli/memory.h"
#include "common/json_print.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct option daemon_options[] = {
    {"daemon", "URL", "the daemon's address (NINETY_DAEMON; default http://127.0.0.1:9190)"},
    {"token-file", "FILE", "file with the daemon's token (default: the variable NINETY_TOKEN)"},
    {"ca-file", "FILE",
     "PEM certificates to trust for https (default: SSL_CERT_FILE, or the system's)"},
    {NULL},
};

static const struct option database_options[] = {
    {"db", "FILE", "this database instead of a daemon (if one has it open, that one)"},
    {NULL},
};

static const struct option format_options[] = {
    {"format", "table|json|csv", "how to print (default table)"},
    {NULL},
};

static const struct option sweep_options[] = {
    {"name", "TEXT", "the sweep's name (default: its file's, or what varies in it)"},
    {"replicates", "N", "trials of each cell, with seeds SEED, SEED+1, ... (default 1)"},
    {"seed", "N", "the first seed (default 0)"},
    {"priority", "N", "sweeps with a higher one go first (default 0)"},
    {"max-running", "N", "at most N of its trials at once (default 0: no limit)"},
    {"max-attempts", "N", "tries of a trial whose worker died (default 3)"},
    {"max-seconds", "N", "an attempt that runs longer has failed (default 0: no limit)"},
    {"reuse", NULL, "take over what was trained in earlier sweeps instead of training it again"},
    {NULL},
};

static const struct option seed_options[] = {
    {"seed", "N", "the trial's seed (default 0)"},
    {NULL},
};

#define OPTION_NAME_SIZE 32
#define OPTION_HELP_SIZE 240

/* What a field is where nothing is said of it, as it is written; "" where that is told already, or
 * there is no such thing. The caller frees. */
static char *default_of(enum config_field field)
{
    struct config_draft draft;
    struct trial_config config;

    if (field == CONFIG_BATCH_NORM_OUTPUT || field == CONFIG_HIDDEN_UNITS) {
        return must(strdup(""));
    }
    config_draft_init(&draft);
    config_draft_set(&draft, CONFIG_DEPTH, &(struct config_value){.integer = 1});
    must_do(config_resolve(&draft, &config, NULL));
    json_t *all = must(config_to_json(&config));
    const json_t *value = json_object_get(all, config_fields[field].name);
    const char *word = json_string_value(value);
    char *text = word    ? must(strdup(word))
                 : value ? must(json_print_text(value, JSON_PRINT_COMPACT))
                         : must(strdup(field == CONFIG_MEASURE_EVERY ? "0" : ""));
    json_decref(all);
    return text;
}

/* The field's own line, with what it can be set to where that is a word of a list, and what it is
 * otherwise. */
static void describe_field(enum config_field field, char ret[OPTION_HELP_SIZE])
{
    const struct config_field_info *info = &config_fields[field];
    int length = snprintf(ret, OPTION_HELP_SIZE, "%s", info->help);
    char *otherwise = default_of(field);

    for (int i = 0; length < OPTION_HELP_SIZE && info->type == CONFIG_CHOICE && info->choices[i];
         i++) {
        length += snprintf(ret + length, OPTION_HELP_SIZE - (size_t)length, "%s %s", i ? "" : ":",
                           info->choices[i]);
    }
    if (length < OPTION_HELP_SIZE && otherwise[0]) {
        snprintf(ret + length, OPTION_HELP_SIZE - (size_t)length, " (default %s%s)", otherwise,
                 field == CONFIG_BETA2 ? ", of rmsprop 0.9" : "");
    }
    free(otherwise);
}

/* One option for each field but the seed, which is a sweep's or a single trial's own. */
static const struct option *config_options(void)
{
    static char names[CONFIG_FIELD_COUNT][OPTION_NAME_SIZE];
    static char help[CONFIG_FIELD_COUNT][OPTION_HELP_SIZE];
    static struct option options[CONFIG_FIELD_COUNT + 1];
    size_t n = 0;

    if (options[0].name) {
        return options;
    }
    for (int field = 0; field < CONFIG_FIELD_COUNT; field++) {
        const struct config_field_info *info = &config_fields[field];
        if (field == CONFIG_SEED) {
            continue;
        }
        strncpy(names[field], info->name, OPTION_NAME_SIZE - 1);
        for (char *c = names[field]; *c; c++) {
            *c = *c == '_' ? '-' : *c;
        }
        describe_field(field, help[field]);
        options[n++] = (struct option){names[field], "VALUE", help[field]};
    }
    return options;
}

const struct option *options_of_set(enum option_set set)
{
    switch (set) {
    case OPTIONS_DAEMON:
        return daemon_options;
    case OPTIONS_DATABASE:
        return database_options;
    case OPTIONS_FORMAT:
        return format_options;
    case OPTIONS_SWEEP:
        return sweep_options;
    case OPTIONS_CONFIG:
        return config_options();
    case OPTIONS_SEED:
        return seed_options;
    }
    return NULL;
}

static const enum option_set set_order[] = {OPTIONS_SWEEP,  OPTIONS_SEED,   OPTIONS_CONFIG,
                                            OPTIONS_FORMAT, OPTIONS_DAEMON, OPTIONS_DATABASE};

const struct option *options_at(const struct command *command, size_t index)
{
    const struct option *own = command->options;

    for (; own && own->name; own++) {
        if (index-- == 0) {
            return own;
        }
    }
    for (size_t i = 0; i < sizeof(set_order) / sizeof(*set_order); i++) {
        if (!(command->sets & set_order[i])) {
            continue;
        }
        for (const struct option *o = options_of_set(set_order[i]); o->name; o++) {
            if (index-- == 0) {
                return o;
            }
        }
    }
    return NULL;
}

const struct option *options_find(const struct command *command, const char *name)
{
    const struct option *option;

    for (size_t i = 0; (option = options_at(command, i)); i++) {
        if (strcmp(option->name, name) == 0) {
            return option;
        }
    }
    return NULL;
}

enum config_field options_config_field(const char *option_name)
{
    char name[OPTION_NAME_SIZE] = "";

    strncpy(name, option_name, sizeof(name) - 1);
    for (char *c = name; *c; c++) {
        *c = *c == '-' ? '_' : *c;
    }
    enum config_field field = config_field_by_name(name);
    return field == CONFIG_SEED ? CONFIG_FIELD_COUNT : field;
}
