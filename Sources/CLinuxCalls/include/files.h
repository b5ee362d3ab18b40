#pragma once
#include <stdint.h>
#include <sys/types.h>
// Each returns 0 or more on success and -errno on failure.
int bf_syncfs(int fd);
// Waits for a write lock on one byte of an open file (an open file description lock: threads exclude each other too).
int bf_lock_byte(int fd, int64_t offset);
ssize_t bf_llistxattr(const char *path, char *names, size_t count);
int bf_lremovexattr(const char *path, const char *name);
