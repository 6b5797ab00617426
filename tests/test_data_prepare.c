/* From a name to a directory in the cache, wherever the files come from. */
#include "tests/data_fixture.h"
#include "tests/prepare_fixture.h"
#include "tests/test.h"

#include "worker/data/cache.h"
#include "worker/data/synth.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char mnist[512]; /* "" = not here */

/* ---- where it is looked for ---- */

static void directories_are_looked_into_in_order(void **state)
{
    (void)state;
    fixture_write_dataset("../shared/digits", 12, 3, 1, false);
    assert_prepares("digits", 1);
    fixture_write_dataset("data/digits", 12, 3, 2, true);
    assert_prepares("digits", 2);
    fixture_write_dataset("env/digits", 12, 3, 3, false);
    setenv("NINETY_DATA", "env", 1); /* as a parent */
    assert_prepares("digits", 3);
    setenv("NINETY_DATA", "env/digits", 1); /* as the data set's own */
    assert_prepares("digits", 3);
    fixture_write_dataset("mine/digits", 12, 3, 4, true);
    const char *const directories[] = {"nowhere", "mine", NULL};
    fixture_options.directories = directories;
    assert_prepares("digits", 4);
}

static void a_directory_of_another_name_is_not_taken_for_the_data_set(void **state)
{
    (void)state;
    fixture_write_dataset("mnist-like", 12, 3, 1, false);
    setenv("NINETY_DATA", "mnist-like", 1);
    assert_fails("digits", ERROR_INVALID, "data set digits: unknown");
    assert_prepares("mnist-like", 1);
}

static void mnist_is_recognized_by_its_bytes(void **state)
{
    (void)state;
    if (mnist[0] == '\0') {
        print_message("skipped: no MNIST here\n");
        skip();
    }
    /* Its own directory may be called mnist; this one is called otherwise. */
    assert_int_equal(mkdir("links", 0700), 0);
    for (int i = 0; i < DATASET_FILE_COUNT; i++) {
        char target[700], link[128];
        snprintf(target, sizeof target, "%s/%s.gz", mnist, dataset_file_names[i]);
        snprintf(link, sizeof link, "links/%s.gz", dataset_file_names[i]);
        assert_int_equal(symlink(target, link), 0);
    }
    setenv("NINETY_DATA", "links", 1);
    assert_int_equal(prepare("mnist", &fixture_options, &fixture_prepared, &fixture_error), 0);
    assert_string_equal(fixture_prepared.data_sha256,
                        "ac89dbc26b7b0b5f68ff586bc0579a0c16e78b3436b0c71ccdd0169cbebf9ff7");
    setenv("NINETY_MIRRORS", "file:///nowhere", 1);
    assert_fails("fashion-mnist", ERROR_INVALID, "data set fashion-mnist: not on this machine");
}

static void a_known_name_with_other_bytes_is_an_error(void **state)
{
    (void)state;
    fixture_write_dataset("data/mnist", 12, 3, 1, false);
    assert_fails("mnist", ERROR_INVALID, "not the published mnist");
}

/* C10 */
static void the_named_folder_is_looked_at_although_the_cache_has_the_data(void **state)
{
    (void)state;
    if (mnist[0] == '\0') {
        print_message("skipped: no MNIST here\n");
        skip();
    }
    const char *const right[] = {mnist, NULL}, *const wrong[] = {"wrong", NULL};
    fixture_options.directories = right;
    assert_int_equal(prepare("mnist", &fixture_options, &fixture_prepared, &fixture_error), 0);
    fixture_write_dataset("wrong/mnist", 12, 3, 1, false);
    fixture_options.directories = wrong;
    assert_fails("mnist", ERROR_INVALID, "wrong/mnist/train-images-idx3-ubyte: not the published");
    fixture_options.directories = NULL;
    setenv("NINETY_DATA", "wrong", 1);
    assert_fails("mnist", ERROR_INVALID, "not the published mnist");
    unsetenv("NINETY_DATA");
    assert_int_equal(prepare("mnist", &fixture_options, &fixture_prepared, &fixture_error), 0);
}

/* C10 */
static void of_two_files_of_one_name_none_is_taken_in_silence(void **state)
{
    (void)state;
    fixture_write_dataset("data/digits", 12, 3, 1, false);
    fixture_write_dataset("data/digits", 12, 3, 1, true);
    assert_prepares("digits", 1);
    fixture_write_dataset("data/digits", 12, 3, 2, true);
    assert_fails("digits", ERROR_INVALID,
                 "data/digits/train-images-idx3-ubyte and data/digits/train-images-idx3-ubyte.gz: "
                 "they differ");
    assert_int_equal(unlink("data/digits/train-images-idx3-ubyte"), 0);
    assert_int_equal(unlink("data/digits/t10k-images-idx3-ubyte"), 0);
    assert_prepares("digits", 2);
}

static void rename_file(const char *directory, enum dataset_file file, const char *name)
{
    char from[256], to[256];
    snprintf(from, sizeof from, "%s/%s", directory, dataset_file_names[file]);
    snprintf(to, sizeof to, "%s/%s", directory, name);
    assert_int_equal(rename(from, to), 0);
}

/* E17 */
static void kaggles_names_and_folders_are_read(void **state)
{
    (void)state;
    fixture_write_dataset("data/digits", 12, 3, 7, false);
    rename_file("data/digits", DATASET_TRAIN_IMAGES, "train-images.idx3-ubyte");
    rename_file("data/digits", DATASET_TRAIN_LABELS, "train-labels.idx1-ubyte");
    rename_file("data/digits", DATASET_TEST_IMAGES, "t10k-images.idx3-ubyte");
    rename_file("data/digits", DATASET_TEST_LABELS, "t10k-labels.idx1-ubyte");
    assert_int_equal(mkdir("data/digits/train-images-idx3-ubyte", 0700), 0);
    assert_prepares("digits", 7);
}

/* E17 */
static void what_is_packed_otherwise_is_named_with_the_remedy(void **state)
{
    (void)state;
    fixture_write_dataset("data/digits", 12, 3, 7, false);
    rename_file("data/digits", DATASET_TEST_LABELS, "t10k-labels-idx1-ubyte.bz2");
    assert_fails("digits", ERROR_INVALID, "bzip2 -d data/digits/t10k-labels-idx1-ubyte.bz2");
    rename_file("data/digits", DATASET_TRAIN_IMAGES, "1");
    rename_file("data/digits", DATASET_TRAIN_LABELS, "2");
    rename_file("data/digits", DATASET_TEST_IMAGES, "3");
    assert_int_equal(
        rename("data/digits/t10k-labels-idx1-ubyte.bz2", "data/digits/t10k-labels-idx1-ubyte.xz"),
        0);
    assert_fails("digits", ERROR_INVALID, "xz -d data/digits/t10k-labels-idx1-ubyte.xz");
}

/* E17 */
static void torchvisions_root_is_looked_into(void **state)
{
    (void)state;
    fixture_write_dataset("torch/MNIST/raw", 12, 3, 1, false);
    fixture_write_dataset("torch/MNIST/raw", 12, 3, 1, true);
    const char *const roots[] = {"torch", "torch/MNIST", NULL};
    for (int i = 0; roots[i]; i++) {
        const char *const directories[] = {roots[i], NULL};
        fixture_options.directories = directories;
        assert_fails("mnist", ERROR_INVALID,
                     "/raw/train-images-idx3-ubyte: not the published mnist");
    }
}

/* D23 */
static void a_name_that_is_nearly_a_known_one_is_told(void **state)
{
    (void)state;
    assert_fails("MNIST", ERROR_INVALID, "data set MNIST: unknown; did you mean mnist?");
    assert_fails("fashion_mnist", ERROR_INVALID, "did you mean fashion-mnist?");
    assert_fails("SyntheticDigits", ERROR_INVALID, "did you mean synthetic-digits?");
    assert_int_equal(prepare("mnist2", &fixture_options, &fixture_prepared, &fixture_error),
                     ERROR_INVALID);
    assert_null(strstr(fixture_error.message, "did you mean"));
}

/* D23 */
static void named_directories_that_are_not_there_are_told(void **state)
{
    (void)state;
    const char *const directories[] = {"nowhere", NULL};
    setenv("NINETY_DATA", "/no/such/folder", 1);
    assert_fails("digits", ERROR_INVALID,
                 "NINETY_DATA names /no/such/folder, which is no directory");
    fixture_options.directories = directories;
    assert_fails("digits", ERROR_INVALID, "; nowhere is no directory; NINETY_DATA names");
}

static void an_incomplete_directory_is_an_error(void **state)
{
    (void)state;
    fixture_write_dataset("data/digits", 12, 3, 1, false);
    assert_int_equal(unlink("data/digits/t10k-labels-idx1-ubyte"), 0);
    assert_fails("digits", ERROR_INVALID, "t10k-labels-idx1-ubyte: missing");
}

static void names_that_could_leave_the_cache_are_refused(void **state)
{
    (void)state;
    const char *names[] = {"", ".", "..", ".hidden", "a/b", "../x", "a b", "a\nb"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_fails(names[i], ERROR_INVALID, "is no name of a data set");
        assert_string_equal(fixture_error.field, "dataset");
    }
}

/* ---- what is wrong with files ---- */

static void broken_files_are_named_and_nothing_is_left(void **state)
{
    (void)state;
    fixture_write_dataset("data/digits", 12, 3, 1, false);
    assert_int_equal(truncate("data/digits/t10k-images-idx3-ubyte", 100), 0);
    assert_fails("digits", ERROR_INVALID, "data/digits/t10k-images-idx3-ubyte: the file is trunc");
    fixture_write_dataset("data/digits", 12, 3, 1, false);
    fixture_write_dataset("data/other", 11, 3, 1, false);
    assert_int_equal(
        rename("data/other/train-labels-idx1-ubyte", "data/digits/train-labels-idx1-ubyte"), 0);
    assert_fails("digits", ERROR_INVALID, "12 images in data/digits/train-images-idx3-ubyte");

    char path[128];
    snprintf(path, sizeof path, "%s/cache/digits", fixture_root);
    DIR *directory = opendir(path);
    assert_non_null(directory);
    for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory)) {
        if (entry->d_name[0] != '.') {
            assert_string_equal(entry->d_name, "lock");
        }
    }
    closedir(directory);
}

static void an_unwritable_cache_is_named(void **state)
{
    (void)state;
    fixture_write("file", "", 0);
    fixture_options.cache_directory = "file/cache";
    assert_fails("digits", PREPARE_TRY_LATER, "NINETY_CACHE");
}

/* ---- the cache ---- */

static void the_digest_is_that_of_the_shell_command(void **state)
{
    (void)state;
    fixture_write_dataset("data/digits", 12, 3, 1, true);
    assert_prepares("digits", 1);
    char command[1024], expected[SHA256_HEX_SIZE] = "";
    snprintf(command, sizeof command,
             "cd %s && sha256sum train-images-idx3-ubyte train-labels-idx1-ubyte "
             "t10k-images-idx3-ubyte t10k-labels-idx1-ubyte | cut -c1-64 | sha256sum",
             fixture_prepared.directory);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    assert_non_null(fgets(expected, sizeof expected, pipe));
    pclose(pipe);
    assert_string_equal(fixture_prepared.data_sha256, expected);
}

static int64_t inode_of_images(void)
{
    char path[600];
    snprintf(path, sizeof path, "%s/train-images-idx3-ubyte", fixture_prepared.directory);
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    return (int64_t)status.st_ino;
}

static void a_second_time_nothing_is_written(void **state)
{
    (void)state;
    fixture_write_dataset("data/digits", 12, 3, 1, true);
    assert_prepares("digits", 1);
    const int64_t inode = inode_of_images();
    assert_prepares("digits", 1);
    assert_int_equal(inode_of_images(), inode);
}

static void a_changed_source_is_a_new_content_beside_the_old(void **state)
{
    (void)state;
    fixture_write_dataset("data/digits", 12, 3, 1, true);
    assert_prepares("digits", 1);
    const struct prepared old = fixture_prepared;
    fixture_write_dataset("data/digits", 12, 3, 2, true);
    assert_prepares("digits", 2);
    assert_string_not_equal(fixture_prepared.data_sha256, old.data_sha256);
    fixture_prepared = old;
    assert_shade(1); /* a trainer that holds it is not disturbed */
}

static void damage_in_the_cache_is_repaired(void **state)
{
    (void)state;
    fixture_write_dataset("data/digits", 12, 3, 1, true);
    assert_prepares("digits", 1);
    char path[600];
    snprintf(path, sizeof path, "%s/train-images-idx3-ubyte", fixture_prepared.directory);
    assert_int_equal(truncate(path, 50), 0);
    assert_prepares("digits", 1);
}

static void a_copied_cache_is_as_good(void **state)
{
    (void)state;
    fixture_write_dataset("data/digits", 12, 3, 1, true);
    assert_prepares("digits", 1);
    const int64_t inode = inode_of_images();
    char path[600];
    snprintf(path, sizeof path, "%s/train-images-idx3-ubyte", fixture_prepared.directory);
    assert_int_equal(utimensat(AT_FDCWD, path, NULL, 0), 0); /* another time of change */
    assert_prepares("digits", 1);
    assert_int_equal(inode_of_images(), inode);
}

static void what_a_killed_process_left_is_cleared_away(void **state)
{
    (void)state;
    char path[256];
    snprintf(path, sizeof path, "%s/cache/digits/tmp-abcdef", fixture_root);
    fixture_write_dataset(path, 1, 1, 9, false);
    fixture_write_dataset("data/digits", 12, 3, 1, true);
    assert_prepares("digits", 1);
    assert_int_not_equal(access(path, F_OK), 0);
}

static void the_lock_is_waited_for_until_an_abort(void **state)
{
    (void)state;
    struct cache cache;
    assert_int_equal(cache_open(NULL, "digits", &cache, &fixture_error), 0);
    assert_int_equal(cache_lock(&cache, NULL, &fixture_error), 0);
    const atomic_bool abort = true;
    fixture_options.abort = &abort;
    assert_int_equal(prepare("digits", &fixture_options, &fixture_prepared, &fixture_error),
                     -ECANCELED);
    cache_close(&cache);
}

#define N_AT_ONCE 6

static void *prepare_in_thread(void *arg)
{
    const struct prepare_options thread_options = {0};
    return (void *)(intptr_t)prepare("digits", &thread_options, arg, NULL);
}

static void processes_and_threads_at_once_agree(void **state)
{
    (void)state;
    fixture_write_dataset("data/digits", 3000, 300, 1, true);
    pid_t child[N_AT_ONCE];
    for (int i = 0; i < N_AT_ONCE; i++) {
        child[i] = fork();
        assert_true(child[i] >= 0);
        if (child[i] == 0) {
            _exit(prepare("digits", &fixture_options, &fixture_prepared, &fixture_error) == 0 ? 0
                                                                                              : 1);
        }
    }
    pthread_t thread[N_AT_ONCE];
    struct prepared result[N_AT_ONCE];
    for (int i = 0; i < N_AT_ONCE; i++) {
        assert_int_equal(pthread_create(&thread[i], NULL, prepare_in_thread, &result[i]), 0);
    }
    assert_prepares("digits", 1);
    for (int i = 0; i < N_AT_ONCE; i++) {
        void *r;
        int status;
        assert_int_equal(pthread_join(thread[i], &r), 0);
        assert_int_equal((intptr_t)r, 0);
        assert_string_equal(result[i].data_sha256, fixture_prepared.data_sha256);
        assert_int_equal(waitpid(child[i], &status, 0), child[i]);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
}

/* ---- drawn, and fetched ---- */

static void count_progress(void *arg, const char *file, int64_t n_bytes, int64_t total)
{
    (void)file;
    assert_true(n_bytes <= total);
    ++*(int *)arg;
}

static void synthetic_digits_are_those_of_every_other_machine(void **state)
{
    (void)state;
    int n_progress = 0;
    fixture_options.progress = count_progress;
    fixture_options.progress_arg = &n_progress;
    assert_int_equal(
        prepare("synthetic-digits", &fixture_options, &fixture_prepared, &fixture_error), 0);
    assert_string_equal(fixture_prepared.data_sha256, SYNTH_DATA_SHA256);
    assert_int_equal(n_progress, 70);
    struct dataset dataset;
    assert_int_equal(dataset_open(fixture_prepared.directory, &dataset, &fixture_error), 0);
    assert_int_equal(dataset.n_train, 60000);
    assert_int_equal(dataset.n_test, 10000);
    dataset_close(&dataset);
    assert_int_equal(
        prepare("synthetic-digits", &fixture_options, &fixture_prepared, &fixture_error), 0);
    assert_int_equal(n_progress, 70); /* from the cache */
}

/* Serves `directory`/v1/datasets/digits as a daemon would. */
static struct file_server *start_daemon(const char *directory, int shade)
{
    char path[256], list[2048] = "{\"name\": \"digits\", \"files\": [";
    snprintf(path, sizeof path, "%s/v1/datasets/digits", directory);
    fixture_write_dataset(path, 12, 3, shade, true);
    for (int i = 0; i < DATASET_FILE_COUNT; i++) {
        char file[400], hex[SHA256_HEX_SIZE];
        snprintf(file, sizeof file, "%s/%s.gz", path, dataset_file_names[i]);
        struct stat status;
        assert_int_equal(stat(file, &status), 0);
        assert_int_equal(sha256_file(file, hex), 0);
        snprintf(list + strlen(list), sizeof list - strlen(list),
                 "%s{\"name\": \"%s.gz\", \"size\": %lld, \"sha256\": \"%s\"}", i > 0 ? ", " : "",
                 dataset_file_names[i], (long long)status.st_size, hex);
    }
    strcat(list, "]}");
    strcat(path, ".json");
    fixture_write(path, list, strlen(list));
    return file_server_start(directory);
}

static void the_daemon_is_asked_for_what_is_not_here(void **state)
{
    (void)state;
    struct file_server *server = start_daemon("served", 5);
    fixture_options.daemon_url = file_server_url(server);
    fixture_options.token = "secret";
    assert_prepares("digits", 5);
    assert_string_equal(file_server_stats(server).authorization, "Bearer secret");
    assert_int_equal(file_server_stats(server).n_requests, 5);
    assert_prepares("digits", 5);
    assert_int_equal(file_server_stats(server).n_requests, 6); /* the list alone */
    assert_fails("letters", ERROR_INVALID, "data set letters: unknown");
    file_server_stop(server);
}

static void a_data_set_that_changed_at_the_daemon_is_fetched_again(void **state)
{
    (void)state;
    struct file_server *server = start_daemon("served", 5);
    fixture_options.daemon_url = file_server_url(server);
    assert_prepares("digits", 5);
    file_server_stop(server);
    server = start_daemon("served", 6);
    fixture_options.daemon_url = file_server_url(server);
    assert_prepares("digits", 6);
    file_server_stop(server);
}

static void a_daemon_that_is_away_is_a_reason_to_try_later(void **state)
{
    (void)state;
    struct file_server *server = start_daemon("served", 5);
    file_server_answer(server, 503);
    fixture_options.daemon_url = file_server_url(server);
    assert_fails("digits", PREPARE_TRY_LATER, "503");
    file_server_answer(server, 401);
    assert_fails("digits", ERROR_INVALID, "a token is needed");
    file_server_stop(server);
}

static void mnist_comes_from_a_mirror(void **state)
{
    (void)state;
    if (mnist[0] == '\0') {
        print_message("skipped: no MNIST here\n");
        skip();
    }
    assert_int_equal(mkdir("mirror", 0700), 0);
    assert_int_equal(symlink(mnist, "mirror/mnist"), 0);
    struct file_server *server = file_server_start("mirror");
    setenv("NINETY_MIRRORS", file_server_url(server), 1);
    file_server_cut_after(server, 3000000);
    assert_int_equal(prepare("mnist", &fixture_options, &fixture_prepared, &fixture_error), 0);
    assert_int_equal(file_server_stats(server).n_requests, 4 + 3);
    file_server_stop(server);
    struct dataset dataset;
    assert_int_equal(dataset_open(fixture_prepared.directory, &dataset, &fixture_error), 0);
    assert_int_equal(dataset.n_train, 60000);
    assert_int_equal(dataset.train_labels[0], 5);
    dataset_close(&dataset);
}

#define TEST(function)                                                                             \
    cmocka_unit_test_setup_teardown(function, prepare_fixture_setup, fixture_teardown)

int main(void)
{
    const char *found = fixture_find_mnist();
    snprintf(mnist, sizeof mnist, "%s", found != NULL ? found : "");
    const struct CMUnitTest tests[] = {
        TEST(directories_are_looked_into_in_order),
        TEST(a_directory_of_another_name_is_not_taken_for_the_data_set),
        TEST(mnist_is_recognized_by_its_bytes),
        TEST(a_known_name_with_other_bytes_is_an_error),
        TEST(the_named_folder_is_looked_at_although_the_cache_has_the_data),
        TEST(of_two_files_of_one_name_none_is_taken_in_silence),
        TEST(kaggles_names_and_folders_are_read),
        TEST(what_is_packed_otherwise_is_named_with_the_remedy),
        TEST(torchvisions_root_is_looked_into),
        TEST(a_name_that_is_nearly_a_known_one_is_told),
        TEST(named_directories_that_are_not_there_are_told),
        TEST(an_incomplete_directory_is_an_error),
        TEST(names_that_could_leave_the_cache_are_refused),
        TEST(broken_files_are_named_and_nothing_is_left),
        TEST(an_unwritable_cache_is_named),
        TEST(the_digest_is_that_of_the_shell_command),
        TEST(a_second_time_nothing_is_written),
        TEST(a_changed_source_is_a_new_content_beside_the_old),
        TEST(damage_in_the_cache_is_repaired),
        TEST(a_copied_cache_is_as_good),
        TEST(what_a_killed_process_left_is_cleared_away),
        TEST(the_lock_is_waited_for_until_an_abort),
        TEST(processes_and_threads_at_once_agree),
        TEST(synthetic_digits_are_those_of_every_other_machine),
        TEST(the_daemon_is_asked_for_what_is_not_here),
        TEST(a_data_set_that_changed_at_the_daemon_is_fetched_again),
        TEST(a_daemon_that_is_away_is_a_reason_to_try_later),
        TEST(mnist_comes_from_a_mirror),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
