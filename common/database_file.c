#include "common/database_file.h"

#include "common/database_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define HEADER_SIZE 100
#define HEADER_APPLICATION_ID 68 /* where it lies in the header, big-endian */

int database_file_check_name(const char *what, const char *name, struct error *error)
{
    if (name[0] == '\0') {
        return error_set(error, NULL, "%s needs the name of a file; \"\" is none", what);
    }
    if (name[0] == ':' || strncmp(name, "file:", 5) == 0) {
        return error_set(error, NULL, "%s needs the name of a file; if \"%s\" is one, write ./%s",
                         what, name, name);
    }
    return 0;
}

int database_file_check_kind(const char *path, struct error *error)
{
    struct stat info;
    if (stat(path, &info) != 0 || S_ISREG(info.st_mode)) {
        return 0;
    }
    return error_set(error, NULL, "%s is %s, not a file: name one with --db FILE", path,
                     S_ISDIR(info.st_mode) ? "a folder" : "a device or pipe");
}

enum database_file_kind database_file_recognize(const char *path)
{
    static const char magic[16] = "SQLite format 3";
    unsigned char header[HEADER_SIZE];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return DATABASE_FILE_EMPTY;
    }
    ssize_t n = read(fd, header, sizeof header);
    close(fd);
    if (n <= 0) {
        return DATABASE_FILE_EMPTY;
    }
    if (n < HEADER_SIZE || memcmp(header, magic, sizeof magic) != 0) {
        return DATABASE_FILE_FOREIGN;
    }
    const unsigned char *at = header + HEADER_APPLICATION_ID;
    uint32_t id = (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
    return id == DATABASE_FILE_APPLICATION_ID ? DATABASE_FILE_OURS : DATABASE_FILE_SQLITE;
}

int64_t database_file_beside(const char *path, const char *suffix)
{
    char real[PATH_MAX], name[PATH_MAX + 16];
    struct stat info;
    /* SQLite follows a symbolic link first. */
    snprintf(name, sizeof name, "%s%s", realpath(path, real) != NULL ? real : path, suffix);
    return stat(name, &info) == 0 ? info.st_size : -1;
}

bool database_file_folder_writable(const char *path)
{
    char real[PATH_MAX];
    if (realpath(path, real) == NULL) {
        return false;
    }
    char *slash = strrchr(real, '/');
    slash[slash == real ? 1 : 0] = '\0';
    return access(real, W_OK) == 0;
}

static bool is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           strchr("/-._~", c) != NULL;
}

int database_file_uri(const char *path, const char *parameters, char ret[DATABASE_FILE_URI_SIZE])
{
    size_t n = 0;
    if (strlen(path) >= PATH_MAX) {
        return -ENAMETOOLONG;
    }
    n += (size_t)sprintf(ret, path[0] == '/' ? "file://" : "file:");
    for (; *path != '\0'; path++) {
        n += (size_t)sprintf(ret + n, is_plain(*path) ? "%c" : "%%%02X", (unsigned char)*path);
    }
    snprintf(ret + n, DATABASE_FILE_URI_SIZE - n, "%s%s", parameters != NULL ? "?" : "",
             parameters != NULL ? parameters : "");
    return 0;
}

/* SQLite needs a file beside the database to read what is in its log. */
static bool needs_log(const char *path)
{
    return database_file_beside(path, "-wal") > 0 || database_file_beside(path, "-journal") > 0;
}

/* A ninetyd at work has its log beside the name by which it knows the file; one that starts or
 * stops may have none for a moment. */
static bool is_other_name(const char *path)
{
    struct database_holder holder;
    for (int looks = 0; looks < 25; looks++) {
        if (database_lock_ask(path, &holder) != DATABASE_LOCK_HELD ||
            database_file_beside(path, "-wal") >= 0) {
            return false;
        }
        nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    }
    return true;
}

static int check_readable(const char *path, struct error *error)
{
    if (access(path, R_OK) != 0) {
        return error_set(error, NULL, "cannot read %s: %s; name the database with --db FILE", path,
                         strerror(errno));
    }
    if (database_file_check_kind(path, error) != 0) {
        return ERROR_INVALID;
    }
    enum database_file_kind kind = database_file_recognize(path);
    if (kind == DATABASE_FILE_FOREIGN || (kind == DATABASE_FILE_EMPTY && !needs_log(path))) {
        return error_set(error, NULL, "%s is no SQLite database; name one with --db FILE", path);
    }
    if (is_other_name(path)) {
        return error_set(error, NULL,
                         "%s is another name of a database that a ninetyd has in use, whose newest "
                         "part lies beside the other name: read it by that one",
                         path);
    }
    return 0;
}

int database_file_read_uri(const char *path, char ret[DATABASE_FILE_URI_SIZE], struct error *error)
{
    if (check_readable(path, error) != 0) {
        return ERROR_INVALID;
    }
    bool still = !database_file_folder_writable(path);
    if (still && needs_log(path) && database_file_beside(path, "-shm") < 0) {
        return error_set(error, NULL,
                         "%s has a log beside it that was not written back, and its folder cannot "
                         "be written: copy both files to another folder (cp '%s'* FOLDER) and read "
                         "the copy",
                         path, path);
    }
    still = still && !needs_log(path);
    if (database_file_uri(path, still ? "mode=ro&immutable=1" : "mode=ro", ret) != 0) {
        return error_set(error, NULL, "the name %s is too long", path);
    }
    return 0;
}

int database_file_damaged(const char *path, const char *why, struct error *error)
{
    return error_set(error, NULL,
                     "%s is damaged (%s): put a copy made by 'ninety backup' in its place, with no "
                     "%s-wal beside it, or save what can be read: sqlite3 '%s' .recover | sqlite3 "
                     "saved.db",
                     path, why, path, path);
}
