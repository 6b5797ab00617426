#include "common/token.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int token_parse(const char *source, const char *text, char ret[TOKEN_SIZE], struct error *error)
{
    size_t n = strcspn(text, "\r\n");

    for (size_t i = 0; i < n; i++) {
        if (!isascii(text[i]) || !isgraph((unsigned char)text[i])) {
            return error_set(error, NULL,
                             "%s: a token is printable ASCII without blanks, and character %zu is "
                             "not; make one with: openssl rand -hex 32",
                             source, i + 1);
        }
    }
    if (n < TOKEN_MIN || n > TOKEN_MAX) {
        return error_set(error, NULL,
                         "%s: a token has %d to %d characters on its first line, this one %s%zu; "
                         "make one with: openssl rand -hex 32",
                         source, TOKEN_MIN, TOKEN_MAX, n > TOKEN_MAX ? "at least " : "", n);
    }
    memcpy(ret, text, n);
    ret[n] = '\0';
    return 0;
}

/* ---- files ---- */

static bool is_credential(const char *path)
{
    const char *directory = getenv("CREDENTIALS_DIRECTORY");
    size_t n = directory ? strlen(directory) : 0;

    return n > 0 && strncmp(path, directory, n) == 0 && path[n] == '/' && !strstr(path + n, "/../");
}

static int check_file(int fd, const char *path, struct error *error)
{
    struct stat info;

    if (fstat(fd, &info) != 0) {
        return error_set(error, NULL, "%s: %s", path, strerror(errno));
    }
    if (!S_ISREG(info.st_mode) && !S_ISFIFO(info.st_mode)) {
        return error_set(error, NULL, "%s is not a file", path);
    }
    mode_t too_much = is_credential(path) ? S_IWGRP | S_IXGRP | S_IRWXO : S_IRWXG | S_IRWXO;
    if (info.st_mode & too_much) {
        return error_set(error, NULL,
                         "%s holds a secret, but not only its owner may open it (mode %03o): "
                         "chmod 600 %s",
                         path, info.st_mode & 0777, path);
    }
    return 0;
}

/* As much as the longest token and one more. Returns the bytes, or -errno. */
static ssize_t read_start(int fd, char text[TOKEN_SIZE])
{
    size_t n = 0;
    ssize_t more = 1;

    fcntl(fd, F_SETFL, O_RDONLY); /* what a pipe holds may be on its way */
    while (more > 0 && n < TOKEN_SIZE - 1) {
        more = TEMP_FAILURE_RETRY(read(fd, text + n, TOKEN_SIZE - 1 - n));
        if (more < 0) {
            return -errno;
        }
        n += (size_t)more;
    }
    text[n] = '\0';
    return (ssize_t)n;
}

int token_read(const char *path, char ret[TOKEN_SIZE], struct error *error)
{
    char text[TOKEN_SIZE] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (fd < 0) {
        return error_set(error, NULL, "cannot read the token file %s: %s", path, strerror(errno));
    }
    int rc = check_file(fd, path, error);
    if (rc == 0) {
        ssize_t n = read_start(fd, text);
        if (n < 0) {
            rc = error_set(error, NULL, "cannot read the token file %s: %s", path,
                           strerror((int)-n));
        } else if (strlen(text) < (size_t)n) {
            rc = error_set(error, NULL, "%s: a token is printable ASCII, and this is not", path);
        }
    }
    close(fd);
    if (rc == 0) {
        rc = token_parse(path, text, ret, error);
    }
    explicit_bzero(text, sizeof(text));
    return rc;
}

int token_find(const char *file, char ret[TOKEN_SIZE], struct error *error)
{
    const char *variable = getenv("NINETY_TOKEN");

    ret[0] = '\0';
    if (file) {
        return token_read(file, ret, error);
    }
    return variable && *variable ? token_parse("NINETY_TOKEN", variable, ret, error) : 0;
}
