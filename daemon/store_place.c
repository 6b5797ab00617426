#include "daemon/store_place.h"

#include "daemon/store_internal.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEADER_READ_VERSION 19

enum found { FOUND_SAME, FOUND_OTHER, FOUND_NOTHING };

static enum found look(struct store_place *place, int i)
{
    struct stat info;
    if (stat(place->files[i].path, &info) != 0) {
        return place->files[i].inode == 0 ? FOUND_SAME : FOUND_NOTHING;
    }
    if (place->files[i].inode == 0) {
        place->files[i].device = info.st_dev;
        place->files[i].inode = info.st_ino;
    }
    return info.st_dev == place->files[i].device && info.st_ino == place->files[i].inode
               ? FOUND_SAME
               : FOUND_OTHER;
}

/* Whether the file is in WAL mode, by its header; read where its locks are not lost by that. */
static bool is_in_wal_mode(const struct store *store)
{
    unsigned char version = 0; /* to read with: 2 */
    return pread(store->lock_fd, &version, 1, HEADER_READ_VERSION) == 1 && version == 2;
}

void store_place_note(struct store *store)
{
    /* The name that was given may be a link, which can be turned elsewhere; SQLite puts its files
     * beside what it leads to. */
    static const char *const endings[STORE_PLACE_COUNT] = {"", "-wal", "-shm"};
    const char *real = sqlite3_db_filename(store->db, "main");
    for (int i = 0; i < STORE_PLACE_COUNT; i++) {
        snprintf(store->place.files[i].path, sizeof(store->place.files[i].path), "%s%s",
                 i == STORE_PLACE_DB ? store->path : real, endings[i]);
        store->place.files[i].inode = 0;
        look(&store->place, i);
    }
    store->place.in_wal_mode = is_in_wal_mode(store);
}

static void describe(struct store *store)
{
    struct store_place *place = &store->place;
    const char *db = place->files[STORE_PLACE_DB].path;
    if (place->overwritten) {
        snprintf(
            store->message, sizeof(store->message),
            "%s was overwritten while ninetyd had it open; what is there now is left as it is, "
            "and the log of what was there stays beside it as -wal.replaced: stop ninetyd, put the "
            "right file in place if this is not the one, and start it again",
            db);
    } else if (look(place, STORE_PLACE_DB) != FOUND_SAME) {
        snprintf(store->message, sizeof(store->message),
                 "%s was removed or replaced while ninetyd had it open; all that was acknowledged "
                 "is in /proc/%ld/fd/%d as long as this ninetyd runs: copy that with cp, stop "
                 "ninetyd, put the right file in place and start it again",
                 db, (long)getpid(), store->lock_fd);
    } else {
        snprintf(store->message, sizeof(store->message),
                 "%s was removed or replaced while ninetyd had it open; all that was acknowledged "
                 "is in %s: stop ninetyd and start it again",
                 place
                     ->files[look(place, STORE_PLACE_WAL) != FOUND_SAME ? STORE_PLACE_WAL
                                                                        : STORE_PLACE_SHM]
                     .path,
                 db);
    }
}

/* A log that was put in the place of ours, or ours beside what was put in the place of our file,
 * belongs to no database that stands here: SQLite would apply it to this one. */
static void set_aside(struct store_place *place)
{
    char aside[sizeof(place->files[0].path) + 16];
    snprintf(aside, sizeof(aside), "%s.replaced", place->files[STORE_PLACE_WAL].path);
    bool is_foreign = place->overwritten || look(place, STORE_PLACE_WAL) == FOUND_OTHER;
    if (is_foreign && look(place, STORE_PLACE_DB) == FOUND_SAME) {
        rename(place->files[STORE_PLACE_WAL].path, aside);
    }
}

/* May have to wait for readers; then it is tried again at the next look. */
static void save(struct store *store)
{
    struct store_place *place = &store->place;
    sqlite3_busy_timeout(store->db, 0);
    place->saved =
        place->overwritten || sqlite3_wal_checkpoint_v2(store->db, NULL, SQLITE_CHECKPOINT_TRUNCATE,
                                                        NULL, NULL) == SQLITE_OK;
    int first = place->overwritten ? STORE_PLACE_SHM : STORE_PLACE_WAL;
    for (int i = first; place->saved && i < STORE_PLACE_COUNT; i++) {
        if (look(place, i) == FOUND_SAME) {
            unlink(place->files[i].path);
        }
    }
    if (place->saved) {
        set_aside(place);
    }
}

static bool is_elsewhere(struct store *store)
{
    struct store_place *place = &store->place;
    for (int i = 0; i < STORE_PLACE_COUNT; i++) {
        if (look(place, i) != FOUND_SAME) {
            return true;
        }
    }
    place->overwritten = place->in_wal_mode && !is_in_wal_mode(store);
    return place->overwritten;
}

bool store_place_check(struct store *store)
{
    struct store_place *place = &store->place;
    if (!place->displaced && is_elsewhere(store)) {
        place->displaced = true;
        sqlite3_db_config(store->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
        describe(store);
    }
    if (place->displaced && !place->saved && sqlite3_get_autocommit(store->db)) {
        save(store);
    }
    return !place->displaced;
}
