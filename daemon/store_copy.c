#include "daemon/store_copy.h"

#include "common/database_file.h"
#include "daemon/store_internal.h"

int store_copy_fill(sqlite3 *db, const char *path, struct error *error)
{
    char uri[DATABASE_FILE_URI_SIZE];
    sqlite3 *source = NULL;
    (void)db; /* keeps the copy alive */
    if (database_file_read_uri(path, uri, error) != 0) {
        return ERROR_INVALID;
    }
    int flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_URI;
    int code = sqlite3_open_v2(uri, &source, flags, NULL);
    if (code == SQLITE_OK) {
        code = sqlite3_exec(source, "VACUUM INTO '" STORE_COPY_URI "'", NULL, NULL, NULL);
    }
    int rc = 0;
    if ((code & 0xff) == SQLITE_CORRUPT) {
        rc = database_file_damaged(path, sqlite3_errmsg(source), error);
    } else if (code != SQLITE_OK) {
        rc = error_set(error, NULL, "%s cannot be read: %s", path,
                       source ? sqlite3_errmsg(source) : "out of memory");
    }
    sqlite3_close(source);
    return rc;
}
