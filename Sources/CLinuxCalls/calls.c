#include "CLinuxCalls.h"
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int bf_fsync_directory(const char *path) {
  int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return -errno;
  int result = fsync(fd) < 0 ? -errno : 0;
  close(fd);
  return result;
}
