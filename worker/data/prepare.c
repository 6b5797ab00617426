#include "worker/data/prepare.h"

#include "worker/data/cache.h"
#include "worker/data/content.h"
#include "worker/data/known.h"
#include "worker/data/load.h"
#include "worker/data/locate.h"
#include "worker/data/remote.h"
#include "worker/data/synth.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_MAX_LENGTH 63

struct job {
    const char *name;
    const struct known_dataset *known; /* NULL = any data */
    const struct prepare_options *options;
    struct cache *cache;
};

static bool is_aborted(const struct job *job)
{
    return job->options->abort != NULL && atomic_load(job->options->abort);
}

/* ---- from four files to a content of the cache ---- */

static bool is_images(enum dataset_file file)
{
    return file == DATASET_TRAIN_IMAGES || file == DATASET_TEST_IMAGES;
}

static int check_known(const struct job *job, enum dataset_file file, const char *path,
                       const struct load *load, struct error *error)
{
    if (job->known == NULL ||
        known_compare(job->known, file, load->stored_sha256, load->sha256) != KNOWN_DIFFERENT) {
        return 0;
    }
    return error_set(error, NULL,
                     "%s: not the published %s: its SHA-256 is %s; fetch it again, or give data of "
                     "your own another name",
                     path, job->name, load->stored_sha256);
}

/* Of two files of one name, plain and compressed, none is taken in silence. */
static int check_twin(const char *path, const struct load *load, struct error *error)
{
    char twin[512];
    struct load other;
    struct error why;
    if (!located_twin(path, twin)) {
        return 0;
    }
    const int r = load_file(twin, &other, &why);
    const bool same = r == 0 && strcmp(other.sha256, load->sha256) == 0;
    if (r == 0) {
        load_clear(&other);
    }
    return r < 0 ? r
           : same
               ? 0
               : error_set(error, NULL,
                           "%s and %s: they differ, and both have the name; move one of them away",
                           path, twin);
}

static int import_file(const struct job *job, enum dataset_file file, const char *path,
                       struct cache_build *build, struct idx *ret, struct error *error)
{
    struct load load;
    int r = load_file(path, &load, error);
    if (r != 0) {
        return r;
    }
    r = (is_images(file) ? idx_parse_images : idx_parse_labels)(load.bytes, load.size, path, ret,
                                                                error);
    if (r == 0) {
        r = check_known(job, file, path, &load, error);
    }
    if (r == 0) {
        r = check_twin(path, &load, error);
    }
    if (r == 0) {
        r = cache_build_add(build, file, load.bytes, load.size, error);
    }
    ret->values = NULL; /* freed here; what follows needs the counts alone */
    load_clear(&load);
    return r;
}

static int import_files(const struct job *job, const struct located *located,
                        struct cache_build *build, struct error *error)
{
    struct idx idx[DATASET_FILE_COUNT];
    int r = 0;
    for (int i = 0; i < DATASET_FILE_COUNT && r == 0; i++) {
        r = is_aborted(job)
                ? -ECANCELED
                : import_file(job, (enum dataset_file)i, located->path[i], build, &idx[i], error);
    }
    for (int i = 0; i < DATASET_FILE_COUNT && r == 0; i += 2) {
        r = idx_check_pair(&idx[i], located->path[i], &idx[i + 1], located->path[i + 1], error);
    }
    return r;
}

static int finish_build(struct cache_build *build, int r, char ret_sha256[SHA256_HEX_SIZE],
                        struct error *error)
{
    if (r == 0) {
        r = cache_build_publish(build, ret_sha256, error);
    }
    if (r != 0) {
        cache_build_abandon(build);
    }
    return r;
}

static int import_located(const struct job *job, const struct located *located, const char *stamp,
                          char ret_sha256[SHA256_HEX_SIZE], struct error *error)
{
    struct cache_build build;
    int r = cache_build_begin(job->cache, &build, error);
    if (r != 0) {
        return r;
    }
    r = finish_build(&build, import_files(job, located, &build, error), ret_sha256, error);
    if (r == 0 && stamp != NULL) {
        cache_remember(job->cache, stamp, ret_sha256);
    }
    return r;
}

/* ---- drawn ---- */

static int draw_part(const struct job *job, enum dataset_file images, uint32_t first, uint32_t n,
                     struct cache_build *build, struct error *error)
{
    const enum dataset_file labels = (enum dataset_file)(images + 1);
    const size_t images_size = IDX_IMAGES_HEADER + (size_t)n * IDX_PIXELS;
    uint8_t *image_file = malloc(images_size);
    uint8_t *label_file = malloc(IDX_LABELS_HEADER + n);
    int r = image_file == NULL || label_file == NULL ? -ENOMEM : 0;
    if (r == 0) {
        idx_write_images_header(n, image_file);
        idx_write_labels_header(n, label_file);
    }
    for (uint32_t i = 0; i < n && r == 0; i++) {
        label_file[IDX_LABELS_HEADER + i] = synth_label(first + i);
        synth_image(first + i, image_file + IDX_IMAGES_HEADER + (size_t)i * IDX_PIXELS);
        if (i % 1000 == 0) {
            r = is_aborted(job) ? -ECANCELED : 0;
            if (job->options->progress != NULL) {
                job->options->progress(job->options->progress_arg, dataset_file_names[images],
                                       (int64_t)i * IDX_PIXELS, (int64_t)images_size);
            }
        }
    }
    if (r == 0) {
        r = cache_build_add(build, images, image_file, images_size, error);
    }
    if (r == 0) {
        r = cache_build_add(build, labels, label_file, IDX_LABELS_HEADER + n, error);
    }
    free(image_file);
    free(label_file);
    return r;
}

static int draw(const struct job *job, char ret_sha256[SHA256_HEX_SIZE], struct error *error)
{
    struct cache_build build;
    int r = cache_build_begin(job->cache, &build, error);
    if (r != 0) {
        return r;
    }
    r = draw_part(job, DATASET_TRAIN_IMAGES, 0, SYNTH_TRAIN, &build, error);
    if (r == 0) {
        r = draw_part(job, DATASET_TEST_IMAGES, SYNTH_TRAIN, SYNTH_TEST, &build, error);
    }
    return finish_build(&build, r, ret_sha256, error);
}

/* ---- fetched ---- */

static int download_directory(const struct job *job, char ret_path[440], struct error *error)
{
    snprintf(ret_path, 440, "%s/download", job->cache->directory);
    struct stat status;
    if ((mkdir(ret_path, 0755) == 0 || errno == EEXIST) && lstat(ret_path, &status) == 0) {
        if (S_ISDIR(status.st_mode)) {
            return 0;
        }
        errno = ENOTDIR;
    }
    error_set(error, NULL, "%s: cannot be made: %s; see to the disk, or set NINETY_CACHE", ret_path,
              strerror(errno));
    return PREPARE_TRY_LATER;
}

/* What was fetched is in the cache now. */
static void remove_files(const struct located *located)
{
    for (int i = 0; i < DATASET_FILE_COUNT; i++) {
        unlink(located->path[i]);
    }
}

static int ask_daemon(const struct job *job, char ret_sha256[SHA256_HEX_SIZE], struct error *error)
{
    struct remote_listing listing = {0};
    int r = remote_list(job->name, job->options, &listing, error);
    if (r != 0) {
        return r;
    }
    char stamp[sizeof listing], directory[440];
    int length = 0;
    for (int i = 0; i < DATASET_FILE_COUNT; i++) {
        length += snprintf(stamp + length, sizeof stamp - (size_t)length, "%s %s\n",
                           listing.file[i], listing.sha256[i]);
    }
    if (cache_recall(job->cache, stamp, ret_sha256)) {
        return 0;
    }
    struct located located;
    r = download_directory(job, directory, error);
    if (r == 0) {
        r = cache_check_room(directory, remote_size(&listing), error);
    }
    if (r == 0) {
        r = remote_fetch_listed(job->name, &listing, job->options, directory, &located, error);
    }
    if (r == 0) {
        r = import_located(job, &located, stamp, ret_sha256, error);
        remove_files(&located);
    }
    return r;
}

static int ask_mirrors(const struct job *job, char ret_sha256[SHA256_HEX_SIZE], struct error *error)
{
    char directory[440];
    struct located located;
    int r = download_directory(job, directory, error);
    if (r == 0) {
        r = remote_fetch_known(job->known, job->options, directory, &located, error);
    }
    if (r == 0) {
        r = import_located(job, &located, NULL, ret_sha256, error);
        remove_files(&located);
    }
    return r;
}

/* Neither found nor fetched: `why` (which may be empty) is what the last place asked said. */
static int nowhere(const struct job *job, int r, const struct error *why, struct error *error)
{
    const char *like = known_like(job->name);
    char missing[480], meant[64] = ";";
    locate_describe_missing(job->options->directories, missing, sizeof missing);
    if (like != NULL) {
        snprintf(meant, sizeof meant, "; did you mean %s? If not,", like);
    }
    if (r == LOCATE_NOTHING) {
        return error_set(error, NULL,
                         "data set %s: unknown%s put its four IDX files into data/%s, or let "
                         "NINETY_DATA name their directory, here or on the daemon's machine%s",
                         job->name, meant, job->name, missing);
    }
    error_set(error, NULL,
              "data set %s: not on this machine (put its four files into data/%s, or let "
              "NINETY_DATA name their directory) and cannot be fetched: %.300s%s",
              job->name, job->name, why->message, missing);
    return r;
}

static int fetch(const struct job *job, char ret_sha256[SHA256_HEX_SIZE], struct error *error)
{
    struct error why = {0};
    int r = LOCATE_NOTHING;
    if (job->options->daemon_url != NULL) {
        r = ask_daemon(job, ret_sha256, &why);
    }
    if (r > 0 && job->known != NULL) {
        const bool later = r == PREPARE_TRY_LATER;
        r = ask_mirrors(job, ret_sha256, &why);
        if (r == ERROR_INVALID && later) {
            r = PREPARE_TRY_LATER;
        }
    }
    return r > 0 ? nowhere(job, r, &why, error) : r;
}

/* ---- the order of things ---- */

static int take_located(const struct job *job, const struct located *located,
                        char ret_sha256[SHA256_HEX_SIZE], struct error *error)
{
    char stamp[LOCATED_STAMP_SIZE];
    located_stamp(located, stamp);
    return cache_recall(job->cache, stamp, ret_sha256)
               ? 0
               : import_located(job, located, stamp, ret_sha256, error);
}

/* With the lock held. What a person named comes first, even before the cache: other bytes under a
 * known name are refused there, and not passed over. */
static int obtain(const struct job *job, char ret_sha256[SHA256_HEX_SIZE], struct error *error)
{
    const char *expected = job->known != NULL ? job->known->data_sha256 : NULL;
    const bool is_drawn = strcmp(job->name, KNOWN_SYNTHETIC) == 0;
    struct located located;
    int r = is_drawn
                ? LOCATE_NOTHING
                : locate_given(job->name, job->known, job->options->directories, &located, error);
    if (r == 0) {
        return take_located(job, &located, ret_sha256, error);
    }
    if (r == LOCATE_NOTHING && expected != NULL && cache_has(job->cache, expected)) {
        memcpy(ret_sha256, expected, SHA256_HEX_SIZE);
        return 0;
    }
    if (is_drawn) {
        return draw(job, ret_sha256, error);
    }
    if (r == LOCATE_NOTHING) {
        r = locate_usual(job->name, job->known, &located, error);
    }
    if (r == 0) {
        return take_located(job, &located, ret_sha256, error);
    }
    return r == LOCATE_NOTHING ? fetch(job, ret_sha256, error) : r;
}

/* Whether a person named a directory that this data set may lie in. */
static bool has_given(const struct job *job)
{
    const char *inherited = getenv("NINETY_DATA");
    return strcmp(job->name, KNOWN_SYNTHETIC) != 0 &&
           ((job->options->directories != NULL && job->options->directories[0] != NULL) ||
            (inherited != NULL && inherited[0] != '\0'));
}

static int check_name(const char *name, struct error *error)
{
    const size_t length = strlen(name);
    if (length == 0 || length > NAME_MAX_LENGTH || name[0] == '.' ||
        strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") !=
            length) {
        return error_set(error, "dataset",
                         "\"%.80s\" is no name of a data set: use 1 to %d letters, digits, "
                         "'-', '_' and '.', not a '.' first",
                         name, NAME_MAX_LENGTH);
    }
    return 0;
}

int prepare(const char *name, const struct prepare_options *options, struct prepared *ret,
            struct error *error)
{
    int r = check_name(name, error);
    if (r != 0) {
        return r;
    }
    struct cache cache;
    r = cache_open(options->cache_directory, name, &cache, error);
    if (r != 0) {
        return r;
    }
    const struct job job = {name, known_find(name), options, &cache};
    struct prepared prepared;
    const char *expected = job.known != NULL ? job.known->data_sha256 : NULL;
    if (!has_given(&job) && expected != NULL && cache_has(&cache, expected)) { /* no lock */
        memcpy(prepared.data_sha256, expected, SHA256_HEX_SIZE);
    } else {
        r = cache_lock(&cache, options->abort, error);
        if (r == 0) {
            r = obtain(&job, prepared.data_sha256, error);
        }
    }
    if (r == 0) {
        cache_path(&cache, prepared.data_sha256, prepared.directory);
        *ret = prepared;
    }
    cache_close(&cache);
    return r;
}

bool prepared_holds(const struct prepared *prepared)
{
    return content_is_unchanged(prepared->directory);
}
