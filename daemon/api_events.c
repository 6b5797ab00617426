/* Events, followed from an id on: the one of Last-Event-ID, which clients send by themselves when
 * they come back, before the one of the query. */
#include "daemon/api_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* False when the header is there and no id; the call has ended. */
static bool read_last_id(struct api_call *call, int64_t *ret)
{
    const char *text = http_header(call->request, "Last-Event-ID");
    if (text == NULL) {
        return true;
    }
    errno = 0;
    long long id = strtoll(text, NULL, 10);
    if (text[0] != '\0' && text[strspn(text, "0123456789")] == '\0' && errno == 0) {
        *ret = id;
        return true;
    }
    struct error error = {0};
    error_set(&error, "Last-Event-ID", "Last-Event-ID must be the id of an event, not \"%.40s\"",
              text);
    api_fail_with(call, 400, "invalid_field", &error);
    return false;
}

void api_get_events(struct api_call *call)
{
    int64_t after = EVENTS_FROM_NOW_ON, sweep = 0;
    const struct api_parameter parameters[] = {
        api_integer("sweep", 1, INT64_MAX, &sweep),
        api_integer("after", 0, INT64_MAX, &after),
    };
    if (api_query(call, parameters, 2) && read_last_id(call, &after)) {
        events_follow(call->api->events, call->request, after, sweep);
        api_call_free(call);
    }
}
