#pragma once

// SQLite's sqlite3_db_config is variadic, which Swift cannot call.

// The last connection to close leaves the log as it is, instead of moving it into the database; SQLite's result code.
int bf_sqlite_keep_log_at_close(void *database);
