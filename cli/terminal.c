#include "cli/terminal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static bool is_set(const char *variable)
{
    const char *value = getenv(variable);

    return value && *value;
}

/* The variables are read, and not the locale itself: a container often has LANG=en_US.UTF-8 with
 * no such locale installed, and its user's terminal shows UTF-8 all the same. */
static bool names_utf8(void)
{
    static const char *const variables[] = {"LC_ALL", "LC_CTYPE", "LANG"};

    for (size_t i = 0; i < sizeof(variables) / sizeof(*variables); i++) {
        if (is_set(variables[i])) {
            const char *value = getenv(variables[i]);
            return strcasestr(value, "utf-8") || strcasestr(value, "utf8");
        }
    }
    return false;
}

static int columns_of(FILE *stream)
{
    struct winsize size;

    if (ioctl(fileno(stream), TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
        return size.ws_col;
    }
    if (is_set("COLUMNS") && atoi(getenv("COLUMNS")) > 0) {
        return atoi(getenv("COLUMNS"));
    }
    return 80;
}

void terminal_inspect(FILE *stream, struct terminal *ret)
{
    bool dumb = is_set("TERM") && strcmp(getenv("TERM"), "dumb") == 0;

    *ret = (struct terminal){
        .live = isatty(fileno(stream)) && !dumb,
        .unicode = names_utf8(),
        .width = columns_of(stream),
    };
    ret->colour = ret->live && !is_set("NO_COLOR");
}
