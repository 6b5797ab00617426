#include "common/output_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOST_LINKS 16 /* dangling ones, that follow each other */

/* Where and how it is to be written. */
struct place {
    char path[PATH_MAX];
    bool in_place;
    mode_t mode; /* of the file that is there; 0: none is */
};

/* ---- finding the place ---- */

static int refuse(const char *path, const char *why, struct error *error)
{
    return error_set(error, NULL, "cannot write %s: %s", path, why);
}

static void folder_of(const char *path, char ret[PATH_MAX])
{
    char copy[PATH_MAX];
    snprintf(copy, sizeof copy, "%s", path);
    snprintf(ret, PATH_MAX, "%s", dirname(copy));
}

/* Nothing can take the place of a mount point. */
static bool is_mounted(const struct stat *file, const char *folder)
{
    struct stat info;
    return stat(folder, &info) == 0 && info.st_dev != file->st_dev;
}

static int place_existing(const char *path, const struct stat *info, struct place *ret,
                          struct error *error)
{
    char folder[PATH_MAX];
    if (S_ISDIR(info->st_mode)) {
        return refuse(path, "it is a folder; name a file in it", error);
    }
    if (S_ISSOCK(info->st_mode)) {
        return refuse(path, "it is a socket; name a file", error);
    }
    if (access(path, W_OK) != 0) {
        return refuse(path, strerror(errno), error);
    }
    ret->mode = info->st_mode & 07777;
    ret->in_place = true;
    if (S_ISREG(info->st_mode) && realpath(path, ret->path) != NULL) {
        folder_of(ret->path, folder);
        ret->in_place = access(folder, W_OK) != 0 || is_mounted(info, folder);
    }
    if (ret->in_place) {
        snprintf(ret->path, sizeof ret->path, "%s", path);
    }
    return 0;
}

/* A symbolic link to nothing makes what it points at. */
static int follow_links(const char *path, struct place *ret, struct error *error)
{
    char target[PATH_MAX], folder[PATH_MAX];
    snprintf(ret->path, sizeof ret->path, "%s", path);
    for (int i = 0; i < MOST_LINKS; i++) {
        ssize_t n = readlink(ret->path, target, sizeof target - 1);
        if (n < 0) {
            return 0;
        }
        target[n] = '\0';
        folder_of(ret->path, folder);
        size_t room = sizeof ret->path;
        int length = target[0] == '/' ? snprintf(ret->path, room, "%s", target)
                                      : snprintf(ret->path, room, "%s/%s", folder, target);
        if (length >= PATH_MAX) {
            return refuse(path, strerror(ENAMETOOLONG), error);
        }
    }
    return refuse(path, strerror(ELOOP), error);
}

static int place_new(const char *path, struct place *ret, struct error *error)
{
    char folder[PATH_MAX];
    if (path[strlen(path) - 1] == '/') {
        return refuse(path, "it is the name of a folder; name a file in it", error);
    }
    if (follow_links(path, ret, error) != 0) {
        return ERROR_INVALID;
    }
    folder_of(ret->path, folder);
    if (access(folder, F_OK) != 0) {
        return error_set(error, NULL, "cannot write %s: %s; make the folder %s first", path,
                         strerror(errno), folder);
    }
    return access(folder, W_OK) == 0 ? 0 : refuse(path, strerror(errno), error);
}

static int find_place(const char *path, struct place *ret, struct error *error)
{
    struct stat info;
    *ret = (struct place){.mode = 0};
    if (path[0] == '\0') {
        return error_set(error, NULL, "cannot write \"\": it is no name of a file");
    }
    if (strcmp(path, "-") == 0) {
        return error_set(error, NULL,
                         "cannot write \"-\": /dev/stdout is standard output, and ./- "
                         "a file of that name");
    }
    if (strlen(path) > PATH_MAX - 16) {
        return refuse(path, strerror(ENAMETOOLONG), error);
    }
    if (stat(path, &info) == 0) {
        return place_existing(path, &info, ret, error);
    }
    return errno == ENOENT ? place_new(path, ret, error) : refuse(path, strerror(errno), error);
}

int output_file_check(const char *path, struct error *error)
{
    struct place place;
    return find_place(path, &place, error);
}

/* ---- writing ---- */

/* With the mode that it will have in its place. */
static int open_draft(const struct place *place, struct output_file *file)
{
    if (snprintf(file->draft, sizeof file->draft, "%s.XXXXXX", place->path) >= PATH_MAX) {
        errno = ENAMETOOLONG;
        return -1;
    }
    int fd = mkostemp(file->draft, O_CLOEXEC);
    if (fd >= 0) {
        mode_t mask = umask(0);
        umask(mask);
        fchmod(fd, place->mode != 0 ? place->mode : 0666 & ~mask); /* some disks have no modes */
    } else {
        file->draft[0] = '\0';
    }
    return fd;
}

int output_file_open(const char *path, enum output_kind kind, struct output_file *ret,
                     struct error *error)
{
    struct place place;
    *ret = (struct output_file){.stream = NULL};
    if (find_place(path, &place, error) != 0) {
        return ERROR_INVALID;
    }
    snprintf(ret->path, sizeof ret->path, "%s", place.path);
    int flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY;
    int fd = place.in_place || kind == OUTPUT_LINES ? open(place.path, flags, 0666)
                                                    : open_draft(&place, ret);
    ret->stream = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (ret->stream != NULL) {
        return 0;
    }
    int code = errno;
    if (fd >= 0) {
        close(fd);
    }
    return refuse(path, strerror(code), error);
}

/* A pipe or a terminal has no disk behind it. */
static bool reach_disk(FILE *stream)
{
    return fsync(fileno(stream)) == 0 || errno == EINVAL || errno == EROFS || errno == ENOTSUP;
}

int output_file_commit(struct output_file *file)
{
    int rc = fflush(file->stream) == 0 && !ferror(file->stream) && reach_disk(file->stream)
                 ? 0
                 : -(errno != 0 ? errno : EIO);
    if (fclose(file->stream) != 0 && rc == 0) {
        rc = -errno;
    }
    file->stream = NULL;
    if (rc == 0 && file->draft[0] != '\0' && rename(file->draft, file->path) != 0) {
        rc = -errno;
    }
    if (rc != 0 && file->draft[0] != '\0') {
        unlink(file->draft);
    }
    return rc;
}

void output_file_abandon(struct output_file *file)
{
    if (file->stream != NULL) {
        fclose(file->stream);
        file->stream = NULL;
        if (file->draft[0] != '\0') {
            unlink(file->draft);
        }
    }
}
