#include "worker/cache_root.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int make_directories(char *path)
{
    for (char *slash = strchr(path + 1, '/');; slash = strchr(slash + 1, '/')) {
        if (slash) {
            *slash = '\0';
        }
        int r = mkdir(path, 0777) != 0 && errno != EEXIST ? -errno : 0;
        if (slash) {
            *slash = '/';
        }
        if (r < 0 || !slash) {
            return r;
        }
    }
}

int cache_root_open(const char *root, const char *name, char *ret_path, size_t size)
{
    const char *cache = root ? root : getenv("NINETY_CACHE");
    const char *xdg = getenv("XDG_CACHE_HOME");
    const char *home = getenv("HOME");
    int n;
    if (cache && cache[0]) {
        n = snprintf(ret_path, size, "%s/%s", cache, name);
    } else if (xdg && xdg[0] == '/') { /* the specification ignores relative ones */
        n = snprintf(ret_path, size, "%s/ninety/%s", xdg, name);
    } else {
        n = snprintf(ret_path, size, "%s/.cache/ninety/%s", home && home[0] ? home : "/var/tmp",
                     name);
    }
    if (n < 0 || (size_t)n >= size) {
        return -ENAMETOOLONG;
    }
    return make_directories(ret_path);
}
