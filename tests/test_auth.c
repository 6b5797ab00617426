#include "daemon/auth.h"
#include "tests/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TOKEN "0123456789abcdef"

static char path[64];

static void write_token(const char *text, mode_t mode)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    assert_int_equal(chmod(path, mode), 0);
}

static int setup(void **state)
{
    (void)state;
    snprintf(path, sizeof path, "/tmp/ninety-auth-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    unlink(path);
    return 0;
}

static void a_token_is_the_first_line_of_its_file(void **state)
{
    (void)state;
    char token[AUTH_TOKEN_SIZE];
    write_token(TOKEN "\nsecond line\n", 0600);
    assert_int_equal(auth_read_token(path, token, NULL), 0);
    assert_string_equal(token, TOKEN);
    write_token(TOKEN, 0640);
    assert_int_equal(auth_read_token(path, token, NULL), 0);
}

static void a_file_that_everyone_may_read_is_refused_with_the_remedy(void **state)
{
    (void)state;
    char token[AUTH_TOKEN_SIZE];
    struct error error;
    write_token(TOKEN, 0644);
    assert_int_equal(auth_read_token(path, token, &error), ERROR_INVALID);
    assert_non_null(strstr(error.message, "chmod 600"));
    assert_string_equal(token, "");
}

static void poor_tokens_are_refused(void **state)
{
    (void)state;
    char token[AUTH_TOKEN_SIZE], longest[600];
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    const char *const poor[] = {"",           "\n" TOKEN, "short", "with blanks 0123456789",
                                "\x01" TOKEN, longest};
    for (size_t i = 0; i < sizeof poor / sizeof *poor; i++) {
        write_token(poor[i], 0600);
        assert_int_equal(auth_read_token(path, token, NULL), ERROR_INVALID);
    }
    struct error error;
    assert_int_equal(auth_read_token("/nonexistent/token", token, &error), ERROR_INVALID);
    assert_non_null(strstr(error.message, "/nonexistent/token"));
    assert_int_equal(auth_read_token("/tmp", token, &error), ERROR_INVALID);
}

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
        cmocka_unit_test_setup_teardown(a_token_is_the_first_line_of_its_file, setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_that_everyone_may_read_is_refused_with_the_remedy,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(poor_tokens_are_refused, setup, teardown),
        cmocka_unit_test(only_the_whole_token_lets_in),
        cmocka_unit_test(without_a_token_only_loopback_is_a_host),
        cmocka_unit_test(an_origin_must_be_the_host_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
