/* A8: what of the cache is trusted, and whose it may be. */
#include "tests/data_fixture.h"
#include "tests/prepare_fixture.h"
#include "tests/test.h"

#include "worker/data/content.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void path_of(const char *file, char ret[600])
{
    snprintf(ret, 600, "%s/%s", fixture_prepared.directory, file);
}

/* The bytes are others, size and time of change are as before. */
static void change_labels(void)
{
    char path[600];
    struct stat before;
    path_of("train-labels-idx1-ubyte", path);
    assert_int_equal(stat(path, &before), 0);
    const int fd = open(path, O_WRONLY);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, "\x07\x07\x07", 3, 8), 3);
    const struct timespec times[2] = {before.st_atim, before.st_mtim};
    assert_int_equal(futimens(fd, times), 0);
    close(fd);
}

static void assert_true_to_its_name(void)
{
    char sha256[DATASET_FILE_COUNT][SHA256_HEX_SIZE], whole[SHA256_HEX_SIZE];
    for (int i = 0; i < DATASET_FILE_COUNT; i++) {
        char path[600];
        path_of(dataset_file_names[i], path);
        assert_int_equal(sha256_file(path, sha256[i]), 0);
    }
    data_digest(sha256, whole);
    assert_string_equal(whole, fixture_prepared.data_sha256);
}

static void labels_changed_behind_size_and_time_are_noticed_and_repaired(void **state)
{
    (void)state;
    fixture_write_dataset("data/digits", 12, 3, 1, true);
    assert_prepares("digits", 1);
    assert_true(prepared_holds(&fixture_prepared));
    change_labels();
    assert_false(prepared_holds(&fixture_prepared)); /* within the process that has hashed them */
    assert_prepares("digits", 1);
    assert_true(prepared_holds(&fixture_prepared));
    assert_true_to_its_name();
    change_labels();
    const pid_t child = fork(); /* one that has not */
    assert_true(child >= 0);
    if (child == 0) {
        execl("/proc/self/exe", "test_data_cache", "prepare", NULL);
        _exit(1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_true_to_its_name();
}

static void a_file_of_the_cache_that_became_a_link_is_replaced(void **state)
{
    (void)state;
    char path[600];
    fixture_write_dataset("data/digits", 12, 3, 1, true);
    assert_prepares("digits", 1);
    path_of("train-labels-idx1-ubyte", path);
    assert_int_equal(rename(path, "elsewhere"), 0);
    char target[300];
    snprintf(target, sizeof target, "%s/here/elsewhere", fixture_root);
    assert_int_equal(symlink(target, path), 0);
    assert_prepares("digits", 1);
    struct stat status;
    assert_int_equal(lstat(path, &status), 0);
    assert_true(S_ISREG(status.st_mode));
    assert_int_equal(access("elsewhere", F_OK), 0);
}

static void links_in_the_cache_lead_nobody_out_of_it(void **state)
{
    (void)state;
    char path[300];
    fixture_write_dataset("precious", 1, 1, 9, false);
    snprintf(path, sizeof path, "%s/cache", fixture_root);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/cache/digits", fixture_root);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/cache/digits/tmp-abcdef", fixture_root);
    assert_int_equal(symlink("../../here/precious", path), 0);
    fixture_write_dataset("data/digits", 12, 3, 1, true);
    assert_prepares("digits", 1);
    assert_int_equal(access("precious/train-images-idx3-ubyte", F_OK), 0);
    assert_int_not_equal(access(path, F_OK), 0);
    snprintf(path, sizeof path, "%s/cache/letters", fixture_root);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/cache/letters/lock", fixture_root);
    assert_int_equal(symlink("/nonexistent/lock", path), 0);
    fixture_write_dataset("data/letters", 12, 3, 1, true);
    assert_fails("letters", PREPARE_TRY_LATER, "lock");
}

static void a_cache_where_anybody_may_put_theirs_is_refused(void **state)
{
    (void)state;
    fixture_write_dataset("data/digits", 12, 3, 1, true);
    assert_int_equal(mkdir("open", 0700), 0);
    assert_int_equal(chmod("open", 0777), 0);
    fixture_options.cache_directory = "open/cache";
    assert_fails("digits", PREPARE_TRY_LATER, "chmod o-w");
    assert_int_equal(chmod("open", 01777), 0); /* as /tmp */
    assert_prepares("digits", 1);
    if (geteuid() == 0) { /* nobody else can give a directory away */
        assert_int_equal(chown("open/cache/digits", 65534, 65534), 0);
        assert_fails("digits", PREPARE_TRY_LATER, "belongs to another user (65534)");
        assert_int_equal(chown("open/cache/digits", 0, 0), 0);
        assert_int_equal(chown("open", 65534, 65534), 0);
        assert_fails("digits", PREPARE_TRY_LATER, "lies in");
        assert_int_equal(chown("open", 0, 0), 0);
    }
    assert_int_equal(symlink("/tmp", "link"), 0); /* one that others own is no matter: it is left */
    char link[256];
    snprintf(link, sizeof link, "link/%s/here/open/cache", strrchr(fixture_root, '/') + 1);
    fixture_options.cache_directory = link;
    assert_prepares("digits", 1);
    assert_null(strstr(fixture_prepared.directory, "link"));
}

static void an_own_cache_that_others_may_write_to_is_closed_for_them(void **state)
{
    (void)state;
    char path[300];
    struct stat status;
    fixture_write_dataset("data/digits", 12, 3, 1, true);
    assert_prepares("digits", 1);
    snprintf(path, sizeof path, "%s/cache/digits", fixture_root);
    assert_int_equal(chmod(path, 0777), 0);
    assert_prepares("digits", 1);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0755);
    const mode_t before = umask(0);
    fixture_options.cache_directory = "fresh";
    assert_prepares("digits", 1);
    umask(before);
    assert_int_equal(stat("fresh/digits", &status), 0);
    assert_int_equal(status.st_mode & 0022, 0);
}

static void without_home_the_cache_is_the_users_and_never_a_common_place(void **state)
{
    (void)state;
    char home[256];
    unsetenv("NINETY_CACHE");
    snprintf(home, sizeof home, "%s/home", fixture_root);
    setenv("HOME", home, 1);
    unsetenv("XDG_CACHE_HOME");
    fixture_write_dataset("data/digits", 12, 3, 1, true);
    assert_prepares("digits", 1);
    assert_memory_equal(fixture_prepared.directory, home, strlen(home));
}

#define TEST(function)                                                                             \
    cmocka_unit_test_setup_teardown(function, prepare_fixture_setup, fixture_teardown)

int main(int argc, char **argv)
{
    if (argc > 1) { /* as a process of its own */
        (void)argv;
        return prepare("digits", &fixture_options, &fixture_prepared, &fixture_error);
    }
    const struct CMUnitTest tests[] = {
        TEST(labels_changed_behind_size_and_time_are_noticed_and_repaired),
        TEST(a_file_of_the_cache_that_became_a_link_is_replaced),
        TEST(links_in_the_cache_lead_nobody_out_of_it),
        TEST(a_cache_where_anybody_may_put_theirs_is_refused),
        TEST(an_own_cache_that_others_may_write_to_is_closed_for_them),
        TEST(without_home_the_cache_is_the_users_and_never_a_common_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
