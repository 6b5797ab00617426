#include "worker/data/remote.h"

#include "worker/data/fetch.h"

#include <assert.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define URL_SIZE 512
#define MAX_MIRRORS 8
#define LISTING_MAX ((int64_t)1 << 20)
#define PUBLISHED_MAX ((int64_t)1 << 26) /* of a published file; the largest has 26 MB */

/* Where a file goes. The cache directory's own limit leaves room for it. */
static void set_path(struct located *located, int file, const char *directory, const char *name)
{
    const size_t size = sizeof located->path[file];
    const int n = snprintf(located->path[file], size, "%s/%s", directory, name);
    assert(n > 0 && (size_t)n < size);
    (void)n;
}

static struct fetch new_fetch(const struct prepare_options *options, const char *url,
                              const char *name)
{
    return (struct fetch){.url = url,
                          .name = name,
                          .progress = options->progress,
                          .progress_arg = options->progress_arg,
                          .abort = options->abort};
}

/* ---- one file, checked ---- */

static bool has_digest(const char *path, const char *sha256)
{
    char got[SHA256_HEX_SIZE];
    return sha256_file(path, got) == 0 && strcmp(got, sha256) == 0;
}

/* 0, or ERROR_INVALID and the file removed. */
static int check_digest(const char *path, const char *url, const char *sha256, struct error *error)
{
    char got[SHA256_HEX_SIZE] = "";
    if (sha256_file(path, got) == 0 && strcmp(got, sha256) == 0) {
        return 0;
    }
    unlink(path);
    return error_set(error, NULL, "%s: wrong bytes: SHA-256 %s expected, %s got", url, sha256, got);
}

/* From one place. A file that was partly there may have begun with other bytes: then once more. */
static int fetch_from(const struct fetch *fetch, const char *path, const char *sha256,
                      struct error *error)
{
    const bool resumed = access(path, F_OK) == 0;
    int r = fetch_file(fetch, path, error);
    if (r == 0) {
        r = check_digest(path, fetch->url, sha256, error);
        if (r == ERROR_INVALID && resumed) {
            r = fetch_file(fetch, path, error);
            if (r == 0) {
                r = check_digest(path, fetch->url, sha256, error);
            }
        }
    }
    return r;
}

/* ---- the daemon ---- */

static int read_digest(const json_t *file, char ret[SHA256_HEX_SIZE])
{
    const char *sha256 = json_string_value(json_object_get(file, "sha256"));
    if (sha256 == NULL || strlen(sha256) != SHA256_HEX_SIZE - 1 ||
        strspn(sha256, "0123456789abcdef") != SHA256_HEX_SIZE - 1) {
        return -1;
    }
    memcpy(ret, sha256, SHA256_HEX_SIZE);
    return 0;
}

/* Takes the entry called `wanted`, if it is listed. */
static int pick(const json_t *files, const char *wanted, int at, struct remote_listing *listing,
                struct error *error)
{
    size_t i;
    json_t *file;
    json_array_foreach(files, i, file)
    {
        const char *name = json_string_value(json_object_get(file, "name"));
        if (name == NULL || strcmp(name, wanted) != 0) {
            continue;
        }
        if (read_digest(file, listing->sha256[at]) != 0) {
            return error_set(error, "sha256", "the daemon tells no SHA-256 of %s", wanted);
        }
        const json_t *size = json_object_get(file, "size");
        listing->size[at] = json_integer_value(size);
        if (!json_is_integer(size) || listing->size[at] < 0 ||
            listing->size[at] > REMOTE_MAX_BYTES) {
            return error_set(error, "size", "the daemon tells no size of %s from 0 to %lld bytes",
                             wanted, (long long)REMOTE_MAX_BYTES);
        }
        snprintf(listing->file[at], sizeof listing->file[at], "%s", wanted);
    }
    return 0;
}

int64_t remote_size(const struct remote_listing *listing)
{
    int64_t size = 0;
    for (int i = 0; i < DATASET_FILE_COUNT; i++) {
        size += listing->size[i];
    }
    return size;
}

int remote_parse_listing(const char *text, struct remote_listing *ret, struct error *error)
{
    json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    const json_t *files = json_object_get(root, "files");
    struct remote_listing listing = {0};
    int r = 0;
    if (!json_is_array(files)) {
        r = error_set(error, "files", "the daemon's list of files cannot be read");
    }
    for (int i = 0; i < DATASET_FILE_COUNT && r == 0; i++) {
        char compressed[64];
        snprintf(compressed, sizeof compressed, "%s.gz", dataset_file_names[i]);
        r = pick(files, dataset_file_names[i], i, &listing, error);
        if (r == 0) { /* the shorter way, where there are both */
            r = pick(files, compressed, i, &listing, error);
        }
        if (r == 0 && listing.file[i][0] == '\0') {
            r = error_set(error, "files",
                          "the daemon has no %s of this data set; add it to its --data directory",
                          dataset_file_names[i]);
        }
    }
    json_decref(root);
    if (r == 0 && remote_size(&listing) > REMOTE_MAX_BYTES) {
        r = error_set(error, "size",
                      "the daemon's data set has %lld bytes; at most %lld are fetched",
                      (long long)remote_size(&listing), (long long)REMOTE_MAX_BYTES);
    }
    if (r == 0) {
        *ret = listing;
    }
    return r;
}

int remote_list(const char *name, const struct prepare_options *options, struct remote_listing *ret,
                struct error *error)
{
    char url[URL_SIZE];
    if (snprintf(url, sizeof url, "%s/v1/datasets/%s", options->daemon_url, name) >= URL_SIZE) {
        return error_set(error, NULL, "%.100s...: the URL is too long", options->daemon_url);
    }
    struct fetch fetch = new_fetch(options, url, name);
    fetch.token = options->token;
    fetch.max_bytes = LISTING_MAX;
    char *text = NULL;
    int r = fetch_text(&fetch, &text, error);
    if (r == FETCH_NOT_FOUND) {
        return LOCATE_NOTHING;
    }
    if (r == 0) {
        r = remote_parse_listing(text, ret, error);
        free(text);
    }
    return r;
}

int remote_fetch_listed(const char *name, const struct remote_listing *listing,
                        const struct prepare_options *options, const char *directory,
                        struct located *ret, struct error *error)
{
    int r = 0;
    for (int i = 0; i < DATASET_FILE_COUNT && r == 0; i++) {
        char url[URL_SIZE];
        if (snprintf(url, sizeof url, "%s/v1/datasets/%s/%s", options->daemon_url, name,
                     listing->file[i]) >= URL_SIZE) {
            return error_set(error, NULL, "%.100s...: the URL is too long", options->daemon_url);
        }
        set_path(ret, i, directory, listing->file[i]);
        struct fetch fetch = new_fetch(options, url, listing->file[i]);
        fetch.token = options->token;
        fetch.max_bytes = listing->size[i];
        if (!has_digest(ret->path[i], listing->sha256[i])) {
            r = fetch_from(&fetch, ret->path[i], listing->sha256[i], error);
        }
    }
    return r == FETCH_NOT_FOUND ? PREPARE_TRY_LATER : r; /* gone between list and fetch */
}

/* ---- mirrors ---- */

struct mirrors {
    int n;
    struct {
        const char *base; /* not NUL-terminated */
        int length;
    } at[MAX_MIRRORS];
    const char *below; /* between base and file: "", or the name of the data set */
};

static void add_mirror(struct mirrors *mirrors, const char *base, size_t length)
{
    while (length > 0 && base[length - 1] == '/') {
        length--;
    }
    if (mirrors->n < MAX_MIRRORS && length > 0) {
        mirrors->at[mirrors->n].base = base;
        mirrors->at[mirrors->n++].length = (int)length;
    }
}

static void list_mirrors(const struct known_dataset *known, struct mirrors *ret)
{
    *ret = (struct mirrors){.below = ""};
    const char *override = getenv("NINETY_MIRRORS");
    if (override == NULL || override[0] == '\0') {
        for (const char *const *mirror = known->mirrors; *mirror != NULL; mirror++) {
            add_mirror(ret, *mirror, strlen(*mirror));
        }
        return;
    }
    ret->below = known->name;
    for (const char *at = override; *at != '\0';) {
        at += strspn(at, " ,");
        const size_t length = strcspn(at, " ,");
        add_mirror(ret, at, length);
        at += length;
    }
}

/* Says what was wrong at each mirror, not only at the last. */
static void add_reason(struct error *reasons, const struct error *reason)
{
    char *text = reasons->message;
    if (text[0] != '\0') {
        strncat(text, "; ", sizeof reasons->message - strlen(text) - 1);
    }
    strncat(text, reason->message, sizeof reasons->message - strlen(text) - 1);
}

static int fetch_from_mirrors(const struct mirrors *mirrors, const char *file, const char *sha256,
                              const struct prepare_options *options, const char *path,
                              struct error *error)
{
    if (has_digest(path, sha256)) {
        return 0;
    }
    struct error reasons = {0};
    int worst = ERROR_INVALID;
    for (int i = 0; i < mirrors->n; i++) {
        char url[URL_SIZE]; /* one cut short is not found there */
        snprintf(url, sizeof url, "%.*s/%s%s%s", mirrors->at[i].length, mirrors->at[i].base,
                 mirrors->below, mirrors->below[0] != '\0' ? "/" : "", file);
        struct fetch fetch = new_fetch(options, url, file);
        fetch.max_bytes = PUBLISHED_MAX;
        struct error reason = {0};
        const int r = fetch_from(&fetch, path, sha256, &reason);
        if (r <= 0) {
            return r;
        }
        add_reason(&reasons, &reason);
        worst = r == PREPARE_TRY_LATER ? r : worst;
    }
    error_set(error, NULL, "%s", reasons.message);
    return worst;
}

int remote_fetch_known(const struct known_dataset *known, const struct prepare_options *options,
                       const char *directory, struct located *ret, struct error *error)
{
    struct mirrors mirrors;
    list_mirrors(known, &mirrors);
    int r = 0;
    for (int i = 0; i < DATASET_FILE_COUNT && r == 0; i++) {
        char file[64];
        snprintf(file, sizeof file, "%s.gz", dataset_file_names[i]);
        set_path(ret, i, directory, file);
        r = fetch_from_mirrors(&mirrors, file, known->file[i].gz_sha256, options, ret->path[i],
                               error);
    }
    return r;
}
