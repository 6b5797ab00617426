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

/* The file's content if it is still true, else NULL. */
static json_t *load_current(const struct kernel_cache *cache)
{
    json_t *json = cache->path[0] ? json_load_file(cache->path, 0, NULL) : NULL;
    const char *trainer, *library, *library_stamp;
    if (json &&
        json_unpack(json, "{s:s, s:s, s:s}", "trainer_stamp", &trainer, "library", &library,
                    "library_stamp", &library_stamp) == 0 &&
        is_current(cache->trainer, trainer) && is_current(library, library_stamp)) {
        return json;
    }
    json_decref(json);
    return NULL;
}

static void read_wrong(const json_t *json, struct kernel_names *ret)
{
    size_t i;
    json_t *name;
    json_array_foreach(json_object_get(json, "wrong"), i, name)
    {
        kernel_names_add(ret, json_is_string(name) ? json_string_value(name) : "?");
    }
}

bool kernel_cache_load(const struct kernel_cache *cache, struct kernel_names *wrong,
                       struct kernel_choice *ret)
{
    json_t *json = load_current(cache);
    const char *coretype, *kernel;
    double gflops;
    read_wrong(json, wrong);
    bool valid = json && json_unpack(json, "{s:s, s:s, s:F}", "coretype", &coretype, "kernel",
                                     &kernel, "gflops", &gflops) == 0;
    if (valid) {
        *ret = (struct kernel_choice){.gflops = gflops, .source = KERNEL_CACHED};
        snprintf(ret->coretype, sizeof ret->coretype, "%s", coretype);
        snprintf(ret->kernel, sizeof ret->kernel, "%s", kernel);
    }
    json_decref(json);
    return valid;
}

/* Consumes the reference. */
static void write_file(const struct kernel_cache *cache, json_t *json)
{
    char path[sizeof cache->path + 32];
    snprintf(path, sizeof path, "%s.%d", cache->path, (int)getpid());
    if (json && cache->path[0] &&
        (json_dump_file(json, path, JSON_INDENT(2)) != 0 || rename(path, cache->path) != 0)) {
        unlink(path);
    }
    json_decref(json);
}

static json_t *names_to_json(const struct kernel_names *names)
{
    json_t *list = json_array();
    for (size_t i = 0; i < names->n; i++) {
        json_array_append_new(list, json_string(names->at[i]));
    }
    return list;
}

void kernel_cache_store(const struct kernel_cache *cache, const char *library,
                        const struct kernel_names *wrong, const struct kernel_choice *choice)
{
    char cpu[128], trainer_stamp[STAMP_SIZE], library_stamp[STAMP_SIZE];
    machine_cpu_model(cpu, sizeof cpu);
    stamp(cache->trainer, trainer_stamp);
    stamp(library, library_stamp);
    json_t *json = json_pack("{s:s, s:s, s:s, s:s, s:s}", "cpu", cpu, "trainer", cache->trainer,
                             "trainer_stamp", trainer_stamp, "library", library, "library_stamp",
                             library_stamp);
    if (json && wrong->n > 0) {
        json_object_set_new(json, "wrong", names_to_json(wrong));
    }
    if (json && choice->source != KERNEL_NONE_RIGHT) {
        json_object_set_new(json, "coretype", json_string(choice->coretype));
        json_object_set_new(json, "kernel", json_string(choice->kernel));
        json_object_set_new(json, "gflops", json_real(choice->gflops));
    }
    write_file(cache, json);
}

void kernel_cache_condemn(const struct kernel_cache *cache, const char *kernel)
{
    json_t *json = load_current(cache);
    struct kernel_names wrong = {0};
    if (!json) {
        return; /* what was chosen is not remembered either */
    }
    read_wrong(json, &wrong);
    kernel_names_add(&wrong, kernel);
    json_object_set_new(json, "wrong", names_to_json(&wrong));
    json_object_del(json, "coretype");
    json_object_del(json, "kernel");
    json_object_del(json, "gflops");
    write_file(cache, json);
}
