#include "worker/cache_root.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define REMEDY "let NINETY_CACHE name a directory of your own"

static int make_directories(char *path)
{
    for (char *slash = strchr(path + 1, '/');; slash = strchr(slash + 1, '/')) {
        if (slash) {
            *slash = '\0';
        }
        int r = mkdir(path, 0755) != 0 && errno != EEXIST ? -errno : 0;
        if (slash) {
            *slash = '/';
        }
        if (r < 0 || !slash) {
            return r;
        }
    }
}

static const char *home(void)
{
    const char *variable = getenv("HOME");
    if (variable && variable[0]) {
        return variable;
    }
    const struct passwd *entry = getpwuid(geteuid());
    return entry && entry->pw_dir[0] == '/' ? entry->pw_dir : NULL;
}

static int choose(const char *root, const char *name, char *ret, size_t size, struct error *error)
{
    const char *cache = root ? root : getenv("NINETY_CACHE");
    const char *xdg = getenv("XDG_CACHE_HOME");
    int n;
    if (cache && cache[0]) {
        n = snprintf(ret, size, "%s/%s", cache, name);
    } else if (xdg && xdg[0] == '/') { /* the specification ignores relative ones */
        n = snprintf(ret, size, "%s/ninety/%s", xdg, name);
    } else if (home()) {
        n = snprintf(ret, size, "%s/.cache/ninety/%s", home(), name);
    } else {
        return error_set(error, NULL,
                         "there is no place for the cache: neither HOME nor an entry "
                         "of this user in the system; " REMEDY);
    }
    if (n < 0 || (size_t)n >= size) {
        return error_set(error, NULL, "%.100s...: the path of the cache is too long", ret);
    }
    return 0;
}

/* The directories above it: nobody else may put another in its place. Those of a group may: whoever
 * shares a project's directory with others trusts them. */
static int check_above(const char *path, struct error *error)
{
    char above[PATH_MAX];
    struct stat top; /* in a user namespace what is root's may look like nobody's */
    if (lstat("/", &top) != 0) {
        return -errno;
    }
    snprintf(above, sizeof above, "%s", path);
    for (char *slash = strrchr(above, '/'); slash && slash != above; slash = strrchr(above, '/')) {
        struct stat status;
        *slash = '\0';
        if (lstat(above, &status) != 0) {
            return -errno;
        }
        if (status.st_uid != 0 && status.st_uid != geteuid() && status.st_uid != top.st_uid) {
            return error_set(error, NULL,
                             "the cache %s lies in %s, which belongs to another user (%u): " REMEDY,
                             path, above, (unsigned)status.st_uid);
        }
        if ((status.st_mode & S_IWOTH) != 0 && (status.st_mode & S_ISVTX) == 0) {
            return error_set(error, NULL,
                             "the cache %s lies in %s, where everyone may put another in its place "
                             "(mode %04o): chmod o-w %s, or " REMEDY,
                             path, above, status.st_mode & 07777, above);
        }
    }
    return 0;
}

static int check_own(const char *path, struct error *error)
{
    struct stat status;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        return -errno;
    }
    int r = fstat(fd, &status) != 0 ? -errno : 0;
    if (r == 0 && status.st_uid != geteuid()) {
        r = error_set(error, NULL, "the cache %s belongs to another user (%u): " REMEDY, path,
                      (unsigned)status.st_uid);
    }
    if (r == 0 && (status.st_mode & (S_IWGRP | S_IWOTH)) != 0 &&
        fchmod(fd, status.st_mode & 07755) != 0) {
        r = -errno;
    }
    close(fd);
    return r;
}

int cache_root_open(const char *root, const char *name, char *ret_path, size_t size,
                    struct error *error)
{
    char real[PATH_MAX];
    int r = choose(root, name, ret_path, size, error);
    if (r == 0) {
        r = make_directories(ret_path);
    }
    if (r != 0) {
        return r;
    }
    if (!realpath(ret_path, real)) {
        return -errno;
    }
    r = check_own(real, error);
    if (r == 0) {
        r = check_above(real, error);
    }
    if (r == 0 && (size_t)snprintf(ret_path, size, "%s", real) >= size) {
        r = error_set(error, NULL, "%.100s...: the path of the cache is too long", real);
    }
    return r;
}
