/*
 * Whether the names of the database, its log and its shared memory still lead to the files that are
 * open. Where one was removed or replaced, what is written goes to a file that nobody will find:
 *
 *     in place --a name leads elsewhere--> displaced: nothing is written any more
 *                                              \--> saved: the log is written back into the open
 *                                                   file, which is complete then, and names of ours
 *                                                   that are left are removed: nothing can be mixed
 *
 * A file that was overwritten where it is, by a backup say, keeps its name: it is known by its
 * header, which says that it is in WAL mode as long as ours is open. Then our log is set aside.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

struct store;

enum { STORE_PLACE_DB, STORE_PLACE_WAL, STORE_PLACE_SHM, STORE_PLACE_COUNT };

struct store_place {
    struct {
        char path[4096 + 8];
        dev_t device;
        ino_t inode; /* 0: not there yet */
    } files[STORE_PLACE_COUNT];
    bool in_wal_mode; /* the file said so when it was noted */
    bool displaced, overwritten, saved;
};

/* Notes where the files of an open database lie. */
void store_place_note(struct store *store);

/* False once a file is not where it was; then store_message says so, with the remedy. To be asked
 * outside a transaction; costs three system calls. */
bool store_place_check(struct store *store);
