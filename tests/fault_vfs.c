#include "tests/fault_vfs.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECTOR 512

/* A sector as it is on the platter while a newer one is only in the cache. */
struct sector {
    sqlite3_int64 at;
    unsigned char old[SECTOR];
};

/* What is not synced of a file; files outlive the connections that wrote them. */
struct unsynced {
    char path[512];
    struct sector *sectors;
    size_t n, room;
    struct unsynced *next;
};

struct fault_file {
    sqlite3_file base;
    struct unsynced *unsynced;
    sqlite3_file *real; /* in the memory behind this struct */
};

static sqlite3_vfs *real_vfs;
static struct unsynced *files;
static struct {
    enum fault fault;
    int countdown, more;
    bool armed, fired, off;
} plan;

/* ---- what is not synced ---- */

static struct unsynced *find_file(const char *path)
{
    struct unsynced *file = files;
    while (file && strcmp(file->path, path) != 0) {
        file = file->next;
    }
    if (!file) {
        file = calloc(1, sizeof(*file));
        if (!file) {
            abort();
        }
        snprintf(file->path, sizeof(file->path), "%s", path);
        file->next = files;
        files = file;
    }
    return file;
}

static void forget(struct unsynced *file)
{
    file->n = 0;
}

static void note_sector(struct fault_file *f, sqlite3_int64 at)
{
    struct unsynced *file = f->unsynced;
    for (size_t i = 0; i < file->n; i++) {
        if (file->sectors[i].at == at) {
            return;
        }
    }
    if (file->n == file->room) {
        file->room = file->room ? 2 * file->room : 64;
        file->sectors = realloc(file->sectors, file->room * sizeof(*file->sectors));
        if (!file->sectors) {
            abort();
        }
    }
    struct sector *sector = &file->sectors[file->n++];
    sector->at = at;
    memset(sector->old, 0, SECTOR);
    f->real->pMethods->xRead(f->real, sector->old, SECTOR, at); /* short reads are zeros */
}

/* Before bytes from..to of the file change. */
static void note_change(struct fault_file *f, sqlite3_int64 from, sqlite3_int64 to)
{
    if (!f->unsynced) {
        return;
    }
    for (sqlite3_int64 at = from / SECTOR * SECTOR; at < to; at += SECTOR) {
        note_sector(f, at);
    }
}

/* ---- faults ---- */

static bool strikes(void)
{
    if (plan.off) {
        return true;
    }
    if (!plan.armed || --plan.countdown > 0) {
        return false;
    }
    plan.fired = true;
    if (plan.fault == FAULT_POWER) {
        plan.off = true;
    } else if (plan.more-- <= 0) {
        plan.armed = false;
    }
    return true;
}

static int fault_write(sqlite3_file *file, const void *data, int size, sqlite3_int64 at)
{
    struct fault_file *f = (struct fault_file *)file;
    if (!strikes()) {
        note_change(f, at, at + size);
        return f->real->pMethods->xWrite(f->real, data, size, at);
    }
    if (plan.fault == FAULT_TORN || (plan.fault == FAULT_POWER && plan.fired)) {
        note_change(f, at, at + size / 2);
        f->real->pMethods->xWrite(f->real, data, size / 2, at);
    }
    return plan.fault == FAULT_FULL && !plan.off ? SQLITE_FULL : SQLITE_IOERR_WRITE;
}

static int fault_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    struct fault_file *f = (struct fault_file *)file;
    sqlite3_int64 old_size = 0;
    if (strikes()) {
        return SQLITE_IOERR_TRUNCATE;
    }
    f->real->pMethods->xFileSize(f->real, &old_size);
    note_change(f, size, old_size);
    return f->real->pMethods->xTruncate(f->real, size);
}

static int fault_sync(sqlite3_file *file, int flags)
{
    struct fault_file *f = (struct fault_file *)file;
    if (strikes()) {
        return SQLITE_IOERR_FSYNC;
    }
    int rc = f->real->pMethods->xSync(f->real, flags);
    if (rc == SQLITE_OK && f->unsynced) {
        forget(f->unsynced);
    }
    return rc;
}

static int fault_read(sqlite3_file *file, void *data, int size, sqlite3_int64 at)
{
    struct fault_file *f = (struct fault_file *)file;
    return plan.off ? SQLITE_IOERR_READ : f->real->pMethods->xRead(f->real, data, size, at);
}

/* ---- the rest is passed on ---- */

#define REAL(file) (((struct fault_file *)(file))->real)

static int pass_close(sqlite3_file *file)
{
    return REAL(file)->pMethods->xClose(REAL(file));
}

static int pass_size(sqlite3_file *file, sqlite3_int64 *size)
{
    return REAL(file)->pMethods->xFileSize(REAL(file), size);
}

static int pass_lock(sqlite3_file *file, int lock)
{
    return REAL(file)->pMethods->xLock(REAL(file), lock);
}

static int pass_unlock(sqlite3_file *file, int lock)
{
    return REAL(file)->pMethods->xUnlock(REAL(file), lock);
}

static int pass_reserved(sqlite3_file *file, int *ret)
{
    return REAL(file)->pMethods->xCheckReservedLock(REAL(file), ret);
}

static int pass_control(sqlite3_file *file, int op, void *arg)
{
    return REAL(file)->pMethods->xFileControl(REAL(file), op, arg);
}

static int pass_sector(sqlite3_file *file)
{
    return REAL(file)->pMethods->xSectorSize(REAL(file));
}

static int pass_device(sqlite3_file *file)
{
    return REAL(file)->pMethods->xDeviceCharacteristics(REAL(file));
}

static int pass_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **ret)
{
    return REAL(file)->pMethods->xShmMap(REAL(file), page, size, extend, ret);
}

static int pass_shm_lock(sqlite3_file *file, int offset, int n, int flags)
{
    return REAL(file)->pMethods->xShmLock(REAL(file), offset, n, flags);
}

static void pass_shm_barrier(sqlite3_file *file)
{
    REAL(file)->pMethods->xShmBarrier(REAL(file));
}

static int pass_shm_unmap(sqlite3_file *file, int delete)
{
    return REAL(file)->pMethods->xShmUnmap(REAL(file), delete);
}

static const sqlite3_io_methods methods = {
    .iVersion = 2, /* no memory-mapped reads */
    .xClose = pass_close,
    .xRead = fault_read,
    .xWrite = fault_write,
    .xTruncate = fault_truncate,
    .xSync = fault_sync,
    .xFileSize = pass_size,
    .xLock = pass_lock,
    .xUnlock = pass_unlock,
    .xCheckReservedLock = pass_reserved,
    .xFileControl = pass_control,
    .xSectorSize = pass_sector,
    .xDeviceCharacteristics = pass_device,
    .xShmMap = pass_shm_map,
    .xShmLock = pass_shm_lock,
    .xShmBarrier = pass_shm_barrier,
    .xShmUnmap = pass_shm_unmap,
};

static int fault_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags, int *out)
{
    (void)vfs;
    struct fault_file *f = (struct fault_file *)file;
    f->base.pMethods = NULL;
    f->unsynced = path ? find_file(path) : NULL;
    f->real = (sqlite3_file *)(f + 1);
    if (plan.off) {
        return SQLITE_CANTOPEN;
    }
    int rc = real_vfs->xOpen(real_vfs, path, f->real, flags, out);
    if (f->real->pMethods) {
        f->base.pMethods = &methods;
    }
    return rc;
}

static int fault_delete(sqlite3_vfs *vfs, const char *path, int sync)
{
    (void)vfs;
    if (plan.off) {
        return SQLITE_IOERR_DELETE;
    }
    forget(find_file(path));
    return real_vfs->xDelete(real_vfs, path, sync);
}

/* ---- for the tests ---- */

void fault_vfs_install(void)
{
    static sqlite3_vfs vfs;
    if (real_vfs) {
        return;
    }
    real_vfs = sqlite3_vfs_find(NULL);
    vfs = *real_vfs;
    vfs.zName = "fault";
    vfs.pNext = NULL;
    vfs.szOsFile = (int)sizeof(struct fault_file) + real_vfs->szOsFile;
    vfs.xOpen = fault_open;
    vfs.xDelete = fault_delete;
    sqlite3_vfs_register(&vfs, 1);
}

void fault_vfs_arm(enum fault fault, int nth, int more)
{
    plan.fault = fault;
    plan.countdown = nth;
    plan.more = more;
    plan.armed = true;
    plan.fired = false;
}

bool fault_vfs_disarm(void)
{
    plan.armed = false;
    return plan.fired;
}

void fault_vfs_power_off(void)
{
    plan.off = true;
}

static void lose(struct unsynced *file, struct rng *rng, uint32_t how)
{
    FILE *stream = fopen(file->path, "r+");
    for (size_t i = 0; stream && i < file->n; i++) {
        const struct sector *sector = &file->sectors[i];
        if (how == 0 || (how == 1 && rng_below(rng, 2) == 0)) {
            fseek(stream, (long)sector->at, SEEK_SET);
            fwrite(sector->old, 1, SECTOR, stream);
        }
    }
    if (stream) {
        fclose(stream);
    }
}

void fault_vfs_power_on(struct rng *rng, bool crash_only)
{
    uint32_t how = crash_only ? 2 : rng_below(rng, 3); /* all is lost, some, or nothing */
    for (struct unsynced *file = files; file; file = file->next) {
        lose(file, rng, how);
        forget(file);
    }
    plan.off = plan.armed = plan.fired = false;
}
