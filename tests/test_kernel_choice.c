/* The kernel choice with a shell script in place of ninety-trainer, that has a speed for each
 * OPENBLAS_CORETYPE and counts its probes. */
#include "tests/test.h"

#include "worker/kernel_choice.h"
#include "worker/machine.h"
#include "worker/trainer_command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char directory[] = "/tmp/ninety-kernel-XXXXXX";
static char trainer[64], cache[64], probes[64], library[64];
static struct kernel_request request;
static struct kernel_choice choice;

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* `cases` are those of a shell's case over the coretype; each sets k (kernel) and g (gflops). */
static void install_trainer(const char *cases)
{
    char text[2048];
    snprintf(text, sizeof text,
             "#!/bin/sh\n"
             "echo \"$1 $OPENBLAS_CORETYPE\" >> %s\n"
             "case \"$OPENBLAS_CORETYPE\" in\n%s\n*) exit 1 ;;\nesac\n"
             "echo '{\"kernel\": \"'$k'\", \"gflops\": '$g', \"library\": \"%s\", \"right\": "
             "'${r-true}'}'\n",
             probes, cases, library);
    write_file(trainer, text);
    assert_int_equal(chmod(trainer, 0755), 0);
}

static int n_probes(void)
{
    int n = 0;
    FILE *file = fopen(probes, "r");
    if (file) {
        for (int c; (c = getc(file)) != EOF;) {
            n += c == '\n';
        }
        fclose(file);
    }
    return n;
}

static void choose(void)
{
    kernel_choose(&request, &choice);
}

static int set_up(void **state)
{
    (void)state;
    strcpy(directory + sizeof directory - 7, "XXXXXX");
    assert_non_null(mkdtemp(directory));
    snprintf(trainer, sizeof trainer, "%s/trainer", directory);
    snprintf(cache, sizeof cache, "%s/cache", directory);
    snprintf(probes, sizeof probes, "%s/probes", directory);
    snprintf(library, sizeof library, "%s/library", directory);
    write_file(library, "OpenBLAS");
    request = (struct kernel_request){.trainer = trainer, .cache_directory = cache};
    unsetenv("OPENBLAS_CORETYPE");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -r %s", directory);
    return system(command);
}

static void need_avx2(void)
{
    if (!machine_has_flags("avx2 fma")) {
        skip();
    }
}

static void the_fastest_kernel_wins(void **state)
{
    (void)state;
    need_avx2();
    install_trainer("'') k=Prescott g=50 ;;\nHaswell) k=Haswell g=105.5 ;;\nZen) k=Zen g=60 ;;");
    choose();
    assert_string_equal(choice.coretype, "Haswell");
    assert_string_equal(choice.kernel, "Haswell");
    assert_true(choice.gflops == 105.5);
    assert_int_equal(choice.source, KERNEL_PROBED);
}

static void a_tie_goes_to_what_openblas_chooses_itself(void **state)
{
    (void)state;
    need_avx2();
    install_trainer("'') k=Prescott g=100 ;;\nHaswell) k=Haswell g=107 ;;");
    choose();
    assert_string_equal(choice.coretype, "");
    assert_string_equal(choice.kernel, "Prescott");
}

static void a_candidate_that_dies_is_none(void **state)
{
    (void)state;
    need_avx2();
    install_trainer(
        "'') kill -ILL $$ ;;\nHaswell) k=Haswell g=10 ;;\nZen) echo rubbish; exit 0 ;;");
    choose();
    assert_string_equal(choice.coretype, "Haswell");
}

static void what_openblas_runs_anyway_is_not_probed_twice(void **state)
{
    (void)state;
    need_avx2();
    install_trainer("'') k=HASWELL g=100 ;;\nHaswell) k=Haswell g=200 ;;");
    choose();
    assert_string_equal(choice.coretype, "");
    assert_true(choice.gflops == 100);
}

static void nothing_measured_leaves_it_to_openblas(void **state)
{
    (void)state;
    install_trainer("none) ;;");
    choose();
    assert_string_equal(choice.coretype, "");
    assert_string_equal(choice.kernel, "unknown");
    assert_int_equal(choice.source, KERNEL_UNKNOWN);
    request.trainer = NULL;
    choose();
    assert_int_equal(choice.source, KERNEL_UNKNOWN);
}

static void the_choice_is_remembered(void **state)
{
    (void)state;
    install_trainer("'') k=Prescott g=100 ;;");
    choose();
    int n = n_probes();
    assert_true(n >= 1);
    choose();
    assert_int_equal(choice.source, KERNEL_CACHED);
    assert_string_equal(choice.kernel, "Prescott");
    assert_true(choice.gflops == 100);
    assert_int_equal(n_probes(), n);
}

static void another_openblas_is_measured_anew(void **state)
{
    (void)state;
    install_trainer("'') k=Prescott g=100 ;;");
    choose();
    write_file(library, "OpenBLAS, but newer");
    choose();
    assert_int_equal(choice.source, KERNEL_PROBED);
}

static void another_trainer_is_measured_anew(void **state)
{
    (void)state;
    install_trainer("'') k=Prescott g=100 ;;");
    choose();
    install_trainer("'') k=Nehalem g=100 ;;");
    choose();
    assert_int_equal(choice.source, KERNEL_PROBED);
    assert_string_equal(choice.kernel, "Nehalem");
}

static void a_broken_cache_is_measured_anew(void **state)
{
    (void)state;
    char command[128];
    install_trainer("'') k=Prescott g=100 ;;");
    choose();
    snprintf(command, sizeof command, "for f in %s/kernels/*.json; do echo '{' > $f; done", cache);
    assert_int_equal(system(command), 0);
    choose();
    assert_int_equal(choice.source, KERNEL_PROBED);
}

static void a_cache_that_cannot_be_written_is_no_obstacle(void **state)
{
    (void)state;
    install_trainer("'') k=Prescott g=100 ;;");
    request.cache_directory = "/proc/no/such/place";
    choose();
    assert_int_equal(choice.source, KERNEL_PROBED);
    assert_string_equal(choice.kernel, "Prescott");
}

static void a_forced_kernel_asks_nobody(void **state)
{
    (void)state;
    install_trainer("'') k=Prescott g=100 ;;");
    request.forced = "Zen";
    choose();
    assert_string_equal(choice.coretype, "Zen");
    assert_int_equal(choice.source, KERNEL_FORCED);
    request.forced = KERNEL_DEFAULT;
    choose();
    assert_string_equal(choice.coretype, "");
    request.forced = NULL;
    setenv("OPENBLAS_CORETYPE", "Nehalem", 1);
    choose();
    assert_string_equal(choice.coretype, "Nehalem");
    assert_int_equal(n_probes(), 0);
}

/* ---- wrong kernels (C7) ---- */

static struct kernel_names wrong;

static void a_kernel_whose_products_are_wrong_is_not_chosen(void **state)
{
    (void)state;
    need_avx2();
    wrong = (struct kernel_names){0};
    request.wrong = &wrong;
    install_trainer("'') k=Prescott g=50 ;;\nHaswell) k=Haswell g=105.5 r=false ;;\n"
                    "Zen) k=Zen g=104 ;;");
    choose();
    assert_string_equal(choice.kernel, "Prescott"); /* Zen is the same code */
    assert_int_equal(wrong.n, 1);
    assert_string_equal(wrong.at[0], "Haswell");
    wrong.n = 0;
    choose(); /* the cache tells */
    assert_int_equal(choice.source, KERNEL_CACHED);
    assert_string_equal(choice.kernel, "Prescott");
}

static void a_condemned_kernel_is_not_chosen_again(void **state)
{
    (void)state;
    need_avx2();
    wrong = (struct kernel_names){0};
    request.wrong = &wrong;
    install_trainer("'') k=Prescott g=50 ;;\nHaswell) k=Haswell g=105.5 ;;");
    choose();
    assert_true(kernel_condemn(&request, &choice));
    choose();
    assert_int_equal(choice.source, KERNEL_PROBED);
    assert_string_equal(choice.kernel, "Prescott");
    struct kernel_names other_process = {0};
    request.wrong = &other_process;
    choose();
    assert_int_equal(choice.source, KERNEL_CACHED);
    assert_string_equal(choice.kernel, "Prescott");
    assert_true(kernel_names_have(&other_process, "Haswell"));
    write_file(library, "OpenBLAS, mended");
    other_process.n = 0;
    choose();
    assert_string_equal(choice.kernel, "Haswell");
}

static void where_every_kernel_is_wrong_none_is_chosen(void **state)
{
    (void)state;
    wrong = (struct kernel_names){0};
    request.wrong = &wrong;
    request.cache_directory = "/proc/no/such/place";
    install_trainer("'') k=Prescott g=50 ;;");
    choose();
    assert_true(kernel_condemn(&request, &choice));
    choose();
    assert_int_equal(choice.source, KERNEL_NONE_RIGHT);
    assert_false(kernel_condemn(&request, &choice));
}

static void a_forced_kernel_cannot_be_replaced(void **state)
{
    (void)state;
    wrong = (struct kernel_names){0};
    request.wrong = &wrong;
    request.forced = "Zen";
    choose();
    assert_false(kernel_condemn(&request, &choice));
}

/* ---- the trainer's command ---- */

static const char *variable(char *const *environment, const char *name)
{
    const char *value = NULL;
    for (; *environment; environment++) {
        size_t n = strlen(name);
        if (strncmp(*environment, name, n) == 0 && (*environment)[n] == '=') {
            assert_null(value); /* not twice */
            value = *environment + n + 1;
        }
    }
    return value;
}

static void trainers_get_the_kernel_and_one_thread_but_no_token(void **state)
{
    (void)state;
    struct trainer_command command;
    strcpy(choice.coretype, "Zen");
    setenv("NINETY_TOKEN", "secret", 1);
    setenv("OMP_NUM_THREADS", "8", 1);
    setenv("OPENBLAS_CORETYPE", "Haswell", 1);
    assert_int_equal(trainer_command_init(&command, NULL, trainer, &choice), 0);
    assert_string_equal(command.argv[0], trainer);
    assert_null(command.argv[1]);
    assert_string_equal(variable(command.environment, "OPENBLAS_CORETYPE"), "Zen");
    assert_string_equal(variable(command.environment, "OPENBLAS_NUM_THREADS"), "1");
    assert_string_equal(variable(command.environment, "OMP_NUM_THREADS"), "1");
    assert_string_equal(variable(command.environment, "MKL_NUM_THREADS"), "1");
    assert_null(variable(command.environment, "NINETY_TOKEN"));
    assert_non_null(variable(command.environment, "PATH"));
    trainer_command_finish(&command);

    choice.coretype[0] = '\0';
    assert_int_equal(trainer_command_init(&command, "python3 my.py --x", trainer, &choice), 0);
    assert_string_equal(command.argv[0], "/bin/sh");
    assert_string_equal(command.argv[2], "exec python3 my.py --x");
    assert_null(variable(command.environment, "OPENBLAS_CORETYPE"));
    trainer_command_finish(&command);
}

int main(void)
{
#define KERNEL_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        KERNEL_TEST(the_fastest_kernel_wins),
        KERNEL_TEST(a_tie_goes_to_what_openblas_chooses_itself),
        KERNEL_TEST(a_candidate_that_dies_is_none),
        KERNEL_TEST(what_openblas_runs_anyway_is_not_probed_twice),
        KERNEL_TEST(nothing_measured_leaves_it_to_openblas),
        KERNEL_TEST(the_choice_is_remembered),
        KERNEL_TEST(another_openblas_is_measured_anew),
        KERNEL_TEST(another_trainer_is_measured_anew),
        KERNEL_TEST(a_broken_cache_is_measured_anew),
        KERNEL_TEST(a_cache_that_cannot_be_written_is_no_obstacle),
        KERNEL_TEST(a_forced_kernel_asks_nobody),
        KERNEL_TEST(a_kernel_whose_products_are_wrong_is_not_chosen),
        KERNEL_TEST(a_condemned_kernel_is_not_chosen_again),
        KERNEL_TEST(where_every_kernel_is_wrong_none_is_chosen),
        KERNEL_TEST(a_forced_kernel_cannot_be_replaced),
        KERNEL_TEST(trainers_get_the_kernel_and_one_thread_but_no_token),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
