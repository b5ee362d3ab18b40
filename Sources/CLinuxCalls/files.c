#define _GNU_SOURCE
#include "files.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

int bf_syncfs(int fd) { return syncfs(fd) < 0 ? -errno : 0; }

int bf_lock_byte(int fd, int64_t offset) {
  struct flock lock;
  memset(&lock, 0, sizeof lock);
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  lock.l_start = offset;
  lock.l_len = 1;
  int result;
  do
    result = fcntl(fd, F_OFD_SETLKW, &lock);
  while (result < 0 && errno == EINTR);
  return result < 0 ? -errno : 0;
}

ssize_t bf_llistxattr(const char *path, char *names, size_t count) {
  ssize_t result = llistxattr(path, names, count);
  return result < 0 ? -errno : result;
}

int bf_lremovexattr(const char *path, const char *name) { return lremovexattr(path, name) < 0 ? -errno : 0; }
