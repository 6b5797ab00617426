#include "worker/machine.h"

#include <inttypes.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
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

/* ---- control groups ---- */

enum groups { GROUPS_NONE, GROUPS_V1, GROUPS_V2 };

static bool has_word(const char *list, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = list; at; at = strchr(at, ',')) {
        at += *at == ',';
        if (strncmp(at, word, length) == 0 && (at[length] == ',' || at[length] == '\0')) {
            return true;
        }
    }
    return false;
}

/* This process's group of a controller, as "/user.slice/x". A controller of version 1 goes before
 * version 2, which lists no controllers. */
static enum groups find_group(const char *root, const char *controller, char *ret, size_t size)
{
    char path[512], line[4096];
    snprintf(path, sizeof path, "%s/proc/self/cgroup", root);
    FILE *file = fopen(path, "re");
    enum groups found = GROUPS_NONE;
    while (file && found != GROUPS_V1 && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        char *controllers = strchr(line, ':');
        char *group = controllers ? strchr(controllers + 1, ':') : NULL;
        if (!group) {
            continue;
        }
        *group++ = '\0';
        if (has_word(controllers + 1, controller) || controllers[1] == '\0') {
            found = controllers[1] == '\0' ? GROUPS_V2 : GROUPS_V1;
            snprintf(ret, size, "%s", group);
        }
    }
    if (file) {
        fclose(file);
    }
    return found;
}

int64_t machine_oom_kills(void)
{
    char group[4096], path[4200];
    int64_t n = -1;
    switch (find_group("", "memory", group, sizeof group)) {
    case GROUPS_V1:
        snprintf(path, sizeof path, "/sys/fs/cgroup/memory%s/memory.oom_control", group);
        n = number_behind(path, "oom_kill");
        break;
    case GROUPS_V2:
        snprintf(path, sizeof path, "/sys/fs/cgroup%s/memory.events", group);
        n = number_behind(path, "oom_kill");
        break;
    case GROUPS_NONE:
        break;
    }
    return n >= 0 ? n : number_behind("/proc/vmstat", "oom_kill");
}

/* The first line of a file. */
static bool read_line(const char *directory, const char *name, char *ret, size_t size)
{
    char path[4700];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "re");
    bool read = file && fgets(ret, (int)size, file);
    if (file) {
        fclose(file);
    }
    return read;
}

/* CPUs of one group's quota, rounded up; 0 = it has none. */
static int quota_of(const char *directory, enum groups version)
{
    char text[64], period_text[64];
    long long quota = -1, period = 0;
    if (version == GROUPS_V2 && read_line(directory, "cpu.max", text, sizeof text)) {
        if (sscanf(text, "%lld %lld", &quota, &period) != 2) { /* "max" */
            return 0;
        }
    } else if (version == GROUPS_V1 &&
               read_line(directory, "cpu.cfs_quota_us", text, sizeof text) &&
               read_line(directory, "cpu.cfs_period_us", period_text, sizeof period_text)) {
        quota = atoll(text);
        period = atoll(period_text);
    }
    if (quota <= 0 || period <= 0) {
        return 0;
    }
    long long cpus = (quota - 1) / period + 1;
    return cpus < MACHINE_MAX_CORES ? (int)cpus : MACHINE_MAX_CORES;
}

int machine_cpu_quota(const char *root)
{
    char group[4096], directory[4600];
    enum groups version = find_group(root, "cpu", group, sizeof group);
    int least = 0;
    if (version == GROUPS_NONE || strstr(group, "/..")) { /* one outside of what is seen here */
        group[0] = '\0';
    }
    while (version !=
           GROUPS_NONE) { /* its own, then its parents'; in a container some are missing */
        snprintf(directory, sizeof directory, "%s/sys/fs/cgroup%s%s", root,
                 version == GROUPS_V1 ? "/cpu" : "", group);
        int cpus = quota_of(directory, version);
        least = cpus > 0 && (least == 0 || cpus < least) ? cpus : least;
        char *slash = strrchr(group, '/');
        if (!slash) {
            break;
        }
        *slash = '\0';
    }
    return least;
}

int machine_slots(void)
{
    int cores[MACHINE_MAX_CORES];
    int n_cores = machine_cores(cores), quota = machine_cpu_quota("");
    return quota > 0 && quota < n_cores ? quota : n_cores;
}

/* A line of /proc/PID/stat, from behind the name, which may hold anything: state, then fields 4...
 */
static bool read_stat(pid_t pid, char ret[1024])
{
    char directory[32], line[1024] = "";
    snprintf(directory, sizeof directory, "/proc/%d", (int)pid);
    const char *rest = read_line(directory, "stat", line, sizeof line) ? strrchr(line, ')') : NULL;
    snprintf(ret, 1024, "%s", rest ? rest + 1 : "");
    return rest != NULL;
}

int64_t machine_start_time(pid_t pid)
{
    char stat[1024];
    int64_t ticks;
    return read_stat(pid, stat) && sscanf(stat,
                                          " %*c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
                                          "%*s %*s %*s %*s %*s %*s %" SCNd64,
                                          &ticks) == 1
               ? ticks
               : -1;
}

int64_t machine_cpu_ms(pid_t pid)
{
    char stat[1024];
    uint64_t user, system;
    if (!read_stat(pid, stat) ||
        sscanf(stat, " %*c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %" SCNu64 " %" SCNu64, &user,
               &system) != 2) {
        return -1;
    }
    return (int64_t)((user + system) * 1000 / (uint64_t)sysconf(_SC_CLK_TCK));
}
