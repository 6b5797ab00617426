/* D13: what control groups say of CPUs, read from files of our own in the place of /proc and /sys.
 */
#include "tests/test.h"

#include "worker/machine.h"

#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char root[] = "/tmp/ninety-machine-XXXXXX";

static void write_file(const char *path, const char *text)
{
    char whole[300];
    snprintf(whole, sizeof whole, "%s%s", root, path);
    for (char *slash = strchr(whole + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(whole, 0700);
        *slash = '/';
    }
    FILE *file = fopen(whole, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static int setup(void **state)
{
    (void)state;
    strcpy(root + sizeof root - 7, "XXXXXX");
    return mkdtemp(root) ? 0 : -1;
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *ftw)
{
    (void)status, (void)type, (void)ftw;
    return remove(path);
}

static int teardown(void **state)
{
    (void)state;
    return nftw(root, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static void nothing_known_is_no_quota(void **state)
{
    (void)state;
    assert_int_equal(machine_cpu_quota(root), 0);
    write_file("/proc/self/cgroup", "");
    assert_int_equal(machine_cpu_quota(root), 0);
    write_file("/proc/self/cgroup", "nonsense\n1:cpu\n0::/a/b\n");
    assert_int_equal(machine_cpu_quota(root), 0);
}

static void version_2_is_read_and_rounded_up(void **state)
{
    (void)state;
    static const struct {
        const char *max;
        int cpus;
    } cases[] = {{"max 100000\n", 0},
                 {"50000 100000\n", 1},
                 {"100000 100000\n", 1},
                 {"100001 100000\n", 2},
                 {"250000 100000\n", 3},
                 {"1000 100000\n", 1},
                 {"20000000 10000\n", 1024},
                 {"", 0},
                 {"junk\n", 0},
                 {"100000 0\n", 0},
                 {"-5 100000\n", 0}};
    write_file("/proc/self/cgroup", "0::/job\n");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_file("/sys/fs/cgroup/job/cpu.max", cases[i].max);
        assert_int_equal(machine_cpu_quota(root), cases[i].cpus);
    }
}

static void the_least_of_its_own_and_its_parents_counts(void **state)
{
    (void)state;
    write_file("/proc/self/cgroup", "0::/slice/job/step\n");
    write_file("/sys/fs/cgroup/slice/job/step/cpu.max", "800000 100000\n");
    assert_int_equal(machine_cpu_quota(root), 8);
    write_file("/sys/fs/cgroup/slice/job/cpu.max", "max 100000\n");
    write_file("/sys/fs/cgroup/slice/cpu.max", "300000 100000\n");
    assert_int_equal(machine_cpu_quota(root), 3);
    write_file("/sys/fs/cgroup/slice/job/step/cpu.max", "50000 100000\n");
    assert_int_equal(machine_cpu_quota(root), 1);
}

static void version_1_goes_before_and_is_named_among_others(void **state)
{
    (void)state;
    write_file("/proc/self/cgroup",
               "12:cpuset:/other\n5:cpuacct,cpu:/docker/abc\n0::/docker/abc\n");
    write_file("/sys/fs/cgroup/cpuset/other/cpu.cfs_quota_us", "100000\n");
    write_file("/sys/fs/cgroup/cpu/docker/abc/cpu.cfs_quota_us", "-1\n");
    write_file("/sys/fs/cgroup/cpu/docker/abc/cpu.cfs_period_us", "100000\n");
    assert_int_equal(machine_cpu_quota(root), 0);
    write_file("/sys/fs/cgroup/cpu/docker/abc/cpu.cfs_quota_us", "150000\n");
    assert_int_equal(machine_cpu_quota(root), 2);
    write_file("/sys/fs/cgroup/cpu/docker/cpu.cfs_quota_us", "50000\n");
    write_file("/sys/fs/cgroup/cpu/docker/cpu.cfs_period_us", "100000\n");
    assert_int_equal(machine_cpu_quota(root), 1);
}

static void in_a_container_its_own_group_is_the_root(void **state)
{
    (void)state;
    write_file("/proc/self/cgroup", "5:cpu,cpuacct:/docker/abc\n");
    write_file("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "200000\n");
    write_file("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
    assert_int_equal(machine_cpu_quota(root), 2);
    write_file("/proc/self/cgroup", "0::/\n");
    write_file("/sys/fs/cgroup/cpu.max", "400000 100000\n");
    assert_int_equal(machine_cpu_quota(root), 4);
    write_file("/proc/self/cgroup", "0::/../../outside\n");
    assert_int_equal(machine_cpu_quota(root), 4);
}

static void slots_are_at_least_one_and_at_most_the_cores(void **state)
{
    (void)state;
    int cores[MACHINE_MAX_CORES];
    assert_in_range(machine_slots(), 1, machine_cores(cores));
}

static void a_child_is_not_older_than_its_parent(void **state)
{
    (void)state;
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        pause();
        _exit(0);
    }
    int64_t own = machine_start_time(getpid()), its = machine_start_time(child);
    assert_true(machine_cpu_ms(child) >= 0);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    assert_true(own > 0);
    assert_true(its >= own);
    assert_int_equal(machine_start_time(child), -1);
    assert_int_equal(machine_cpu_ms(child), -1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(nothing_known_is_no_quota),
        TEST(version_2_is_read_and_rounded_up),
        TEST(the_least_of_its_own_and_its_parents_counts),
        TEST(version_1_goes_before_and_is_named_among_others),
        TEST(in_a_container_its_own_group_is_the_root),
        TEST(a_child_is_not_older_than_its_parent),
        TEST(slots_are_at_least_one_and_at_most_the_cores),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
