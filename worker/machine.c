#include "worker/machine.h"

#include <inttypes.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int machine_cores(int ret_cores[MACHINE_MAX_CORES])
{
    cpu_set_t allowed;
    int n = 0;
    if (sched_getaffinity(0, sizeof allowed, &allowed) == 0) {
        for (int core = 0; core < CPU_SETSIZE && n < MACHINE_MAX_CORES; core++) {
            if (CPU_ISSET(core, &allowed)) {
                ret_cores[n++] = core;
            }
        }
    }
    if (n == 0) {
        ret_cores[n++] = 0;
    }
    return n;
}

/* The value of the first line of /proc/cpuinfo that begins with one of two keys: architectures
 * name them differently. "" when there is none. */
static void cpuinfo(const char *key, const char *other_key, char *ret, size_t size)
{
    ret[0] = '\0';
    FILE *file = fopen("/proc/cpuinfo", "re");
    if (!file) {
        return;
    }
    char line[8192];
    while (!ret[0] && fgets(line, sizeof line, file)) {
        const char *colon = strchr(line, ':');
        if (colon && (strncmp(line, key, strlen(key)) == 0 ||
                      strncmp(line, other_key, strlen(other_key)) == 0)) {
            const char *value = colon + 1 + strspn(colon + 1, " ");
            snprintf(ret, size, "%.*s", (int)strcspn(value, "\n"), value);
        }
    }
    fclose(file);
}

void machine_cpu_model(char *ret, size_t size)
{
    cpuinfo("model name", "CPU part", ret, size);
    if (!ret[0]) {
        snprintf(ret, size, "unknown");
    }
}

bool machine_has_flags(const char *flags)
{
    char have[8192], wanted[256], *rest;
    cpuinfo("flags", "Features", have + 1, sizeof have - 2);
    have[0] = ' ';
    strcat(have, " ");
    snprintf(wanted, sizeof wanted, "%s", flags);
    for (char *flag = strtok_r(wanted, " ", &rest); flag; flag = strtok_r(NULL, " ", &rest)) {
        char bounded[64];
        snprintf(bounded, sizeof bounded, " %s ", flag);
        if (!strstr(have, bounded)) {
            return false;
        }
    }
    return true;
}

/* The number behind `key` at the start of a line of the file; -1 when there is none. */
static int64_t number_behind(const char *path, const char *key)
{
    FILE *file = fopen(path, "re");
    if (!file) {
        return -1;
    }
    int64_t number = -1;
    char line[512];
    size_t length = strlen(key);
    while (number < 0 && fgets(line, sizeof line, file)) {
        if (strncmp(line, key, length) == 0 && line[length] == ' ') {
            sscanf(line + length, "%" SCNd64, &number);
        }
    }
    fclose(file);
    return number;
}

/* Where the memory controller counts for this process; cgroup v2 or v1. */
static bool memory_group_file(char *ret, size_t size)
{
    FILE *file = fopen("/proc/self/cgroup", "re");
    if (!file) {
        return false;
    }
    bool found = false;
    char line[4096];
    while (fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        char *controllers = strchr(line, ':');
        char *path = controllers ? strchr(controllers + 1, ':') : NULL;
        if (!path) {
            continue;
        }
        *path++ = '\0';
        if (strcmp(controllers + 1, "memory") == 0) {
            snprintf(ret, size, "/sys/fs/cgroup/memory%s/memory.oom_control", path);
            found = true;
            break;
        }
        if (controllers[1] == '\0') {
            snprintf(ret, size, "/sys/fs/cgroup%s/memory.events", path);
            found = true; /* unless a v1 memory controller follows */
        }
    }
    fclose(file);
    return found;
}

int64_t machine_oom_kills(void)
{
    char path[4200];
    int64_t n = memory_group_file(path, sizeof path) ? number_behind(path, "oom_kill") : -1;
    return n >= 0 ? n : number_behind("/proc/vmstat", "oom_kill");
}

int64_t machine_cpu_ms(pid_t pid)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "re");
    if (!file) {
        return -1;
    }
    char line[1024];
    int64_t ms = -1;
    if (fgets(line, sizeof line, file)) {
        /* Behind the name, which may hold anything: state, then fields 4..; 14 and 15 are it. */
        const char *rest = strrchr(line, ')');
        uint64_t user, system;
        if (rest &&
            sscanf(rest + 1, " %*c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %" SCNu64 " %" SCNu64,
                   &user, &system) == 2) {
            ms = (int64_t)((user + system) * 1000 / (uint64_t)sysconf(_SC_CLK_TCK));
        }
    }
    fclose(file);
    return ms;
}
