#include "daemon/refusals.h"
#include "tests/test.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char said[65536];

/* What was written to standard error since it was last asked. */
static const char *log_of(FILE *log)
{
    static long read_until;
    fflush(stderr);
    fseek(log, read_until, SEEK_SET);
    said[fread(said, 1, sizeof said - 1, log)] = '\0';
    read_until = ftell(log);
    return said;
}

static int lines(const char *text)
{
    int n = 0;
    for (; *text != '\0'; text++) {
        n += *text == '\n';
    }
    return n;
}

/* A13 */
static void an_address_is_named_once_and_then_once_a_minute_with_the_count(void **state)
{
    (void)state;
    FILE *log = tmpfile();
    int kept = dup(STDERR_FILENO);
    dup2(fileno(log), STDERR_FILENO);
    static struct refusals refusals;
    for (int i = 0; i < 1000; i++) {
        refusals_add(&refusals, "10.0.0.1", 5000);
    }
    int at_once = lines(log_of(log));
    refusals_tick(&refusals, 64999);
    int before = lines(log_of(log));
    refusals_tick(&refusals, 65000);
    const char *text = log_of(log);
    bool counted = strstr(text, "10.0.0.1") != NULL && strstr(text, "count=999") != NULL;
    refusals_tick(&refusals, 125000); /* it has stopped, and is forgotten */
    int after = lines(log_of(log));
    refusals_add(&refusals, "10.0.0.1", 125001);
    int again = lines(log_of(log));

    char peer[32];
    for (int i = 0; i < 100000; i++) { /* as many addresses as one likes */
        snprintf(peer, sizeof peer, "10.1.%d.%d", i >> 8, i & 255);
        refusals_add(&refusals, peer, 125002);
    }
    text = log_of(log);
    int many = lines(text);
    bool others = strstr(text, "others") != NULL;
    dup2(kept, STDERR_FILENO);
    close(kept);
    fclose(log);
    assert_int_equal(at_once, 1);
    assert_int_equal(before, 0);
    assert_true(counted);
    assert_int_equal(after, 0);
    assert_int_equal(again, 1);
    assert_int_equal(many, REFUSALS_ADDRESSES); /* one is there already, and one is for the rest */
    assert_true(others);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_is_named_once_and_then_once_a_minute_with_the_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
