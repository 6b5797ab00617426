/* Fetching over HTTP from a server that cuts, refuses, forgets and stalls. */
#include "tests/data_fixture.h"
#include "tests/test.h"

#include "worker/data/fetch.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SIZE 5000

static struct file_server *server;
static uint8_t content[SIZE];
static char url[128];
static struct error error;

static int setup(void **state)
{
    fixture_setup(state);
    for (int i = 0; i < SIZE; i++) {
        content[i] = (uint8_t)(i * 7 + i / 256);
    }
    fixture_write("served", content, SIZE);
    server = file_server_start(".");
    snprintf(url, sizeof url, "%s/served", file_server_url(server));
    memset(&error, 0, sizeof error);
    return 0;
}

static int teardown(void **state)
{
    file_server_stop(server);
    return fixture_teardown(state);
}

static void assert_complete(void)
{
    size_t size;
    uint8_t *bytes = fixture_read("here", &size);
    assert_int_equal(size, SIZE);
    assert_memory_equal(bytes, content, SIZE);
    free(bytes);
}

struct seen {
    int64_t n_bytes, total;
    int n;
};

static void on_progress(void *arg, const char *file, int64_t n_bytes, int64_t total)
{
    struct seen *seen = arg;
    assert_string_equal(file, "served");
    assert_true(n_bytes >= seen->n_bytes);
    *seen = (struct seen){n_bytes, total, seen->n + 1};
}

static void a_file_is_fetched(void **state)
{
    (void)state;
    const struct fetch fetch = {.max_bytes = 2 * SIZE, .url = url, .name = "served"};
    assert_int_equal(fetch_file(&fetch, "here", &error), 0);
    assert_complete();
    assert_int_equal(file_server_stats(server).n_requests, 1);
    assert_string_equal(file_server_stats(server).authorization, "");
}

static void a_cut_transfer_goes_on_where_it_stopped(void **state)
{
    (void)state;
    file_server_cut_after(server, 1800);
    const struct fetch fetch = {.max_bytes = 2 * SIZE, .url = url, .name = "served"};
    assert_int_equal(fetch_file(&fetch, "here", &error), 0);
    assert_complete();
    assert_int_equal(file_server_stats(server).n_requests, 3); /* 1800 + 1800 + 1400 */
    assert_int_equal(file_server_stats(server).n_ranges, 2);
}

static void what_an_earlier_call_left_is_not_fetched_again(void **state)
{
    (void)state;
    fixture_write("here", content, 4000);
    file_server_cut_after(server, 1001); /* more than this would break off */
    const struct fetch fetch = {.max_bytes = 2 * SIZE, .url = url, .name = "served"};
    assert_int_equal(fetch_file(&fetch, "here", &error), 0);
    assert_complete();
    assert_int_equal(file_server_stats(server).n_requests, 1);
    assert_int_equal(file_server_stats(server).n_ranges, 1);
}

static void a_server_without_ranges_sends_everything_again(void **state)
{
    (void)state;
    fixture_write("here", "rubbish", 7);
    file_server_ignore_ranges(server);
    struct seen seen = {0};
    const struct fetch fetch = {.max_bytes = 2 * SIZE,
                                .url = url,
                                .name = "served",
                                .progress = on_progress,
                                .progress_arg = &seen};
    assert_int_equal(fetch_file(&fetch, "here", &error), 0);
    assert_complete();
    assert_int_equal(seen.n_bytes, SIZE);
}

static void more_than_the_server_has_is_thrown_away(void **state)
{
    (void)state;
    uint8_t *longer = calloc(1, SIZE + 10);
    fixture_write("here", longer, SIZE + 10);
    free(longer);
    const struct fetch fetch = {.max_bytes = 2 * SIZE, .url = url, .name = "served"};
    assert_int_equal(fetch_file(&fetch, "here", &error), 0);
    assert_complete();
}

static void a_server_in_trouble_is_given_up_and_the_part_kept(void **state)
{
    (void)state;
    fixture_write("here", content, 100);
    file_server_answer(server, 503);
    const struct fetch fetch = {.max_bytes = 2 * SIZE, .url = url, .name = "served"};
    assert_int_equal(fetch_file(&fetch, "here", &error), PREPARE_TRY_LATER);
    assert_non_null(strstr(error.message, "503"));
    size_t size;
    free(fixture_read("here", &size));
    assert_int_equal(size, 100); /* kept for later */
}

static void refusals_are_told_apart(void **state)
{
    (void)state;
    const struct {
        unsigned status;
        int r;
        const char *says;
    } table[] = {
        {404, FETCH_NOT_FOUND, "not found"}, {401, ERROR_INVALID, "a token is needed"},
        {403, ERROR_INVALID, "403"},         {429, PREPARE_TRY_LATER, "429"},
        {500, PREPARE_TRY_LATER, "500"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        file_server_answer(server, table[i].status);
        const struct fetch fetch = {.max_bytes = 2 * SIZE, .url = url, .name = "served"};
        assert_int_equal(fetch_file(&fetch, "here", &error), table[i].r);
        assert_non_null(strstr(error.message, table[i].says));
        assert_non_null(strstr(error.message, url));
    }
}

/* A15: the announced size is the bound. */
static void more_than_was_announced_is_refused(void **state)
{
    (void)state;
    struct fetch fetch = {.max_bytes = SIZE, .url = url, .name = "served"};
    assert_int_equal(fetch_file(&fetch, "here", &error), 0);
    assert_complete();
    fetch.max_bytes = SIZE - 1; /* what is there is thrown away, and what comes ends before it */
    assert_int_equal(fetch_file(&fetch, "here", &error), ERROR_INVALID);
    assert_non_null(strstr(error.message, "larger than the 4999 bytes"));
    size_t size;
    free(fixture_read("here", &size));
    assert_true(size < SIZE);
    char *text = NULL;
    assert_int_equal(fetch_text(&fetch, &text, &error), ERROR_INVALID);
}

/* A8 */
static void no_link_is_written_through(void **state)
{
    (void)state;
    const struct fetch fetch = {.max_bytes = SIZE, .url = url, .name = "served"};
    fixture_write("precious", "mine", 4);
    assert_int_equal(symlink("precious", "here"), 0);
    assert_int_equal(fetch_file(&fetch, "here", &error), PREPARE_TRY_LATER);
    size_t size;
    free(fixture_read("precious", &size));
    assert_int_equal(size, 4);
}

static void no_server_is_a_reason_to_try_later(void **state)
{
    (void)state;
    /* A port that was free a moment ago. */
    struct file_server *gone = file_server_start(".");
    char nowhere[128];
    snprintf(nowhere, sizeof nowhere, "%s/served", file_server_url(gone));
    file_server_stop(gone);
    const struct fetch fetch = {.max_bytes = 2 * SIZE, .url = nowhere, .name = "served"};
    assert_int_equal(fetch_file(&fetch, "here", &error), PREPARE_TRY_LATER);
    assert_non_null(strstr(error.message, "connect"));
}

static void only_http_is_spoken(void **state)
{
    (void)state;
    char local[128];
    snprintf(local, sizeof local, "file://%s/here/served", fixture_root);
    const struct fetch fetch = {.max_bytes = 2 * SIZE, .url = local, .name = "served"};
    assert_int_equal(fetch_file(&fetch, "here", &error), ERROR_INVALID);
    assert_non_null(strstr(error.message, "use http"));
}

static void the_token_goes_along(void **state)
{
    (void)state;
    const struct fetch fetch = {
        .max_bytes = 2 * SIZE, .url = url, .name = "served", .token = "secret"};
    char *text;
    fixture_write("served", "hello", 5);
    assert_int_equal(fetch_text(&fetch, &text, &error), 0);
    assert_string_equal(text, "hello");
    free(text);
    assert_string_equal(file_server_stats(server).authorization, "Bearer secret");
}

static void progress_ends_with_everything_here(void **state)
{
    (void)state;
    struct seen seen = {0};
    file_server_cut_after(server, 1800);
    const struct fetch fetch = {.max_bytes = 2 * SIZE,
                                .url = url,
                                .name = "served",
                                .progress = on_progress,
                                .progress_arg = &seen};
    assert_int_equal(fetch_file(&fetch, "here", &error), 0);
    assert_int_equal(seen.n_bytes, SIZE);
    assert_int_equal(seen.total, SIZE);
}

static void set_abort(void *arg, const char *file, int64_t n_bytes, int64_t total)
{
    (void)file, (void)n_bytes, (void)total;
    atomic_store((atomic_bool *)arg, true);
}

/* The server goes silent half-way; without the flag this would take the stall time-out. */
static void an_abort_ends_a_silent_transfer(void **state)
{
    (void)state;
    file_server_stall(server);
    atomic_bool abort = false;
    const struct fetch fetch = {.max_bytes = 2 * SIZE,
                                .url = url,
                                .name = "served",
                                .progress = set_abort,
                                .progress_arg = &abort,
                                .abort = &abort};
    assert_int_equal(fetch_file(&fetch, "here", &error), -ECANCELED);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_file_is_fetched),
        TEST(a_cut_transfer_goes_on_where_it_stopped),
        TEST(what_an_earlier_call_left_is_not_fetched_again),
        TEST(a_server_without_ranges_sends_everything_again),
        TEST(more_than_the_server_has_is_thrown_away),
        TEST(a_server_in_trouble_is_given_up_and_the_part_kept),
        TEST(refusals_are_told_apart),
        TEST(more_than_was_announced_is_refused),
        TEST(no_link_is_written_through),
        TEST(no_server_is_a_reason_to_try_later),
        TEST(only_http_is_spoken),
        TEST(the_token_goes_along),
        TEST(progress_ends_with_everything_here),
        TEST(an_abort_ends_a_silent_transfer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
