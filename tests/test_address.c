/* D24: the daemon's address, as people give it. */
#include "common/address.h"
#include "tests/test.h"

#include <stdio.h>
#include <string.h>

static void what_people_give_is_understood(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"127.0.0.1:9190", "http://127.0.0.1:9190"},
        {"http://127.0.0.1:9190", "http://127.0.0.1:9190"},
        {"HTTP://Queue.Example:9190/", "http://Queue.Example:9190"},
        {"https://queue.example", "https://queue.example"},
        {"http://queue.example", "http://queue.example"},
        {"queue.example", "http://queue.example:9190"},
        {"queue.example/ninety/", "http://queue.example:9190/ninety"},
        {"https://queue.example/ninety/", "https://queue.example/ninety"},
        {"https://queue.example/a/b//", "https://queue.example/a/b"},
        {"http://127.0.0.1:9190/#/sweeps/1", "http://127.0.0.1:9190"},
        {"http://127.0.0.1:9190#/sweeps/1", "http://127.0.0.1:9190"},
        {"http://127.0.0.1:9190/ninety/#/sweeps/1?a b", "http://127.0.0.1:9190/ninety"},
        {" http://127.0.0.1:9190\r\n", "http://127.0.0.1:9190"},
        {"[::1]:9190", "http://[::1]:9190"},
        {"[::1]", "http://[::1]:9190"},
        {"https://[fe80::1%25eth0]:1/x", "https://[fe80::1%25eth0]:1/x"},
        {"https://[2001:db8::1]:1/x", "https://[2001:db8::1]:1/x"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char address[ADDRESS_SIZE];
        struct error error = {0};
        assert_int_equal(address_parse(cases[i][0], address, &error), 0);
        assert_string_equal(address, cases[i][1]);
    }
}

static void what_cannot_be_meant_is_refused_by_name(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"", "nothing"},
        {"  #/sweeps/1", "nothing"},
        {"ftp://queue.example:21", "ftp://"},
        {"unix:///run/ninety", "unix://"},
        {"://host", "://"},
        {"http://", "no host"},
        {"http:///path", "no host"},
        {":9190", "no valid host"},
        {"http://me:secret@queue.example", "password"},
        {"ftp://me:secret@queue.example", "ftp://"},
        {"me:secret@two words", "blank"},
        {"http://me:secret@", "password"},
        {"http://queue.example:9190/?page=1", "query"},
        {"http://queue.example:9190?page=1", "query"},
        {"http://queue.example:", "1 to 65535"},
        {"http://queue.example:0", "1 to 65535"},
        {"http://queue.example:65536", "1 to 65535"},
        {"http://queue.example:99999999999999999999", "1 to 65535"},
        {"http://queue.example:91x", "1 to 65535"},
        {"http://queue.example:+91", "1 to 65535"},
        {"::1:9190", "brackets"},
        {"http://[::1", "no valid host"},
        {"http://[]:1", "no valid host"},
        {"http://[::1]x", "no valid host"},
        {"http://two words:9190", "blank"},
        {"http://queue.example/two words", "blank"},
        {"http://queue.example\r\nX-Header: 1", "blank"},
        {"http://q\xc3\xbcue.example", "ASCII"},
        {"http://queue,example", "no valid host"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char address[ADDRESS_SIZE] = "untouched";
        struct error error = {0};
        assert_int_equal(address_parse(cases[i][0], address, &error), ERROR_INVALID);
        if (!strstr(error.message, cases[i][1])) {
            fail_msg("\"%s\": %s", cases[i][0], error.message);
        }
        assert_non_null(strstr(error.message, ADDRESS_DEFAULT));
        assert_null(strstr(error.message, "secret"));
        assert_null(strpbrk(error.message, "\r\n"));
        assert_string_equal(address, "untouched");
    }
    char longest[1000], address[ADDRESS_SIZE];
    memset(longest, 'a', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    assert_int_equal(address_parse(longest, address, NULL), ERROR_INVALID);
}

/* A4: what is for these leaves the machine by no proxy. */
static void loopback_is_told_from_names_that_look_like_it(void **state)
{
    (void)state;
    static const char *const loopback[] = {"http://127.0.0.1:9190",  "https://localhost",
                                           "http://LOCALHOST:1/x",   "http://[::1]:9190/ninety",
                                           "http://127.1.2.3/?x=@y", "127.0.0.1:1"};
    static const char *const others[] = {
        "http://127.evil.example",        "http://localhost.evil.example",
        "http://10.0.0.1/://127.0.0.1",   "http://x/?://localhost",
        "http://[::1].evil.example:1/x",  "http://[fe80::1]",
        "http://127.0.0.1.nip.io",        "http://notlocalhost",
        "http://localhost:x@evil.example"};
    for (size_t i = 0; i < sizeof(loopback) / sizeof(*loopback); i++) {
        assert_true(address_is_loopback(loopback[i]));
    }
    for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
        assert_false(address_is_loopback(others[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_people_give_is_understood),
        cmocka_unit_test(what_cannot_be_meant_is_refused_by_name),
        cmocka_unit_test(loopback_is_told_from_names_that_look_like_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
