#include "cli/follow.h"

#include "cli/interrupt.h"
#include "cli/memory.h"
#include "cli/progress.h"
#include "cli/text.h"

#include <stdlib.h>
#include <time.h>

#define LINE_SHARE 10     /* without a terminal: a line for each tenth of the trials ... */
#define LINE_EVERY_S 30.0 /* ... and when something moved in so many seconds */

struct view {
    const struct follow *follow;
    json_t *sweep;            /* as last seen; NULL before */
    double seen_at;           /* when the daemon last answered */
    bool away;                /* it does not just now, and that was said */
    struct terminal terminal; /* as it is now: a person may change its width */
    size_t drawn;             /* the columns of the bar that the cursor stands in; 0 = none */
    int64_t shown_done;       /* of the last plain line; -1 before the first */
    double shown_at;
};

static double now_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* To the start of the bar, and away with it. A terminal made narrower has broken it into several
 * rows. */
static void erase_bar(struct view *view)
{
    terminal_inspect(stderr, &view->terminal);
    size_t rows = view->drawn > 0 ? (view->drawn - 1) / (size_t)view->terminal.width : 0;

    if (rows > 0) {
        fprintf(stderr, "\033[%zuA\r\033[J", rows);
    } else if (view->drawn > 0) {
        fputs("\r\033[K", stderr);
    }
    view->drawn = 0;
}

static void show_bar(struct view *view, const struct progress *progress)
{
    size_t before = view->drawn;

    terminal_inspect(stderr, &view->terminal);
    if (before > (size_t)view->terminal.width) {
        erase_bar(view);
    }
    char *line = progress_bar(progress, &view->terminal);
    fprintf(stderr, "\r%s\033[K", line);
    free(line);
    struct terminal uncoloured = view->terminal;
    uncoloured.colour = false;
    line = progress_bar(progress, &uncoloured);
    view->drawn = text_width(line);
    free(line);
}

static bool line_is_due(const struct view *view, const struct progress *progress)
{
    int64_t more = progress_done(progress) - view->shown_done;

    return view->shown_done < 0 || (more > 0 && progress_finished(progress)) ||
           more * LINE_SHARE >= progress->trials ||
           (more > 0 && now_s() - view->shown_at > LINE_EVERY_S);
}

static void show(struct view *view, const struct progress *progress)
{
    if (view->follow->terminal->live) {
        show_bar(view, progress);
    } else if (line_is_due(view, progress)) {
        char *line = progress_line(progress);
        fprintf(stderr, "%s\n", line);
        free(line);
        view->shown_done = progress_done(progress);
        view->shown_at = now_s();
    }
}

static void show_news(struct view *view)
{
    char *line;

    while (view->follow->news && (line = view->follow->news(view->follow->arg))) {
        erase_bar(view);
        fprintf(stderr, "%s\n", line);
        free(line);
    }
}

/* The daemon did not answer: FOLLOW_FINISHED while it is worth asking again. */
static enum follow_outcome stay_away(struct view *view, enum client_outcome outcome)
{
    const struct follow *follow = view->follow;
    bool may_come_back = outcome == CLIENT_UNREACHABLE || outcome == CLIENT_LOST ||
                         client_status(follow->client) == 503;

    if (!may_come_back || (now_s() - view->seen_at) * 1000 > follow->patience_ms) {
        return FOLLOW_FAILED;
    }
    if (!view->away) {
        erase_bar(view);
        fprintf(stderr, "%s does not answer; waiting for it\n", client_url(follow->client));
        view->away = true;
    }
    return FOLLOW_FINISHED;
}

/* One look. FOLLOW_FINISHED also while trials are left: *ret_finished says which. */
static enum follow_outcome look(struct view *view, bool *ret_finished, struct error *error)
{
    const struct follow *follow = view->follow;
    struct progress progress;
    char path[64];
    json_t *answer;

    *ret_finished = false;
    show_news(view);
    if (follow->check && follow->check(follow->arg, error) != 0) {
        return FOLLOW_FAILED;
    }
    snprintf(path, sizeof(path), "/v1/sweeps/%lld", (long long)follow->sweep);
    enum client_outcome outcome = client_get(follow->client, path, &answer, error);
    if (outcome != CLIENT_OK) {
        return stay_away(view, outcome);
    }
    json_decref(view->sweep);
    view->sweep = answer;
    view->seen_at = now_s();
    view->away = false;
    progress_read(answer, &progress);
    show(view, &progress);
    *ret_finished = progress_finished(&progress);
    return FOLLOW_FINISHED;
}

enum follow_outcome follow_sweep(const struct follow *follow, json_t **ret_sweep,
                                 struct error *error)
{
    struct view view = {.follow = follow, .seen_at = now_s(), .shown_done = -1};
    enum follow_outcome outcome = FOLLOW_FINISHED;
    bool finished = false;

    while (outcome == FOLLOW_FINISHED && !finished) {
        if (interrupt_count() > 0) {
            outcome = FOLLOW_INTERRUPTED;
            break;
        }
        outcome = look(&view, &finished, error);
        if (outcome == FOLLOW_FINISHED && !finished) {
            interrupt_sleep_ms(follow->interval_ms);
        }
    }
    if (view.drawn > 0) {
        fputc('\n', stderr);
    }
    *ret_sweep = view.sweep;
    return outcome;
}
