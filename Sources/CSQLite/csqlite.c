#include "csqlite.h"
#include <stddef.h>
#include <sqlite3.h>

int bf_sqlite_keep_log_at_close(void *database) {
    return sqlite3_db_config((sqlite3 *)database, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, (int *)NULL);
}
