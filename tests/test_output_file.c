/* D2, D15: files that programs write: judged before the work, whole, and in their place. */
#include "tests/test.h"

#include "common/output_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/ninety-output-XXXXXX";
static char before[PATH_MAX];

static int enter(void **state)
{
    (void)state;
    return getcwd(before, sizeof before) != NULL && mkdtemp(folder) != NULL ? chdir(folder) : -1;
}

static int leave(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -r %s", folder);
    return chdir(before) == 0 ? system(command) : -1;
}

static void put(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void assert_holds(const char *path, const char *text)
{
    char found[64] = "";
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    found[fread(found, 1, sizeof found - 1, file)] = '\0';
    fclose(file);
    assert_string_equal(found, text);
}

static void write_to(const char *path, const char *text)
{
    struct output_file file;
    struct error error;
    assert_int_equal(output_file_check(path, &error), 0);
    assert_int_equal(output_file_open(path, OUTPUT_WHOLE, &file, &error), 0);
    fputs(text, file.stream);
    assert_int_equal(output_file_commit(&file), 0);
}

static void what_cannot_be_written_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *path, *word;
    } cases[] = {
        {"", "no name"},    {"-", "/dev/stdout"},    {".", "folder"},
        {"new/", "folder"}, {"file/x", "Not a dir"}, {"nowhere/x", "make the folder nowhere"},
    };
    put("file", "x");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct error error = {0};
        struct output_file file;
        assert_int_equal(output_file_check(cases[i].path, &error), ERROR_INVALID);
        assert_non_null(strstr(error.message, cases[i].word));
        assert_int_equal(output_file_open(cases[i].path, OUTPUT_WHOLE, &file, &error),
                         ERROR_INVALID);
        assert_null(file.stream);
    }
}

static void a_check_leaves_nothing(void **state)
{
    (void)state;
    assert_int_equal(output_file_check("fresh", NULL), 0);
    assert_int_equal(access("fresh", F_OK), -1);
}

static void a_regular_file_is_replaced_when_the_new_one_is_whole(void **state)
{
    (void)state;
    struct output_file file;
    struct stat old, new;
    put("whole", "old");
    chmod("whole", 0640);
    stat("whole", &old);
    assert_int_equal(output_file_open("whole", OUTPUT_WHOLE, &file, NULL), 0);
    fputs("half", file.stream);
    assert_holds("whole", "old");
    output_file_abandon(&file);
    output_file_abandon(&file);
    assert_holds("whole", "old");
    assert_int_equal(access(file.draft, F_OK), -1);
    write_to("whole", "new");
    assert_holds("whole", "new");
    stat("whole", &new);
    assert_int_equal(new.st_mode & 07777, 0640);
    assert_int_not_equal(new.st_ino, old.st_ino);
}

static void a_symbolic_link_is_followed_and_stays(void **state)
{
    (void)state;
    struct stat info;
    mkdir("deep", 0700);
    put("deep/target", "old");
    assert_int_equal(symlink("deep/target", "link"), 0);
    assert_int_equal(symlink("link", "link2"), 0);
    write_to("link2", "new");
    assert_holds("deep/target", "new");
    assert_int_equal(lstat("link2", &info), 0);
    assert_true(S_ISLNK(info.st_mode));

    assert_int_equal(symlink("deep/unborn", "dangling"), 0);
    write_to("dangling", "born");
    assert_holds("deep/unborn", "born");
    assert_int_equal(symlink("round", "round"), 0);
    assert_int_equal(output_file_check("round", NULL), ERROR_INVALID);
}

static void a_pipe_is_written_where_it_is(void **state)
{
    (void)state;
    char text[8] = "";
    struct stat info;
    assert_int_equal(mkfifo("pipe", 0600), 0);
    int reader = open("pipe", O_RDONLY | O_NONBLOCK);
    write_to("pipe", "hello");
    assert_int_equal(read(reader, text, sizeof text), 5);
    assert_string_equal(text, "hello");
    close(reader);
    assert_int_equal(lstat("pipe", &info), 0);
    assert_true(S_ISFIFO(info.st_mode));
}

static void lines_are_there_as_far_as_they_came(void **state)
{
    (void)state;
    struct output_file file;
    assert_int_equal(output_file_open("lines", OUTPUT_LINES, &file, NULL), 0);
    fputs("one\n", file.stream);
    fflush(file.stream);
    assert_holds("lines", "one\n");
    assert_int_equal(output_file_commit(&file), 0);
    assert_holds("lines", "one\n");
}

static void a_disk_that_takes_no_more_is_told_at_the_end(void **state)
{
    (void)state;
    struct output_file file;
    assert_int_equal(output_file_open("full", OUTPUT_WHOLE, &file, NULL), 0);
    fclose(file.stream);
    file.stream = fopen("/dev/full", "w");
    if (file.stream == NULL) {
        skip();
    }
    fputs("x", file.stream);
    assert_int_equal(output_file_commit(&file), -ENOSPC);
    assert_int_equal(access("full", F_OK), -1);
    assert_int_equal(access(file.draft, F_OK), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_cannot_be_written_is_named),
        cmocka_unit_test(a_check_leaves_nothing),
        cmocka_unit_test(a_regular_file_is_replaced_when_the_new_one_is_whole),
        cmocka_unit_test(a_symbolic_link_is_followed_and_stays),
        cmocka_unit_test(a_pipe_is_written_where_it_is),
        cmocka_unit_test(lines_are_there_as_far_as_they_came),
        cmocka_unit_test(a_disk_that_takes_no_more_is_told_at_the_end),
    };
    return cmocka_run_group_tests(tests, enter, leave);
}
