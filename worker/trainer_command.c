#include "worker/trainer_command.h"

#include "worker/spawn.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool is_program(const char *path)
{
    return access(path, X_OK) == 0;
}

/* One name for one file, however it was reached: the kernel choice is kept by this path. */
static void make_canonical(char *path, size_t size)
{
    char *real = realpath(path, NULL);
    if (real && strlen(real) < size) {
        strcpy(path, real);
    }
    free(real);
}

static int find_on_path(char *ret_path, size_t size)
{
    const char *path = getenv("PATH");
    while (path && path[0]) {
        size_t length = strcspn(path, ":");
        int n = snprintf(ret_path, size, "%.*s/ninety-trainer", (int)length, path);
        if (length > 0 && n > 0 && (size_t)n < size && is_program(ret_path)) {
            return 0;
        }
        path += length + (path[length] == ':');
    }
    return -ENOENT;
}

int trainer_find(char *ret_path, size_t size)
{
    /* Installed, and where meson leaves it, seen from worker/ and from its sister folders. */
    static const char *const places[] = {"ninety-trainer", "trainer/ninety-trainer",
                                         "../worker/trainer/ninety-trainer"};
    const char *given = getenv("NINETY_TRAINER");
    if (given && given[0]) {
        return snprintf(ret_path, size, "%s", given) < (int)size && is_program(ret_path) ? 0
                                                                                         : -ENOENT;
    }
    char self[2048];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n > 0) {
        self[n] = '\0';
        *strrchr(self, '/') = '\0';
        for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
            if (snprintf(ret_path, size, "%s/%s", self, places[i]) < (int)size &&
                is_program(ret_path)) {
                make_canonical(ret_path, size);
                return 0;
            }
        }
    }
    return find_on_path(ret_path, size);
}

int trainer_command_init(struct trainer_command *ret, const char *command, const char *path,
                         const struct kernel_choice *choice)
{
    /* `exec`, so that the program itself is our child and gets our signals. */
    int n =
        snprintf(ret->text, sizeof ret->text, command ? "exec %s" : "%s", command ? command : path);
    if (n >= (int)sizeof ret->text) {
        return -ENAMETOOLONG;
    }
    size_t at = 0;
    if (command) {
        ret->argv[at++] = "/bin/sh";
        ret->argv[at++] = "-c";
    }
    ret->argv[at++] = ret->text;
    ret->argv[at] = NULL;
    snprintf(ret->coretype, sizeof ret->coretype,
             choice->coretype[0] ? "OPENBLAS_CORETYPE=%s" : "OPENBLAS_CORETYPE", choice->coretype);
    /* One thread per trial: as many trials as cores are the better use of them. */
    const char *changes[] = {
        "NINETY_TOKEN",      "OPENBLAS_NUM_THREADS=1",
        "OMP_NUM_THREADS=1", "MKL_NUM_THREADS=1",
        ret->coretype,       NULL,
    };
    ret->environment = spawn_environment(changes);
    return ret->environment ? 0 : -ENOMEM;
}

void trainer_command_finish(struct trainer_command *command)
{
    free(command->environment);
    command->environment = NULL;
}
