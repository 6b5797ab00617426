#include "worker/orphans.h"

#include "worker/machine.h"

#include <dirent.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MOST_AT_ONCE 256 /* of one round; the rest in the next */
#define ROUNDS 20
#define ROUND_MS 10

void orphans_adopt(void)
{
    prctl(PR_SET_CHILD_SUBREAPER, 1);
}

void orphans_name_run(char ret[ORPHANS_RUN_SIZE])
{
    static unsigned n;
    snprintf(ret, ORPHANS_RUN_SIZE, "%d.%u", (int)getpid(), ++n);
}

/* ---- children ---- */

static size_t read_children(const char *thread, pid_t *ret, size_t size)
{
    char path[300];
    snprintf(path, sizeof path, "/proc/self/task/%s/children", thread);
    FILE *file = fopen(path, "re");
    if (!file) {
        return 0; /* a kernel without them: nothing is killed that is not known for sure */
    }
    size_t n = 0;
    int pid;
    while (n < size && fscanf(file, "%d", &pid) == 1) {
        ret[n++] = pid;
    }
    fclose(file);
    return n;
}

/* A child is its parent thread's. */
static size_t list_children(pid_t ret[MOST_AT_ONCE])
{
    size_t n = 0;
    DIR *threads = opendir("/proc/self/task");
    if (!threads) {
        return 0;
    }
    for (struct dirent *entry; (entry = readdir(threads));) {
        if (entry->d_name[0] != '.') {
            n += read_children(entry->d_name, ret + n, MOST_AT_ONCE - n);
        }
    }
    closedir(threads);
    return n;
}

/* The first ORPHANS_RUN of its environment; "" when it has none, or is a zombie. */
static void read_run(pid_t pid, char ret[ORPHANS_RUN_SIZE])
{
    static const char name[] = ORPHANS_RUN "=";
    char path[64], *variable = NULL;
    size_t size = 0;
    snprintf(path, sizeof path, "/proc/%d/environ", (int)pid);
    FILE *file = fopen(path, "re");
    ret[0] = '\0';
    while (file && !ret[0] && getdelim(&variable, &size, '\0', file) > 0) {
        if (strncmp(variable, name, sizeof name - 1) == 0) {
            snprintf(ret, ORPHANS_RUN_SIZE, "%.*s", ORPHANS_RUN_SIZE - 1,
                     variable + sizeof name - 1);
        }
    }
    free(variable);
    if (file) {
        fclose(file);
    }
}

/* ---- their end ---- */

size_t orphans_kill(orphans_kin_fn kin, void *arg)
{
    pid_t children[MOST_AT_ONCE];
    size_t n = list_children(children), n_left = 0;
    for (size_t i = 0; i < n; i++) {
        struct orphans_child child = {.pid = children[i],
                                      .start_time = machine_start_time(children[i])};
        read_run(children[i], child.run);
        enum orphans_kin is = kin(arg, &child);
        if (is == ORPHANS_LEFT) {
            n_left++;
            kill(children[i], SIGKILL);
        }
        if (is != ORPHANS_TRAINER) {
            waitpid(children[i], NULL, WNOHANG);
        }
    }
    return n_left;
}

static void kill_until_none(orphans_kin_fn kin, void *arg)
{
    for (int round = 0; round < ROUNDS && orphans_kill(kin, arg) > 0; round++) {
        nanosleep(&(struct timespec){.tv_nsec = ROUND_MS * 1000000L}, NULL);
    }
}

static enum orphans_kin all_are_left(void *arg, const struct orphans_child *child)
{
    (void)arg, (void)child;
    return ORPHANS_LEFT;
}

void orphans_kill_all(void)
{
    kill_until_none(all_are_left, NULL);
}

static enum orphans_kin is_of_run(void *arg, const struct orphans_child *child)
{
    return strcmp(child->run, arg) == 0 ? ORPHANS_LEFT : ORPHANS_TRAINER;
}

void orphans_kill_run(const char *run)
{
    kill_until_none(is_of_run, (void *)(uintptr_t)run);
}
