#include "daemon/auth.h"
#include "tests/test.h"

#define TOKEN "0123456789abcdef"

static void only_the_whole_token_lets_in(void **state)
{
    (void)state;
    assert_true(auth_is_authorized(TOKEN, "Bearer " TOKEN));
    assert_true(auth_is_authorized(TOKEN, "bearer " TOKEN));
    assert_false(auth_is_authorized(TOKEN, NULL));
    assert_false(auth_is_authorized(TOKEN, ""));
    assert_false(auth_is_authorized(TOKEN, "Bearer"));
    assert_false(auth_is_authorized(TOKEN, "Bearer "));
    assert_false(auth_is_authorized(TOKEN, "Basic " TOKEN));
    assert_false(auth_is_authorized(TOKEN, "Bearer " TOKEN TOKEN));
    assert_false(auth_is_authorized(TOKEN, "Bearer 0123456789abcde"));
    assert_false(auth_is_authorized(TOKEN, "Bearer 0123456789abcdeF"));
}

static void without_a_token_only_loopback_is_a_host(void **state)
{
    (void)state;
    static const char *const good[] = {"127.0.0.1",      "127.0.0.1:9190", "localhost",
                                       "LOCALHOST:1234", "[::1]:9190",     "127.1.2.3"};
    static const char *const bad[] = {"evil.example",       "127.evil.example",  "localhost.evil",
                                      "127.0.0.1.nip.io:1", "192.168.1.1:9190",  "[fe80::1]",
                                      "notlocalhost",       "[::1].evil.example"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_true(auth_is_same_site(false, good[i], NULL));
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(auth_is_same_site(false, bad[i], NULL));
        assert_true(auth_is_same_site(true, bad[i], NULL));
    }
    assert_true(auth_is_same_site(false, NULL, NULL));
}

static void an_origin_must_be_the_host_itself(void **state)
{
    (void)state;
    for (int has_token = 0; has_token < 2; has_token++) {
        assert_true(auth_is_same_site(has_token, "localhost:9190", "http://localhost:9190"));
        assert_false(auth_is_same_site(has_token, "localhost:9190", "http://localhost:8080"));
        assert_false(auth_is_same_site(has_token, "localhost:9190", "http://evil.example"));
        assert_false(auth_is_same_site(has_token, "localhost:9190", "null"));
        assert_false(auth_is_same_site(has_token, NULL, "http://localhost"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_whole_token_lets_in),
        cmocka_unit_test(without_a_token_only_loopback_is_a_host),
        cmocka_unit_test(an_origin_must_be_the_host_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
