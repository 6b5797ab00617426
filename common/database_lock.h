/*
 * The lock by which one ninetyd has a database. It is the file's and not a name's: a second one is
 * refused whether it comes by a symbolic link, a hard link or a mount. It lies on bytes far beyond
 * any that SQLite uses, belongs to an open file (F_OFD_SETLK), and ends with the process. Two more
 * locks say by their places who holds it, so that nothing is written anywhere that could be stale.
 *
 * Whoever closes any other descriptor of the file in the same process takes SQLite's own locks
 * away: the holder keeps `fd` open until SQLite has closed the file.
 */
#pragma once

#include <sys/types.h>

#define DATABASE_LOCK_HELD 1

/* What ninetyd exits with when another one holds it (EX_TEMPFAIL of sysexits.h). */
#define DATABASE_LOCK_EXIT_STATUS 75

struct database_holder {
    long pid;     /* 0: unknown */
    char url[64]; /* where it can be reached; "" before it listens, or at an address not kept */
};

/* 0; DATABASE_LOCK_HELD by another open file with *ret_holder filled; or -errno. */
int database_lock_take(int fd, struct database_holder *ret_holder);

/* Says where the holder can be reached: "http://A.B.C.D:PORT" or "http://[::1]:PORT"; others are
 * not kept. 0 or -errno. */
int database_lock_announce(int fd, const char *url);

/* Who holds the lock of the file at `path`: DATABASE_LOCK_HELD, 0 for nobody, or -errno. Not to be
 * asked by the holder's own process. */
int database_lock_ask(const char *path, struct database_holder *ret);
