#include "cli/progress.h"

#include "cli/memory.h"
#include "cli/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int64_t integer_at(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static double number_at(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);

    return json_is_number(value) ? json_number_value(value) : NAN;
}

static const char *string_at(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text ? text : "";
}

/* Trials that reached the target and diverged later are no longer among the succeeded ones. */
static int64_t count_crossed(const json_t *sweep)
{
    return json_object_get(sweep, "censored")
               ? integer_at(sweep, "reached") + integer_at(sweep, "censored") -
                     integer_at(sweep, "succeeded")
               : 0;
}

void progress_read(const json_t *sweep, struct progress *ret)
{
    *ret = (struct progress){
        .name = string_at(sweep, "name"),
        .state = string_at(sweep, "state"),
        .trials = integer_at(sweep, "trials"),
        .queued = integer_at(sweep, "queued"),
        .running = integer_at(sweep, "running"),
        .succeeded = integer_at(sweep, "succeeded"),
        .failed = integer_at(sweep, "failed"),
        .cancelled = integer_at(sweep, "cancelled"),
        .reached = integer_at(sweep, "reached"),
        .diverged = integer_at(sweep, "diverged"),
        .crossed = count_crossed(sweep),
        .reused = integer_at(sweep, "reused"),
        .waits_for = string_at(sweep, "waits_for"),
        .trials_per_minute = number_at(sweep, "trials_per_minute"),
        .seconds_left = number_at(sweep, "seconds_left"),
    };
}

int64_t progress_done(const struct progress *progress)
{
    return progress->succeeded + progress->failed + progress->cancelled;
}

bool progress_finished(const struct progress *progress)
{
    return progress_done(progress) >= progress->trials;
}

/* ", 2 running, 1 failed, 5 from earlier sweeps": what is not nothing. */
static char *states_text(const struct progress *progress)
{
    const struct {
        int64_t n;
        const char *word;
    } states[] = {
        {progress->running, "running"},
        {progress->diverged, "diverged"},
        {progress->failed - progress->diverged - progress->crossed, "failed"},
        {progress->cancelled, "cancelled"},
        {progress->reused, "from earlier sweeps"},
    };
    char *text = must(strdup(""));

    for (size_t i = 0; i < sizeof(states) / sizeof(*states); i++) {
        if (states[i].n > 0) {
            char *longer = text_format("%s, %lld %s", text, (long long)states[i].n, states[i].word);
            free(text);
            text = longer;
        }
    }
    return text;
}

/* Why nothing moves, or "". */
static const char *waiting_text(const struct progress *progress)
{
    static const struct {
        const char *waits_for, *text;
    } reasons[] = {
        {"worker", "waiting for a worker"},
        {"free worker", "waiting: the workers are busy with other sweeps"},
        {"next attempt", "waiting: a failed trial is tried again shortly"},
        {"preparation", "waiting: the sweep is being prepared"},
        {"resume", "paused"},
    };

    for (size_t i = 0; i < sizeof(reasons) / sizeof(*reasons); i++) {
        if (strcmp(progress->waits_for, reasons[i].waits_for) == 0) {
            return reasons[i].text;
        }
    }
    return strcmp(progress->state, "paused") == 0 ? "paused" : "";
}

/* "31.5 per minute, 1 min 22 s left", as far as it is known, or why nothing moves. */
static char *pace_text(const struct progress *progress, const char *per_minute)
{
    const char *waiting = waiting_text(progress);
    char rate[2 * TEXT_SIZE] = "", left[2 * TEXT_SIZE] = "", text[TEXT_SIZE];

    if (waiting[0] || progress_finished(progress)) {
        return must(strdup(progress_finished(progress) ? "" : waiting));
    }
    if (progress->trials_per_minute > 0) {
        text_number(progress->trials_per_minute, text);
        snprintf(rate, sizeof(rate), "%s%s", text, per_minute);
    }
    if (progress->seconds_left >= 0) {
        text_duration(progress->seconds_left, text);
        snprintf(left, sizeof(left), "%s%s left", rate[0] ? ", " : "", text);
    }
    return text_format("%s%s", rate, left);
}

char *progress_line(const struct progress *progress)
{
    char *states = states_text(progress), *pace = pace_text(progress, " per minute");
    char *text = text_format("%lld of %lld trials done, %lld reached the target%s%s%s",
                             (long long)progress_done(progress), (long long)progress->trials,
                             (long long)progress->reached, states, pace[0] ? "; " : "", pace);

    free(pace);
    free(states);
    return text;
}

/* What stands behind the bar. */
static char *bar_facts(const struct progress *progress)
{
    char *states = states_text(progress), *pace = pace_text(progress, "/min");
    char *facts = text_format("%s%s", pace, pace[0] || !states[0] ? states : states + 2);

    free(pace);
    free(states);
    return facts;
}

/* `width` columns, `share` of them full; eighths of a column where the letters allow it. */
static char *draw_bar(double share, int width, bool unicode)
{
    static const char *const eighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    int full = (int)(share * width * 8);
    char *bar = must(calloc((size_t)width + 1, 4)), *end = bar;

    for (int i = 0; i < width; i++) {
        int left = full - 8 * i;
        const char *part;
        if (left >= 8) {
            part = unicode ? "█" : "#";
        } else if (left > 0 && unicode) {
            part = eighths[left];
        } else {
            part = unicode ? "░" : ".";
        }
        end = stpcpy(end, part);
    }
    return bar;
}

#define BAR_MIN 8
#define BAR_MAX 40

char *progress_bar(const struct progress *progress, const struct terminal *terminal)
{
    double share =
        progress->trials > 0 ? (double)progress_done(progress) / (double)progress->trials : 0;
    char *facts = bar_facts(progress);
    char *name = text_printable(progress->name);
    char *count =
        text_format("%lld/%lld", (long long)progress_done(progress), (long long)progress->trials);
    char *line;

    text_shorten(name, 24);
    int room =
        terminal->width - 1 - (int)(text_width(name) + text_width(count) + text_width(facts) + 6);
    if (room < BAR_MIN) {
        line = text_format("%s  %s  %s", name, count, facts);
        text_shorten(line, (size_t)terminal->width - 1);
    } else {
        char *bar = draw_bar(share, room < BAR_MAX ? room : BAR_MAX, terminal->unicode);
        line = text_format("%s  %s%s%s  %s  %s", name, terminal->colour ? "\033[32m" : "", bar,
                           terminal->colour ? "\033[0m" : "", count, facts);
        free(bar);
    }
    free(count);
    free(name);
    free(facts);
    return line;
}
