/* Data sets from mirrors and from the daemon: every file checked, the next mirror where one fails.
 */
#include "tests/data_fixture.h"
#include "tests/test.h"

#include "worker/data/remote.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A data set that is "known" here: two mirrors serve good/tiny and bad/tiny. */
static struct file_server *good, *bad;
static char digest[DATASET_FILE_COUNT][SHA256_HEX_SIZE];
static const char *const no_mirrors[] = {NULL};
static struct known_dataset tiny;
static struct error error;

static int setup(void **state)
{
    fixture_setup(state);
    fixture_write_dataset("good/tiny", 5, 3, 7, true);
    fixture_write_dataset("bad/tiny", 5, 3, 8, true);
    tiny = (struct known_dataset){.name = "tiny", .mirrors = no_mirrors};
    for (int i = 0; i < DATASET_FILE_COUNT; i++) {
        char path[128];
        snprintf(path, sizeof path, "good/tiny/%s.gz", dataset_file_names[i]);
        assert_int_equal(sha256_file(path, digest[i]), 0);
        tiny.file[i].gz_sha256 = digest[i];
    }
    good = file_server_start("good");
    bad = file_server_start("bad");
    assert_int_equal(mkdir("here", 0700), 0);
    memset(&error, 0, sizeof error);
    return 0;
}

static int teardown(void **state)
{
    file_server_stop(good);
    file_server_stop(bad);
    return fixture_teardown(state);
}

static void use_mirrors(struct file_server *first, struct file_server *second)
{
    char text[256];
    snprintf(text, sizeof text, "%s/ , %s", file_server_url(first), file_server_url(second));
    setenv("NINETY_MIRRORS", text, 1);
}

static int fetch_known(struct located *ret)
{
    const struct prepare_options options = {0};
    return remote_fetch_known(&tiny, &options, "here", ret, &error);
}

static void assert_all_here(const struct located *located)
{
    for (int i = 0; i < DATASET_FILE_COUNT; i++) {
        char got[SHA256_HEX_SIZE];
        assert_int_equal(sha256_file(located->path[i], got), 0);
        assert_string_equal(got, digest[i]);
    }
}

static void the_first_mirror_is_enough_when_it_is_good(void **state)
{
    (void)state;
    use_mirrors(good, bad);
    struct located located;
    assert_int_equal(fetch_known(&located), 0);
    assert_all_here(&located);
    assert_int_equal(file_server_stats(good).n_requests, 4);
    assert_int_equal(file_server_stats(bad).n_requests, 0);
}

static void wrong_bytes_send_us_to_the_next_mirror(void **state)
{
    (void)state;
    use_mirrors(bad, good);
    struct located located;
    assert_int_equal(fetch_known(&located), 0);
    assert_all_here(&located);
}

static void a_mirror_without_the_file_sends_us_to_the_next(void **state)
{
    (void)state;
    file_server_answer(bad, 404);
    use_mirrors(bad, good);
    struct located located;
    assert_int_equal(fetch_known(&located), 0);
    assert_all_here(&located);
}

static void wrong_bytes_everywhere_are_an_error_with_both_digests(void **state)
{
    (void)state;
    use_mirrors(bad, bad);
    struct located located;
    assert_int_equal(fetch_known(&located), ERROR_INVALID);
    char got[SHA256_HEX_SIZE];
    assert_int_equal(sha256_file("bad/tiny/train-images-idx3-ubyte.gz", got), 0);
    assert_non_null(strstr(error.message, got));
    assert_non_null(strstr(error.message, digest[DATASET_TRAIN_IMAGES]));
    assert_non_null(strstr(error.message, file_server_url(bad)));
    assert_int_not_equal(access("here/train-images-idx3-ubyte.gz", F_OK), 0); /* not kept */
}

static void trouble_at_one_mirror_makes_a_later_try_sensible(void **state)
{
    (void)state;
    file_server_answer(good, 503);
    use_mirrors(good, bad);
    struct located located;
    assert_int_equal(fetch_known(&located), PREPARE_TRY_LATER);
}

static void a_part_that_was_wrong_is_fetched_afresh(void **state)
{
    (void)state;
    fixture_write("here/train-images-idx3-ubyte.gz", "nonsense", 8);
    setenv("NINETY_MIRRORS", file_server_url(good), 1);
    struct located located;
    assert_int_equal(fetch_known(&located), 0);
    assert_all_here(&located);
}

static void what_is_here_and_right_is_not_asked_for(void **state)
{
    (void)state;
    use_mirrors(good, good);
    struct located located;
    assert_int_equal(fetch_known(&located), 0);
    assert_int_equal(fetch_known(&located), 0);
    assert_int_equal(file_server_stats(good).n_requests, 4);
}

/* ---- the daemon's list ---- */

#define FILE_ENTRY(name, sha) "{\"name\": \"" name "\", \"size\": 1, \"sha256\": \"" sha "\"}"
#define SIZED_ENTRY(name, size)                                                                    \
    "{\"name\": \"" name "\", \"size\": " size ", \"sha256\": \"" A64 "\"}"
#define A64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B64 "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define OTHER_THREE                                                                                \
    FILE_ENTRY("train-labels-idx1-ubyte", A64)                                                     \
    "," FILE_ENTRY("t10k-images-idx3-ubyte", A64) "," FILE_ENTRY("t10k-labels-idx1-ubyte", A64)

static void the_compressed_file_is_preferred(void **state)
{
    (void)state;
    const char *text = "{\"name\": \"x\", \"files\": [" FILE_ENTRY(
        "train-images-idx3-ubyte.gz", B64) "," FILE_ENTRY("train-images-idx3-ubyte",
                                                          A64) "," OTHER_THREE "]}";
    struct remote_listing listing;
    assert_int_equal(remote_parse_listing(text, &listing, &error), 0);
    assert_string_equal(listing.file[0], "train-images-idx3-ubyte.gz");
    assert_string_equal(listing.sha256[0], B64);
    assert_string_equal(listing.file[3], "t10k-labels-idx1-ubyte");
}

static void lists_that_make_no_sense_are_errors(void **state)
{
    (void)state;
    const struct {
        const char *text, *says;
    } table[] = {
        {"", "cannot be read"},
        {"[]", "cannot be read"},
        {"{\"files\": 3}", "cannot be read"},
        {"{\"files\": [3, null, {\"name\": 5}]}", "no train-images-idx3-ubyte"},
        {"{\"files\": [" OTHER_THREE "]}", "no train-images-idx3-ubyte"},
        {"{\"files\": [" FILE_ENTRY("train-images-idx3-ubyte", "abc") "," OTHER_THREE "]}",
         "no SHA-256 of train-images-idx3-ubyte"},
        /* A15: what a daemon tells must be what can be kept */
        {"{\"files\": [" SIZED_ENTRY("train-images-idx3-ubyte", "-1") "," OTHER_THREE "]}",
         "no size of train-images-idx3-ubyte"},
        {"{\"files\": [" SIZED_ENTRY("train-images-idx3-ubyte", "\"9\"") "," OTHER_THREE "]}",
         "no size of train-images-idx3-ubyte"},
        {"{\"files\": [" SIZED_ENTRY("train-images-idx3-ubyte", "1073741825") "," OTHER_THREE "]}",
         "no size of train-images-idx3-ubyte"},
        {"{\"files\": [" SIZED_ENTRY("train-images-idx3-ubyte",
                                     "9223372036854775807") "," OTHER_THREE "]}",
         "no size of train-images-idx3-ubyte"},
        {"{\"files\": [" SIZED_ENTRY("train-images-idx3-ubyte", "1073741824") "," OTHER_THREE "]}",
         "1073741827 bytes; at most 1073741824"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct remote_listing listing;
        assert_int_equal(remote_parse_listing(table[i].text, &listing, &error), ERROR_INVALID);
        if (strstr(error.message, table[i].says) == NULL) {
            fail_msg("\"%s\" does not say \"%s\"", error.message, table[i].says);
        }
    }
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_first_mirror_is_enough_when_it_is_good),
        TEST(wrong_bytes_send_us_to_the_next_mirror),
        TEST(a_mirror_without_the_file_sends_us_to_the_next),
        TEST(wrong_bytes_everywhere_are_an_error_with_both_digests),
        TEST(trouble_at_one_mirror_makes_a_later_try_sensible),
        TEST(a_part_that_was_wrong_is_fetched_afresh),
        TEST(what_is_here_and_right_is_not_asked_for),
        TEST(the_compressed_file_is_preferred),
        TEST(lists_that_make_no_sense_are_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
