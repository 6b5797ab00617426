/* D8, A12: one rule for tokens, wherever they come from. */
#include "common/token.h"
#include "tests/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TOKEN "0123456789abcdef"

static char folder[64], path[80];

static void write_token(const void *bytes, size_t size, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, size), size);
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

static int setup(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/ninety-token-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/token", folder);
    unsetenv("NINETY_TOKEN");
    unsetenv("CREDENTIALS_DIRECTORY");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    unlink(path);
    rmdir(folder);
    return 0;
}

static void a_token_is_the_first_line_of_its_file(void **state)
{
    (void)state;
    static const char *const texts[] = {TOKEN, TOKEN "\n", TOKEN "\r\n", TOKEN "\n\n",
                                        TOKEN "\nsecond line\n"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        char token[TOKEN_SIZE];
        write_token(texts[i], strlen(texts[i]), 0600);
        assert_int_equal(token_read(path, token, NULL), 0);
        assert_string_equal(token, TOKEN);
    }
}

static void poor_tokens_are_refused_with_their_source_and_the_remedy(void **state)
{
    (void)state;
    char longest[600];
    memset(longest, 'x', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    const char *const poor[] = {
        "",           "\n" TOKEN, "short",          "with blanks 0123456789", TOKEN " ",
        "\x01" TOKEN, TOKEN "\t", "\xc3\xa9" TOKEN, "\xef\xbb\xbf" TOKEN,     longest};
    for (size_t i = 0; i < sizeof(poor) / sizeof(*poor); i++) {
        char token[TOKEN_SIZE] = "untouched";
        struct error error;
        write_token(poor[i], strlen(poor[i]), 0600);
        assert_int_equal(token_read(path, token, &error), ERROR_INVALID);
        assert_non_null(strstr(error.message, path));
        assert_non_null(strstr(error.message, "openssl rand"));
        assert_string_equal(token, "untouched");
    }
    struct error error;
    char token[TOKEN_SIZE];
    write_token(TOKEN "\0" TOKEN, 2 * sizeof(TOKEN), 0600);
    assert_int_equal(token_read(path, token, &error), ERROR_INVALID);
}

static void the_longest_token_is_taken_and_no_longer_one(void **state)
{
    (void)state;
    char longest[TOKEN_MAX + 2], token[TOKEN_SIZE];
    memset(longest, 'x', TOKEN_MAX + 1);
    longest[TOKEN_MAX + 1] = '\0';
    write_token(longest, TOKEN_MAX + 1, 0600);
    assert_int_equal(token_read(path, token, NULL), ERROR_INVALID);
    write_token(longest, TOKEN_MAX, 0600);
    assert_int_equal(token_read(path, token, NULL), 0);
    assert_int_equal(strlen(token), TOKEN_MAX);
}

static void a_file_that_others_may_open_is_refused_with_the_remedy(void **state)
{
    (void)state;
    static const mode_t modes[] = {0644, 0640, 0620, 0604, 0602, 0660, 0440, 0610};
    for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++) {
        char token[TOKEN_SIZE] = "";
        struct error error;
        write_token(TOKEN, sizeof(TOKEN) - 1, modes[i]);
        assert_int_equal(token_read(path, token, &error), ERROR_INVALID);
        assert_non_null(strstr(error.message, "chmod 600"));
        assert_string_equal(token, "");
    }
}

static void a_credential_of_systemd_may_be_read_by_its_group(void **state)
{
    (void)state;
    static const struct {
        mode_t mode;
        int expected;
    } cases[] = {{0400, 0}, {0440, 0}, {0460, ERROR_INVALID}, {0444, ERROR_INVALID}};
    setenv("CREDENTIALS_DIRECTORY", folder, 1);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char token[TOKEN_SIZE];
        write_token(TOKEN, sizeof(TOKEN) - 1, cases[i].mode);
        assert_int_equal(token_read(path, token, NULL), cases[i].expected);
    }
    char token[TOKEN_SIZE], around[200];
    write_token(TOKEN, sizeof(TOKEN) - 1, 0440);
    snprintf(around, sizeof(around), "%s/../%s/token", folder, strrchr(folder, '/') + 1);
    assert_int_equal(token_read(around, token, NULL), ERROR_INVALID);
    setenv("CREDENTIALS_DIRECTORY", "/tmp/ninety-tok", 1);
    assert_int_equal(token_read(path, token, NULL), ERROR_INVALID);
}

static void what_is_no_file_is_refused_and_waited_for_by_nobody(void **state)
{
    (void)state;
    char token[TOKEN_SIZE];
    struct error error;
    assert_int_equal(token_read("/nonexistent/token", token, &error), ERROR_INVALID);
    assert_non_null(strstr(error.message, "/nonexistent/token"));
    assert_int_equal(token_read(folder, token, &error), ERROR_INVALID);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(token_read(path, token, &error), ERROR_INVALID);
}

static void a_pipe_may_bring_it(void **state)
{
    (void)state;
    int ends[2];
    char name[64], token[TOKEN_SIZE];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], TOKEN "\n", sizeof(TOKEN)), sizeof(TOKEN));
    close(ends[1]);
    snprintf(name, sizeof(name), "/dev/fd/%d", ends[0]);
    assert_int_equal(token_read(name, token, NULL), 0);
    assert_string_equal(token, TOKEN);
    close(ends[0]);
}

static void the_file_goes_before_the_variable_and_both_keep_one_rule(void **state)
{
    (void)state;
    char token[TOKEN_SIZE];
    struct error error;
    assert_int_equal(token_find(NULL, token, &error), 0);
    assert_string_equal(token, "");
    setenv("NINETY_TOKEN", "", 1);
    assert_int_equal(token_find(NULL, token, &error), 0);
    assert_string_equal(token, "");
    setenv("NINETY_TOKEN", TOKEN "\r\n", 1);
    assert_int_equal(token_find(NULL, token, &error), 0);
    assert_string_equal(token, TOKEN);
    setenv("NINETY_TOKEN", "two words, 16 and more", 1);
    assert_int_equal(token_find(NULL, token, &error), ERROR_INVALID);
    assert_non_null(strstr(error.message, "NINETY_TOKEN"));
    write_token(TOKEN "file", sizeof(TOKEN) + 3, 0600);
    assert_int_equal(token_find(path, token, &error), 0);
    assert_string_equal(token, TOKEN "file");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_token_is_the_first_line_of_its_file),
        TEST(poor_tokens_are_refused_with_their_source_and_the_remedy),
        TEST(the_longest_token_is_taken_and_no_longer_one),
        TEST(a_file_that_others_may_open_is_refused_with_the_remedy),
        TEST(a_credential_of_systemd_may_be_read_by_its_group),
        TEST(what_is_no_file_is_refused_and_waited_for_by_nobody),
        TEST(a_pipe_may_bring_it),
        TEST(the_file_goes_before_the_variable_and_both_keep_one_rule),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
