#include "common/protocol_members.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Where the scan stands. Every function that returns bool leaves it behind what it took, and
 * false means: not for the fast way; the scan is over. */
struct scan {
    const char *at, *end;
};

static void skip_space(struct scan *s)
{
    while (s->at < s->end &&
           (*s->at == ' ' || *s->at == '\n' || *s->at == '\r' || *s->at == '\t')) {
        s->at++;
    }
}

/* The character, with space around it. */
static bool take(struct scan *s, char c)
{
    skip_space(s);
    if (s->at == s->end || *s->at != c) {
        return false;
    }
    s->at++;
    skip_space(s);
    return true;
}

static bool take_word(struct scan *s, const char *word)
{
    size_t length = strlen(word);
    if ((size_t)(s->end - s->at) < length || memcmp(s->at, word, length) != 0) {
        return false;
    }
    s->at += length;
    return true;
}

/* A text without escapes, of ASCII; it is not copied. */
static bool take_text(struct scan *s, const char **ret, size_t *ret_length)
{
    if (!take_word(s, "\"")) {
        return false;
    }
    const char *start = s->at;
    const char *at = start;
    while (at < s->end && *at >= 0x20 && *at != 0x7f && *at != '"' && *at != '\\') {
        at++;
    }
    s->at = at;
    *ret = start;
    *ret_length = (size_t)(at - start);
    return take_word(s, "\"");
}

/* ---- numbers ---- */

struct number {
    uint64_t digits; /* without sign and point, at most 18 */
    int exponent;    /* of ten, to multiply digits with */
    bool negative, integral;
};

static bool take_digits(struct scan *s, struct number *number, bool fraction)
{
    const uint64_t limit = 1000000000000000000; /* 10^18 */
    const char *at = s->at;
    uint64_t digits = number->digits;
    for (; at < s->end && *at >= '0' && *at <= '9'; at++) {
        digits = digits * 10 + (uint64_t)(*at - '0');
        if (digits >= limit) {
            return false;
        }
    }
    bool any = at > s->at;
    number->digits = digits;
    number->exponent -= fraction ? (int)(at - s->at) : 0;
    s->at = at;
    return any;
}

static bool take_exponent(struct scan *s, struct number *number)
{
    struct number exponent = {0};
    bool negative = s->at < s->end && *s->at == '-';
    if (s->at < s->end && (*s->at == '-' || *s->at == '+')) {
        s->at++;
    }
    if (!take_digits(s, &exponent, false) || exponent.digits > 999) {
        return false;
    }
    number->exponent += negative ? -(int)exponent.digits : (int)exponent.digits;
    number->integral = false;
    return true;
}

static bool take_number(struct scan *s, struct number *ret)
{
    struct number number = {.integral = true};
    number.negative = take_word(s, "-");
    const char *start = s->at;
    if (!take_digits(s, &number, false) || (*start == '0' && s->at > start + 1)) {
        return false; /* JSON has no leading zeros */
    }
    if (take_word(s, ".")) {
        number.integral = false;
        if (!take_digits(s, &number, true)) {
            return false;
        }
    }
    if ((take_word(s, "e") || take_word(s, "E")) && !take_exponent(s, &number)) {
        return false;
    }
    *ret = number;
    return true;
}

static bool take_integer(struct scan *s, int64_t *ret)
{
    struct number number;
    if (!take_number(s, &number) || !number.integral || number.negative) {
        return false;
    }
    *ret = (int64_t)number.digits;
    return true;
}

/* Exact where digits and power of ten are: one rounding, of the last operation (Clinger 1990). */
static bool take_real(struct scan *s, double *ret)
{
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                    1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    const char *start = s->at;
    struct number number;
    if (!take_number(s, &number)) {
        return false;
    }
    if (number.digits < (1ull << 53) && abs(number.exponent) <= 22) {
        double digits = (double)number.digits;
        double real = number.exponent < 0 ? digits / powers[-number.exponent]
                                          : digits * powers[number.exponent];
        *ret = number.negative ? -real : real;
        return true;
    }
    char text[64];
    size_t length = (size_t)(s->at - start);
    if (length >= sizeof(text)) {
        return false;
    }
    memcpy(text, start, length);
    text[length] = '\0';
    *ret = strtod(text, NULL);
    return isfinite(*ret);
}

/* ---- objects by table ---- */

static bool take_value(struct scan *s, const struct member *member, void *field)
{
    int64_t integer;
    const char *text;
    size_t length;
    switch (member->type) {
    case MEMBER_INT:
        return take_integer(s, field);
    case MEMBER_LAYER:
        if (!take_integer(s, &integer) || integer > CONFIG_MAX_LAYERS) {
            return false;
        }
        *(int *)field = (int)integer;
        return true;
    case MEMBER_REAL:
        return take_real(s, field);
    case MEMBER_TEXT:
        if (!take_text(s, &text, &length) || length >= member->size) {
            return false;
        }
        memcpy(field, text, length);
        ((char *)field)[length] = '\0';
        return true;
    case MEMBER_BOOL:
        *(bool *)field = take_word(s, "true");
        return *(bool *)field || take_word(s, "false");
    }
    return false;
}

/* Members mostly come in the table's order: whether this one is next, and then behind its name. */
static bool take_expected(struct scan *s, const struct member *member)
{
    const char *name = s->at + 1;
    if (!member->name || (size_t)(s->end - s->at) < member->length + 2 || *s->at != '"' ||
        name[member->length] != '"' || memcmp(name, member->name, member->length) != 0) {
        return false;
    }
    s->at = name + member->length + 1;
    return true;
}

/* The key and its colon. */
static const struct member *take_key(struct scan *s, const struct member *members,
                                     const struct member *expected)
{
    if (take_expected(s, expected)) {
        return take(s, ':') ? expected : NULL;
    }
    const char *name;
    size_t length;
    if (!take_text(s, &name, &length) || !take(s, ':')) {
        return NULL;
    }
    for (const struct member *m = members; m->name; m++) {
        if (m->length == length && memcmp(m->name, name, length) == 0) {
            return m;
        }
    }
    return NULL;
}

static bool take_members(struct scan *s, const struct member *members, void *data)
{
    uint32_t seen = 0, given = 0;
    const struct member *m, *expected = members;
    if (!take(s, '{')) {
        return false;
    }
    do {
        m = take_key(s, members, expected);
        if (!m || (seen & 1u << (m - members))) {
            return false;
        }
        seen |= 1u << (m - members);
        expected = m + 1;
        if (!take_word(s, "null")) {
            given |= 1u << (m - members);
            if (!take_value(s, m, (char *)data + m->offset) ||
                member_check(m, (char *)data + m->offset, NULL) != 0) {
                return false;
            }
        }
    } while (take(s, ','));
    for (m = members; m->name; m++) {
        if (given & 1u << (m - members)) {
            continue;
        }
        if (m->required) {
            return false;
        }
        member_set_absent(m, (char *)data + m->offset);
    }
    return take(s, '}');
}

/* ---- reports ---- */

/* A list of structs of `size` bytes; what was allocated is handed over also on failure. */
static bool take_list(struct scan *s, const struct member *members, size_t size, void **items,
                      size_t *n)
{
    size_t room = 0;
    if (*items || !take(s, '[')) {
        return false;
    }
    if (take(s, ']')) {
        return true;
    }
    do {
        if (*n == room) {
            room = room ? 2 * room : 8;
            void *more = realloc(*items, room * size);
            if (!more) {
                return false;
            }
            *items = more;
        }
        if (!take_members(s, members, (char *)*items + *n * size)) {
            return false;
        }
        ++*n;
    } while (take(s, ','));
    return take(s, ']');
}

static bool is(const char *name, size_t length, const char *what)
{
    return strlen(what) == length && memcmp(name, what, length) == 0;
}

/* One member of a report; `seen` has a bit for each kind, one for all four ends. */
static bool take_report_member(struct scan *s, struct report *report, unsigned *seen)
{
    const char *name;
    size_t length;
    void *items = NULL;
    bool good;
    unsigned bit;
    if (!take_text(s, &name, &length) || !take(s, ':')) {
        return false;
    }
    if (is(name, length, "trial")) {
        bit = 1;
        good = take_integer(s, &report->trial);
    } else if (is(name, length, "attempt")) {
        bit = 2;
        good = take_integer(s, &report->attempt);
    } else if (is(name, length, "measurements") && !report->measurements) {
        bit = 4;
        good = take_list(s, measurement_members, sizeof(*report->measurements), &items,
                         &report->n_measurements);
        report->measurements = items;
    } else if (is(name, length, "layers") && !report->layers) {
        bit = 8;
        good = take_list(s, layer_members, sizeof(*report->layers), &items, &report->n_layers);
        report->layers = items;
    } else if (is(name, length, "done")) {
        bit = 16;
        report->end = REPORT_DONE;
        good = take_members(s, result_members, &report->result);
    } else if (is(name, length, "failed")) {
        bit = 16;
        report->end = REPORT_FAILED;
        good = take_members(s, failure_members, &report->failure);
    } else if (is(name, length, "released")) {
        bit = 16;
        report->end = REPORT_RELEASED;
        good = take_word(s, "true");
    } else if (is(name, length, "reused_from")) {
        bit = 16;
        report->end = REPORT_REUSED;
        good = take_integer(s, &report->reused_from) && report->reused_from >= 1;
    } else {
        return false;
    }
    good = good && !(*seen & bit);
    *seen |= bit;
    return good;
}

static bool take_report(struct scan *s, struct report *report)
{
    unsigned seen = 0;
    if (!take(s, '{')) {
        return false;
    }
    do {
        if (!take_report_member(s, report, &seen)) {
            return false;
        }
    } while (take(s, ','));
    return take(s, '}') && (seen & 3) == 3 && report->trial >= 1 && report->attempt >= 1;
}

static bool take_reports(struct scan *s, struct report **reports, size_t *n)
{
    size_t room = 0;
    if (!take(s, '[')) {
        return false;
    }
    if (take(s, ']')) {
        return true;
    }
    do {
        if (*n == room) {
            room = room ? 2 * room : 8;
            struct report *more = realloc(*reports, room * sizeof(*more));
            if (!more) {
                return false;
            }
            *reports = more;
        }
        (*reports)[*n] = (struct report){0};
        ++*n; /* first, so that it is cleared should it end badly */
        if (!take_report(s, &(*reports)[*n - 1])) {
            return false;
        }
    } while (take(s, ','));
    return take(s, ']');
}

static bool take_secret(struct scan *s, char ret[WORKER_SECRET_SIZE])
{
    const char *text;
    size_t length;
    if (!take_text(s, &text, &length) || length != WORKER_SECRET_SIZE - 1) {
        return false;
    }
    memcpy(ret, text, length);
    ret[length] = '\0';
    return true;
}

static bool take_body(struct scan *s, struct worker_badge *badge, struct report **reports,
                      size_t *n)
{
    bool has_worker = false, has_reports = false;
    if (!take(s, '{')) {
        return false;
    }
    do {
        const char *name;
        size_t length;
        if (!take_text(s, &name, &length) || !take(s, ':')) {
            return false;
        }
        bool good = false; /* what begins badly must not be begun again */
        if (is(name, length, "worker") && !has_worker) {
            has_worker = good = take_integer(s, &badge->worker) && badge->worker >= 1;
        } else if (is(name, length, "secret") && !badge->secret[0]) {
            good = take_secret(s, badge->secret);
        } else if (is(name, length, "reports") && !has_reports) {
            has_reports = good = take_reports(s, reports, n);
        }
        if (!good) {
            return false;
        }
    } while (take(s, ','));
    return take(s, '}') && s->at == s->end && has_worker && has_reports;
}

bool reports_scan(const char *text, size_t size, struct worker_badge *ret_badge,
                  struct report **ret_reports, size_t *ret_n)
{
    struct scan s = {text, text + size};
    struct report *reports = NULL;
    size_t n = 0;
    struct worker_badge badge = {0};
    if (!take_body(&s, &badge, &reports, &n)) {
        for (size_t i = 0; i < n; i++) {
            report_clear(&reports[i]);
        }
        free(reports);
        return false;
    }
    *ret_badge = badge;
    *ret_reports = reports;
    *ret_n = n;
    return true;
}
