#include "worker/kernel_cache.h"

#include "common/hash.h"
#include "worker/cache_root.h"
#include "worker/machine.h"

#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define STAMP_SIZE 64

void kernel_cache_open(const char *root, const char *trainer, struct kernel_cache *ret)
{
    *ret = (struct kernel_cache){.trainer = trainer, .lock_fd = -1};
    char directory[512], cpu[128], key[1024], hash[SHA256_HEX_SIZE];
    if (cache_root_open(root, "kernels", directory, sizeof directory, NULL) != 0) {
        return;
    }
    machine_cpu_model(cpu, sizeof cpu);
    snprintf(key, sizeof key, "%s\n%s", cpu, trainer);
    sha256_hex(key, strlen(key), hash);
    snprintf(ret->path, sizeof ret->path, "%s/%.16s.json", directory, hash);
}

void kernel_cache_close(struct kernel_cache *cache)
{
    if (cache->lock_fd >= 0) {
        close(cache->lock_fd);
        cache->lock_fd = -1;
    }
}

void kernel_cache_lock(struct kernel_cache *cache)
{
    char path[sizeof cache->path + 8];
    snprintf(path, sizeof path, "%s.lock", cache->path);
    if (cache->path[0]) {
        cache->lock_fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
    }
    if (cache->lock_fd >= 0 && flock(cache->lock_fd, LOCK_EX) < 0) {
        kernel_cache_close(cache); /* a file system without locks: probe at the same time, then */
    }
}

/* What tells one state of a file from another; "" when there is no such file. */
static void stamp(const char *path, char ret[STAMP_SIZE])
{
    struct stat status;
    ret[0] = '\0';
    if (stat(path, &status) == 0) {
        snprintf(ret, STAMP_SIZE, "%lld %lld.%09ld", (long long)status.st_size,
                 (long long)status.st_mtim.tv_sec, status.st_mtim.tv_nsec);
    }
}

/* The probe writes the two stamps: whatever it tells stays true while they do. */
static bool is_current(const char *path, const char *then)
{
    char now[STAMP_SIZE];
    stamp(path, now);
    return strcmp(now, then) == 0;
}

bool kernel_cache_load(const struct kernel_cache *cache, struct kernel_choice *ret)
{
    json_t *json = cache->path[0] ? json_load_file(cache->path, 0, NULL) : NULL;
    const char *trainer, *library, *library_stamp, *coretype, *kernel;
    double gflops;
    bool valid = json &&
                 json_unpack(json, "{s:s, s:s, s:s, s:s, s:s, s:F}", "trainer_stamp", &trainer,
                             "library", &library, "library_stamp", &library_stamp, "coretype",
                             &coretype, "kernel", &kernel, "gflops", &gflops) == 0 &&
                 is_current(cache->trainer, trainer) && is_current(library, library_stamp);
    if (valid) {
        *ret = (struct kernel_choice){.gflops = gflops, .source = KERNEL_CACHED};
        snprintf(ret->coretype, sizeof ret->coretype, "%s", coretype);
        snprintf(ret->kernel, sizeof ret->kernel, "%s", kernel);
    }
    json_decref(json);
    return valid;
}

void kernel_cache_store(const struct kernel_cache *cache, const char *library,
                        const struct kernel_choice *choice)
{
    char cpu[128], trainer_stamp[STAMP_SIZE], library_stamp[STAMP_SIZE];
    machine_cpu_model(cpu, sizeof cpu);
    stamp(cache->trainer, trainer_stamp);
    stamp(library, library_stamp);
    json_t *json = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:f}", "cpu", cpu, "trainer",
                             cache->trainer, "trainer_stamp", trainer_stamp, "library", library,
                             "library_stamp", library_stamp, "coretype", choice->coretype, "kernel",
                             choice->kernel, "gflops", choice->gflops);
    char path[sizeof cache->path + 32];
    snprintf(path, sizeof path, "%s.%d", cache->path, (int)getpid());
    if (json && cache->path[0] && json_dump_file(json, path, JSON_INDENT(2)) == 0 &&
        rename(path, cache->path) == 0) {
        json_decref(json);
        return;
    }
    unlink(path);
    json_decref(json);
}
